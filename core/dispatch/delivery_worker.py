"""One worker per route delivers, one delivery at a time; its lane says how many routes may at once. Users' acts come
first; then deliveries interrupted after Enter was asked for; then prompts by their urgency."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import structlog

from core.agents.model import Agent, AgentState, Route
from core.deliveries.model import (
    Assurance,
    Delivery,
    DeliveryId,
    DeliveryMoved,
    DeliveryRequest,
    DeliveryState,
    NotWanted,
    Outcome,
    Result,
)
from core.deliveries.ports import LanePort
from core.dispatch.outcomes import Outcomes
from core.dispatch.services import DispatchServices, Reachability
from core.journal.model import Entry
from core.kit import faults
from core.kit.errors import Conflict, Unavailable
from core.kit.from_attributes import from_attributes
from core.kit.supervise import supervise, wait_for_event
from core.messages.prompts import BriefNotWritten, Prompt
from core.profiles.model import Act
from core.reasons import Reason
from core.remedies import sentence
from core.store.engine import Tx, at_row
from core.store.errors import StoreUnavailable
from core.tasks.model import TaskState
from core.tasks.services import TaskServices

log = structlog.get_logger(__name__)

ENDS_WITHIN_S = 10.0  # how long a delivery under way may take when its desk's description changes
_PROVEN_MEANWHILE = (DeliveryState.SUBMITTING.value, Assurance.ANSWERED.value)
BRIEF_YIELDS_MS = 5_000  # how long a brief yields to older messages: the agent's last turn may just be ending


@dataclass(slots=True, kw_only=True)
class _Interrupted:
    """Since when a delivery waits for a look, and until when the next look rests."""

    since_s: float
    rests_until_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _NextStep:
    """What to do next: an order, to deliver or only to settle; or nothing, and how long to rest."""

    order: DeliveryRequest | None = None
    settles: bool = False
    pause_s: float | None = None


class _Attempt:
    """Implements deliveries.ports.Progress for one attempt: each step is durable before the lane continues."""

    def __init__(self, services: TaskServices, outcomes: Outcomes, order: DeliveryRequest) -> None:
        self._store, self._deliveries = services.store, services.deliveries
        self._outcomes, self._order = outcomes, order
        self.may_have_pressed = False  # whether the lane may press Enter

    async def staging(self, *, drafts: tuple[str, ...] = ()) -> None:
        await self._proceed(DeliveryState.STAGING, drafts)

    async def staged(self, *, sha256: str, drafts: tuple[str, ...] = ()) -> None:
        del sha256  # the lane compared the texts; the row has the hash of the request since the lease
        await self._proceed(DeliveryState.STAGED, drafts)

    async def submitting(self) -> None:
        order, deliveries = self._order, self._deliveries

        def grant(tx: Tx) -> None:
            """Refuse a second request, after the lane pressed nothing, if the task ended meanwhile."""
            now = deliveries.find(tx, order.delivery)
            if now.state is DeliveryState.SUBMITTING and self._outcomes.has_task_ended(tx, now):
                raise NotWanted(id=now.id)
            deliveries.proceed(tx, order.delivery, order.fence, DeliveryState.SUBMITTING)

        await self._store.write(grant, goes_first=True)  # the worker presses within 250 ms, or not at all
        self.may_have_pressed = True

    async def _proceed(self, to: DeliveryState, drafts: tuple[str, ...] = ()) -> None:
        order, proceed = self._order, self._deliveries.proceed
        await self._store.write(lambda tx: proceed(tx, order.delivery, order.fence, to, drafts=drafts))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What the workers of all routes share."""

    services: TaskServices
    work: DispatchServices
    outcomes: Outcomes
    reachability: Reachability
    window_is_back: Callable[[Tx, str, str], None]
    look: Callable[[str, str], Awaitable[None]]
    do_act: Callable[[Act, str], Awaitable[Outcome]]


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
        self.name, self.agents, self.lane = name, agents, lane
        self._desk, self._slots = desk, slots
        self._services, self._shared, self._outcomes = shared.services, shared, shared.outcomes
        self._deliveries, self._clock = shared.services.deliveries, shared.services.clock
        self._tasks, self._agent_messages = shared.work.tasks, shared.work.agent_messages
        self._actions, self._policy = shared.work.agent_actions, shared.work.policy
        self._came_back: set[str] = set()  # Windows that became usable during an attempt, before its outcome is stored
        self._interrupted: dict[DeliveryId, _Interrupted] = {}
        self._news = asyncio.Event()
        self._now: DeliveryId | None = None
        self._is_retired = False
        self._is_over = asyncio.Event()
        self._is_over.set()

    async def retire(self, *, within_s: float) -> None:
        """Take nothing more. After `within_s` give up the delivery under way, if Enter was not asked for."""
        self._is_retired = True
        self._news.set()
        if not await wait_for_event(self._is_over, within_s):
            if self._now is not None:
                await self._give_up(self._now)
            await self._is_over.wait()

    def wake(self) -> None:
        self._news.set()

    def came_back(self, desk: str, window: str) -> None:
        """Note that this window can be used again: its refusal may not be written down yet."""
        if desk == self._desk:
            self._came_back.add(window)

    async def stop(self, delivery: DeliveryId, *, answered: bool = False) -> None:
        """Stop this delivery, or the watch for its proof if it was `answered`, if it is under way."""
        if self._now == delivery:
            await self._give_up(delivery, answered=answered)

    async def _give_up(self, delivery: DeliveryId, *, answered: bool = False) -> None:
        try:
            await self.lane.give_up(delivery, answered=answered)
        except Unavailable as error:
            # The lane's next question to the journal gets the same answer, or its worker has ended.
            log.warning("lane_stop_failed", delivery=delivery, why=error.message)

    async def run(self) -> None:
        self._is_over.clear()
        try:
            await self._work()
        finally:
            self._is_over.set()

    async def _work(self) -> None:
        while not self._is_retired:
            self._is_over.set()  # nothing is under way while the worker waits for a slot
            async with self._slots:
                if self._is_retired:
                    return
                self._is_over.clear()
                self._news.clear()
                try:
                    work = await self._next()
                except Unavailable as error:
                    log.debug("delivery_worker_waits_for_store", worker=self.name, why=error.message)
                    work = None
                if work is not None and work.order is not None:
                    await self._carry_out(work.order, settles=work.settles)
                    continue
            if work is None:
                await self._tasks.quarantine.until_back()
                continue
            if self._is_retired:
                return
            await wait_for_event(self._news, work.pause_s)

    async def _next(self, *, acts_only: bool = False) -> _NextStep:
        """Take what was interrupted, else lease the next due delivery, else return the seconds until one is due."""
        why_closed = self._shared.reachability.why_unusable(self._desk)
        why_waits = None if self._desk is None else self._services.desks.waits(self._desk)
        given, quarantine = {"why_closed": why_closed, "why_waits": why_waits}, self._tasks.quarantine
        take = self._take_act if acts_only else self._take
        return await quarantine.write(lambda tx: quarantine.part(tx, take, _NextStep(), of=self.name, **given))

    def _take(self, tx: Tx, why_closed: str, why_waits: Reason | None) -> _NextStep:
        """Take an act first: it is useless later, and an interruption cannot wait for a queue."""
        act = self._take_act(tx, why_closed, why_waits)
        work = act if act.order is not None else self._take_prompt(tx, why_closed, why_waits)
        if work.order is not None or act.pause_s is None:
            return work
        return replace(work, pause_s=act.pause_s if work.pause_s is None else min(work.pause_s, act.pause_s))

    def _take_act(self, tx: Tx, why_closed: str, why_waits: Reason | None) -> _NextStep:
        next_due = self._actions.next_due
        act, again_ms = next_due(tx, self.agents, why_closed=why_closed, why_waits=why_waits)
        if act is None:
            return _NextStep(pause_s=None if again_ms is None else max(0.0, (again_ms - self._clock.now_ms()) / 1000))
        with at_row(delivery=act.id):
            # An act has no text, and no draft in the window is in its way.
            return _NextStep(order=self._order(tx, self._deliveries.lease(tx, act.id, sha256=""), ""), pause_s=0.0)

    def _take_prompt(self, tx: Tx, why_closed: str, why_waits: Reason | None) -> _NextStep:
        for delivery in self._deliveries.find_interrupted(tx, self.agents):
            with at_row(delivery=delivery.id):
                return self._take_interrupted(tx, delivery, why_closed, why_waits)
        if why_closed:
            return _NextStep()
        waiting, now_ms = self._deliveries.find_queued(tx, self.agents), self._clock.now_ms()
        self._outcomes.waits(tx, waiting, why_waits)
        if why_waits:
            return _NextStep()

        is_deliverable, states = self._agent_messages.deliverable(tx), self._services.agents.states(tx)

        def may_go(delivery: Delivery) -> bool:
            with at_row(delivery=delivery.id):
                if delivery.is_brief:  # the round offers one that a paused agent has not begun to others
                    return delivery.share.is_later or states[delivery.agent] is not AgentState.PAUSED
                return is_deliverable(delivery)

        pause_ms = self._policy.longest_pause_ms
        turn = next_delivery(waiting, may_go=may_go, now_ms=now_ms, longest_pause_ms=pause_ms)
        if turn is None:
            return _NextStep()
        if turn.not_before_ms > now_ms:
            return _NextStep(pause_s=(turn.not_before_ms - now_ms) / 1000)
        with at_row(delivery=turn.id):
            return _NextStep(order=self._lease(tx, turn), pause_s=0.0)

    def _take_interrupted(self, tx: Tx, delivery: Delivery, why_closed: str, why_waits: Reason | None) -> _NextStep:
        """Take the delivery again, to find out what became of it; or record that no worker can, once that is sure."""
        now_s = self._clock.monotonic_s()
        known = self._interrupted.setdefault(delivery.id, _Interrupted(since_s=now_s))
        if why_waits and not why_closed and not self._outcomes.has_task_ended(tx, delivery):
            known.since_s = math.inf  # this passes: the time for looking begins afterwards
            return _NextStep()
        known.since_s = min(known.since_s, now_s)
        left_s = known.since_s + self._policy.settings.recovery_timeout_s - now_s
        if self._outcomes.has_task_ended(tx, delivery):
            return self._not_examined(tx, delivery, "its task ended meanwhile")
        if left_s <= 0:
            return self._not_examined(tx, delivery, why_closed or "the desk's worker ended each time it looked")
        rest_s = known.rests_until_s - now_s
        if why_closed or rest_s > 0:
            return _NextStep(pause_s=left_s if why_closed else min(rest_s, left_s))
        try:
            text = self._prompt(tx, delivery, is_fixed=True).text
        except BriefNotWritten as error:
            return self._not_examined(tx, delivery, error.message)
        if hashlib.sha256(text.encode()).hexdigest() != delivery.sha256:
            # The absence of another text than the delivered one proves nothing.
            return self._not_examined(tx, delivery, sentence(Reason.PROMPT_CHANGED))
        taken = self._deliveries.lease_again(tx, delivery.id)
        return _NextStep(order=self._order(tx, taken, text), settles=True)

    def _not_examined(self, tx: Tx, delivery: Delivery, why: str) -> _NextStep:
        self._outcomes.record_not_examined(tx, delivery, why)
        tx.after_commit(lambda: self._forget(delivery.id))
        return _NextStep(pause_s=0.0)

    def _prompt(self, tx: Tx, delivery: Delivery, *, is_fixed: bool) -> Prompt:
        """Make the agent's text: a task's brief, or a message. `is_fixed`: its cuts and its statuses stay as they
        are."""
        share = delivery.share if is_fixed and delivery.share.cuts else None
        inboxes = self._services.messages.inboxes
        news = inboxes.carried(tx, delivery.id) if is_fixed else inboxes.unread_statuses(tx, delivery.agent)
        prompt = self._agent_messages.make_prompt(tx, delivery, share=share, news=news)
        if not is_fixed:
            inboxes.carry(tx, delivery.agent, delivery.id, prompt.news)
        return prompt

    def _lease(self, tx: Tx, delivery: Delivery) -> DeliveryRequest | None:
        """Take the delivery; return None if its prompt cannot be made, which fails the delivery."""
        repository = self._tasks.repository
        if delivery.task is not None and repository.find(tx, delivery.task).state is TaskState.ASSIGNED:
            repository.move(tx, delivery.task, TaskState.DELIVERING)
        try:
            prompt = self._prompt(tx, delivery, is_fixed=delivery.share.is_later or delivery.may_have_arrived)
        except BriefNotWritten as error:
            failed = self._deliveries.lease(tx, delivery.id, sha256="")
            outcome = Outcome(result=Result.FAILED, reason=Reason.BRIEF_NOT_WRITTEN, note=error.message)
            self._outcomes.apply_outcome(tx, failed.id, failed.fence, outcome)
            return None
        sha256 = hashlib.sha256(prompt.text.encode()).hexdigest()
        leased = self._deliveries.lease(tx, delivery.id, sha256=sha256, share=prompt.share)
        if leased.desk and leased.window:
            leased = replace(leased, drafts=self._deliveries.leftover_drafts.left_in(tx, leased.desk, leased.window))
        return self._order(tx, leased, prompt.text)

    def _order(self, tx: Tx, leased: Delivery, text: str) -> DeliveryRequest:
        allow_busy = leased.act is not None
        if not allow_busy and not leased.is_brief:
            allow_busy = self._agent_messages.may_send_while_busy(tx, leased)
        own: dict[str, object] = {"delivery": leased.id, "text": text, "allow_busy": allow_busy}
        own |= {"expected_dialog": leased.expects, "folder": self._folder(tx, leased)}
        return from_attributes(DeliveryRequest, leased, **own, begins_task=leased.is_brief, is_dry_run=False)

    def _folder(self, tx: Tx, leased: Delivery) -> str:
        places = self._services.workspaces.find(tx, leased.task) if leased.is_brief and leased.task else []
        return places[-1].folder if places else ""

    async def _carry_out(self, order: DeliveryRequest, *, settles: bool) -> None:
        self._now = order.delivery
        self._came_back.clear()
        if settles:
            faults.point("dispatch.retaken")
        else:
            faults.point("dispatch.taken")
        over = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                if order.act is None and self._services.agents.abilities(order.agent).has_turns:
                    supervise(group, f"acts beside {self.name}", self._act_until(over))
                outcome = await self._attempt(order, settles=settles)
                over.set()
                self._news.set()
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

    async def _act_until(self, over: asyncio.Event) -> None:
        """Do the acts that users ask for meanwhile: a program may have a prompt for minutes, and say nothing."""
        while not over.is_set():
            await self._news.wait()
            self._news.clear()
            with suppress(Unavailable):  # they wait, and expire
                while not over.is_set() and (act := (await self._next(acts_only=True)).order) is not None:
                    await self._write_down(act, await self._attempt(act, settles=False))

    def _forget(self, delivery: DeliveryId) -> None:
        self._interrupted.pop(delivery, None)

    async def _write_down(self, order: DeliveryRequest, outcome: Outcome) -> None:
        """Commit the outcome, however long the store refuses: it cannot be seen a second time."""

        def note(tx: Tx) -> None:
            with at_row(delivery=order.delivery):
                self._outcomes.apply_outcome(tx, order.delivery, order.fence, outcome)
            if order.desk and order.window in self._came_back:
                self._shared.window_is_back(tx, order.desk, order.window)

        await self._tasks.quarantine.write_when_back(note, is_last_word=True)

    async def _attempt(self, order: DeliveryRequest, *, settles: bool) -> Outcome:
        attempt = _Attempt(self._services, self._outcomes, order)
        if order.folder and not settles and (why := await self._services.workspaces.why_not_ready(order.folder)):
            return Outcome(result=Result.REFUSED, reason=Reason.FOLDER_NOT_READY, note=why)
        try:
            if order.act is not None and self._services.agents.abilities(order.agent).has_turns:
                await attempt.submitting()
                return await self._shared.do_act(order.act, order.agent)
            return await (self.lane.settle if settles else self.lane.deliver)(order, attempt)
        except Conflict:
            # The delivery was cancelled between two steps; the lane has cleared its draft.
            return Outcome(result=Result.STOPPED)
        except StoreUnavailable as error:
            # The store logged it; the lane has cleared its draft.
            if settles or attempt.may_have_pressed:
                return Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST, note=error.message)
            return Outcome(result=Result.STOPPED, reason=Reason.NOT_WRITTEN_DOWN, note=error.message)
        except Exception as error:  # of store or lane: unless Enter was granted, nothing arrived
            log.exception("lane_failed", delivery=order.delivery, agent=order.agent)
            result = Result.UNKNOWN if settles or attempt.may_have_pressed else Result.BOUNCED
            note = f"the attempt broke off ({type(error).__name__})"
            return Outcome(result=result, reason=Reason.WORKER_LOST, note=note)


class DeliveryWorkers:
    """One worker for each route: at work in one task group, woken together; those of changed desks are replaced."""

    def __init__(
        self,
        services: TaskServices,
        work: DispatchServices,
        outcomes: Outcomes,
        reachability: Reachability,
        *,
        look: Callable[[str, str], Awaitable[None]],
        do_act: Callable[[Act, str], Awaitable[Outcome]],
    ) -> None:
        """`look` takes in what a window of a desk shows now; `do_act` has an agent's program do an act."""
        self._agents, self._outcomes = services.agents, outcomes
        self._shared = _Shared(
            services=services,
            work=work,
            outcomes=outcomes,
            reachability=reachability,
            window_is_back=self.window_is_back,
            look=look,
            do_act=do_act,
        )
        self._by_route: dict[Route, DeliveryWorker] = {}
        self._slots = WeakKeyDictionary[LanePort, asyncio.Semaphore]()  # Free slots of each lane
        self._group: asyncio.TaskGroup | None = None
        self._ended: dict[DeliveryId, bool] = {}  # cancelled, or (true) proven by an answer: their lanes must stop
        self._has_ended = asyncio.Event()
        services.journal.listen(DeliveryMoved, self._delivery_moved)

    def serve(self, lanes: Mapping[Route, LanePort], *, replaced: Collection[Route] = ()) -> None:
        """Have a worker on each of these routes; replace the retired ones of the routes `replaced`."""
        kept = {route: one for route, one in self._by_route.items() if route not in replaced}
        added = {route: self._worker(route, lane) for route, lane in lanes.items() if route not in kept}
        self._by_route = {**kept, **added}
        self._begin(added.values())

    def lanes(self) -> Mapping[Route, LanePort]:
        """Return the present lanes."""
        return {route: worker.lane for route, worker in self._by_route.items()}

    def work_in(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        supervise(group, "stop ended deliveries", self._stop_ended())
        self._begin(self._by_route.values())

    def find_changed(self, agents: Sequence[Agent], desks: Collection[str]) -> frozenset[Route]:
        """Find the routes whose agents or windows differ from these agents', and the routes of these desks."""
        return frozenset(
            route
            for route in self._by_route
            if (route[0].abilities.has_window and route[1] in desks)
            or _places(self._agents.all(), route) != _places(agents, route)
        )

    async def retire(self, routes: Collection[Route]) -> None:
        """End the work on these routes, or give it up before Enter, and begin nothing more there."""
        async with asyncio.TaskGroup() as group:
            for worker in [self._by_route[route] for route in routes if route in self._by_route]:
                supervise(group, f"end of {worker.name}", worker.retire(within_s=ENDS_WITHIN_S))

    def wake(self, agent: str | None = None) -> None:
        """Have the worker of this agent look for its next delivery, or all workers."""
        for worker in self._by_route.values():
            if agent is None or agent in worker.agents:
                worker.wake()

    def came_back(self, desk: str, window: str) -> None:
        """Pass on that this window can be used again; see DeliveryWorker."""
        for worker in self._by_route.values():
            worker.came_back(desk, window)

    def window_is_back(self, tx: Tx, desk: str, window: str) -> None:
        """Note that a refused window can be used again."""
        self._outcomes.window_is_back(tx, desk, window)
        tx.after_commit(self.wake)

    def _delivery_moved(self, entry: Entry[DeliveryMoved]) -> None:
        """Stop what was cancelled, or what an answer proved while its lane still watches."""
        is_answered = (entry.event.was, entry.event.assurance) == _PROVEN_MEANWHILE
        if is_answered or entry.event.now == DeliveryState.CANCELLED.value:
            self._ended[DeliveryId(entry.event.delivery)] = is_answered
            self._has_ended.set()

    async def _stop_ended(self) -> None:
        while True:
            await self._has_ended.wait()
            self._has_ended.clear()
            while self._ended:
                delivery, answered = self._ended.popitem()
                for worker in tuple(self._by_route.values()):
                    await worker.stop(delivery, answered=answered)

    def _begin(self, workers: Collection[DeliveryWorker]) -> None:
        if self._group is not None:
            for worker in workers:
                supervise(self._group, worker.name, worker.run())

    def _worker(self, route: Route, lane: LanePort) -> DeliveryWorker:
        kind, place = route
        agents = [agent for agent in self._agents.all() if agent.route == route]
        return DeliveryWorker(
            self._shared,
            name=f"delivery worker {kind.value} {place or ''}".strip(),
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
    """Return the most urgent delivery that is due, else the one that is due soonest; None where none may go. A message
    that rests longer than `longest_pause_ms` for its own reason does not delay a brief."""
    in_parts = {one.agent for one in waiting if one.share.is_later and not one.is_brief}
    ready = [one for one in waiting if may_go(one) and not (one.is_brief and one.agent in in_parts)]
    first = [_first_for_agent(one, ready, now_ms, longest_pause_ms) for one in ready]
    due = next((one for one in first if one.not_before_ms <= now_ms), None)
    return due or min(first, key=lambda one: one.not_before_ms, default=None)


def _first_for_agent(delivery: Delivery, ready: Sequence[Delivery], now_ms: int, longest_pause_ms: int) -> Delivery:
    """Return the delivery; or, before a brief that was just queued, an older message to its agent: it waited for the
    end of the last turn, and would otherwise wait for the end of each next one."""
    if not delivery.is_brief or delivery.share.is_later or now_ms - delivery.created_ms > BRIEF_YIELDS_MS:
        return delivery
    for message in ready:
        if message.is_brief or message.agent != delivery.agent or message.id > delivery.id:
            continue
        if message.not_before_ms - now_ms <= longest_pause_ms:
            return message
        if message.reason == Reason.BUSY:
            return replace(message, not_before_ms=now_ms)  # its window is busy, for the brief, too
    return delivery
