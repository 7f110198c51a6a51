"""One worker per route delivers, one delivery at a time; its lane says how many routes may at once.

What a user wants pressed now comes first; then what was interrupted after Enter was asked for, whose fate the worker
finds out; then prompts by their urgency. A worker takes one as long as its desk may be used."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import structlog

from core.agents.model import Agent, Route
from core.deliveries.model import (
    Assurance,
    Delivery,
    DeliveryId,
    DeliveryRequest,
    DeliveryState,
    NotWanted,
    Outcome,
    Reason,
    Result,
)
from core.deliveries.ports import LanePort
from core.dispatch.outcomes import Outcomes
from core.dispatch.services import Reachability, Services
from core.journal.model import Entry
from core.kit import faults
from core.kit.errors import Conflict, Unavailable
from core.kit.supervise import supervise, wait_for_event
from core.messages.prompt_files import BriefNotWritten, Prompt
from core.remedies import sentence
from core.store.engine import Tx, at_row
from core.store.errors import StoreUnavailable
from core.tasks.model import TaskState

log = structlog.get_logger(__name__)

ENDS_WITHIN_S = 10.0  # how long a delivery under way may take when its desk's description changes
_PROVEN_MEANWHILE = (DeliveryState.SUBMITTING.value, Assurance.ANSWERED.value)
BRIEF_YIELDS_MS = 5_000  # how long a brief lets older messages go first: the agent's last turn may just be ending


@dataclass(slots=True, kw_only=True)
class _Interrupted:
    """When somebody began to wait for a look at this delivery, and before when there is no use in looking again."""

    since_s: float
    rests_until_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _NextStep:
    """What to do next: an order, to be brought or only to be settled; or nothing, and how long to rest."""

    order: DeliveryRequest | None = None
    is_to_settle: bool = False
    pause_s: float | None = None


class _Attempt:
    """The journal's side of one attempt (deliveries.ports.Progress): each step is durable before the lane goes on."""

    def __init__(self, services: Services, verdict: Outcomes, order: DeliveryRequest) -> None:
        self._services, self._verdict, self._order = services, verdict, order
        self.may_have_pressed = False  # Enter was granted to the lane

    async def staging(self, *, drafts: tuple[str, ...] = ()) -> None:
        await self._proceed(DeliveryState.STAGING, drafts)

    async def staged(self, *, sha256: str, drafts: tuple[str, ...] = ()) -> None:
        del sha256  # the lane compared the texts; the hash of what was asked stands in the row since the lease
        await self._proceed(DeliveryState.STAGED, drafts)

    async def submitting(self) -> None:
        order, deliveries = self._order, self._services.deliveries

        def grant(tx: Tx) -> None:
            """Asked once more, after nothing was pressed, Enter may not be if the task ended meanwhile."""
            now = deliveries.find(tx, order.delivery)
            if now.state is DeliveryState.SUBMITTING and self._verdict.has_task_ended(tx, now):
                raise NotWanted(id=now.id)
            deliveries.proceed(tx, order.delivery, order.fence, DeliveryState.SUBMITTING)

        await self._services.store.write(grant)
        self.may_have_pressed = True

    async def _proceed(self, to: DeliveryState, drafts: tuple[str, ...] = ()) -> None:
        order, deliveries = self._order, self._services.deliveries
        await self._services.store.write(
            lambda tx: deliveries.proceed(tx, order.delivery, order.fence, to, drafts=drafts)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What the workers of all routes share."""

    services: Services
    verdict: Outcomes
    reachability: Reachability
    window_is_back: Callable[[Tx, str, str], None]
    look: Callable[[str, str], Awaitable[None]]


class DeliveryWorker:
    """Takes the most urgent due delivery of its agents, again and again, as long as its desk may be used."""

    def __init__(
        self,
        shared: _Shared,
        *,
        name: str,
        desk: str | None,
        agents: Sequence[str],
        lane: LanePort,
        slots: asyncio.Semaphore,
    ) -> None:
        """`slots` are how many deliveries the lane takes at once, over all its routes."""
        self.name = name
        self.agents = agents
        self._desk, self._lane, self._slots = desk, lane, slots
        self._services, self._verdict, self._deliveries = shared.services, shared.verdict, shared.services.deliveries
        self._clock, self._policy = shared.services.clock, shared.services.policy
        self._shared = shared
        self._came_back: set[str] = set()
        """Windows that became usable while an attempt was under way or its outcome not yet stored."""
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
        if not await wait_for_event(self._is_over, within_s):
            if self._now is not None:
                await self._give_up(self._now)
            await self._is_over.wait()

    def wake(self) -> None:
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
                await self._services.tasks.quarantine.until_back()
                continue
            if self._is_retired:
                return
            await wait_for_event(self._news, work.pause_s)

    async def _next(self) -> _NextStep:
        """Take what was interrupted, else lease the next due delivery; if none is due, the seconds until one is."""
        why_closed = self._shared.reachability.why_unusable(self._desk)
        why_waits = None if self._desk is None else self._services.desks.waits(self._desk)
        return await self._services.tasks.quarantine.write(lambda tx: self._take(tx, why_closed, why_waits))

    def _take(self, tx: Tx, why_closed: str, why_waits: Reason | None) -> _NextStep:
        """An act first: it is worth nothing later, and whoever wants to interrupt cannot wait for a queue."""
        act, act_again_ms = self._services.agent_actions.next_due(
            tx, self.agents, why_closed=why_closed, why_waits=why_waits
        )
        if act is not None:
            with at_row(delivery=act.id):
                # It has no text, and nothing that may stand in the window is in its way.
                return _NextStep(order=self._order(tx, self._deliveries.lease(tx, act.id, sha256=""), ""), pause_s=0.0)
        work = self._take_prompt(tx, why_closed, why_waits)
        if work.order is not None or act_again_ms is None:
            return work
        again_s = max(0.0, (act_again_ms - self._clock.now_ms()) / 1000)
        return replace(work, pause_s=again_s if work.pause_s is None else min(work.pause_s, again_s))

    def _take_prompt(self, tx: Tx, why_closed: str, why_waits: Reason | None) -> _NextStep:
        for delivery in self._deliveries.find_interrupted(tx, self.agents):
            with at_row(delivery=delivery.id):
                return self._take_interrupted(tx, delivery, why_closed, why_waits)
        if why_closed:
            return _NextStep()
        self._verdict.waits(tx, self._deliveries.find_queued(tx, self.agents), why_waits)
        if why_waits:
            return _NextStep()
        waiting = self._deliveries.find_queued(tx, self.agents)
        now_ms = self._clock.now_ms()
        turn = next_delivery(
            waiting,
            may_go=lambda one: self._may_go(tx, one),
            now_ms=now_ms,
            longest_pause_ms=self._policy.longest_pause_ms,
        )
        if turn is None:
            return _NextStep()
        if turn.not_before_ms > now_ms:
            return _NextStep(pause_s=(turn.not_before_ms - now_ms) / 1000)
        with at_row(delivery=turn.id):
            return _NextStep(order=self._lease(tx, turn), pause_s=0.0)

    def _take_interrupted(self, tx: Tx, delivery: Delivery, why_closed: str, why_waits: Reason | None) -> _NextStep:
        """Take the delivery again, to find out what became of it; or say that nobody can, once that is sure."""
        now_s = self._clock.monotonic_s()
        known = self._interrupted.setdefault(delivery.id, _Interrupted(since_s=now_s))
        if why_waits and not why_closed and not self._verdict.has_task_ended(tx, delivery):
            known.since_s = math.inf  # that passes by itself: the time for looking begins when it has
            return _NextStep()
        known.since_s = min(known.since_s, now_s)
        left_s = known.since_s + self._policy.settings.recovery_timeout_s - now_s
        if self._verdict.has_task_ended(tx, delivery):
            return self._nobody_looks(tx, delivery, "its task ended meanwhile")
        if left_s <= 0:
            return self._nobody_looks(tx, delivery, why_closed or "the desk's worker ended over each look")
        rest_s = known.rests_until_s - now_s
        if why_closed or rest_s > 0:
            return _NextStep(pause_s=left_s if why_closed else min(rest_s, left_s))
        try:
            text = self._prompt(tx, delivery, is_fixed=True).text
        except BriefNotWritten as error:
            return self._nobody_looks(tx, delivery, error.message)
        if hashlib.sha256(text.encode()).hexdigest() != delivery.sha256:
            # Another text than the one that was brought proves nothing by not being there.
            return self._nobody_looks(tx, delivery, sentence(Reason.PROMPT_CHANGED))
        taken = self._deliveries.lease_again(tx, delivery.id)
        return _NextStep(order=self._order(tx, taken, text), is_to_settle=True)

    def _nobody_looks(self, tx: Tx, delivery: Delivery, why: str) -> _NextStep:
        self._verdict.record_not_examined(tx, delivery, why)
        tx.after_commit(lambda: self._forget(delivery.id))
        return _NextStep(pause_s=0.0)

    def _may_go(self, tx: Tx, delivery: Delivery) -> bool:
        """A brief whenever its desk may be used; words when all that comes before them has come."""
        with at_row(delivery=delivery.id):
            return delivery.is_brief or self._services.agent_messages.is_deliverable(tx, delivery)

    def _prompt(self, tx: Tx, delivery: Delivery, *, is_fixed: bool) -> Prompt:
        """What the agent gets: the brief of a task, or somebody's words. `is_fixed`: where it is cut stays as it is."""
        share = delivery.share if is_fixed and delivery.share.cuts else None
        if delivery.task is None:
            return self._services.agent_messages.make_prompt(tx, delivery, share=share)
        return self._services.tasks.make_prompt(tx, delivery.task, delivery.message, share=share)

    def _lease(self, tx: Tx, delivery: Delivery) -> DeliveryRequest | None:
        """Take the delivery; None if its prompt cannot be made, which is written down as its failure."""
        repository = self._services.tasks.repository
        if delivery.task is not None and repository.find(tx, delivery.task).state is TaskState.ASSIGNED:
            repository.move(tx, delivery.task, TaskState.DELIVERING)
        try:
            prompt = self._prompt(tx, delivery, is_fixed=delivery.share.is_later or delivery.may_have_arrived)
        except BriefNotWritten as error:
            failed = self._deliveries.lease(tx, delivery.id, sha256="")
            outcome = Outcome(result=Result.FAILED, reason=Reason.BRIEF_NOT_WRITTEN, note=error.message)
            self._verdict.apply_outcome(tx, failed.id, failed.fence, outcome)
            return None
        sha256 = hashlib.sha256(prompt.text.encode()).hexdigest()
        leased = self._deliveries.lease(tx, delivery.id, sha256=sha256, share=prompt.share)
        if leased.desk and leased.window:
            leased = replace(leased, drafts=self._deliveries.leftover_drafts.left_in(tx, leased.desk, leased.window))
        return self._order(tx, leased, prompt.text)

    def _order(self, tx: Tx, leased: Delivery, text: str) -> DeliveryRequest:
        is_message = leased.act is None and not leased.is_brief
        return DeliveryRequest(
            delivery=leased.id,
            fence=leased.fence,
            agent=leased.agent,
            desk=leased.desk,
            window=leased.window,
            text=text,
            sha256=leased.sha256,
            drafts=leased.drafts,
            allow_busy=self._services.agent_messages.may_send_while_busy(tx, leased)
            if is_message
            else leased.act is not None,
            act=leased.act,
            expected_dialog=leased.expects,
        )

    async def _carry_out(self, order: DeliveryRequest, *, is_to_settle: bool) -> None:
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
            await self._shared.look(order.desk, order.window)
        if (known := self._interrupted.get(order.delivery)) is None:
            return
        if (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.WORKER_LOST):
            known.rests_until_s = self._clock.monotonic_s() + self._policy.recovery_pause_s
        else:
            self._forget(order.delivery)

    def _forget(self, delivery: DeliveryId) -> None:
        self._interrupted.pop(delivery, None)

    async def _write_down(self, order: DeliveryRequest, outcome: Outcome) -> None:
        """Commit the outcome, however long the disk refuses: what was seen must not be forgotten."""

        def note(tx: Tx) -> None:
            with at_row(delivery=order.delivery):
                self._verdict.apply_outcome(tx, order.delivery, order.fence, outcome)
            if order.desk and order.window in self._came_back:
                self._shared.window_is_back(tx, order.desk, order.window)

        await self._services.tasks.quarantine.write_when_back(note, is_last_word=True)

    async def _attempt(self, order: DeliveryRequest, *, is_to_settle: bool) -> Outcome:
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


class DeliveryWorkers:
    """One courier for each route: at work in one task group, woken together; those of changed desks are replaced."""

    def __init__(
        self,
        services: Services,
        verdict: Outcomes,
        reachability: Reachability,
        *,
        look: Callable[[str, str], Awaitable[None]],
    ) -> None:
        """`look` takes in what a window of a desk shows now."""
        self._agents = services.agents
        self._verdict = verdict
        self._shared = _Shared(
            services=services,
            verdict=verdict,
            reachability=reachability,
            window_is_back=self.window_is_back,
            look=look,
        )
        self._by_route: dict[Route, DeliveryWorker] = {}
        self._slots = WeakKeyDictionary[LanePort, asyncio.Semaphore]()
        """How many deliveries each lane takes now, over all its routes."""
        self._group: asyncio.TaskGroup | None = None
        self._ended: dict[DeliveryId, bool] = {}  # cancelled, or (true) proven by an answer: their lanes must learn it
        self._has_ended = asyncio.Event()
        services.journal.listen(self._on_event)

    def serve(self, lanes: Mapping[Route, LanePort], *, anew: Collection[Route] = ()) -> None:
        """Have a courier on each of these routes from now on. Those there are stay, except those of the routes `anew`,
        which have retired."""
        kept = {route: one for route, one in self._by_route.items() if route not in anew}
        added = {route: self._courier(route, lane) for route, lane in lanes.items() if route not in kept}
        self._by_route = {**kept, **added}
        self._begin(added.values())

    def work_in(self, group: asyncio.TaskGroup) -> None:
        """Let all of them work in this group, also those that come later."""
        self._group = group
        supervise(group, "stop ended deliveries", self._stop_ended())
        self._begin(self._by_route.values())

    def find_changed(self, agents: Sequence[Agent], desks: Collection[str]) -> frozenset[Route]:
        """The routes on which other agents work now than by these, or in other windows; and those of these desks."""
        return frozenset(
            route
            for route in self._by_route
            if (route[0].abilities.has_window and route[1] in desks)
            or _places(self._agents.all(), route) != _places(agents, route)
        )

    async def retire(self, routes: Collection[Route]) -> None:
        """Let what is under way on these routes end, or be given up before Enter, and begin nothing more there."""
        couriers = [self._by_route[route] for route in routes if route in self._by_route]
        async with asyncio.TaskGroup() as group:
            for courier in couriers:
                supervise(group, f"end of {courier.name}", courier.retire(within_s=ENDS_WITHIN_S))

    def wake(self) -> None:
        for courier in self._by_route.values():
            courier.wake()

    def came_back(self, desk: str, window: str) -> None:
        """This window can be used again; see Courier."""
        for courier in self._by_route.values():
            courier.came_back(desk, window)

    def window_is_back(self, tx: Tx, desk: str, window: str) -> None:
        """A window that was refused can be used again."""
        self._verdict.window_is_back(tx, desk, window)
        tx.after_commit(self.wake)

    def _on_event(self, entry: Entry) -> None:
        """Stop what was cancelled, or proven by an answer while its lane still watches."""
        is_answered = (entry.data.get("was"), entry.data.get("assurance")) == _PROVEN_MEANWHILE
        is_cancelled = entry.data.get("now") == DeliveryState.CANCELLED.value
        if entry.name == "DeliveryMoved" and (is_cancelled or is_answered):
            self._ended[DeliveryId(str(entry.data["delivery"]))] = is_answered
            self._has_ended.set()

    async def _stop_ended(self) -> None:
        while True:
            await self._has_ended.wait()
            self._has_ended.clear()
            while self._ended:
                delivery, answered = self._ended.popitem()
                for courier in tuple(self._by_route.values()):
                    await courier.stop(delivery, answered=answered)

    def _begin(self, couriers: Collection[DeliveryWorker]) -> None:
        if self._group is not None:
            for courier in couriers:
                supervise(self._group, courier.name, courier.run())

    def _courier(self, route: Route, lane: LanePort) -> DeliveryWorker:
        kind, place = route
        agents = [agent for agent in self._agents.all() if agent.route == route]
        return DeliveryWorker(
            self._shared,
            name=f"courier {kind.value} {place or ''}".strip(),
            desk=next((agent.desk for agent in agents), None),
            agents=[agent.name for agent in agents],
            lane=lane,
            slots=self._slots.setdefault(lane, asyncio.Semaphore(lane.at_once)),
        )


def _places(agents: Sequence[Agent], route: Route) -> list[tuple[str, str | None, str | None]]:
    return [(agent.name, agent.window, agent.model) for agent in agents if agent.route == route]


def next_delivery(
    waiting: Sequence[Delivery], *, may_go: Callable[[Delivery], bool], now_ms: int, longest_pause_ms: int
) -> Delivery | None:
    """Of what waits, most urgent first, the first that is due now; else the one that will be soonest. None where
    nothing may go. A brief lets no words go first that rest longer than `longest_pause_ms`, unless for its own reason.
    """
    half_said = {one.agent for one in waiting if one.share.is_later and not one.is_brief}
    ready = [one for one in waiting if may_go(one) and not (one.is_brief and one.agent in half_said)]
    first = [_first_for_agent(one, ready, now_ms, longest_pause_ms) for one in ready]
    due = next((one for one in first if one.not_before_ms <= now_ms), None)
    return due or min(first, key=lambda one: one.not_before_ms, default=None)


def _first_for_agent(delivery: Delivery, ready: Sequence[Delivery], now_ms: int, longest_pause_ms: int) -> Delivery:
    """The delivery; or, in place of a brief that has just been queued, older words to its agent. They waited for the
    end of its last turn, and would else wait for the end of the next, and so on for ever."""
    if not delivery.is_brief or delivery.share.is_later or now_ms - delivery.created_ms > BRIEF_YIELDS_MS:
        return delivery
    for words in ready:
        if words.is_brief or words.agent != delivery.agent or words.id > delivery.id:
            continue
        if words.not_before_ms - now_ms <= longest_pause_ms:
            return words
        if words.reason == Reason.BUSY:
            return replace(words, not_before_ms=now_ms)  # they rest until its window is free, as the brief would
    return delivery
