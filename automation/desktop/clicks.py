"""Where the last click was: one that comes too near and too soon would count as its double."""

from __future__ import annotations

import time
from collections.abc import Sequence

APART_PX = 12
"""Clicks nearer than this to the last one, within CLICK_S, count as double and triple clicks."""
CLICK_S = 0.5


Point = tuple[int, int]


class Clicks:
    """Remembers where the last click was, so that the next one is not taken for its double. One per display.

    Programs measure that on the screen, or from the corner of their window: Chromium counts clicks at one place of two
    of its windows as a double click. So a click must be far from the last one both ways.
    """

    def __init__(self) -> None:
        self._at: Point = (-1000, -1000)
        self._in_window: Point = (-1000, -1000)
        self._when = 0.0
        self.wanted: set[str] = set()
        """Windows whose composer has to be clicked into even if it says that it has the focus: a paste did not land
        there. A browser's composer may have the focus while the caret stands outside of it."""

    def choose(self, points: Sequence[Point], corner: Point) -> Point:
        """The first of `points` in the window at `corner` that is far enough from the last click, if that is not long
        ago; the first one if none is."""
        if time.monotonic() - self._when > CLICK_S:
            return points[0]
        far = [
            point
            for point in points
            if _apart(point, self._at) and _apart((point[0] - corner[0], point[1] - corner[1]), self._in_window)
        ]
        return far[0] if far else points[0]

    def made(self, point: Point, corner: Point) -> None:
        """A click was made there just now, in the window at `corner`."""
        self._at, self._when = point, time.monotonic()
        self._in_window = (point[0] - corner[0], point[1] - corner[1])


def _apart(one: Point, other: Point) -> bool:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) >= APART_PX
