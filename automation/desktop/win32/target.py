"""The target of one delivery on Windows, and what tells that it is the right window. Octet looks again around each
act."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from automation.desktop.observation.inspector import LOCKED, WindowInspector
from automation.desktop.own_input import Clicks, places
from automation.desktop.win32.input import UnknownWindowsKey, WindowsInput
from automation.desktop.win32.user_input import WindowsUserInput
from automation.desktop.win32.windows import Desktop, Win32Windows
from automation.desktop.window_action import NOT_FOCUSED
from automation.desktop.window_info import WindowInfo
from automation.protocol.ports import DeliveryClock, PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.profiles.model import Box, Profile, Readback, Selection

NO_OTHER_WAY = "on Windows a text is pasted from the clipboard and read back by copying; its profile says otherwise"
DEAF = "on Windows no program is asked what it shows: its profile's `told` signs are not seen there"


class WindowsInspector(WindowInspector):
    """Belongs to one thread."""

    if TYPE_CHECKING:
        windows: Win32Windows  # pyright: ignore[reportIncompatibleVariableOverride] the port's answers by Windows, and more

    def recognise(self, name: str) -> WindowInfo:
        """The window at its place, its anchor unchanged, and one that Windows lets us type into."""
        profile = self.profile(name)
        if Readback.COPY not in profile.readback or profile.selection is not Selection.CLIPBOARD:
            raise PermanentFailure(Reason.NOT_READABLE, NO_OTHER_WAY)
        self.check_unlocked()
        seen = self.place(name)
        if not self.windows.is_on_monitors(seen.box):
            raise PermanentFailure(Reason.MOVED, "a part of it stands on no monitor")
        if why := self.windows.why_unreachable(seen.id):
            raise PermanentFailure(Reason.OUT_OF_REACH, why)
        return super().recognise(name)


FOCUS_S = 0.4
RELEASE_S = 0.5  # so long a key may be down before it counts as held: who types is waited for until there is a gap
TAKEN_JUST_AFTER = "just after a key another window had the focus"
SOMEBODY = "somebody pressed a key or moved the mouse while the prompt was brought"


class WindowsTarget:
    """One window as the place that keys and clicks go to. Remembers whose focus and pointer it took."""

    def __init__(
        self,
        *,
        name: str,
        eyes: WindowsInspector,
        desktop: Desktop,
        fingers: WindowsInput,
        clicks: Clicks,
        people: WindowsUserInput,
        pace: DeliveryClock,
    ) -> None:
        self.name = name
        self.eyes = eyes
        self.pace = pace
        self._desktop = desktop
        self._fingers = fingers
        self._clicks = clicks
        self._people = people
        self._seen: WindowInfo | None = None
        self._pointer_was: tuple[int, int] | None = None
        self._foreground_was = 0
        self._alone_since_s = 0.0

    @property
    def profile(self) -> Profile:
        """How the window is driven."""
        return self.eyes.profile(self.name)

    @property
    def taken(self) -> WindowInfo | None:
        """The window that was taken, without looking for it."""
        return self._seen

    @property
    def client(self) -> int:
        """The process of the target."""
        return self._desktop.process_of(self.target().id)

    def take(self, seen: WindowInfo) -> None:
        """From now on this very window is the target."""
        self._seen = seen

    def target(self) -> WindowInfo:
        """The window; looked for at its place if nothing was taken yet."""
        if self._seen is None:
            self._seen = self.eyes.place(self.name)
        return self._seen

    def wait_for_idle_input(self) -> None:
        """Nobody holds a key or button, and all keys that are needed are there."""
        try:
            self._fingers.check(self.profile.chords())
        except UnknownWindowsKey as trouble:
            raise TransientFailure(Reason.NO_SUCH_KEY, trouble.message) from None
        if not self.until(lambda: not self._desktop.keys_down(), RELEASE_S):
            raise TransientFailure(Reason.KEYS_DOWN)

    def has_focus(self) -> bool:
        """The window in the foreground, and the one whose part gets the keys, are the target."""
        focus, is_taken = self._desktop.focus()
        target = self.target().id
        return self._desktop.foreground() == target and focus in {target, 0} and not is_taken

    def click_into(self, part: Box) -> None:
        """Click into a part of the window, if the window is what lies there, and wait until it has the focus."""
        self._remember()
        self._click(part, may_stop=True)
        if not self.until(self.has_focus, FOCUS_S):
            raise TransientFailure(Reason.FOCUS_TAKEN, "the window did not get the focus")
        self._alone_since_s = time.monotonic()

    def click_once(self, part: Box, *, by_s: float) -> None:
        """Click into a part of the window that does something, not later than `by_s` on the clock of the pace. Whatever
        it raises, nothing was clicked then; where the focus goes is not waited for."""
        self.hold()
        self._click(part, may_stop=True, by_s=by_s)

    def hold(self) -> None:
        """Nobody can be held off here: what was the person's is remembered, and who types from here on is seen."""
        self._remember()
        self._alone_since_s = time.monotonic()

    def bring_forward(self) -> bool:
        """Ask Windows to put the window into the foreground; whether it did."""
        self._remember()
        self._bring_forward(self.target().id)
        if not self.until(self.has_focus, FOCUS_S):
            return False
        self._alone_since_s = time.monotonic()
        return True

    def regain_focus(self) -> None:
        """Have the focus again, for our draft's sake, whoever asks to stop."""
        self._remember()
        try:
            self.eyes.place(self.name)
            self._click(self.profile.composer.box, may_stop=False)
        except TransientFailure:
            self._bring_forward(self.target().id)
        if not self.until(self.has_focus, FOCUS_S):
            raise TransientFailure(Reason.FOCUS_TAKEN, "the window did not get the focus")

    def guard(self) -> None:
        """See that the window is at its place, that a key pressed now would go into it, and that nobody typed since the
        focus was given: what they typed might stand there."""
        seen = self.eyes.place(self.name)
        if seen.id != self.target().id:
            raise PermanentFailure(Reason.CLOSED, "another window stands in its place")
        if seen.box != self.target().box:
            raise TransientFailure(Reason.MOVED, "it was moved while a text was brought")
        if not self.has_focus():
            raise TransientFailure(Reason.FOCUS_TAKEN, NOT_FOCUSED)
        if self._people.typed_since(self._alone_since_s):
            raise TransientFailure(Reason.PERSON_TYPING, SOMEBODY)

    def press(self, chord: str) -> None:
        """Press a chord that can be undone, and look just after whether it can have gone elsewhere."""
        self.guard()
        self.pace.check()
        self._press(chord)
        if not self.has_focus():
            raise TransientFailure(Reason.FOCUS_TAKEN, TAKEN_JUST_AFTER)

    def press_chord(self, chord: str, *, by_s: float) -> None:
        """Press what cannot be undone and no text goes before, not later than `by_s`. Whatever it raises, nothing was
        pressed then. Whoever calls has guarded."""
        self._check_reach()
        self.pace.check()
        if self.pace.now_s() >= by_s:
            raise TransientFailure(Reason.LATE)
        self._press(chord)

    def press_once(self, chord: str, *, by_s: float) -> bool:
        """Press what cannot be undone. Whatever it raises, nothing was pressed; whether the window had the focus just
        after too."""
        self.guard()
        self.pace.check()
        if self.pace.now_s() >= by_s:
            raise TransientFailure(Reason.LATE)
        self._press(chord)
        return self.has_focus()

    def press_to_clear(self, chord: str) -> None:
        """Press a chord that clears our own draft: a cover does not hinder it, nor does a stop."""
        if self.eyes.identify(self.name).id != self.target().id or not self.has_focus():
            raise TransientFailure(Reason.FOCUS_TAKEN)
        self._press(chord)
        if not self.has_focus():
            raise TransientFailure(Reason.FOCUS_TAKEN, TAKEN_JUST_AFTER)

    def give_back(self) -> None:
        """Pointer and focus go back, unless somebody moved them meanwhile."""
        with suppress(TransientFailure):
            if self._pointer_was is not None and self._fingers.pointer() == self._fingers.placed:
                self._fingers.move(*self._pointer_was)
            mine = self._seen.id if self._seen is not None else 0
            if self._foreground_was not in {0, mine} and self._desktop.foreground() == mine:
                self._bring_forward(self._foreground_was)
        self._pointer_was = None

    def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Whether it holds within that time."""
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() >= end:
                return False
            self.wait(0.003)
        return True

    def wait(self, seconds: float) -> None:
        """Let that much time pass, whoever asks to stop."""
        time.sleep(seconds)  # noqa: TID251 the worker's own thread, between two questions to Windows

    def _remember(self) -> None:
        if self._pointer_was is None:
            self._pointer_was, self._foreground_was = self._fingers.pointer(), self._desktop.foreground()

    def _check_hands(self) -> None:
        if self.eyes.windows.is_keyboard_taken():
            raise TransientFailure(Reason.LOCKED, LOCKED)
        if not self.until(lambda: not self._desktop.keys_down(), RELEASE_S):
            raise TransientFailure(Reason.KEYS_DOWN)

    def _press(self, chord: str) -> None:
        try:
            press = self._fingers.prepared(chord)
        except UnknownWindowsKey as trouble:
            raise TransientFailure(Reason.NO_SUCH_KEY, trouble.message) from None
        self._check_hands()
        if not self.has_focus():
            raise TransientFailure(Reason.FOCUS_TAKEN, NOT_FOCUSED)
        press()

    def _bring_forward(self, window: int) -> None:
        self._fingers.stir()
        self._desktop.bring_forward(window)

    def _check_reach(self) -> None:
        if why := self.eyes.windows.why_unreachable(self.target().id):
            raise PermanentFailure(Reason.OUT_OF_REACH, why)

    def _click(self, part: Box, *, may_stop: bool, by_s: float | None = None) -> None:
        target, corner = self.target(), (self.target().box.x, self.target().box.y)
        point = self._clicks.choose(places(part, corner), corner)
        self._check_reach()
        self._check_hands()
        if may_stop:
            self.pace.check()
        if by_s is not None and self.pace.now_s() >= by_s:
            raise TransientFailure(Reason.LATE)
        now = self.eyes.windows.see(target.id)
        if now is None or now.box != target.box:
            raise TransientFailure(Reason.MOVED, "it was moved just before a click")
        if self._desktop.at(*point) != target.id:
            raise TransientFailure(Reason.COVERED, "another window lies where the click would go")
        self._fingers.click(*point)
        self._clicks.made(point, corner)
