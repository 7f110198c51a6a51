"""One window as the place that keys and clicks go to: what is the same on every platform."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.target.own_input import Clicks
from automation.desktop.window_info import WindowInfo
from automation.protocol.ports import DeliveryClock, PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.profiles.model import Box, Profile

FOCUS_S = 0.4
LOOK_S = 0.003
NOT_FOCUSED = "another window has the focus"
NO_FOCUS = "the window did not get the focus"


def wait_until(holds: Callable[[], bool], seconds: float, rest: Callable[[float], None]) -> bool:
    """Wait until it holds, at most so long; `rest` passes time between two looks. Return whether it does."""
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


Inspector = TypeVar("Inspector", bound=WindowInspector)


class InputTarget(ABC, Generic[Inspector]):
    """One window as the place that keys and clicks go to. Remembers whose focus and pointer it took."""

    def __init__(
        self, *, name: str, inspector: Inspector, pointer: PointerPort, clicks: Clicks, pace: DeliveryClock
    ) -> None:
        self.name = name
        self.inspector = inspector
        self.pace = pace
        self._pointer = pointer
        self._clicks = clicks
        self._pointer_was: tuple[int, int] | None = None
        self._active_was = 0
        self.taken: WindowInfo | None = None

    @property
    def profile(self) -> Profile:
        return self.inspector.profile(self.name)

    @property
    def client(self) -> int:
        return self.inspector.windows.client_of(self.window().id)

    def set_window(self, seen: WindowInfo) -> None:
        self.taken = seen

    def window(self) -> WindowInfo:
        """Return the window; look for it at its place if none is set yet."""
        if self.taken is None:
            self.taken = self.inspector.place(self.name)
        return self.taken

    @abstractmethod
    def wait_for_idle_input(self) -> None:
        """See that the user holds no key or button, and that the keyboard has all needed keys."""

    @abstractmethod
    def hold_devices(self) -> None:
        """Block the user's devices as far as possible; remember what was theirs."""

    def hold_for_clearing(self) -> None:
        """Do as `hold_devices` to clear a draft of ours: a stop does not end it."""
        self._remember()

    def needs_no_click(self) -> bool:
        """Return whether the window's focus is enough, and a click would do harm."""
        return False

    def regain_focus(self, *, clicked: bool = True) -> None:
        """Get the focus again to clear our draft: by a click, or by the window manager where none is possible. With
        `clicked` Octet clicks into the composer even if its window has the focus."""
        self.hold_for_clearing()
        if self.has_focus() and not clicked:
            return
        try:
            self.inspector.place(self.name)
            if self.needs_no_click():
                self._activate(self.window().id)
            else:
                self._click(self.profile.composer.box, may_stop=False)
        except TransientFailure:
            self._activate(self.window().id)
        self._await_focus()

    @abstractmethod
    def has_focus(self) -> bool: ...

    @abstractmethod
    def guard(self) -> None:
        """See that the agent's window is at its place, and that a key pressed now would go into it."""

    @abstractmethod
    def press_chord(self, chord: str, *, by_s: float) -> None:
        """Press a chord that no text goes before, not later than `by_s`; or raise with nothing pressed."""

    def click_into(self, part: Box) -> None:
        """Click into a part of the window, if nothing covers it, and wait until it has the focus."""
        self.hold_devices()
        self._click(part)
        # The focus moves when the window manager has seen the click, which it cannot while the server is grabbed:
        # so there is never a click and a key in one grab.
        self._await_focus()

    def click_once(self, part: Box, *, by_s: float) -> None:
        """Click into a part that does something, not later than `by_s`, without a wait; or raise with no click."""
        self.hold_devices()
        self._click(part, by_s=by_s)

    def bring_forward(self) -> bool:
        """Ask that the window becomes the active one; return whether it did."""
        self.hold_devices()
        self._activate(self.window().id)
        return self.until(self.has_focus, FOCUS_S)

    def restore_user_state(self) -> None:
        """Restore pointer and focus, unless the user moved them meanwhile."""
        with suppress(TransientFailure):  # another program holds the whole display: nothing can be restored
            if self._pointer_was is not None and self._pointer.pointer() == self._pointer.placed:
                self._pointer.move(*self._pointer_was)
            mine = self.taken.id if self.taken is not None else 0
            if self._active_was and mine not in {0, self._active_was} and self.inspector.windows.active() == mine:
                self._activate(self._active_was)
        self._pointer_was = None

    def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        return wait_until(holds, seconds, self.wait)

    def wait(self, seconds: float) -> None:
        """Wait so long, also after a stop."""
        time.sleep(seconds)  # noqa: TID251 the worker's own thread, between two questions to the display

    @abstractmethod
    def _click(self, part: Box, *, may_stop: bool = True, by_s: float | None = None) -> None: ...

    def _activate(self, window: int) -> None:
        self.inspector.windows.activate(window)

    def _remember(self) -> None:
        if self._pointer_was is None:
            self._pointer_was, self._active_was = self._pointer.pointer(), self.inspector.windows.active()

    def _await_focus(self) -> None:
        if not self.until(self.has_focus, FOCUS_S):
            raise TransientFailure(Reason.FOCUS_TAKEN, NO_FOCUS)

    def _check_in_time(self, by_s: float | None) -> None:
        if by_s is not None and self.pace.now_s() >= by_s:
            raise TransientFailure(Reason.LATE)

    def _check_same(self, seen: WindowInfo) -> None:
        if seen.id != self.window().id:
            raise PermanentFailure(Reason.CLOSED, "another window is in its place")
        if seen.box != self.window().box:
            raise TransientFailure(Reason.MOVED, "it was moved while a text was brought")

    def _check_place(self) -> None:
        """See that the window has not moved: a button beside the composer may permit an agent something."""
        now = self.inspector.windows.see(self.window().id)
        if now is None or now.box != self.window().box:
            raise TransientFailure(Reason.MOVED, "it was moved just before a click")
