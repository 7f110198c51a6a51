"""Where the last click was: one that comes too near and too soon would count as its double."""

from __future__ import annotations

import time
from collections.abc import Sequence

APART_PX = 12
"""Clicks nearer than this to the last one, within CLICK_S, count as double and triple clicks."""
CLICK_S = 0.5


class Clicks:
    """Remembers where the last click was, so that the next one is not taken for its double. One per display."""

    def __init__(self) -> None:
        self._at: tuple[int, int] = (-1000, -1000)
        self._when = 0.0

    def choose(self, points: Sequence[tuple[int, int]]) -> tuple[int, int]:
        """The first of `points` that is far enough from the last click, or the last one when that is long ago."""
        if time.monotonic() - self._when > CLICK_S:
            return points[0]
        far = [point for point in points if max(abs(point[0] - self._at[0]), abs(point[1] - self._at[1])) >= APART_PX]
        return far[0] if far else points[0]

    def made(self, point: tuple[int, int]) -> None:
        """A click was made there just now."""
        self._at, self._when = point, time.monotonic()
