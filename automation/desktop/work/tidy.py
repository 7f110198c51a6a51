"""Drafts of ours that an interrupted delivery left in windows: known by their marks, or because nobody else was there
since. They are cleared, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import structlog

from automation.protocol.ports import Cancelled, ClearResult, DeliveryClock, PermanentFailure, TransientFailure

log = structlog.get_logger(__name__)

STILL_S = 0.3
"""So long nobody may have typed, and nothing may have changed in the composer, before it is read."""
WAIT_S = 2.0
"""The longest wait for that."""
TRIES = 5
"""What is ours only because nobody else was there, and does not go away by being cleared so often, is left alone."""


class DraftLooksPort(Protocol):
    """What is seen of the windows, without touching them. Raises TransientFailure or PermanentFailure."""

    def names(self) -> tuple[str, ...]:
        """The windows that there are."""
        ...

    def is_composer_empty(self, name: str) -> bool:
        """Whether nothing stands in its composer."""
        ...

    def is_busy(self, name: str) -> bool:
        """Whether its busy sign is shown."""
        ...


class DraftPort(Protocol):
    """A window in which a draft of ours may stand. Raises what `ports.WindowPort` says."""

    def find(self) -> None:
        """See that it is the window, whatever it shows."""
        ...

    def stands_still(self, seconds: float, *, within_s: float) -> bool:
        """Whether nobody types and nothing changes in the composer for so long."""
        ...

    def is_untouched(self) -> bool:
        """Whether all that stands in the composer came from us, as nobody else was there since."""
        ...

    def matches_draft(self, marks: Sequence[str]) -> bool:
        """Whether what stands in the composer is a draft with one of these marks."""
        ...

    def clear(self, *, if_untouched: bool = False) -> ClearResult:
        """Remove our own draft; with `if_untouched` only as long as it is that. Raises nothing."""
        ...

    def give_back(self) -> None:
        """Selection, pointer and focus go back to where they were."""
        ...


class LeftoverDrafts:
    """What is known of our drafts in this desk's windows. Belongs to the worker's thread."""

    def __init__(
        self,
        marks: Mapping[str, tuple[str, ...]],
        *,
        eyes: DraftLooksPort,
        pace: DeliveryClock,
        open_window: Callable[[str], DraftPort],
        may_touch: Callable[[], bool],
    ) -> None:
        """`marks` by window; those of windows that this desk does not have are of no use. `may_touch`: not held."""
        self._marks = {name: set(marks[name]) for name in eyes.names() if marks.get(name)}
        self._eyes = eyes
        self._pace = pace
        self._open_window = open_window
        self._may_touch = may_touch
        self._persons: set[str] = set()
        """Windows in which somebody else's draft was seen: it is read once, not again and again while they write."""
        self._tries: dict[str, int] = {}
        """How often what nobody else can have written was cleared in vain."""

    def names(self) -> tuple[str, ...]:
        """Windows in which a draft of ours may stand."""
        return tuple(self._marks)

    def know(self, name: str, marks: tuple[str, ...]) -> None:
        """Further marks of a draft of ours in this window."""
        if marks:
            self._marks.setdefault(name, set()).update(marks)
            self._persons.discard(name)

    def forget(self, name: str) -> None:
        """The window was seen empty."""
        self._marks.pop(name, None)
        self._tries.pop(name, None)
        self._persons.discard(name)

    def clear(self, name: str) -> bool:
        """Clear the window if our draft alone stands there. False while it is worth another try after a while."""
        if name not in self._marks or name in self._persons or not self._may_touch():
            return True
        window = self._open_window(name)
        try:
            return self._clear(name, window)
        except PermanentFailure:
            return True  # the window's own news say when it is there again
        except (TransientFailure, Cancelled):
            return False
        finally:
            window.give_back()

    def _clear(self, name: str, window: DraftPort) -> bool:
        window.find()
        if self._eyes.is_composer_empty(name):
            return True
        if self._eyes.is_busy(name) or not window.stands_still(STILL_S, within_s=WAIT_S):
            return False
        is_untouched = self._tries.get(name, 0) < TRIES and window.is_untouched()
        if not is_untouched and not window.matches_draft(tuple(self._marks[name])):
            window.find()  # what was read was this window's composer, and not what lay over it
            self._persons.add(name)
            log.info("draft_is_not_ours", window=name)
            return True
        cleared = window.clear(if_untouched=is_untouched)
        if is_untouched and cleared is not ClearResult.SEEN:
            self._tries[name] = self._tries.get(name, 0) + 1
        log.info("own_draft_cleared", window=name, seen=cleared, by="untouched" if is_untouched else "marks")
        return cleared is ClearResult.SEEN
