"""Input on an X display: pointer and keys, keyboard layouts, and the server grabs that make sure where they go."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from Xlib import XK, X
from Xlib.display import Display
from Xlib.ext.xtest import fake_input
from Xlib.protocol import rq
from Xlib.xobject.drawable import Window as XWindow

from automation.desktop.gui import UnknownKey, import_gui, keys_of
from automation.desktop.target.own_input import OwnInputLog
from automation.desktop.window_info import DisplayHeld
from automation.desktop.worker.input_lock_state import InputLock, InputLockState
from automation.desktop.x11.connection import Replies, check_xlib, open_display
from automation.desktop.x11.window_events import AsyncQueries, ChangeCounter
from automation.desktop.x11.windows import X11Windows


def do_nothing() -> None:
    """Do nothing while keys are down."""


class X11Input:
    """Moves the pointer and presses chords on one display; belongs to one thread. One process can have one only."""

    def __init__(self, display: str, seized: InputLockState | None = None) -> None:
        """Raise NoDisplay or WrongXlib with a sentence that says what to do."""
        check_xlib()
        open_display(display).close()  # PyAutoGUI connects while it is imported: a failure there would be a riddle
        gui = import_gui(display)
        self._gui: Any = gui  # untyped package: this class adds the types
        self._x11: Any = gui.platformModule
        self._down: list[str] = []
        self.connection: Display = self._x11._display
        self.server = ServerGrab(self.connection, seized or InputLockState())
        self.changes = ChangeCounter(self.connection)  # the server's news about windows, in order with its answers
        self.reach = InputRouting(self.connection, self.changes)
        self._keyboard = Keyboard(self.connection)
        self.acts = OwnInputLog()
        self._requests = 0
        self.placed: tuple[int, int] | None = None

    def check(self, chords: Iterable[str]) -> None:
        """Raise UnknownKey unless each key of each chord can be pressed on the keyboard as it is now."""
        self._keyboard.look()
        for chord in chords:
            self._codes(chord)

    def press(self, chord: str, *, while_down: Callable[[], None] = do_nothing) -> None:
        """Press one chord and release it; whatever happens, no key stays down. `while_down` separates the two. Octet
        presses the keys that type it in the keyboard's first layout, and uses that layout meanwhile. Raises
        UnknownKey."""
        self._keyboard.look()
        codes = self._codes(chord)
        with self.acts.one(), self._in_one_go(), self._keyboard.first_layout():
            try:
                for code in codes:
                    self._down.append(self._name(code))
                    self._gui.keyDown(self._down[-1], _pause=False)
                if while_down is not do_nothing:
                    with suppress(DisplayHeld):
                        Display.sync(self.connection)
                    while_down()
            finally:
                self.release_keys()

    def _codes(self, chord: str) -> list[int]:
        """Return the keys to press for a chord, in order; with shift where the last one needs it."""
        keys = keys_of(chord)
        codes: list[int] = []
        for key in keys:
            found = self._keyboard.find(key)
            if found is None:
                raise UnknownKey(chord=chord, key=key)
            code, with_shift = found
            if with_shift and "shift" not in keys:
                codes += self._codes("shift")
            codes.append(code)
        return codes

    def _name(self, code: int) -> str:
        """Return the name by which PyAutoGUI presses a key; its own names are bound to the layout at its import."""
        name = f"code {code}"
        self._x11.keyboardMapping[name] = code
        return name

    def release_keys(self) -> None:
        while self._down:
            self._gui.keyUp(self._down.pop(), _pause=False)

    def release_left_down(self, chords: Iterable[str]) -> list[str]:
        """Release the keys of `chords`, and the click button, that a killed worker left down; return their names. Octet
        asks only the server's test device: what a user holds on a keyboard or mouse stays as it is."""
        keymap = self.connection.query_keymap()
        released: list[str] = []
        for key in sorted({key for chord in chords for key in keys_of(chord)}):
            code, _ = self._keyboard.find(key) or (0, False)
            if code and keymap[code // 8] & (1 << (code % 8)):
                fake_input(self.connection, X.KeyRelease, code)
                released.append(key)
        if self.connection.screen().root.query_pointer().mask & X.Button1Mask:
            fake_input(self.connection, X.ButtonRelease, 1)
            released.append("left button")
        self.connection.sync()
        return released

    def click(self, x: int, y: int, *, to: tuple[int, int] | None = None) -> None:
        """Click the left button at a place of the screen, or drag from it `to` another. PyAutoGUI's own click also
        moves the pointer while the button is down: st takes that for a drag, and selects an empty line."""
        with self.acts.one(), self._in_one_go():
            self._gui.moveTo(x, y, _pause=False)
            fake_input(self.connection, X.ButtonPress, 1)
            if to is not None:
                fake_input(self.connection, X.MotionNotify, x=to[0], y=to[1])
            fake_input(self.connection, X.ButtonRelease, 1)
        self.placed = to or (x, y)

    def move(self, x: int, y: int) -> None:
        with self.acts.one():
            self._gui.moveTo(x, y, _pause=False)
        self.placed = (x, y)

    def measured(self) -> dict[str, float]:
        """Return how often, and how long at most (ms), the server was grabbed, and the requests, since the last
        call."""
        now = int(cast("Any", self.connection).display.request_serial)  # 16 bits, as the protocol counts
        before, self._requests = self._requests, now
        spans_s, requests = self.server.spans_s(), (now - before) % 65_536
        if not spans_s:
            return {}
        return {"grabs": len(spans_s), "grab_longest": round(max(spans_s) * 1000, 2), "requests": requests}

    @contextmanager
    def _in_one_go(self) -> Generator[None]:
        """Gather all input inside the block and send it in one write at its end; PyAutoGUI would wait for the server
        after each key. So a killed worker leaves no key down, which the server would repeat into whatever window has
        the focus. Sent keys count as pressed, also if the server does not answer in time."""
        vars(self.connection)["sync"] = do_nothing
        try:
            yield
        finally:
            del vars(self.connection)["sync"]
        with suppress(DisplayHeld):
            self.connection.sync()

    def pointer(self) -> tuple[int, int]:
        x, y = self._x11._position()
        return int(x), int(y)


_EXTENSION = "XKEYBOARD"
_CORE_KEYBOARD = 0x100
_GROUP_SHIFT, _GROUPS = 13, 0b11  # in the state of keyboard and pointer, the number of the present layout
_FIRST, _COUNT = 8, 248  # key codes, as X numbers them
_LEVELS = 2  # of the first layout, in the core protocol: the key alone, and with shift
KEYSYMS = {
    "ctrl": ("Control_L", "Control_R"),
    "shift": ("Shift_L", "Shift_R"),
    "alt": ("Alt_L", "Alt_R", "Meta_L"),
    "win": ("Super_L", "Super_R"),
    "enter": ("Return",),
    "esc": ("Escape",),
    "backspace": ("BackSpace",),
    "pageup": ("Page_Up",),
    "pagedown": ("Page_Down",),
    "pause": ("Pause", "Break"),
    "space": ("space",),
    **{key: (key.capitalize(),) for key in ("tab", "delete", "insert", "home", "end", "up", "down", "left", "right")},
}
"""X's names of each key of a chord; Octet presses the first."""


class _UseExtension(rq.ReplyRequest):
    _request = rq.Struct(rq.Card8("opcode"), rq.Opcode(0), rq.RequestLength(), rq.Card16("major"), rq.Card16("minor"))
    _reply = rq.Struct(rq.ReplyCode(), rq.Bool("supported"), rq.Card16("sequence_number"), rq.ReplyLength(), rq.Pad(24))


class _LatchLockState(rq.Request):
    """Octet uses only its lock of the layout."""

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
        self._codes: dict[int, tuple[int, int]] = {}  # by symbol: code and level
        found = display.query_extension(_EXTENSION)
        self._opcode = int(found.major_opcode) if found is not None and found.present else 0
        if self._opcode:
            _UseExtension(display=display.display, opcode=self._opcode, major=1, minor=0)
        self.look()

    def find(self, key: str) -> tuple[int, bool] | None:
        """Return the code of the key that types this, and whether it needs shift; None where there is none."""
        name = KEYSYMS[key][0] if key in KEYSYMS else (key.upper() if len(key) > 1 else "")
        symbol = XK.string_to_keysym(name) if name else ord(key)
        found = self._codes.get(symbol)
        return (found[0], found[1] > 0) if found is not None else None

    @contextmanager
    def first_layout(self) -> Generator[None]:
        """Use the first layout, then the user's again. Inside a server grab: no other program presses a key."""
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
        """Read the first layout as it is now, which takes a tenth of a millisecond. The server would not report
        changes: clients that know the extension do not get the core protocol's events."""
        rows: Sequence[Sequence[int]] = self._display.get_keyboard_mapping(_FIRST, _COUNT)
        if rows == self._rows:
            return
        self._rows, self._codes = rows, {}
        for level in range(_LEVELS):
            for number, row in enumerate(rows):
                if level < len(row) and row[level]:
                    self._codes.setdefault(row[level], (_FIRST + number, level))


BUTTONS = X.Button1Mask | X.Button2Mask | X.Button3Mask | X.Button4Mask | X.Button5Mask
MODIFIERS = X.ShiftMask | X.ControlMask | X.Mod1Mask | X.Mod4Mask
"""These change what a chord means, also when they are only latched. Caps lock and num lock change none of ours."""
DEEPEST = 32  # no window lies deeper in its program's top one than this


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingSnapshot:
    """What held at one instant inside a grab, and holds until its end."""

    is_anything_down: bool
    is_keyboard_taken: bool
    focus: int


class InputRouting:
    """Asks over one connection, which belongs to one thread, where keys and clicks go."""

    def __init__(self, display: Display, changes: ChangeCounter | None = None) -> None:
        self._display = display
        self._changes = changes
        self._windows = X11Windows(display)
        self._questions = AsyncQueries(display)
        self._root: XWindow = display.screen().root
        self._active: tuple[int, int] = (-1, 0)  # the active window, and the count of activations then

    def ask(self) -> Callable[[], RoutingSnapshot]:
        """Send all questions about this instant at once; return what to call for the answers."""
        held, keyboard, focus = self._ask_held(), self._windows.ask_keyboard(), self._questions.focus()
        return lambda: RoutingSnapshot(is_anything_down=held(), is_keyboard_taken=keyboard(), focus=focus())

    def keys_go_to(self, target: int, *, focus: int | None = None) -> bool:
        """Return whether the active window is the target and the keys go to it. `focus` is what gets them, if known."""
        here = self._questions.focus()() if focus is None else focus
        return self._is_active(target) and self._is_within(here, target)

    def click_goes_to(self, target: int, point: tuple[int, int]) -> bool:
        return target in self._windows.chain_at(*point)

    def is_anything_down(self) -> bool:
        """Return whether a key or button is held down, or a modifier latched, by a user or a program."""
        return self._ask_held()()

    def _ask_held(self) -> Callable[[], bool]:
        mask, keys = self._questions.pointer(self._root.id), self._questions.keys()
        return lambda: bool(mask() & (BUTTONS | MODIFIERS)) | keys()

    def has_focus_within(self, target: int) -> bool:
        """Return whether the keys go to the target or a part of it, whatever the manager says."""
        return self._is_within(self._questions.focus()(), target)

    def _is_active(self, target: int) -> bool:
        """Return whether the target is active, right after another question: unless the server reported a change before
        that answer, the last known window still is."""
        if self._changes is None:
            return self._windows.active() == target
        changes = self._changes.activations()
        if self._active[0] != changes:
            self._active = (changes, self._windows.active())
        return self._active[1] == target

    def _is_within(self, window: int, target: int) -> bool:
        """Return whether a window is in the target, where GTK keeps the focus, and not another of its program."""
        if window in {X.NONE, X.PointerRoot}:
            return False
        return target in itertools.islice(self._windows.ancestors(window), DEEPEST)


T = TypeVar("T")
GRAB_S = 0.25  # to wait for the server when another program has grabbed it


class ServerGrab:
    """Grabs of the server over one connection, one at a time. Belongs to the connection's thread."""

    def __init__(self, display: Display, seized: InputLockState) -> None:
        self._display = display
        self._replies = Replies(display)
        self._seized = seized
        self._spans_s: list[float] = []

    @contextmanager
    def taken(self, *, within_s: float = GRAB_S) -> Generator[None]:
        """Grab the server for the length of the block. Raises DisplayHeld if that fails in time."""
        with self.asking(lambda: self._display.sync, within_s=within_s):
            yield

    @contextmanager
    def asking(self, questions: Callable[[], Callable[[], T]], *, within_s: float = GRAB_S) -> Generator[T]:
        """Do as `taken`. `questions` go out with the grab, and are answered when the server is ours."""
        self._seized.begin(InputLock.SERVER)
        try:
            answers = self._take(questions, within_s)
            since = time.monotonic()
            try:
                yield answers
            finally:
                self._free()
                self._spans_s.append(time.monotonic() - since)
        finally:
            self._seized.end(InputLock.SERVER)

    def spans_s(self) -> tuple[float, ...]:
        """Return how long each grab since the last call lasted."""
        spans, self._spans_s = tuple(self._spans_s), []
        return spans

    def _take(self, questions: Callable[[], Callable[[], T]], within_s: float) -> T:
        """Grab the server, then ask: an answer comes only when no other program has it."""
        self._display.grab_server()
        try:
            with self._replies.within(within_s):
                return questions()()
        except BaseException:
            # Our request may be queued. Its end right behind it makes it harmless, whatever becomes of us.
            self._display.ungrab_server()
            self._display.flush()
            raise

    def _free(self) -> None:
        """End the grab without waiting: nothing of ours can come before it."""
        self._display.ungrab_server()
        self._display.flush()
