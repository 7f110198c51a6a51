"""A courier carries out the deliveries of one desk (or of one lane without desks), one at a time."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from core.deliveries.model import Delivery, DeliveryId, DeliveryState, Order, Outcome, Reason, Result
from core.deliveries.ports import LanePort
from core.deliveries.service import Deliveries
from core.dispatch.verdict import Verdict
from core.kit import faults
from core.kit.clock import Clock
from core.kit.errors import Conflict, Unavailable
from core.store.engine import Store, Tx
from core.tasks.briefs import BriefNotWritten
from core.tasks.model import TaskState
from core.tasks.service import Tasks

log = structlog.get_logger(__name__)

_STORE_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierRooms:
    """What a courier works with."""

    store: Store
    deliveries: Deliveries
    tasks: Tasks
    verdict: Verdict
    clock: Clock


class _Attempt:
    """The journal's side of one attempt (deliveries.ports.Progress): each step is durable before the lane goes on."""

    def __init__(self, rooms: CourierRooms, order: Order) -> None:
        self._rooms = rooms
        self._order = order
        self.may_have_pressed = False
        """Enter was granted to the lane."""

    async def staging(self, *, drafts: tuple[str, ...] = ()) -> None:
        await self._proceed(DeliveryState.STAGING, drafts)

    async def staged(self, *, sha256: str, drafts: tuple[str, ...] = ()) -> None:
        del sha256  # the lane compared the texts; the hash of what was asked stands in the row since the lease
        await self._proceed(DeliveryState.STAGED, drafts)

    async def submitting(self) -> None:
        await self._proceed(DeliveryState.SUBMITTING)
        self.may_have_pressed = True

    async def _proceed(self, to: DeliveryState, drafts: tuple[str, ...] = ()) -> None:
        order, deliveries = self._order, self._rooms.deliveries
        await self._rooms.store.write(lambda tx: deliveries.proceed(tx, order.delivery, order.fence, to, drafts=drafts))


class Courier:
    """Takes the most urgent due delivery of its agents, again and again, as long as its desk may be used."""

    def __init__(
        self, *, name: str, agents: Sequence[str], lane: LanePort, is_open: Callable[[], bool], rooms: CourierRooms
    ) -> None:
        """`is_open` says whether a delivery may begin now."""
        self.name = name
        self._agents = agents
        self._lane = lane
        self._is_open = is_open
        self._rooms = rooms
        self._news = asyncio.Event()
        self._now: DeliveryId | None = None

    def wake(self) -> None:
        """Look again: something was queued, or the desk may be usable."""
        self._news.set()

    async def stop(self, delivery: DeliveryId) -> None:
        """Give this delivery up if it is the one under way."""
        if self._now == delivery:
            await self._lane.stop(delivery)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._news.clear()
            try:
                order, pause_s = await self._next() if self._is_open() else (None, None)
            except Unavailable as error:
                log.warning("courier_waits_for_the_store", courier=self.name, why=error.message)
                order, pause_s = None, _STORE_PAUSE_S
            if order is not None:
                await self._carry_out(order)
                continue
            try:
                async with asyncio.timeout(pause_s):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _next(self) -> tuple[Order | None, float | None]:
        """Lease the next due delivery; if none is due, the seconds until one is."""

        def lease(tx: Tx) -> tuple[Order | None, float | None]:
            queued = self._rooms.deliveries.queued(tx, self._agents)
            now = self._rooms.clock.now_ms()
            due = next((delivery for delivery in queued if delivery.not_before_ms <= now), None)
            if due is None:
                soonest = min((delivery.not_before_ms for delivery in queued), default=None)
                return None, None if soonest is None else (soonest - now) / 1000
            order = self._lease(tx, due)
            return order, None if order else 0.0

        return await self._rooms.store.write(lease)

    def _lease(self, tx: Tx, delivery: Delivery) -> Order | None:
        """Take the delivery; None if its prompt cannot be made, which is written down as its failure."""
        task = delivery.task or ""
        if self._rooms.tasks.ledger.find(tx, task).state is TaskState.ASSIGNED:
            self._rooms.tasks.ledger.move(tx, task, TaskState.DELIVERING)
        try:
            text = self._rooms.tasks.prompt(tx, task, delivery.message)
        except BriefNotWritten as error:
            failed = self._rooms.deliveries.lease(tx, delivery.id, sha256="")
            outcome = Outcome(result=Result.FAILED, reason=Reason.BRIEF_NOT_WRITTEN, note=error.message)
            self._rooms.verdict.give(tx, failed.id, failed.fence, outcome)
            return None
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        leased = self._rooms.deliveries.lease(tx, delivery.id, sha256=sha256)
        return Order(
            delivery=leased.id,
            fence=leased.fence,
            agent=leased.agent,
            desk=leased.desk,
            window=leased.window,
            text=text,
            sha256=sha256,
        )

    async def _carry_out(self, order: Order) -> None:
        self._now = order.delivery
        faults.point("dispatch.taken")
        try:
            outcome = await self._attempt(order)
        finally:
            self._now = None
        faults.point("dispatch.seen")
        await self._write_down(order, outcome)
        faults.point("dispatch.noted")

    async def _write_down(self, order: Order, outcome: Outcome) -> None:
        """Commit the outcome, however long the disk refuses: what was seen must not be forgotten."""
        while True:
            try:
                await self._rooms.store.write(
                    lambda tx: self._rooms.verdict.give(tx, order.delivery, order.fence, outcome)
                )
            except Unavailable as error:
                log.warning("outcome_not_stored_yet", delivery=order.delivery, why=error.message)
                await asyncio.sleep(_STORE_PAUSE_S)
            else:
                return

    async def _attempt(self, order: Order) -> Outcome:
        attempt = _Attempt(self._rooms, order)
        try:
            return await self._lane.deliver(order, attempt)
        except Conflict:
            # The delivery was taken away between two steps; the lane has cleared its draft.
            return Outcome(result=Result.STOPPED)
        except Exception as error:
            # The store failed under the lane, or the lane broke its promise: unless Enter was granted, nothing arrived.
            log.exception("lane_failed", delivery=order.delivery, agent=order.agent)
            result = Result.UNKNOWN if attempt.may_have_pressed else Result.BOUNCED
            return Outcome(result=result, reason=Reason.WORKER_LOST, note=type(error).__name__)
