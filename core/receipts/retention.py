"""Texts and notices whose time is over: a text is cleared and a notice deleted; ids, hashes and states stay."""

from __future__ import annotations

from core.journal.service import Journal
from core.kit.clock import Clock
from core.receipts.model import DAY_MS, TextsExpired
from core.security.model import HUB
from core.store.engine import Store
from core.store.prune import every_hour, in_batches
from core.tasks.answers import Neighbours
from core.tasks.ledger import Ledger


class Retention:
    """How long Octet keeps texts: briefs, answers and messages, and the notices that told of them.

    Nothing of a task that has not ended expires, and nothing that a person has still to decide about.
    """

    def __init__(
        self, *, store: Store, journal: Journal, rooms: Neighbours, tasks: Ledger, clock: Clock, days: int
    ) -> None:
        """Texts are kept for `days`."""
        self._store = store
        self._journal = journal
        self._rooms = rooms
        self._tasks = tasks
        self._clock = clock
        self._days = days

    async def run(self) -> None:
        """Clear what is too old, now and then, until cancelled."""
        await every_hour(self.purge)

    async def purge(self) -> None:
        """Clear what is too old, a little at a time: tasks first, because messages and notices follow their task."""
        now_ms = self._clock.now_ms()
        before_ms = now_ms - self._days * DAY_MS
        messages, notices = self._rooms.messages, self._rooms.notices
        expired = TextsExpired(
            tasks=await in_batches(
                self._store, lambda tx, most: self._tasks.expire(tx, before_ms=before_ms, now_ms=now_ms, most=most)
            ),
            messages=await in_batches(
                self._store, lambda tx, most: messages.expire(tx, before_ms=before_ms, now_ms=now_ms, most=most)
            ),
            notices=await in_batches(
                self._store, lambda tx, most: notices.delete_old(tx, before_ms=before_ms, most=most)
            ),
        )
        if expired.tasks or expired.messages or expired.notices:
            await self._store.write(lambda tx: self._journal.append(tx, expired, by=HUB.id))
