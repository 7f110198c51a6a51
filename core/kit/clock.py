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


class SteadyTime:
    """Wall time as it were if nobody had set the machine's clock. Limits that stand in rows are measured in it."""

    def __init__(self, clock: Clock) -> None:
        """Agrees with the wall now; from here on it goes by monotonic time."""
        self._clock = clock
        self._begun_s = clock.monotonic_s()
        self._begun_ms = clock.now_ms()

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC that never jump."""
        return self._begun_ms + round((self._clock.monotonic_s() - self._begun_s) * 1000)

    def behind_ms(self) -> int:
        """By how much the wall clock was set forward since they last agreed; negative when it was set back."""
        return self._clock.now_ms() - self.now_ms()

    def shift(self, by_ms: int) -> None:
        """Agree with a wall that was set by so much. Whoever calls this shifts the rows in the same transaction."""
        self._begun_ms += by_ms


def as_datetime(at_ms: int) -> datetime:
    """The moment `at_ms` as an aware datetime in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC)
