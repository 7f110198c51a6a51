"""Asking Windows to put windows where they belong. It may refuse: whoever asks looks afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from automation.desktop.win32.desktop import Desktop
from automation.desktop.win32.windows import Win32Windows
from automation.protocol.ports import PermanentFailure
from core.deliveries.model import Reason
from core.profiles.model import Box

MAXIMISED = "maximised"
ELSEWHERE = (
    "it is on another virtual desktop, and Windows lets no program bring it here: press Win+Tab and drag it to this one"
)


class WindowsPlacement:
    """The answers to `arranging.PlacementPort`. Belongs to one thread."""

    def __init__(self, desktop: Desktop, windows: Win32Windows) -> None:
        self._desktop = desktop
        self._windows = windows

    def check(self, window: int) -> None:
        """One with more rights than ours takes no request of ours, and one that hangs none at all."""
        if why := self._windows.why_unreachable(window):
            raise PermanentFailure(Reason.OUT_OF_REACH, why)

    def filled(self, window: int) -> tuple[str, ...]:
        """Whether it is maximised."""
        return (MAXIMISED,) if self._desktop.is_maximised(window) else ()

    def hides(self, filled: Sequence[str]) -> bool:
        """A maximised window is seen."""
        return False

    def unfill(self, window: int, filled: Sequence[str]) -> None:
        """It has a place and size of its own again."""
        self._desktop.show_again(window)

    def show(self, window: int) -> None:
        """It is minimised no longer."""
        self._desktop.show_again(window)

    def bring_here(self, window: int) -> None:
        """No program may do that for another one."""
        raise PermanentFailure(Reason.HIDDEN, ELSEWHERE)

    def put(self, window: int, box: Box) -> None:
        """Its own area is to stand there, of that size."""
        self._desktop.put(window, box)

    def raise_above(self, window: int) -> None:
        """It is to lie above all others that are not above everything; the foreground stays where it is."""
        self._desktop.lift(window)
