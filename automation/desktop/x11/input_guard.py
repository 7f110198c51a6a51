"""Blocks the user's devices for the length of a delivery, and restores focus, pointer and their keys."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import structlog
from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.error import ConnectionClosedError
from Xlib.ext import ge, xinput, xtest
from Xlib.protocol import rq

from automation.desktop.window_info import DisplayHeld
from automation.desktop.worker.input_lock_state import InputLock, InputLockState
from automation.desktop.x11 import watchdog
from automation.desktop.x11.connection import GONE, open_display
from automation.desktop.x11.input import InputRouting, ServerGrab
from automation.desktop.x11.windows import X11Windows
from automation.protocol.ports import TransientFailure
from core.deliveries.model import Reason
from core.kit import faults

HOLD_S = 0.4  # no hold lasts longer, whatever the delivery does
GAP_S = 2.0  # to wait for a moment without a pressed key: a user who types leaves many
LOOK_S = 0.02
RESTORE_S = 0.8
"""How long to wait for the server before restoring: nothing of the user's reaches anything meanwhile."""
BACK_S = 0.1  # for the window manager to see the restored focus, before Octet asks it to

MODIFIER_S = 0.08  # for the letter that follows a modifier: users press Shift so much earlier
NOWHERE = (-(2**31), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInputState:
    """What was the user's when a hold began."""

    active: int
    focus: int  # 0 and 1: none, and the one under the pointer
    revert: int
    pointer: tuple[int, int]
    under: int = 0  # the window under it, in which a click was meant


class InputGuard:
    """One hold after the other, over a separate connection. A separate thread ends each in time."""

    def __init__(self, display: str, seized: InputLockState, *, limit_s: float = HOLD_S) -> None:
        self._display: Display = open_display(display)
        # Its grabs are short, so its parent need not see them: it sees the hold itself.
        self._server = ServerGrab(self._display, InputLockState())
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
        self._owed: UserInputState | None = None  # the display was held: the next hold gives it back
        self._placed = NOWHERE
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
        """Hold the devices as soon as nothing is pressed on them, for a delivery into the window `target`. `rest`
        passes time and raises when the user asks to stop. Raises TransientFailure when there is no such moment."""
        end = time.monotonic() + GAP_S
        while not self._try(target):
            if time.monotonic() >= end:
                raise TransientFailure(Reason.KEYS_DOWN)
            rest(LOOK_S)
        faults.point("worker.held")

    def will_click(self, point: tuple[int, int]) -> None:
        """Note where Octet will put the pointer: if it is there at the end, it goes back."""
        with self._one_at_a_time:
            self._placed = point
            if self._theirs is not None:
                self._write_down(self._theirs)

    def end(self, *, for_good: bool = True) -> None:
        """Restore focus and pointer, then the devices, then the keys that were typed meanwhile. `for_good`: no other
        hold follows for the same delivery, and Octet sees that the window manager knows it."""
        with self._one_at_a_time:
            theirs = self._end()
            if for_good and theirs is not None:
                with suppress(DisplayHeld):
                    self._tell_manager(theirs)

    def close(self) -> None:
        with suppress(ConnectionClosedError):
            self.end()
            self._display.close()

    def _try(self, target: int) -> bool:
        """Try once, inside a grab: a key that is down when its device is grabbed would lose its release."""
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
        """Outdate our click: a busy window manager may see it only later, and would then give the window the focus for
        good. It acts as of the click's time, and the server disregards times before the last focus change, which this
        is."""
        now = self._display.get_input_focus()
        self._display.set_input_focus(now.focus, now.revert_to, X.CurrentTime)

    def _free(self, theirs: UserInputState, *, is_safe: bool) -> None:
        """Free the devices and replay what was typed on them at once: nothing typed later may come before it."""
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
        """Take what the user typed; after a modifier that is still down, also the letter that follows it soon."""
        typed, end = self._devices.strokes(), time.monotonic() + MODIFIER_S
        while typed and typed[-1].is_press and typed[-1].code in self._modifiers and time.monotonic() < end:
            time.sleep(0.002)  # noqa: TID251 a thread of the worker's, between two questions to the display server
            typed += self._devices.strokes()
        return typed

    def _is_where_they_clicked(self, theirs: UserInputState) -> bool:
        """Return whether the pointer is where it was when the hold began, over the same window, not the agent's."""
        where = self._display.screen().root.query_pointer()
        is_there = (where.root_x, where.root_y) == theirs.pointer and _id(where.child) == theirs.under
        return is_there and not self._reach.click_goes_to(self._target, theirs.pointer)

    def _tell_manager(self, theirs: UserInputState) -> None:
        """Ask a window manager that does not see the focus, and wait: later it would take it from a delivery."""
        if theirs.active not in {0, self._target} and not self._is_left():
            with suppress(*GONE):
                self._windows.activate(theirs.active)
            self._is_left()

    def _is_left(self) -> bool:
        end = time.monotonic() + BACK_S
        while self._windows.active() == self._target:
            if time.monotonic() >= end:
                return False
            time.sleep(0.001)  # noqa: TID251 a thread of the worker's, between two questions to the display server
        return True


def _id(window: object) -> int:
    return window if isinstance(window, int) else int(getattr(window, "id", 0))


log = structlog.get_logger(__name__)

SLAVES = frozenset({xinput.SlavePointer, xinput.SlaveKeyboard})
TEST_DEVICES = "XTEST"  # in the names of the devices by which programs press keys
WATCHED = (
    xinput.KeyPressMask | xinput.KeyReleaseMask | xinput.ButtonPressMask | xinput.ButtonReleaseMask | xinput.MotionMask
)
CLICKS = frozenset({1, 2, 3})  # buttons whose clicks are made again; the others scroll
_PRESS, _RELEASE = 1, 2  # A key's events, counted from the first of the input extension
OURS = 0  # in place of a device: the server's test keyboard


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """One half of a tap."""

    device: int
    code: int
    is_press: bool


class _FakeDeviceInput(rq.Request):
    """XTEST's FakeInput on one device; the library knows it for the test devices only."""

    _request = rq.Struct(
        rq.Card8("opcode"),
        rq.Opcode(2),
        rq.RequestLength(),
        rq.Card8("event_type"),
        rq.Card8("detail"),
        rq.Pad(2),
        rq.Card32("time"),
        rq.Pad(23),
        rq.Card8("device"),
    )


class InputDevices:
    """Questions and grabs over one connection, which no two threads use at the same time."""

    def __init__(self, display: Display) -> None:
        self._display: Any = display  # the stubs do not know what the extensions add
        self._root: Any = display.screen().root
        self.can_hold = bool(display.has_extension(xinput.extname) and display.has_extension(xtest.extname))
        if self.can_hold:
            self._display.xinput_query_version()
            self._first_event = int(self._display.query_extension(xinput.extname).first_event)
        self._held: list[int] = []
        self._moved: set[int] = set()  # held devices that were moved since: where their pointer would be is unknown
        self._down: set[tuple[int, int]] = set()
        self._clicks: list[int] = []

    def physical(self) -> tuple[int, ...]:
        """Return the devices that users use: those attached to pointer or keyboard that are not for programs."""
        if not self.can_hold:
            return ()
        found = self._display.xinput_query_device(xinput.AllDevices).devices
        return tuple(
            int(each.deviceid)
            for each in found
            if each.use in SLAVES and each.enabled and TEST_DEVICES not in str(each.name)
        )

    def grab(self, devices: Iterable[int]) -> bool:
        """Grab all of them; return False, and grab none, when another program has one already."""
        # What an earlier hold could not replay, because another program held the display, would come too late by now.
        late = self.strokes()
        if late:
            log.warning("keys_not_replayed", strokes=len(late))
        for device in devices:
            answer = self._root.xinput_grab_device(
                device, X.CurrentTime, xinput.GrabModeAsync, xinput.GrabModeAsync, False, WATCHED
            )
            if answer.status != X.GrabSuccess:
                self.free()
                return False
            self._held.append(device)
        self._moved, self._down, self._clicks = set(), set(), []
        return True

    def free(self) -> None:
        """Free them. The server hears it with what is sent next, or by `flush`."""
        for device in self._held:
            self._display.xinput_ungrab_device(device, X.CurrentTime)
        self._held = []

    def strokes(self) -> list[Stroke]:
        """Return the keys pressed and released on the held devices since the last call."""
        self._display.sync()
        found: list[Stroke] = []
        while self._display.pending_events():
            happened: Any = self._display.next_event()
            if happened.type != ge.GenericEventCode:
                continue
            if happened.evtype not in {xinput.KeyPress, xinput.KeyRelease}:
                self._note_pointer(int(happened.evtype), int(happened.data.deviceid), int(happened.data.detail))
                continue
            is_press = happened.evtype == xinput.KeyPress
            if not (is_press and happened.data.flags & xinput.KeyRepeat):
                device, code = int(happened.data.deviceid), int(happened.data.detail)
                found.append(Stroke(device=device, code=code, is_press=is_press))
                self._clicks = []  # made again, it would come after later keys
        return found

    def clicks(self) -> list[int]:
        """Return the buttons clicked after all keys, without a move of the mouse, as far as `strokes` has seen."""
        clicked, self._clicks = self._clicks, []
        return clicked

    def click_again(self, buttons: Iterable[int]) -> None:
        for button in buttons:
            xtest.fake_input(self._display, X.ButtonPress, button)
            xtest.fake_input(self._display, X.ButtonRelease, button)
        self._display.flush()

    def _note_pointer(self, kind: int, device: int, button: int) -> None:
        if kind == xinput.Motion:
            self._moved.add(device)
        elif device in self._moved or button not in CLICKS:
            return
        elif kind == xinput.ButtonPress:
            self._down.add((device, button))
        elif (device, button) in self._down:
            self._down.discard((device, button))
            self._clicks.append(button)

    def replay(self, strokes: Iterable[Stroke]) -> None:
        opcode = self._display.display.get_extension_major(xtest.extname)
        for stroke in strokes:
            kind = _PRESS if stroke.is_press else _RELEASE
            if stroke.device == OURS:
                xtest.fake_input(self._display, X.KeyPress if stroke.is_press else X.KeyRelease, stroke.code)
                continue
            _FakeDeviceInput(
                display=self._display.display,
                opcode=opcode,
                event_type=self._first_event + kind,
                detail=stroke.code,
                time=0,
                device=stroke.device,
            )
        self._display.flush()

    def modifiers(self) -> frozenset[int]:
        """Return the key codes of shift, control and the like."""
        return frozenset(int(code) for row in self._display.get_modifier_mapping() for code in row if code)


def whole_taps(strokes: Sequence[Stroke], modifiers: AbstractSet[int]) -> list[Stroke]:
    """Choose what to replay so that every letter arrives, and no key stays down whatever the user does. A complete tap
    is replayed on its own device. A key that is still down would be released later, perhaps before its replay, and stay
    down: so a letter becomes a complete tap on the test keyboard, and a modifier is held there around what was typed
    with it."""
    last = {(stroke.device, stroke.code): stroke.is_press for stroke in strokes}
    down = {key for key, is_press in last.items() if is_press}
    whole: list[Stroke] = []
    at_end: list[Stroke] = []
    for place, stroke in enumerate(strokes):
        key = (stroke.device, stroke.code)
        # The device itself thinks that this key is down, and would not press it: its earlier taps are made by ours too.
        device = OURS if key in down else stroke.device
        others = strokes[:place] if not stroke.is_press else strokes[place + 1 :]
        if any((other.device, other.code) == key and other.is_press != stroke.is_press for other in others):
            whole.append(replace(stroke, device=device))
        elif stroke.is_press and stroke.code not in modifiers:
            whole += (replace(stroke, device=OURS), replace(stroke, device=OURS, is_press=False))
        elif stroke.is_press and place + 1 < len(strokes):
            whole.append(replace(stroke, device=OURS))
            at_end.insert(0, replace(stroke, device=OURS, is_press=False))
    return whole + at_end
