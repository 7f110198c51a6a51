"""What Octet itself pressed and clicked, and when: all other input is the user's."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from core.profiles.model import Box

APART_PX = 12  # clicks nearer than this to each other, within CLICK_S, count as double and triple clicks
CLICK_S = 0.5
THROUGH_S = 0.4
"""The button of our click may count as down for so long: a busy window manager delays its release."""
_SHARES = (6, 4, 5)
"""Sixteenths of its width, all left of the middle: right of the end of a line, Tk takes the smallest move of the mouse
for a selection of a newline that is not there, which is then copied back."""
Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Click:
    when_s: float
    at: Point
    in_window: Point


def places(part: Box, corner: Point) -> list[Point]:
    """Return where a part of the window at `corner` may be clicked, on the screen, far enough from each other."""
    row = corner[1] + part.y + part.height // 2
    return [(corner[0] + part.x + part.width * share // 16, row) for share in _SHARES]


class Clicks:
    """Remembers recent clicks on one display, so that a program does not take the next one for a double click. Programs
    measure that on the screen, or from the corner of their window (Chromium): a click must be far from earlier ones
    both ways."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._made: list[_Click] = []
        self.wanted: set[str] = set()
        """Windows whose composer needs a click although it says that it has the focus: a paste did not land there. A
        browser's caret may be outside of its focused composer."""

    def choose(self, points: Sequence[Point], corner: Point) -> Point:
        """Return the first of `points` far enough from the last clicks; else the one with the oldest neighbours."""
        return min(points, key=lambda point: self._near_s(point, corner))

    def made(self, point: Point, corner: Point) -> None:
        now_s = self._now_s()
        self._made = [click for click in self._made if now_s - click.when_s <= CLICK_S]
        self._made.append(_Click(now_s, point, _from(corner, point)))

    def is_recent(self) -> bool:
        """Return whether a click now may count as the double of the last one."""
        return bool(self._made) and self._now_s() - self._made[-1].when_s <= CLICK_S

    def under_way_s(self) -> float:
        """Return how much longer the button of the last click may count as down."""
        return 0.0 if not self._made else max(0.0, self._made[-1].when_s + THROUGH_S - self._now_s())

    def _near_s(self, point: Point, corner: Point) -> float:
        since_s = self._now_s() - CLICK_S
        near = (
            click.when_s
            for click in self._made
            if click.when_s >= since_s
            and not (_apart(point, click.at) and _apart(_from(corner, point), click.in_window))
        )
        return max(near, default=0.0)


def _from(corner: Point, point: Point) -> Point:
    return point[0] - corner[0], point[1] - corner[1]


def _apart(one: Point, other: Point) -> bool:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) >= APART_PX


MARGIN_S = 0.02  # the server counts whole milliseconds, and both clocks are read one after the other
REMEMBERED = 500


class OwnInputLog:
    """Written by the worker's thread, read by another."""

    def __init__(self) -> None:
        self._spans: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)
        self._since: float | None = None

    @contextmanager
    def one(self) -> Generator[None]:
        """Note that Octet presses or moves something within the block."""
        since = self._since = time.monotonic()
        try:
            yield
        finally:
            self._spans.append((since, time.monotonic()))
            self._since = None

    def is_ours(self, at_s: float) -> bool:
        since = self._since
        if since is not None and at_s >= since - MARGIN_S:
            return True
        return any(start - MARGIN_S <= at_s <= end + MARGIN_S for start, end in reversed(tuple(self._spans)))
