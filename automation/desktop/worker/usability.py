"""Whether each window can be used: told when that changed and has lasted, so that a short trouble is never told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from core.deliveries.model import Reason
from core.desks.model import WindowStatus

APART_S = 2.0  # between two looks at one window, however much is drawn in it
LASTS_S = 1.0
PASSES_S = 5.0
TYPING_S = 30.0
_LASTS_S = {
    Reason.COVERED: PASSES_S,
    Reason.MOVED: PASSES_S,
    Reason.HIDDEN: PASSES_S,
    Reason.NOT_TOLD: PASSES_S,
    Reason.NOT_READABLE: PASSES_S,
    Reason.COMPOSER_NOT_EMPTY: TYPING_S,  # a user may be writing there
}
"""How long a reason lasts before Octet reports it; a reason that does not pass is reported after a second."""


class UsabilityTracker:
    """All windows of one desk; belongs to the worker's thread."""

    def __init__(self, tell: Callable[[WindowStatus], None], *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._now_s = now_s
        self._seen: dict[str, tuple[str, float]] = {}
        """By window, the code seen last, and since when it is so."""
        self._told: dict[str, str] = {}
        self._looked_s: dict[str, float] = {}
        self._due_s: dict[str, float] = {}

    def stirred(self, names: Iterable[str]) -> None:
        """Note that something happened in these windows: they are looked at soon, not too often."""
        for name in names:
            due_s = max(self._now_s() + LASTS_S, self._looked_s.get(name, 0.0) + APART_S)
            self._due_s[name] = min(due_s, self._due_s.get(name, due_s))

    def due_in_s(self) -> float | None:
        """Return when to call `look`; None while nothing happens."""
        return max(0.0, min(self._due_s.values()) - self._now_s()) if self._due_s else None

    def look(self, status: Callable[[str], WindowStatus]) -> None:
        """Look at one of the windows that are due: a delivery need not wait for the others."""
        name = next((name for name, due_s in self._due_s.items() if due_s <= self._now_s()), None)
        if name is not None:
            self.saw(status(name))

    def saw(self, status: WindowStatus) -> None:
        """Take one look in, and tell it if it is news that has lasted. The first look at a window is always news."""
        name, code, now_s = status.name, status.code, self._now_s()
        if self._seen.get(name, (None, 0.0))[0] != code:
            self._seen[name] = (code, now_s)
        self._looked_s[name] = now_s
        self._due_s.pop(name, None)
        if self._told.get(name) == code:
            return
        told_s = self._seen[name][1] + (_LASTS_S.get(Reason(code), LASTS_S) if code else 0.0)
        if now_s >= told_s:
            self._told[name] = code
            self._tell(status)
        else:
            self._due_s[name] = told_s
