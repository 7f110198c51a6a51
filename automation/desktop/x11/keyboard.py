"""Which key of the keyboard types what, now: layouts differ, and people switch them while Octet works."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from Xlib import XK
from Xlib.display import Display
from Xlib.protocol import rq

_EXTENSION = "XKEYBOARD"
_CORE_KEYBOARD = 0x100
_GROUP_SHIFT, _GROUPS = 13, 0b11
"""Where the state of keyboard and pointer tells which of the layouts is in use."""
_FIRST, _COUNT = 8, 248
"""Key codes, as X numbers them."""
_LEVELS = 2
"""Of the first layout, as the core protocol tells it: the key alone, and with shift."""
_NAMED = {
    "ctrl": "Control_L",
    "shift": "Shift_L",
    "alt": "Alt_L",
    "win": "Super_L",
    "enter": "Return",
    "tab": "Tab",
    "esc": "Escape",
    "space": "space",
    "backspace": "BackSpace",
    "delete": "Delete",
    "insert": "Insert",
    "home": "Home",
    "end": "End",
    "pageup": "Page_Up",
    "pagedown": "Page_Down",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "pause": "Pause",
}


class _UseExtension(rq.ReplyRequest):
    _request = rq.Struct(rq.Card8("opcode"), rq.Opcode(0), rq.RequestLength(), rq.Card16("major"), rq.Card16("minor"))
    _reply = rq.Struct(rq.ReplyCode(), rq.Bool("supported"), rq.Card16("sequence_number"), rq.ReplyLength(), rq.Pad(24))


class _LatchLockState(rq.Request):
    """Only the lock of the layout is used of it."""

    _request = rq.Struct(
        rq.Card8("opcode"),
        rq.Opcode(5),
        rq.RequestLength(),
        rq.Card16("device"),
        rq.Pad(2),
        rq.Bool("lock_group"),
        rq.Card8("group"),
        rq.Pad(6),
    )


class Keyboard:
    """The layouts of a display's keyboard. Its connection belongs to one thread."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._root = display.screen().root
        self._rows: Sequence[Sequence[int]] = ()
        self._codes: dict[int, tuple[int, int]] = {}
        """By what is typed, the key's code and level."""
        found = display.query_extension(_EXTENSION)
        self._opcode = int(found.major_opcode) if found is not None and found.present else 0
        if self._opcode:
            _UseExtension(display=display.display, opcode=self._opcode, major=1, minor=0)
        self.look()

    def find(self, key: str) -> tuple[int, bool] | None:
        """The code of the key that types this, as it was at the last look, and whether shift must be held for it.

        None when there is none."""
        name = _NAMED.get(key) or (key.upper() if len(key) > 1 else "")
        symbol = XK.string_to_keysym(name) if name else ord(key)
        found = self._codes.get(symbol)
        return (found[0], found[1] > 0) if found is not None else None

    @contextmanager
    def first_layout(self) -> Generator[None]:
        """Have the first layout in use, and afterwards the person's again. For the length of a server grab: nobody else
        presses a key meanwhile."""
        now = self._group()
        if not now or not self._opcode:
            yield
            return
        self._use(0)
        try:
            yield
        finally:
            self._use(now)

    def _group(self) -> int:
        return int(self._root.query_pointer().mask) >> _GROUP_SHIFT & _GROUPS

    def _use(self, group: int) -> None:
        _LatchLockState(
            display=self._display.display, opcode=self._opcode, device=_CORE_KEYBOARD, lock_group=1, group=group
        )
        self._display.sync()

    def look(self) -> None:
        """Read the first layout as it is now: that takes a tenth of a millisecond.

        Changes are not waited for: clients that know the extension are not told of them in the core protocol's way."""
        rows: Sequence[Sequence[int]] = self._display.get_keyboard_mapping(_FIRST, _COUNT)
        if rows == self._rows:
            return
        self._rows, self._codes = rows, {}
        for level in range(_LEVELS):
            for number, row in enumerate(rows):
                if level < len(row) and row[level]:
                    self._codes.setdefault(row[level], (_FIRST + number, level))
