"""Sets aside the one task, or message, on which Octet meets an internal error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog

from core.agents.model import AgentState
from core.deliveries.model import OPEN_STATES, Delivery, DeliveryId, DeliveryState, asked_about
from core.kit.errors import Unavailable
from core.reasons import ParkCause, Reason
from core.store.engine import RowFailed, Tx, at_row
from core.tasks.model import ENDED, Task, TaskState
from core.tasks.repository import TaskRepository
from core.tasks.services import TaskServices

T = TypeVar("T")
log = structlog.get_logger(__name__)

STORE_PAUSE_S = 1.0  # the least rest after a refused write
_ON_THE_WAY = frozenset({TaskState.ASSIGNED, TaskState.DELIVERING})


class Quarantine:
    """Keeps Octet's loops running when the work on one row fails unexpectedly."""

    def __init__(self, services: TaskServices, *, repository: TaskRepository) -> None:
        self._store, self._repository, self._services = services.store, repository, services

    async def write(self, work: Callable[[Tx], T], *, is_last_word: bool = False) -> T:
        """Run `work` as Store.write does. If it fails at a row (see `at_row`), set that row aside and run it again.
        Where that does not help, leave out what is named around the row. Raises RowFailed where nothing is."""
        return await self.read(lambda: self._store.write(work, is_last_word=is_last_word))

    async def read(self, look: Callable[[], Awaitable[T]]) -> T:
        """Await `look()`, and treat a row at which it fails as `write` does."""
        seen = set[str]()
        while True:
            try:
                return await look()
            except RowFailed as failed:
                if not await self._is_set_aside(failed, seen):
                    if not failed.named or self._store.aside.has(failed.named):
                        raise
                    self._store.aside.add(failed.named, failed.__cause__)

    async def _is_set_aside(self, failed: RowFailed, seen: set[str]) -> bool:
        """Set the task or delivery aside, once; return False where that is not the failure, or fails too."""
        row = str(failed)
        if row in seen or not (failed.task or failed.delivery):
            return False
        seen.add(row)
        log.error("row_quarantined", task=failed.task, delivery=failed.delivery, exc_info=failed)
        try:
            with at_row(named=row):
                await self._store.write(lambda tx: self._set_aside(tx, failed))
        except RowFailed:
            log.exception("row_not_set_aside", task=failed.task, delivery=failed.delivery)
            return False
        return True

    def part(self, tx: Tx, work: Callable[..., T], otherwise: T, *, of: str = "", **given: Any) -> T:
        """Do this part of a round with `given`. After an error that setting a row aside does not repair, Octet leaves
        the part out for a minute, with `otherwise` as its result, and the round continues."""
        named = f"{work.__name__.strip('_')} {of}".strip()
        if self._store.aside.has(named):
            return otherwise
        with at_row(named=named):
            return work(tx, **given)

    async def write_when_back(self, work: Callable[[Tx], T], *, is_last_word: bool = False) -> T:
        """Run `work` as `write` does, however long the store refuses it. See Store.write for `is_last_word`."""
        while True:
            try:
                return await self.write(work, is_last_word=is_last_word)
            except Unavailable as error:
                log.debug("write_waits_for_store", why=error.message)
                await self.until_back(is_last_word=is_last_word)

    async def until_back(self, *, is_last_word: bool = False) -> None:
        """Wait after the store refused a write; a last word may be taken before other writes are."""
        await asyncio.sleep(STORE_PAUSE_S)
        if not is_last_word:
            await self._store.until_back()

    def _set_aside(self, tx: Tx, failed: RowFailed) -> None:
        note = f"Octet had an internal error ({type(failed.__cause__).__name__}); its log has the details"
        deliveries = self._services.deliveries
        if failed.delivery is not None:
            delivery = deliveries.find(tx, DeliveryId(failed.delivery))
        else:
            delivery = deliveries.open_for_task(tx, failed.task or "")
        if delivery is not None:
            delivery = self._end(tx, delivery, note)
        name = failed.task or (delivery.task if delivery is not None else None)
        if name is not None:
            self._repository.repair(tx, name)
            self._park(tx, self._repository.find(tx, name), delivery, note)

    def _end(self, tx: Tx, delivery: Delivery, note: str) -> Delivery:
        """Stop the delivery. If Enter may have been pressed, a user decides what became of it."""
        if delivery.state not in OPEN_STATES or delivery.state is DeliveryState.UNKNOWN:
            return delivery
        to = DeliveryState.UNKNOWN if delivery.state is DeliveryState.SUBMITTING else DeliveryState.CANCELLED
        return self._services.deliveries.step(tx, delivery, to, reason=Reason.INTERNAL_ERROR, note=note)

    def _park(self, tx: Tx, task: Task, delivery: Delivery | None, note: str) -> None:
        """Park the task. An agent that works on it keeps it, and its answer counts."""
        if task.state in ENDED or task.state is TaskState.PARKED:
            return
        if delivery is not None and delivery.state is DeliveryState.UNKNOWN:
            cause, about = ParkCause.DELIVERY_UNKNOWN, asked_about(delivery)
            self._repository.suspend(tx, task.id, TaskState.PARKED, reason=cause, note=note, about=about)
            self._services.agents.move(tx, delivery.agent, AgentState.HELD, reason=cause, task=task.id)
            return
        self._repository.suspend(tx, task.id, TaskState.PARKED, reason=ParkCause.LOST, note=note)
        if task.state in _ON_THE_WAY and task.agent is not None:
            self._services.agents.free(tx, task.agent, task=task.id)
