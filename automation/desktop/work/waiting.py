"""Windows that could not be used: what is ours there is cleared, and it is told as soon as one can be used again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import Protocol

import structlog

from automation.desktop.pipe.frames import WindowStatusChanged, WindowUsable
from automation.desktop.pipe.inbox import FrameWriter, Inbox
from automation.desktop.work.tidy import LeftoverDrafts
from automation.desktop.work.usability import UsabilityTracker

log = structlog.get_logger(__name__)

REST_S = 1.0
"""A window that could not be used is not called usable before this: that is written down first, and nothing spins."""
LONGEST_REST_S = 30.0
"""Between two tries to clear a draft of ours; each try may click into the window."""


class ReadyPort(Protocol):
    """Looks at windows."""

    def names(self) -> tuple[str, ...]:
        """The windows that there are."""
        ...

    def is_ready(self, name: str) -> bool:
        """Whether a delivery could begin now. Raises nothing that is only in its way."""
        ...


class RecoveringWindows:
    """Belongs to the worker's thread. Asks for a recheck_soon where it wants to look again without any news."""

    def __init__(
        self,
        *,
        eyes: ReadyPort,
        tidy: LeftoverDrafts,
        inbox: Inbox,
        outbox: FrameWriter,
        let_go: Callable[[], None],
        ends: tuple[type[Exception], ...] = (),
        rest_s: float = REST_S,
    ) -> None:
        """`let_go` releases what is held down. Errors in `ends` end the worker."""
        self._eyes = eyes
        self._tidy = tidy
        self._inbox = inbox
        self._outbox = outbox
        self._let_go = let_go
        self._ends = ends
        self._rest_s = rest_s
        self.usability = UsabilityTracker(lambda status: outbox.send(WindowStatusChanged(status=status)))
        """Tells of windows that cannot be used for long."""
        self._unusable: set[str] = set()
        self._refused_s: dict[str, float] = {}
        self._tries: dict[str, int] = {}

    def names(self) -> frozenset[str]:
        """The windows that are waited for."""
        return frozenset(self._unusable)

    def saw(self, names: Iterable[str]) -> None:
        """These windows cannot be used."""
        self._unusable.update(names)

    def clear_leftovers(self) -> None:
        """Clear what an earlier worker left in the windows."""
        for name in self._tidy.names():
            self._clear_leftover(name)

    def tell_others(self) -> None:
        """Tell of all windows that are not waited for that they can be used: nobody knows what an earlier worker, or
        none, left waiting for them."""
        for name in self._eyes.names():
            if name not in self._unusable:
                self._usable(name)

    def look_when_due(self) -> None:
        """Look at those that are waited for, clear what is ours there, and tell of those that can be used."""
        for name in sorted(self._unusable):
            if time.monotonic() - self._refused_s.get(name, -math.inf) < self._rest_s:
                continue
            if not self._eyes.is_ready(name):
                self._clear_leftover(name)
            if self._eyes.is_ready(name):
                self._unusable.discard(name)
                self._usable(name)

    def ended(self, name: str, *, was_used: bool) -> bool:
        """An order for this window ended: it was used, or it is waited for until it can be, which may be at once.
        Whether it is waited for.

        Also after a bounce: whoever tries again may decide that this was the last time.
        """
        if was_used and name not in self._tidy.names():
            self._unusable.discard(name)
            return False
        self._unusable.add(name)
        self._refused_s[name] = time.monotonic()
        self._inbox.recheck_in(self._rest_s + 0.05)
        return True

    def _clear_leftover(self, name: str) -> None:
        """Clear a draft of ours; if something was in the way, look again after a while that grows."""
        try:
            is_over = self._tidy.clear(name)
        except self._ends:
            raise
        except Exception:
            # The outer edge of one try: a window that cannot be tidied must not end the worker of all.
            log.exception("clearing_failed", window=name)
            self._let_go()
            is_over = False
        if is_over:
            self._tries.pop(name, None)
            return
        tries = self._tries[name] = self._tries.get(name, 0) + 1
        rest_s = min(REST_S * 2**tries, LONGEST_REST_S)
        self._refused_s[name] = time.monotonic() + rest_s - self._rest_s
        self._inbox.recheck_in(rest_s + 0.05)

    def _usable(self, name: str) -> None:
        """Only a window that was seen empty is told: whoever hears it forgets that a draft of ours may be there."""
        self._tidy.forget(name)
        self._tries.pop(name, None)
        self._outbox.send(WindowUsable(window=name))
