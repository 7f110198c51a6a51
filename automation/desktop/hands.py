"""The hands on an X display: pointer, keys, and the one X connection on which PyAutoGUI presses them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from typing import Any, cast

from Xlib import X
from Xlib.display import Display
from Xlib.ext.xtest import fake_input

from automation.desktop.acts import OwnInputLog
from automation.desktop.gui import import_gui, keys_of
from automation.desktop.seized import InputLockState
from automation.desktop.x11.changes import ChangeCounter
from automation.desktop.x11.connection import DisplayHeld, check_xlib, open_display
from automation.desktop.x11.grab import ServerGrab
from automation.desktop.x11.keyboard import Keyboard
from automation.desktop.x11.reach import InputRouting
from core.kit.errors import Invalid


class UnknownKey(Invalid):
    """The chord {chord} names the key {key}, which no key of the first layout types; see setxkbmap."""


def do_nothing() -> None:
    """What is done while keys are down."""


class X11Input:
    """Moves the pointer and presses chords on one display; belongs to one thread. One process can have one only."""

    def __init__(self, display: str, seized: InputLockState | None = None) -> None:
        """Raise NoDisplay or WrongXlib with a sentence that says what to do."""
        check_xlib()
        open_display(display).close()  # PyAutoGUI connects while it is imported: a failure there would be a riddle
        gui = import_gui(display)
        self._gui: Any = gui  # untyped package: this class is its typed face
        self._x11: Any = gui.platformModule
        self._down: list[str] = []
        self.connection: Display = self._x11._display
        self.server = ServerGrab(self.connection, seized or InputLockState())
        """Grabs on the very connection that presses: what is asked over any other one waits until they end."""
        self.changes = ChangeCounter(self.connection)
        """What the server tells about windows, in order with its answers on this connection."""
        self.reach = InputRouting(self.connection, self.changes)
        self._keyboard = Keyboard(self.connection)
        self.acts = OwnInputLog()
        self._requests = 0
        self.placed: tuple[int, int] | None = None
        """Where we last put the pointer."""

    def check(self, chords: Iterable[str]) -> None:
        """Raise UnknownKey unless each key of each chord can be pressed on the keyboard as it is now."""
        self._keyboard.look()
        for chord in chords:
            self._codes(chord)

    def press(self, chord: str, *, while_down: Callable[[], None] = do_nothing) -> None:
        """Press one chord and release it; whatever happens, no key stays down. `while_down` tears the two apart.

        The keys are those that type it in the keyboard's first layout, which is in use meanwhile. Raises UnknownKey.
        """
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
                self.let_go()

    def _codes(self, chord: str) -> list[int]:
        """The keys to press for a chord, in their order; with shift where the last one is typed only so."""
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
        """What PyAutoGUI calls a key by; its own names are bound to the layout of the moment it was imported."""
        name = f"code {code}"
        self._x11.keyboardMapping[name] = code
        return name

    def let_go(self) -> None:
        """Release the keys that we hold down."""
        while self._down:
            self._gui.keyUp(self._down.pop(), _pause=False)

    def release_left_down(self, chords: Iterable[str]) -> list[str]:
        """Release the keys of `chords`, and the button of clicks, that an earlier worker left down when it was killed;
        their names.

        Only the server's test device is told: what a person holds on a keyboard or mouse stays as it is.
        """
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

    def click(self, x: int, y: int) -> None:
        """Click the left button at a place of the screen. PyAutoGUI's own click also moves the pointer, to where it is,
        while the button is down: st takes that for a drag, and selects an empty line from end to end."""
        with self.acts.one(), self._in_one_go():
            self._gui.moveTo(x, y, _pause=False)
            fake_input(self.connection, X.ButtonPress, 1)
            fake_input(self.connection, X.ButtonRelease, 1)
        self.placed = (x, y)

    def move(self, x: int, y: int) -> None:
        """Put the pointer to a place of the screen."""
        with self.acts.one():
            self._gui.moveTo(x, y, _pause=False)
        self.placed = (x, y)

    def requests(self) -> int:
        """How many requests went to the server over this connection since the last asking."""
        now = int(cast("Any", self.connection).display.request_serial)  # 16 bits, as the protocol counts
        before, self._requests = self._requests, now
        return (now - before) % 65_536

    def measured(self) -> dict[str, float]:
        """Since the last asking: how often the server was grabbed, for how many milliseconds at the longest, and how
        many requests the hands sent to it."""
        spans_s, requests = self.server.spans_s(), self.requests()
        if not spans_s:
            return {}
        return {"grabs": len(spans_s), "grab_longest": round(max(spans_s) * 1000, 2), "requests": requests}

    @contextmanager
    def _in_one_go(self) -> Generator[None]:
        """PyAutoGUI waits for the server after each key and move. The server takes them in their order anyhow: inside
        the block they are only gathered, and at its end they go out in one write. So no worker that is killed leaves a
        key down, which the server would repeat into whatever window has the focus. What went out is pressed, also if
        the server does not answer in time: that must not be taken for nothing pressed."""
        vars(self.connection)["sync"] = do_nothing
        try:
            yield
        finally:
            del vars(self.connection)["sync"]
        self._wait_for_the_server()

    def _wait_for_the_server(self) -> None:
        with suppress(DisplayHeld):
            self.connection.sync()

    def pointer(self) -> tuple[int, int]:
        """Where the pointer is now."""
        x, y = self._x11._position()
        return int(x), int(y)
