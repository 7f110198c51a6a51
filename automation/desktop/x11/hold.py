"""Holds the person's devices for the length of a delivery, and gives back what it took: focus, pointer, their keys."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.error import ConnectionClosedError

from automation.desktop.seized import InputLock, InputLockState
from automation.desktop.x11 import watchdog
from automation.desktop.x11.connection import DisplayHeld, open_display
from automation.desktop.x11.devices import InputDevices, Stroke, whole_taps
from automation.desktop.x11.grab import ServerGrab
from automation.desktop.x11.reach import InputRouting
from automation.desktop.x11.windows import GONE, X11Windows
from automation.protocol.ports import TransientFailure
from core.deliveries.model import Reason
from core.kit import faults

HOLD_S = 0.4
"""No hold lasts longer, whatever the delivery does."""
GAP_S = 2.0
"""How long a moment is waited for in which nobody presses anything. Who types leaves many."""
LOOK_S = 0.02
"""Between two looks for it."""
RESTORE_S = 0.8
"""How long the server is waited for when something is to be given back: while another program holds it, no key of the
person reaches anything anyhow."""
BACK_S = 0.1
"""How long the window manager may take to see whose the focus is again, before it is asked to make it so."""

MODIFIER_S = 0.08
"""How long the end of a hold waits for the letter that follows a modifier: users press Shift so much earlier."""
NOWHERE = (-(2**31), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInputState:
    """What was the person's when a hold began."""

    active: int
    focus: int
    """The window that got their keys; 0 and 1 are the protocol's words for none and for the one under the pointer."""
    revert: int
    pointer: tuple[int, int]
    under: int = 0
    """What lay under it: the window in which a click was meant."""


class InputGuard:
    """One hold after the other, over a connection of its own. Ends by itself in time, from a thread of its own."""

    def __init__(self, display: str, seized: InputLockState, *, limit_s: float = HOLD_S) -> None:
        self._display: Display = open_display(display)
        self._server = ServerGrab(
            self._display, InputLockState()
        )  # its grabs are short, and their parent sees the hold itself
        self._seized = seized
        self._windows = X11Windows(self._display)
        self._reach = InputRouting(self._display)
        self._devices = InputDevices(self._display)
        self._modifiers = self._devices.modifiers()
        self._limit_s = limit_s
        self._one_at_a_time = threading.RLock()
        self._theirs: UserInputState | None = None
        self._target = 0
        self._number = 0
        self._until_s = 0.0
        self._owed: UserInputState | None = None
        """What could not be given back, because somebody held the display: it is what the next hold gives back."""
        self._placed = NOWHERE
        """Where we put the pointer in this hold."""
        self._note: int = self._display.intern_atom(watchdog.NOTE)

    @property
    def left_s(self) -> float:
        """How long it lasts at most from now on; 0 when nothing is held."""
        return max(0.0, self._until_s - time.monotonic()) if self._theirs is not None else 0.0

    @property
    def is_on(self) -> bool:
        """Whether the devices are held. What is asked inside a grab of the server stays true inside."""
        return self._theirs is not None

    def begin(self, target: int, *, rest: Callable[[float], None]) -> None:
        """Hold the devices as soon as nothing is pressed on them, for the sake of a delivery into the window `target`.

        `rest` lets time pass and raises when somebody asks to stop. Raises TransientFailure when there is no such
        moment.
        """
        end = time.monotonic() + GAP_S
        while not self._try(target):
            if time.monotonic() >= end:
                raise TransientFailure(Reason.KEYS_DOWN)
            rest(LOOK_S)
        faults.point("worker.held")

    def will_click(self, point: tuple[int, int]) -> None:
        """The pointer is going to be put there: if it is there at the end, it goes back."""
        with self._one_at_a_time:
            self._placed = point
            if self._theirs is not None:
                self._write_down(self._theirs)

    def end(self, *, for_good: bool = True) -> None:
        """Give back focus and pointer, then the devices, then the keys that were typed on them meanwhile.

        `for_good`: no other hold follows for the same delivery, and the window manager is seen to know it.
        """
        with self._one_at_a_time:
            theirs = self._end()
            if for_good and theirs is not None:
                with suppress(DisplayHeld):
                    self._tell_manager(theirs)

    def close(self) -> None:
        """Give back what is held."""
        with suppress(ConnectionClosedError):
            self.end()
            self._display.close()

    def _try(self, target: int) -> bool:
        """One try. The moment is seen and used inside a grab of the server: a key that is down when its device is
        grabbed would stay down, for its release would not be seen."""
        with self._one_at_a_time:
            devices = self._devices.physical()
            self._seized.begin(InputLock.DEVICES)
            try:
                with self._server.taken():
                    has_them = (
                        not self._reach.is_anything_down()
                        and self._devices.grab(devices)
                        and not self._reach.is_anything_down()  # the server takes keys in while it is grabbed too
                    )
                    theirs = (self._owed or self._look()) if has_them else None
                    if theirs is None:
                        self._devices.free()
                    else:
                        self._target, self._placed = target, NOWHERE
                        self._write_down(theirs)
            except BaseException:
                self._devices.free()
                with suppress(ConnectionClosedError):
                    self._display.flush()
                self._seized.end(InputLock.DEVICES)
                raise
            if theirs is None:
                self._seized.end(InputLock.DEVICES)
                return False
            self._theirs, self._number = theirs, self._number + 1
            self._until_s = time.monotonic() + self._limit_s
            timer = threading.Timer(self._limit_s, self._expire, (self._number,))
            timer.daemon = True
            timer.start()
            return True

    def _look(self) -> UserInputState:
        focus = self._display.get_input_focus()
        where = self._display.screen().root.query_pointer()
        return UserInputState(
            active=self._windows.active(),
            focus=focus.focus if isinstance(focus.focus, int) else focus.focus.id,
            revert=int(focus.revert_to),
            pointer=(int(where.root_x), int(where.root_y)),
            under=_id(where.child),
        )

    def _write_down(self, theirs: UserInputState) -> None:
        """Note on the display what to restore, so that the watchdog can do it if this worker is killed."""
        places = (*theirs.pointer, *self._placed)
        numbers = [self._target, theirs.active, theirs.focus, theirs.revert, *(place & 0xFFFFFFFF for place in places)]
        self._display.screen().root.change_property(self._note, Xatom.CARDINAL, 32, numbers)
        self._display.flush()

    def _expire(self, number: int) -> None:
        with self._one_at_a_time:
            if self._number == number:
                with suppress(ConnectionClosedError):
                    self._end()

    def _end(self) -> UserInputState | None:
        """Give all of it back; what was the person's, if they have it now."""
        theirs = self._theirs
        if theirs is None:
            return None
        self._theirs = None  # from here on no key of ours is pressed any more
        try:
            is_safe = False
            self._owed = theirs
            try:
                with suppress(DisplayHeld):
                    is_safe = self._restore(theirs)
                    self._owed = None
            finally:
                self._free(theirs, is_safe=is_safe)
        finally:
            self._seized.end(InputLock.DEVICES)
        return theirs if is_safe else None

    def _restore(self, theirs: UserInputState) -> bool:
        """Pointer and focus go back, unless somebody else moved them. Whether their keys would reach what is theirs."""
        with self._server.taken(within_s=RESTORE_S):
            where = self._display.screen().root.query_pointer()
            if (where.root_x, where.root_y) == self._placed:
                self._display.screen().root.warp_pointer(*theirs.pointer)
            is_safe = self._restore_focus(theirs, self._windows.client_of(self._target))
            self._display.screen().root.delete_property(self._note)  # last: a kill before it leaves it to the watchdog
            return is_safe

    def _restore_focus(self, theirs: UserInputState, mine: int) -> bool:
        if self._windows.focused_client() != mine:
            if self._placed != NOWHERE:
                self._outdate_click()
            return True
        is_of_program = theirs.focus not in {X.NONE, X.PointerRoot} and self._windows.client_of(theirs.focus) == mine
        if is_of_program and theirs.active in {0, self._target}:
            return True  # the very window: it was theirs before
        self._display.set_input_focus(theirs.focus, theirs.revert, X.CurrentTime)
        if is_of_program:
            focus = self._display.get_input_focus().focus
            return not isinstance(focus, int) and focus.id == theirs.focus
        return self._windows.focused_client() != mine

    def _outdate_click(self) -> None:
        """A window manager with much else to do sees our click only when nobody waits for the focus any more, and would
        give it to the window then, for good. It does so as of the click: the server disregards what is older than the
        last change, which this is, though it changes nothing."""
        now = self._display.get_input_focus()
        self._display.set_input_focus(now.focus, now.revert_to, X.CurrentTime)

    def _free(self, theirs: UserInputState, *, is_safe: bool) -> None:
        """The devices first, and in the same breath what was typed on them: nothing typed after may come before it."""
        typed = []
        with suppress(DisplayHeld):
            typed = self._strokes()
        self._devices.free()
        if is_safe:
            self._devices.replay(whole_taps(typed, self._modifiers))
        self._display.flush()
        with suppress(DisplayHeld):
            late = self._devices.strokes()  # typed between the two
            if is_safe:
                self._devices.replay(whole_taps(late, self._modifiers))
            clicks = self._devices.clicks()
            if is_safe and clicks and self._is_where_they_clicked(theirs):
                self._devices.click_again(clicks)

    def _strokes(self) -> list[Stroke]:
        """Take what the user typed; after a modifier that is still down, with the letter that follows it soon. Freed
        between the two, the server would not know of the modifier."""
        typed, end = self._devices.strokes(), time.monotonic() + MODIFIER_S
        while typed and typed[-1].is_press and typed[-1].code in self._modifiers and time.monotonic() < end:
            time.sleep(0.002)  # noqa: TID251 a thread of the worker's, between two questions to the display server
            typed += self._devices.strokes()
        return typed

    def _is_where_they_clicked(self, theirs: UserInputState) -> bool:
        """Whether the pointer is where it was when the hold began, the same window under it, and not the agent's."""
        where = self._display.screen().root.query_pointer()
        is_there = (where.root_x, where.root_y) == theirs.pointer and _id(where.child) == theirs.under
        return is_there and not self._reach.click_goes_to(self._target, theirs.pointer)

    def _tell_manager(self, theirs: UserInputState) -> None:
        """Window managers see where the focus goes; one that does not is asked, and waited for: what it does later
        would take the focus from the next delivery."""
        if theirs.active not in {0, self._target} and not self._is_left():
            with suppress(*GONE):
                self._windows.activate(theirs.active)
            self._is_left()

    def _is_left(self) -> bool:
        """Whether the target stops being the active window in time."""
        end = time.monotonic() + BACK_S
        while self._windows.active() == self._target:
            if time.monotonic() >= end:
                return False
            time.sleep(0.001)  # noqa: TID251 a thread of the worker's, between two questions to the display server
        return True


def _id(window: object) -> int:
    """The number of a window; 0 for none."""
    return window if isinstance(window, int) else int(getattr(window, "id", 0))
