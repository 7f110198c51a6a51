"""The one source of time. Rooms get a Clock by their constructor, so that tests can move it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for people and rows; monotonic time for limits."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never jump; only differences mean anything."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Seconds that never jump; only differences mean anything."""
        return time.monotonic()


def as_datetime(at_ms: int) -> datetime:
    """The moment `at_ms` as an aware datetime in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC)
