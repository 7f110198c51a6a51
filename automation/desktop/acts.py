"""When we pressed and moved ourselves: what the display's test device brings at other times is somebody else's."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager

MARGIN_S = 0.02
"""Around each act: the server's times are whole milliseconds, and its clock and ours are read one after the other."""
REMEMBERED = 500


class OwnInputLog:
    """Written by the worker's thread, read by another."""

    def __init__(self) -> None:
        self._spans: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)
        self._since: float | None = None

    @contextmanager
    def one(self) -> Generator[None]:
        """We press or move something now."""
        since = self._since = time.monotonic()
        try:
            yield
        finally:
            self._spans.append((since, time.monotonic()))
            self._since = None

    def is_ours(self, at_s: float) -> bool:
        """Whether we acted at that moment."""
        since = self._since
        if since is not None and at_s >= since - MARGIN_S:
            return True
        return any(start - MARGIN_S <= at_s <= end + MARGIN_S for start, end in reversed(tuple(self._spans)))
