"""A clock that a test moves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Pace:
    """Lets no time pass but what is rested, and `tick_s` at each asking; stops nothing."""

    now: float = 100.0
    tick_s: float = 0.0

    def now_s(self) -> float:
        self.now += self.tick_s
        return self.now

    def rest(self, seconds: float) -> None:
        self.now += seconds

    wait_for_redraw = rest

    def check(self) -> None:
        return
