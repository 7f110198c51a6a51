"""Drafts of ours that may still stand in windows: by which marks they are recognised, and when they are forgotten."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager

from core.deliveries import _store
from core.deliveries.model import DeliveryId, DeliveryState
from core.store.engine import Row, Store, Tx

_UNDER_WAY = frozenset({DeliveryState.STAGING, DeliveryState.STAGED, DeliveryState.SUBMITTING})
"""Whose draft stands in its window because it is just being brought there, or is the evidence of what became of it."""
_NEEDED = frozenset({*_UNDER_WAY, DeliveryState.UNKNOWN})


class DraftMarks:
    """The marks that stand in the deliveries' rows. The lane made them and alone understands them."""

    def __init__(self, store: Store) -> None:
        """Verbs that change take the open transaction."""
        self._store = store
        self._rehearsing: set[tuple[str, str]] = set()  # Windows of desks in which a rehearsal is under way

    async def left(self, desk: str) -> Mapping[str, tuple[str, ...]]:
        """By window of this desk, the marks of drafts of ours that may still stand there and that nobody needs: not of
        what is just being brought, and not of what they are the evidence for."""
        found: dict[str, list[Row]] = {}
        for row in await self._store.fetch(_store.DRAFTS, {"place": desk}):
            if row.window:
                found.setdefault(row.window, []).append(row)
        marks = {window: _not_needed(rows) for window, rows in found.items()}
        for row in await self._store.fetch(_store.REHEARSALS, {"place": desk}):
            marks[row.window] = _joined(marks.get(row.window, ()), json.loads(row.drafts))
        return {window: left for window, left in marks.items() if left}

    def left_in(self, tx: Tx, desk: str, window: str) -> tuple[str, ...]:
        """The marks that `left` has for this window. A worker that runs already does not know them all: a person may
        have settled meanwhile what a draft was the evidence for."""
        left = _not_needed(tx.execute(_store.DRAFTS_OF_WINDOW, {"place": desk, "which": window}).all())
        return _joined(left, self._rehearsed_in(tx, desk, window))

    def forget_all(self, tx: Tx, desk: str, window: str, *, but: DeliveryId | None = None) -> None:
        """The window was seen to hold no draft, except perhaps of what is under way there."""
        for row in tx.run(_store.DRAFTS_OF_WINDOW, {"place": desk, "which": window}):
            if row.id != but and DeliveryState(row.state) not in _UNDER_WAY:
                self.forget(tx, row.id)
        if (desk, window) not in self._rehearsing:
            tx.run(_store.FORGET_REHEARSAL, {"place": desk, "which": window})

    def forget(self, tx: Tx, delivery: DeliveryId) -> None:
        """The draft of this delivery was cleared after the delivery had been taken away."""
        tx.update_row(_store.deliveries.c.id, delivery, drafts="[]")

    @contextmanager
    def rehearsing(self, desk: str, window: str) -> Generator[None]:
        """Within the block a rehearsal is under way there: that the window was seen empty before does not forget its
        marks."""
        self._rehearsing.add((desk, window))
        try:
            yield
        finally:
            self._rehearsing.discard((desk, window))

    def rehearse(self, tx: Tx, desk: str, window: str, marks: Iterable[str]) -> None:
        """Further marks of a text that the window is tried out with, and that nobody ever needs."""
        known = _joined(self._rehearsed_in(tx, desk, window), marks)
        tx.execute(_store.REHEARSES, {"desk": desk, "window": window, "drafts": json.dumps(known)})

    def rehearsed(self, tx: Tx, desk: str, window: str) -> None:
        """That text was seen to be gone."""
        tx.execute(_store.FORGET_REHEARSAL, {"place": desk, "which": window})

    def _rehearsed_in(self, tx: Tx, desk: str, window: str) -> tuple[str, ...]:
        row = tx.execute(_store.REHEARSAL_IN, {"place": desk, "which": window}).first()
        return () if row is None else tuple(json.loads(row.drafts))


def _joined(*marks: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(mark for some in marks for mark in some))


def _not_needed(rows: Iterable[Row]) -> tuple[str, ...]:
    """The marks of those of which nobody needs the draft any more, each once."""
    left = (row for row in rows if DeliveryState(row.state) not in _NEEDED)
    return tuple(dict.fromkeys(mark for row in left for mark in json.loads(row.drafts)))
