"""A screen that is locked while work waits for it, and the sign that an agent rests."""

from __future__ import annotations

from dataclasses import dataclass

from core.desks.model import DeskEvent
from core.reasons import IdleSource


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleSign:
    """That an agent rests: by what Octet knows it, and since when in monotonic time. Whatever sees agents feeds it."""

    source: IdleSource
    since_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenLock:
    """A screen that is, or was, locked."""

    id: str
    desk: str
    since_ms: int
    waiting: int  # how much waited when Octet notified users; 0: it did not
    over_ms: int | None


class DeskLocked(DeskEvent):
    """The screen of a desk takes all keys for itself: it is locked, or a menu is open there."""


class DeskUnlocked(DeskEvent):
    """The screen of a desk is not locked any more."""
