"""A clock that stands until the test moves it."""

from __future__ import annotations


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
        """Somebody sets the machine's clock by so much; time goes on as before."""
        self.set_by_ms += round(seconds * 1000)
