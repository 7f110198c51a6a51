"""A courier carries out the deliveries of one desk (or of one lane without desks), one at a time.

What a person wants to be pressed now comes first; then what was interrupted after Enter had been asked for: it finds
out what became of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from core.deliveries.model import Delivery, DeliveryId, DeliveryState, NotWanted, Order, Outcome, Reason, Result
from core.deliveries.ports import LanePort
from core.dispatch.outcomes import Verdict
from core.dispatch.services import Services
from core.dispatch.turns import next_turn
from core.kit import faults
from core.kit.errors import Conflict, Unavailable
from core.messages.prompt_files import BriefNotWritten, Prompt
from core.store.engine import Tx, at_row
from core.store.errors import StoreUnavailable
from core.tasks.model import TaskState

log = structlog.get_logger(__name__)

_STORE_PAUSE_S = 1.0


@dataclass(slots=True, kw_only=True)
class _Interrupted:
    """When somebody began to wait for a look at this delivery, and before when there is no use in looking again."""

    since_s: float
    rests_until_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What to do next: an order, to be brought or only to be settled; or nothing, and how long to rest."""

    order: Order | None = None
    is_to_settle: bool = False
    pause_s: float | None = None


class _Attempt:
    """The journal's side of one attempt (deliveries.ports.Progress): each step is durable before the lane goes on."""

    def __init__(self, services: Services, verdict: Verdict, order: Order) -> None:
        self._services = services
        self._verdict = verdict
        self._order = order
        self.may_have_pressed = False
        """Enter was granted to the lane."""

    async def staging(self, *, drafts: tuple[str, ...] = ()) -> None:
        await self._proceed(DeliveryState.STAGING, drafts)

    async def staged(self, *, sha256: str, drafts: tuple[str, ...] = ()) -> None:
        del sha256  # the lane compared the texts; the hash of what was asked stands in the row since the lease
        await self._proceed(DeliveryState.STAGED, drafts)

    async def submitting(self) -> None:
        await self._services.store.write(self._grant)
        self.may_have_pressed = True

    def _grant(self, tx: Tx) -> None:
        """Enter may be pressed. Asked once more, after nothing was pressed, it may not if its task ended meanwhile."""
        order, deliveries = self._order, self._services.deliveries
        now = deliveries.find(tx, order.delivery)
        if now.state is DeliveryState.SUBMITTING and self._verdict.is_over(tx, now):
            raise NotWanted(id=now.id)
        deliveries.proceed(tx, order.delivery, order.fence, DeliveryState.SUBMITTING)

    async def _proceed(self, to: DeliveryState, drafts: tuple[str, ...] = ()) -> None:
        order, deliveries = self._order, self._services.deliveries
        await self._services.store.write(
            lambda tx: deliveries.proceed(tx, order.delivery, order.fence, to, drafts=drafts)
        )


class Courier:
    """Takes the most urgent due delivery of its agents, again and again, as long as its desk may be used."""

    def __init__(
        self,
        *,
        name: str,
        desk: str | None,
        agents: Sequence[str],
        lane: LanePort,
        slots: asyncio.Semaphore,
        why_closed: Callable[[], str],
        why_waits: Callable[[], str],
        window_is_back: Callable[[Tx, str, str], None],
        look: Callable[[str, str], Awaitable[None]],
        services: Services,
        verdict: Verdict,
    ) -> None:
        """`slots` are how many deliveries the lane takes at once. `why_closed` says why none may begin now; empty
        if one may. `why_waits` is as that, for what passes by itself: somebody types, or these are quiet hours.
        `window_is_back` takes in that a window of a desk can be used again, `look` what a window of a desk shows now.
        """
        self.name = name
        self._desk = desk
        self.agents = agents
        self._lane = lane
        self._slots = slots
        self._why_closed = why_closed
        self._why_waits = why_waits
        self._window_is_back = window_is_back
        self._look = look
        self._came_back: set[str] = set()
        """Windows that were told to be usable while an attempt was under way or its outcome not yet stored."""
        self._services = services
        self._verdict = verdict
        self._interrupted: dict[DeliveryId, _Interrupted] = {}
        self._news = asyncio.Event()
        self._now: DeliveryId | None = None
        self._is_retired = False
        self._is_over = asyncio.Event()
        self._is_over.set()

    async def retire(self, *, within_s: float) -> None:
        """Take nothing more. What is under way ends first; after so long it is given up, if Enter was not asked for."""
        self._is_retired = True
        self._news.set()
        try:
            async with asyncio.timeout(within_s):
                await self._is_over.wait()
        except TimeoutError:
            if self._now is not None:
                await self._give_up(self._now)
            await self._is_over.wait()

    def wake(self) -> None:
        """Look again: something was queued, or the desk may be usable."""
        self._news.set()

    def came_back(self, desk: str, window: str) -> None:
        """This window can be used again. If its refusal is not even written down yet, that is heeded afterwards."""
        if desk == self._desk:
            self._came_back.add(window)

    async def stop(self, delivery: DeliveryId, *, answered: bool = False) -> None:
        """Give this delivery up, or the watch for its proof if it was `answered`, if it is the one under way."""
        if self._now == delivery:
            await self._give_up(delivery, answered=answered)

    async def _give_up(self, delivery: DeliveryId, *, answered: bool = False) -> None:
        try:
            await self._lane.give_up(delivery, answered=answered)
        except Unavailable as error:
            # The lane's next question to the journal gets the same answer, or its worker has ended.
            log.warning("lane_not_told_to_stop", delivery=delivery, why=error.message)

    async def run(self) -> None:
        """Work until cancelled, or retired."""
        self._is_over.clear()
        try:
            await self._work()
        finally:
            self._is_over.set()

    async def _work(self) -> None:
        while not self._is_retired:
            self._is_over.set()  # nothing is under way while it waits for its turn
            async with self._slots:
                if self._is_retired:
                    return
                self._is_over.clear()
                self._news.clear()
                try:
                    work = await self._next()
                except Unavailable as error:
                    log.debug("courier_waits_for_the_store", courier=self.name, why=error.message)
                    work = None
                if work is not None and work.order is not None:
                    await self._carry_out(work.order, is_to_settle=work.is_to_settle)
                    continue
            if work is None:
                await asyncio.sleep(_STORE_PAUSE_S)
                await self._services.store.until_back()
                continue
            if self._is_retired:
                return
            try:
                async with asyncio.timeout(work.pause_s):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _next(self) -> _Work:
        """Take what was interrupted, else lease the next due delivery; if none is due, the seconds until one is."""
        why_closed, why_waits = self._why_closed(), self._why_waits()

        return await self._services.tasks.quarantine.write(lambda tx: self._take(tx, why_closed, why_waits))

    def _take(self, tx: Tx, why_closed: str, why_waits: str) -> _Work:
        """An act first: it is worth nothing later, and whoever wants to interrupt cannot wait for a queue."""
        act, act_again_ms = self._services.agent_actions.next_due(tx, self.agents, why_not=why_closed or why_waits)
        if act is not None:
            with at_row(delivery=act.id):
                return _Work(order=self._lease_act(tx, act), pause_s=0.0)
        work = self._take_prompt(tx, why_closed, why_waits)
        if work.order is not None or act_again_ms is None:
            return work
        again_s = max(0.0, (act_again_ms - self._services.clock.now_ms()) / 1000)
        return replace(work, pause_s=again_s if work.pause_s is None else min(work.pause_s, again_s))

    def _take_prompt(self, tx: Tx, why_closed: str, why_waits: str) -> _Work:
        for delivery in self._services.deliveries.interrupted(tx, self.agents):
            with at_row(delivery=delivery.id):
                return self._take_interrupted(tx, delivery, why_closed, why_waits)
        if why_closed:
            return _Work()
        self._verdict.waits(tx, self._services.deliveries.queued(tx, self.agents), why_waits)
        if why_waits:
            return _Work()
        waiting = self._services.deliveries.queued(tx, self.agents)
        now_ms = self._services.clock.now_ms()
        turn = next_turn(
            waiting,
            may_go=lambda one: self._may_go(tx, one),
            now_ms=now_ms,
            longest_pause_ms=self._services.policy.longest_pause_ms,
        )
        if turn is None:
            return _Work()
        if turn.not_before_ms > now_ms:
            return _Work(pause_s=(turn.not_before_ms - now_ms) / 1000)
        with at_row(delivery=turn.id):
            return _Work(order=self._lease(tx, turn), pause_s=0.0)

    def _take_interrupted(self, tx: Tx, delivery: Delivery, why_closed: str, why_waits: str) -> _Work:
        """Take the delivery again, to find out what became of it; or say that nobody can, once that is sure."""
        now_s, policy = self._services.clock.monotonic_s(), self._services.policy
        known = self._interrupted.setdefault(delivery.id, _Interrupted(since_s=now_s))
        if why_waits and not why_closed and not self._verdict.is_over(tx, delivery):
            known.since_s = math.inf  # that passes by itself: the time for looking begins when it has
            return _Work()
        known.since_s = min(known.since_s, now_s)
        left_s = known.since_s + policy.recovery_timeout_s - now_s
        if self._verdict.is_over(tx, delivery):
            return self._nobody_looks(tx, delivery, "its task ended meanwhile")
        if left_s <= 0:
            return self._nobody_looks(tx, delivery, why_closed or "the desk's worker ended over each look")
        rest_s = known.rests_until_s - now_s
        if why_closed or rest_s > 0:
            return _Work(pause_s=left_s if why_closed else min(rest_s, left_s))
        try:
            text = self._prompt(tx, delivery, is_fixed=True).text
        except BriefNotWritten as error:
            return self._nobody_looks(tx, delivery, error.message)
        if hashlib.sha256(text.encode()).hexdigest() != delivery.sha256:
            # Another text than the one that was brought proves nothing by not being there.
            return self._nobody_looks(tx, delivery, Reason.PROMPT_CHANGED.value)
        taken = self._services.deliveries.retake(tx, delivery.id)
        return _Work(order=self._order(tx, taken, text), is_to_settle=True)

    def _nobody_looks(self, tx: Tx, delivery: Delivery, why: str) -> _Work:
        self._verdict.nobody_looked(tx, delivery, why)
        tx.after_commit(lambda: self._forget(delivery.id))
        return _Work(pause_s=0.0)

    def _may_go(self, tx: Tx, delivery: Delivery) -> bool:
        """A brief whenever its desk may be used; words when all that comes before them has come."""
        with at_row(delivery=delivery.id):
            return delivery.is_brief or self._services.agent_messages.is_deliverable(tx, delivery)

    def _prompt(self, tx: Tx, delivery: Delivery, *, is_fixed: bool) -> Prompt:
        """What the agent gets: the brief of a task, or somebody's words. `is_fixed`: where it is cut stays as it is."""
        share = delivery.share if is_fixed and delivery.share.cuts else None
        if delivery.task is None:
            return self._services.agent_messages.make_prompt(tx, delivery, share=share)
        return self._services.tasks.prompt(tx, delivery.task, delivery.message, share=share)

    def _lease(self, tx: Tx, delivery: Delivery) -> Order | None:
        """Take the delivery; None if its prompt cannot be made, which is written down as its failure."""
        ledger = self._services.tasks.ledger
        if delivery.task is not None and ledger.find(tx, delivery.task).state is TaskState.ASSIGNED:
            ledger.move(tx, delivery.task, TaskState.DELIVERING)
        try:
            prompt = self._prompt(tx, delivery, is_fixed=delivery.share.is_later or delivery.may_have_arrived)
        except BriefNotWritten as error:
            failed = self._services.deliveries.lease(tx, delivery.id, sha256="")
            outcome = Outcome(result=Result.FAILED, reason=Reason.BRIEF_NOT_WRITTEN, note=error.message)
            self._verdict.give(tx, failed.id, failed.fence, outcome)
            return None
        sha256 = hashlib.sha256(prompt.text.encode()).hexdigest()
        leased = self._services.deliveries.lease(tx, delivery.id, sha256=sha256, share=prompt.share)
        if leased.desk and leased.window:
            leased = replace(leased, drafts=self._services.deliveries.drafts.left_in(tx, leased.desk, leased.window))
        return self._order(tx, leased, prompt.text)

    def _lease_act(self, tx: Tx, delivery: Delivery) -> Order:
        """Take an act: it has no text, and nothing that may stand in the window is in its way."""
        leased = self._services.deliveries.lease(tx, delivery.id, sha256="")
        return Order(
            delivery=leased.id,
            fence=leased.fence,
            agent=leased.agent,
            desk=leased.desk,
            window=leased.window,
            text="",
            sha256="",
            while_busy=True,
            act=leased.act,
            expects=leased.expects,
        )

    def _order(self, tx: Tx, leased: Delivery, text: str) -> Order:
        return Order(
            delivery=leased.id,
            fence=leased.fence,
            agent=leased.agent,
            desk=leased.desk,
            window=leased.window,
            text=text,
            sha256=leased.sha256,
            drafts=leased.drafts,
            while_busy=not leased.is_brief and self._services.agent_messages.may_send_while_busy(tx, leased),
        )

    async def _carry_out(self, order: Order, *, is_to_settle: bool) -> None:
        self._now = order.delivery
        self._came_back.clear()
        if is_to_settle:
            faults.point("dispatch.retaken")
        else:
            faults.point("dispatch.taken")
        try:
            outcome = await self._attempt(order, is_to_settle=is_to_settle)
        finally:
            self._now = None
        faults.point("dispatch.seen")
        await self._write_down(order, outcome)
        faults.point("dispatch.noted")
        if order.act is not None and order.desk and order.window:
            await self._look(order.desk, order.window)
        if (known := self._interrupted.get(order.delivery)) is None:
            return
        if (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.WORKER_LOST):
            known.rests_until_s = self._services.clock.monotonic_s() + self._services.policy.recovery_pause_s
        else:
            self._forget(order.delivery)

    def _forget(self, delivery: DeliveryId) -> None:
        self._interrupted.pop(delivery, None)

    async def _write_down(self, order: Order, outcome: Outcome) -> None:
        """Commit the outcome, however long the disk refuses: what was seen must not be forgotten."""

        def note(tx: Tx) -> None:
            with at_row(delivery=order.delivery):
                self._verdict.give(tx, order.delivery, order.fence, outcome)
            if order.desk and order.window in self._came_back:
                self._window_is_back(tx, order.desk, order.window)

        while True:
            try:
                await self._services.tasks.quarantine.write(note, is_last_word=True)
            except Unavailable as error:
                log.debug("outcome_not_stored_yet", delivery=order.delivery, why=error.message)
                await asyncio.sleep(_STORE_PAUSE_S)
            else:
                return

    async def _attempt(self, order: Order, *, is_to_settle: bool) -> Outcome:
        attempt = _Attempt(self._services, self._verdict, order)
        try:
            return await (self._lane.settle if is_to_settle else self._lane.deliver)(order, attempt)
        except Conflict:
            # The delivery was taken away between two steps; the lane has cleared its draft.
            return Outcome(result=Result.STOPPED)
        except StoreUnavailable as error:
            # It was said once; the lane asked, was refused, and has cleared its draft.
            if is_to_settle or attempt.may_have_pressed:
                return Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST, note=error.message)
            return Outcome(result=Result.STOPPED, reason=Reason.NOT_WRITTEN_DOWN, note=error.message)
        except Exception as error:
            # The store failed under the lane, or the lane broke its promise: unless Enter was granted, nothing arrived.
            log.exception("lane_failed", delivery=order.delivery, agent=order.agent)
            result = Result.UNKNOWN if is_to_settle or attempt.may_have_pressed else Result.BOUNCED
            return Outcome(
                result=result, reason=Reason.WORKER_LOST, note=f"the attempt broke off ({type(error).__name__})"
            )
