"""What is known of a screen that is locked while work waits for it."""

from __future__ import annotations

from dataclasses import dataclass

from core.desks.model import DeskEvent
from core.kit.errors import NotFound


class ScreenLockNotFound(NotFound):
    """Nothing is known of this lock any more. `/desk status` shows how the desks stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenLock:
    """A screen that is, or was, locked."""

    id: str
    desk: str
    since_ms: int
    waiting: int  # how much waited when people were told; 0: they were not
    over_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskLocked(DeskEvent):
    """The screen of a desk takes all keys for itself: it is locked, or a menu stands open there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskUnlocked(DeskEvent):
    """The screen of a desk is not locked any more."""
