"""The target of one delivery on Windows, and how Octet recognises it. Octet looks again around each act."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automation.desktop.observation.inspector import LOCKED, WindowInspector
from automation.desktop.target.input_target import NOT_FOCUSED, InputTarget
from automation.desktop.target.own_input import Clicks, places
from automation.desktop.win32.input import WindowsInput
from automation.desktop.win32.user_input import WindowsUserInput
from automation.desktop.win32.windows import Desktop, Win32Windows
from automation.desktop.window_info import WindowInfo
from automation.protocol.ports import DeliveryClock, PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.profiles.model import Box, Readback, Selection

NO_OTHER_WAY = "on Windows a text is pasted from the clipboard and read back by copying; its profile says otherwise"
DEAF = "on Windows Octet asks no program what it shows, so it does not see its profile's `told` signs"


class WindowsInspector(WindowInspector):
    """Looks at windows on Windows. Belongs to one thread."""

    if TYPE_CHECKING:
        windows: Win32Windows  # pyright: ignore[reportIncompatibleVariableOverride] the port's answers by Windows, and more

    def recognise(self, name: str) -> WindowInfo:
        """Find the window at its place, its anchor unchanged, into which Windows permits typing."""
        profile = self.profile(name)
        if Readback.COPY not in profile.readback or profile.selection is not Selection.CLIPBOARD:
            raise PermanentFailure(Reason.NOT_READABLE, NO_OTHER_WAY)
        self.check_unlocked()
        seen = self.place(name)
        if not self.windows.is_on_monitors(seen.box):
            raise PermanentFailure(Reason.MOVED, "a part of it is on no monitor")
        self.windows.check_reachable(seen.id)
        return super().recognise(name)


RELEASE_S = 0.5  # a key may be down for so long before it counts as held: Octet waits for a gap in the user's typing
TAKEN_JUST_AFTER = "just after a key another window had the focus"
USER_INPUT = "a user pressed a key or moved the mouse during the delivery"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsDevices:
    """The user's desktop, what Octet presses there, and what hears the user's input."""

    desktop: Desktop
    windows_input: WindowsInput
    people: WindowsUserInput
    clicks: Clicks


class WindowsTarget(InputTarget[WindowsInspector]):
    """Windows cannot block the devices: before each key Octet checks that no user typed since `hold_devices`."""

    def __init__(self, *, name: str, inspector: WindowsInspector, devices: WindowsDevices, pace: DeliveryClock) -> None:
        super().__init__(
            name=name, inspector=inspector, pointer=devices.windows_input, clicks=devices.clicks, pace=pace
        )
        self._desktop = devices.desktop
        self._input = devices.windows_input
        self.people = devices.people
        self._alone_since_s = 0.0

    def wait_for_idle_input(self) -> None:
        self._input.check(self.profile.chords())
        self._check_released()

    def has_focus(self) -> bool:
        """Return whether the foreground window, and the one whose part gets the keys, are the target."""
        focus, is_taken = self._desktop.focus()
        target = self.window().id
        return self._desktop.foreground() == target and focus in {target, 0} and not is_taken

    def click_into(self, part: Box) -> None:
        super().click_into(part)
        self._alone_since_s = time.monotonic()

    def hold_devices(self) -> None:
        self._remember()
        self._alone_since_s = time.monotonic()

    def bring_forward(self) -> bool:
        has_come = super().bring_forward()
        self._alone_since_s = time.monotonic()
        return has_come

    def guard(self) -> None:
        """See also that no user typed since the focus was set: their text may be there."""
        self._check_same(self.inspector.place(self.name))
        if not self.has_focus():
            raise TransientFailure(Reason.FOCUS_TAKEN, NOT_FOCUSED)
        if self.people.typed_since(self._alone_since_s):
            raise TransientFailure(Reason.PERSON_TYPING, USER_INPUT)

    def press(self, chord: str) -> None:
        """Press a chord that can be undone, and check afterwards that it cannot have gone elsewhere."""
        self.guard()
        self.pace.check()
        self._press(chord)
        self._check_landed()

    def press_chord(self, chord: str, *, by_s: float) -> None:
        self.inspector.windows.check_reachable(self.window().id)
        self.pace.check()
        self._check_in_time(by_s)
        self._press(chord)

    def press_once(self, chord: str, *, by_s: float) -> None:
        """Press what cannot be undone. Whatever it raises, nothing was pressed."""
        self.guard()
        self.press_chord(chord, by_s=by_s)

    def press_to_clear(self, chord: str) -> None:
        """Press a chord that clears our own draft: neither a cover nor a stop prevents it."""
        if self.inspector.identify(self.name).id != self.window().id or not self.has_focus():
            raise TransientFailure(Reason.FOCUS_TAKEN)
        self._press(chord)
        self._check_landed()

    def _check_released(self) -> None:
        if not self.until(lambda: not self._desktop.keys_down(), RELEASE_S):
            raise TransientFailure(Reason.KEYS_DOWN)

    def _check_hands(self) -> None:
        if self.inspector.windows.is_keyboard_taken():
            raise TransientFailure(Reason.LOCKED, LOCKED)
        self._check_released()

    def _check_landed(self) -> None:
        if not self.has_focus():
            raise TransientFailure(Reason.FOCUS_TAKEN, TAKEN_JUST_AFTER)

    def _press(self, chord: str) -> None:
        press = self._input.prepared(chord)
        self._check_hands()
        if not self.has_focus():
            raise TransientFailure(Reason.FOCUS_TAKEN, NOT_FOCUSED)
        press()

    def _activate(self, window: int) -> None:
        self._input.send_empty_input()
        self._desktop.bring_forward(window)

    def _click(self, part: Box, *, may_stop: bool = True, by_s: float | None = None) -> None:
        target, corner = self.window(), (self.window().box.x, self.window().box.y)
        point = self._clicks.choose(places(part, corner), corner)
        self.inspector.windows.check_reachable(target.id)
        self._check_hands()
        if may_stop:
            self.pace.check()
        self._check_in_time(by_s)
        self._check_place()
        if self._desktop.at(*point) != target.id:
            raise TransientFailure(Reason.COVERED, "another window lies where the click would go")
        self._input.click(*point)
        self._clicks.made(point, corner)
