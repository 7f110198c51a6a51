"""Clears and deletes what Octet has kept long enough. Ids, hashes and states stay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from core.kit.clock import DAY_MS
from core.kit.errors import Unavailable
from core.receipts import _store
from core.receipts.model import ReceiptsPurged, TextsExpired
from core.security.model import HUB
from core.settings.model import ReceiptSettings
from core.store.engine import Executable, Tx
from core.tasks.repository import TaskRepository
from core.tasks.services import TaskServices

log = structlog.get_logger(__name__)

BATCH = 20  # how many rows one transaction removes
BETWEEN_S = 0.05  # the rest between two transactions, in which others write
FIRST_S = 30.0
EVERY_S = 3600.0
_STORE_PAUSE_S = 5.0


class Retention:
    """Expires receipts, their pictures, and texts: briefs, answers, messages and notices. Nothing of an open task
    expires, and nothing that a user has still to decide about."""

    def __init__(self, services: TaskServices, *, tasks: TaskRepository, keeping: ReceiptSettings) -> None:
        self._store, self._services, self._tasks, self._keeping = services.store, services, tasks, keeping

    async def run(self) -> None:
        """Remove old rows soon and then every hour, until cancelled; sooner after the store refused."""
        pause_s = FIRST_S
        while True:
            await asyncio.sleep(pause_s)
            try:
                await self.purge()
                pause_s = EVERY_S
            except Unavailable as error:
                log.debug("purge_waits_for_store", why=error.message)
                pause_s = _STORE_PAUSE_S

    async def purge(self) -> None:
        """Remove old rows, a few per transaction, so that other writers never wait for long."""
        now_ms, days = self._services.clock.now_ms(), self._keeping
        purged = ReceiptsPurged(
            pictures=await self._delete(_store.DELETE_PICTURES, now_ms - days.keep_pictures_days * DAY_MS, now=now_ms),
            receipts=await self._delete(_store.DELETE, now_ms - days.keep_days * DAY_MS),
        )
        if purged.receipts or purged.pictures:
            await self._store.write(lambda tx: self._services.journal.append(tx, purged, by=HUB.id))
        before_ms, services = now_ms - days.keep_texts_days * DAY_MS, self._services
        limits = {"before_ms": before_ms, "now_ms": now_ms, "most": BATCH}
        expired = TextsExpired(  # tasks first, because messages and notices follow their task
            tasks=await self._in_batches(lambda tx: self._tasks.expire_texts(tx, **limits)),
            messages=await self._in_batches(lambda tx: services.messages.expire_texts(tx, **limits)),
            notices=await self._in_batches(lambda tx: services.notices.delete_old(tx, before_ms=before_ms, most=BATCH)),
        )
        if expired.tasks or expired.messages or expired.notices:
            await self._store.write(lambda tx: self._services.journal.append(tx, expired, by=HUB.id))
        kept = [*await self._tasks.attached(), *await services.messages.attached()]
        await services.messages.attachments.delete_others(kept)

    async def _delete(self, statement: Executable, before_ms: int, **values: int) -> int:
        asked = {"before": before_ms, "size_of_batch": BATCH, **values}
        return await self._in_batches(lambda tx: tx.execute(statement, asked).rowcount)

    async def _in_batches(self, remove: Callable[[Tx], int]) -> int:
        """Call `remove` in separate transactions until it removes no row; return how many it removed."""
        total = 0
        while count := await self._store.write(remove):
            total += count
            await asyncio.sleep(BETWEEN_S)
        return total
