"""Octet's drafts that may still be in windows: the marks that identify them, and when they are forgotten."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager

from core.deliveries import _store
from core.deliveries.model import DeliveryId, DeliveryState
from core.store.engine import Row, Store, Tx

_UNDER_WAY = frozenset({DeliveryState.STAGING, DeliveryState.STAGED, DeliveryState.SUBMITTING})
"""Deliveries whose draft in the window is being typed, or is the evidence of the result."""
_NEEDED = frozenset({*_UNDER_WAY, DeliveryState.UNKNOWN})


class DraftMarks:
    """The marks in the deliveries' rows. The lane made them and alone understands them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rehearsing: set[tuple[str, str]] = set()  # Windows of desks in which a rehearsal is under way

    async def left(self, desk: str) -> Mapping[str, tuple[str, ...]]:
        """Return, by window, the marks of Octet's drafts that may still be there and are no longer evidence."""
        found: dict[str, list[Row]] = {}
        for row in await self._store.fetch(_store.DRAFTS, {"place": desk}):
            if row.window:
                found.setdefault(row.window, []).append(row)
        marks = {window: _no_evidence(rows) for window, rows in found.items()}
        for row in await self._store.fetch(_store.REHEARSALS, {"place": desk}):
            marks[row.window] = _joined(marks.get(row.window, ()), json.loads(row.drafts))
        return {window: left for window, left in marks.items() if left}

    def left_in(self, tx: Tx, desk: str, window: str) -> tuple[str, ...]:
        """Return the marks that `left` has for this window, also of deliveries settled since the worker's start."""
        left = _no_evidence(tx.execute(_store.DRAFTS_OF_WINDOW, {"place": desk, "which": window}))
        return _joined(left, self._rehearsed_in(tx, desk, window))

    def forget_all(self, tx: Tx, desk: str, window: str, *, but: DeliveryId | None = None) -> None:
        """Forget the marks of this window, which Octet saw without a draft, except those of a delivery under way."""
        for row in tx.execute(_store.DRAFTS_OF_WINDOW, {"place": desk, "which": window}):
            if row.id != but and DeliveryState(row.state) not in _UNDER_WAY:
                self.forget(tx, row.id)
        if (desk, window) not in self._rehearsing:
            tx.execute(_store.FORGET_REHEARSAL, {"place": desk, "which": window})

    def forget(self, tx: Tx, delivery: DeliveryId) -> None:
        """Forget the marks of this delivery: its draft was cleared after the delivery had been cancelled."""
        tx.update_row(_store.deliveries.c.id, delivery, drafts="[]")

    @contextmanager
    def rehearsing(self, desk: str, window: str) -> Generator[None]:
        """Within the block a trial is under way there: `forget_all` keeps its marks."""
        self._rehearsing.add((desk, window))
        try:
            yield
        finally:
            self._rehearsing.discard((desk, window))

    def rehearse(self, tx: Tx, desk: str, window: str, marks: Iterable[str]) -> None:
        known = _joined(self._rehearsed_in(tx, desk, window), marks)
        tx.execute(_store.REHEARSES, {"desk": desk, "window": window, "drafts": json.dumps(known)})

    def rehearsed(self, tx: Tx, desk: str, window: str) -> None:
        """Forget the marks of a trial, whose text was seen to be gone."""
        tx.execute(_store.FORGET_REHEARSAL, {"place": desk, "which": window})

    def _rehearsed_in(self, tx: Tx, desk: str, window: str) -> tuple[str, ...]:
        row = tx.execute(_store.REHEARSAL_IN, {"place": desk, "which": window}).first()
        return () if row is None else tuple(json.loads(row.drafts))


def _joined(*marks: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(mark for some in marks for mark in some))


def _no_evidence(rows: Iterable[Row]) -> tuple[str, ...]:
    """Return the marks of drafts that are no longer evidence, each once."""
    left = (row for row in rows if DeliveryState(row.state) not in _NEEDED)
    return tuple(dict.fromkeys(mark for row in left for mark in json.loads(row.drafts)))
