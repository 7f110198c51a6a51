"""Whether a screen is locked: all its keys are taken for longer than a menu stands open. Says so when that changes."""

from __future__ import annotations

import time
from collections.abc import Callable

LOCKED_AFTER_S = 10.0
"""Menus and a window being dragged take all keys too, but mostly for a shorter while."""


class ScreenLockWatch:
    """Belongs to the worker's thread, which says what it sees: while the keys are taken, once a second or so."""

    def __init__(self, tell: Callable[[bool], None], *, now_s: Callable[[], float] = time.monotonic) -> None:
        """`tell` hears at first whether it is locked, and then each change."""
        self._tell = tell
        self._now_s = now_s
        self._told: bool | None = None
        self._since_s: float | None = None

    @property
    def is_told_locked(self) -> bool:
        """Somebody was told that it is locked, and has still to hear that it is over."""
        return self._told is True

    def saw(self, *, is_taken: bool) -> None:
        """Whether something takes all keys just now."""
        if not is_taken:
            self._since_s = None
            self._say(is_locked=False)
            return
        if self._since_s is None:
            self._since_s = self._now_s()
        if self._now_s() - self._since_s >= LOCKED_AFTER_S:
            self._say(is_locked=True)

    def _say(self, *, is_locked: bool) -> None:
        if self._told is not is_locked:
            self._told = is_locked
            self._tell(is_locked)
