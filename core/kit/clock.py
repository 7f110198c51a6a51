"""The one source of time. Services get a Clock by their constructor, so that tests can move it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

DAY_MS = 24 * 3600 * 1000
STEP_MS = 1_000  # wall and monotonic time may drift apart by less than this; more is a step


class Clock(Protocol):
    """Wall time for users and rows; monotonic time for limits."""

    def now_ms(self) -> int: ...  # milliseconds since 1970 UTC
    def monotonic_s(self) -> float: ...  # seconds that never jump; only differences mean anything


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        return time.monotonic()


class SteadyClock:
    """Octet's own time, by which all services decide and write: the machine's clock as if nothing had set it since the
    last `follow`. The store calls that when it shifts the stored times, so these and this clock always agree."""

    def __init__(self, clock: Clock) -> None:
        """Agree with `clock` now; from here on go by its monotonic time."""
        self._clock = clock
        self._ahead_ms = clock.now_ms() - clock.monotonic_s() * 1000

    def now_ms(self) -> int:
        """Return milliseconds since 1970 UTC that never jump, except when `follow` is called."""
        return round(self._ahead_ms + self._clock.monotonic_s() * 1000)

    def monotonic_s(self) -> float:
        return self._clock.monotonic_s()

    def step_ms(self) -> int:
        """Return by how much the machine's clock was set since the last agreement; 0 for less than a second. A
        suspended machine shows as a step forward: its monotonic time stopped."""
        by_ms = self._clock.now_ms() - self.now_ms()
        return by_ms if abs(by_ms) >= STEP_MS else 0

    def follow(self, by_ms: int) -> None:
        """Agree with a machine's clock that was set by `by_ms`."""
        self._ahead_ms += by_ms


def as_datetime(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC)
