"""One window as the place that keys and clicks go to, as far as that is the same on every platform."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.own_input import Clicks
from automation.desktop.window_info import WindowInfo
from automation.protocol.ports import DeliveryClock, PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.profiles.model import Box, Profile

FOCUS_S = 0.4
LOOK_S = 0.003
NOT_FOCUSED = "another window has the focus"
NO_FOCUS = "the window did not get the focus"


def wait_until(holds: Callable[[], bool], seconds: float, rest: Callable[[float], None]) -> bool:
    """Whether it holds within that time; `rest` lets time pass between two looks."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() >= end:
            return False
        rest(LOOK_S)
    return True


class PointerPort(Protocol):
    """The pointer, and where Octet put it last."""

    placed: tuple[int, int] | None

    def pointer(self) -> tuple[int, int]: ...
    def move(self, x: int, y: int) -> None: ...


Eyes = TypeVar("Eyes", bound=WindowInspector)


class InputTarget(ABC, Generic[Eyes]):
    """One window as the place that keys and clicks go to. Remembers whose focus and pointer it took."""

    def __init__(self, *, name: str, eyes: Eyes, pointer: PointerPort, clicks: Clicks, pace: DeliveryClock) -> None:
        self.name = name
        self.eyes = eyes
        self.pace = pace
        self._pointer = pointer
        self._clicks = clicks
        self._pointer_was: tuple[int, int] | None = None
        self._active_was = 0
        self.taken: WindowInfo | None = None

    @property
    def profile(self) -> Profile:
        return self.eyes.profile(self.name)

    @property
    def client(self) -> int:
        return self.eyes.windows.client_of(self.target().id)

    def set_target(self, seen: WindowInfo) -> None:
        """From now on this very window is the target."""
        self.taken = seen

    def target(self) -> WindowInfo:
        """The window; looked for at its place if nothing was taken yet."""
        if self.taken is None:
            self.taken = self.eyes.place(self.name)
        return self.taken

    @abstractmethod
    def wait_for_idle_input(self) -> None:
        """See that the user holds no key or button, and that all keys that are needed are there."""

    @abstractmethod
    def hold_devices(self) -> None:
        """From here on what is pressed is ours, as far as that can be; what was the user's is remembered."""

    def hold_for_clearing(self) -> None:
        """As `hold_devices`, for the sake of a draft of ours: a stop does not end it."""
        self._remember()

    def needs_no_click(self) -> bool:
        """Tell whether the window's focus is enough, and a click would do harm."""
        return False

    def regain_focus(self, *, clicked: bool = True) -> None:
        """Have the focus again, for our draft's sake: by a click, or by the window manager where none is possible. With
        `clicked` the composer is clicked into even if its window has the focus."""
        self.hold_for_clearing()
        if self.has_focus() and not clicked:
            return
        try:
            self.eyes.place(self.name)
            if self.needs_no_click():
                self._activate(self.target().id)
            else:
                self._click(self.profile.composer.box, may_stop=False)
        except TransientFailure:
            self._activate(self.target().id)
        self._await_focus()

    @abstractmethod
    def has_focus(self) -> bool:
        """Whether the keys go to the target."""

    @abstractmethod
    def guard(self) -> None:
        """See that the agent's window is at its place, and that a key pressed now would go into it."""

    @abstractmethod
    def press_chord(self, chord: str, *, by_s: float) -> None:
        """Press a chord that no text goes before, not later than `by_s`. Whatever it raises, nothing was pressed then.
        The caller has guarded."""

    def click_into(self, part: Box) -> None:
        """Click into a part of the window, if the window is what lies there, and wait until it has the focus."""
        self.hold_devices()
        self._click(part)
        # The focus moves when the window manager has seen the click, which it cannot while the server is grabbed:
        # so there is never a click and a key in one grab.
        self._await_focus()

    def click_once(self, part: Box, *, by_s: float) -> None:
        """Click into a part of the window that does something, not later than `by_s`. Whatever it raises, nothing was
        clicked then; where the focus goes is not waited for."""
        self.hold_devices()
        self._click(part, by_s=by_s)

    def bring_forward(self) -> bool:
        """Ask that the window becomes the active one; whether it did."""
        self.hold_devices()
        self._activate(self.target().id)
        return self.until(self.has_focus, FOCUS_S)

    def restore_user_state(self) -> None:
        """Pointer and focus go back, unless the user moved them meanwhile."""
        with suppress(TransientFailure):  # another program holds the whole display: nothing can be restored
            if self._pointer_was is not None and self._pointer.pointer() == self._pointer.placed:
                self._pointer.move(*self._pointer_was)
            mine = self.taken.id if self.taken is not None else 0
            if self._active_was and mine not in {0, self._active_was} and self.eyes.windows.active() == mine:
                self._activate(self._active_was)
        self._pointer_was = None

    def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        return wait_until(holds, seconds, self.wait)

    def wait(self, seconds: float) -> None:
        """Let that much time pass, also after a stop."""
        time.sleep(seconds)  # noqa: TID251 the worker's own thread, between two questions to the display

    @abstractmethod
    def _click(self, part: Box, *, may_stop: bool = True, by_s: float | None = None) -> None: ...

    def _activate(self, window: int) -> None:
        self.eyes.windows.activate(window)

    def _remember(self) -> None:
        if self._pointer_was is None:
            self._pointer_was, self._active_was = self._pointer.pointer(), self.eyes.windows.active()

    def _await_focus(self) -> None:
        if not self.until(self.has_focus, FOCUS_S):
            raise TransientFailure(Reason.FOCUS_TAKEN, NO_FOCUS)

    def _check_in_time(self, by_s: float | None) -> None:
        if by_s is not None and self.pace.now_s() >= by_s:
            raise TransientFailure(Reason.LATE)

    def _check_same(self, seen: WindowInfo) -> None:
        if seen.id != self.target().id:
            raise PermanentFailure(Reason.CLOSED, "another window stands in its place")
        if seen.box != self.target().box:
            raise TransientFailure(Reason.MOVED, "it was moved while a text was brought")

    def _check_place(self) -> None:
        """See that the window has not moved: beside a composer may be a button that lets an agent do something."""
        now = self.eyes.windows.see(self.target().id)
        if now is None or now.box != self.target().box:
            raise TransientFailure(Reason.MOVED, "it was moved just before a click")
