"""Clocks that the test moves: one that stops otherwise, and the machine's own."""

from __future__ import annotations

import time


class FakeClock:
    """Begins at a round moment."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self.at_ms = now_ms
        self.set_by_ms = 0

    def now_ms(self) -> int:
        return self.at_ms + self.set_by_ms

    def monotonic_s(self) -> float:
        return self.at_ms / 1000

    def advance(self, seconds: float) -> None:
        self.at_ms += round(seconds * 1000)

    def set_wall(self, seconds: float) -> None:
        """Set the machine's clock by so much, as a user may; time continues as before."""
        self.set_by_ms += round(seconds * 1000)


class RunningClock:
    """The machine's clock, moved on by the test."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self.set_by_s = 0.0

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + round((self.ahead_s + self.set_by_s) * 1000)

    def monotonic_s(self) -> float:
        return time.monotonic() + self.ahead_s

    def advance(self, seconds: float) -> None:
        self.ahead_s += seconds

    def set_wall(self, seconds: float) -> None:
        self.set_by_s += seconds
