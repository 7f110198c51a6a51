"""Gives ready tasks to free agents, and notes why the other tasks wait."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from core.agent_actions.model import NEEDS_ANSWER
from core.agents.model import AT_HAND, OFF_DUTY, STANDING_STILL, Agent, AgentState
from core.agents.service import AgentMoved
from core.deliveries.model import DeliveryMoved, DeliveryState
from core.desks.model import DeskState
from core.dispatch.choice import choose, is_limited_after, why_unavailable
from core.dispatch.outcomes import Outcomes
from core.dispatch.services import DispatchServices, Reachability
from core.journal.model import Entry, Event
from core.kit import faults
from core.kit.supervise import wait_for_event
from core.profiles.model import Activity
from core.reasons import AT_A_LIMIT, Reason, WaitReason
from core.store.engine import Tx, at_row
from core.supervision.agent_availability import AgentAvailability
from core.tasks.model import ENDED, AgentRecord, QueuedTask, Requirements, TaskChanged, TaskMoved, TaskState
from core.tasks.services import TaskServices

_UNDER_WAY = {TaskState.ASSIGNED, TaskState.DELIVERING, TaskState.WORKING, TaskState.BLOCKED, TaskState.REVIEW}
AT_ONCE = 12  # so many tasks one round resumes, assigns and makes wait each: other writers should not wait for long
_SOON_S = 1.0
_FOR_AN_AGENT = (WaitReason.WINDOW, WaitReason.DESK, WaitReason.HOLD)  # an agent that is reachable ends these
_FOR_AGENTS = (*_FOR_AN_AGENT, WaitReason.AGENT, WaitReason.PAUSED, WaitReason.QUOTA)  # agents end these
OUT_OF_REACH = frozenset({AgentState.OFFLINE, AgentState.HELD, AgentState.UNKNOWN})  # such agents get no task
_SHOWN = frozenset(NEEDS_ANSWER.values())
_NOT_REFUSED = frozenset({None, Reason.DESK_UNUSABLE})  # reasons of offline agents whose window was not refused
_MAY_HAVE_A_PROMPT = frozenset({AgentState.BUSY, AgentState.DRAINING, AgentState.PAUSED}) | STANDING_STILL
_HAS_NONE = frozenset({AgentState.IDLE, AgentState.OFFLINE}) | STANDING_STILL
_MAKES_WORK = frozenset({AgentState.IDLE}) | OUT_OF_REACH | OFF_DUTY
"""An agent that becomes one of these can take a task, or leaves tasks that must note why they wait."""
_WAKES = frozenset({TaskState.READY, TaskState.ASSIGNED, *ENDED})
"""A task that becomes one of these can be assigned, or a message about it must follow or end."""


class Assigner:
    """Assigns tasks to agents in rounds, each in one transaction, woken by events."""

    def __init__(
        self,
        services: TaskServices,
        work: DispatchServices,
        reachability: Reachability,
        availability: AgentAvailability,
        outcomes: Outcomes,
        *,
        wake_workers: Callable[..., None],
    ) -> None:
        """Call `run`. `wake_workers` is called when a delivery may go, with its agent if it is the only one."""
        self._services, self._work, self._repository = services, work, work.tasks.repository
        self._tasks, self._dialogs, self._policy = work.tasks, work.agent_actions.dialogs, work.policy
        self._agents, self._deliveries = services.agents, services.deliveries
        self._reachability, self._availability, self._outcomes = reachability, availability, outcomes
        self._wake_workers = wake_workers
        self._news = asyncio.Event()
        self._soon: asyncio.TimerHandle | None = None  # the newest round for messages
        self._look_again_ms: int | None = None  # when a message expires, or has waited for long
        self._has_dialogs = False  # whether the last round found a window that asks something, or shows an error
        services.journal.listen(Event, self._on_event)

    def wake(self) -> None:
        self._news.set()

    async def run(self) -> None:
        while True:
            self._news.clear()
            late_at_s = self._services.desks.late_at_s()  # before the round: no desk that is late after it is missed
            is_more_left = await self._tasks.quarantine.write_when_back(self.assign_ready)
            faults.point("dispatch.assigned")
            if self._look_again_ms is not None:
                self._wake_workers()  # what messages waited for may have passed
            if not is_more_left:
                await self._rest(late_at_s)

    async def _rest(self, late_at_s: float | None) -> None:
        """Wait until something happens, messages must be looked at, or a desk has been starting for too long."""
        again_ms, clock = self._look_again_ms, self._services.clock
        again_s = None if again_ms is None else max(0.0, (again_ms - clock.now_ms()) / 1000)
        late_s = None if late_at_s is None else max(0.0, late_at_s - clock.monotonic_s())
        await wait_for_event(self._news, min((limit for limit in (again_s, late_s) if limit is not None), default=None))

    def _on_event(self, entry: Entry[Event]) -> None:
        match entry.event:
            case TaskMoved(now=now):
                # The agent's window may have a dialog: the task's card has to say so.
                makes_work = now in _WAKES or (now == TaskState.WORKING.value and self._has_dialogs)
            case TaskChanged():
                makes_work = True
            case AgentMoved(was=was, now=now):
                makes_work = now in _MAKES_WORK or was in _MAKES_WORK - {AgentState.IDLE}
            case DeliveryMoved(was="", now=DeliveryState.QUEUED.value, task=""):
                makes_work = False
                self._look_soon()  # it is a message, which knows why it waits: it only expires
            case DeliveryMoved(was=was, now=DeliveryState.QUEUED.value):
                makes_work = bool(was)  # it is back, perhaps because its desk was held
            case DeliveryMoved(was=was):
                makes_work = was == DeliveryState.UNKNOWN.value  # its agent may continue
            case _:
                makes_work = False
        if makes_work:
            self._news.set()
        if isinstance(entry.event, DeliveryMoved) and entry.event.now == DeliveryState.QUEUED.value:
            self._wake_workers(entry.event.agent)  # after the round, which may take the delivery from a paused agent

    def _look_soon(self) -> None:
        """Have one round for all messages of the next moment: a round reads all that wait."""
        loop = asyncio.get_running_loop()
        if self._soon is None or self._soon.when() <= loop.time():
            self._soon = loop.call_later(_SOON_S, self._news.set)

    def assign_ready(self, tx: Tx) -> bool:
        """Resume and assign tasks, note why the others wait. Return whether more is left."""
        work, tasks, part = self._work, self._tasks, self._tasks.quarantine.part
        part(tx, tasks.ready_considered, None)
        part(tx, self._availability.requeue_for_paused, None)
        part(tx, tasks.release_idle, None)
        is_more_due = part(tx, self._repository.start_due, 0, limit=AT_ONCE) == AT_ONCE
        for step in (self._follow_desks, self._follow_windows, self._outcomes.hold_agents):
            part(tx, step, None)
        records = part(tx, self._rest_failing, dict[str, AgentRecord]())
        for step in (work.screen_locks.notify_waiting, work.blocked_windows.end_orphaned):
            part(tx, step, None)
        limits = [self._agents.limited_until_ms(tx, agent.name) for agent in self._agents.all()]
        looks = (work.agent_messages.review_queue, work.questions.review, self._repository.queue.next_start_ms)
        again = [*(part(tx, look, None) for look in looks), *limits]
        is_more_left = part(tx, self._assign, False, records=records) or is_more_due
        if (rest_s := self._services.store.aside.next_s()) is not None:
            again.append(self._services.clock.now_ms() + math.ceil(rest_s * 1000))
        self._look_again_ms = min((at_ms for at_ms in again if at_ms is not None), default=None)
        return is_more_left

    def _assign(self, tx: Tx, records: Mapping[str, AgentRecord]) -> bool:
        """Let tasks continue, assign them, or make them wait. Return whether more is left."""
        states = self._agents.states(tx)
        usable = {str(agent.name) for agent in self._agents.all() if not self._reachability.why_unreachable(agent)}
        online = {name for name in usable if states[name] not in OUT_OF_REACH}
        can = {one: self._agents.able(one.needs, one.wanted) for one in self._repository.cache.requirements}
        off_duty = {name for name, state in states.items() if state in OFF_DUTY}
        on_duty = online - off_duty
        soon_ms = self._services.clock.now_ms() + self._policy.short_limit_ms
        at_limit = [name for name in on_duty if states[name] is AgentState.LIMITED]
        limited = {name for name in at_limit if is_limited_after(soon_ms, self._agents.status(tx, name))}
        let_go = self._find_resumable(tx, can, online=online, off_duty=off_duty, limited=limited)
        for task in let_go:
            with at_row(task.id):
                self._repository.move(tx, task.id, TaskState.READY)
        free = {name for name, state in states.items() if state is AgentState.IDLE}
        assigned = self._assign_free_agents(tx, can, records, free=free, on_duty=on_duty)
        starting = {name for name, state in self._services.desks.states().items() if state is DeskState.STARTING}
        lasting = on_duty - limited
        beyond = [
            demand
            for demand, able in can.items()
            if lasting.isdisjoint(able) and starting.isdisjoint(agent.desk for agent in able.values())
        ]
        stuck = self._repository.queue.find_ready(tx, beyond, limit=AT_ONCE)[:AT_ONCE]
        for task in stuck:
            with at_row(task.id):
                self._wait_for_agent(tx, task, [*can[task.requirements].values()])
        return AT_ONCE in {len(let_go), assigned, len(stuck)}

    def _rest_failing(self, tx: Tx) -> Mapping[str, AgentRecord]:
        """Have free agents rest that failed too often or are limited; return the free agents' records."""
        states, now_ms = self._agents.states(tx), self._services.clock.now_ms()
        free = [self._agents.status(tx, name) for name, state in states.items() if state is AgentState.IDLE]
        records = self._repository.attempts.records(tx, {one.agent.name: one.forgiven_ms for one in free})
        rest_ms = self._policy.rest_ms
        # A later end comes from before the clock was set back.
        rests = {name: one.last_ms + rest_ms(one.failures) for name, one in records.items() if one.last_ms <= now_ms}
        self._agents.rest_idle(tx, rests)
        return records

    def _assign_free_agents(
        self,
        tx: Tx,
        can: Mapping[Requirements, Mapping[str, Agent]],
        records: Mapping[str, AgentRecord],
        *,
        free: set[str],
        on_duty: set[str],
    ) -> int:
        """Give the first task of the queue to a free agent, again and again; return how many were given. A task may
        avoid a free agent: it is passed over."""
        heads = {demand: 1 for demand, able in can.items() if not free.isdisjoint(able)}  # so many are looked at
        most = self._policy.settings.max_tasks_per_user
        theirs = self._repository.find_in_states(tx, _UNDER_WAY) if most is not None else []
        under_way = Counter(task.requester for task in theirs)

        def find(demands: Collection[Requirements], limit: int) -> list[QueuedTask]:
            full = [user for user, count in under_way.items() if most is not None and count >= most]
            return self._repository.queue.find_ready(tx, demands, limit=limit, without=full)

        queue = find(heads, 1)
        assigned = 0
        while queue and assigned < AT_ONCE:
            task = queue.pop(0)
            demand, able = task.requirements, can[task.requirements]
            statuses = {name: self._agents.status(tx, name) for name in able}
            choice = choose(task, statuses, records, free=free, on_duty=on_duty, agents=len(self._agents.all()))
            if choice is None:
                heads[demand] += 1
            else:
                with at_row(task.id):
                    message, agent = self._tasks.briefs.assign(tx, task.id, choice), able[choice.agent]
                    self._agents.move(tx, agent.name, AgentState.BUSY, task=task.id)
                    self._deliveries.queue(tx, agent, message=message.id, task=task.id, priority=message.priority)
                free.discard(agent.name)
                assigned += 1
                under_way[task.requester] += 1
                if under_way[task.requester] == most:
                    return AT_ONCE  # the next round begins without this user's tasks
            if able.keys() & free:
                following = find([demand], heads[demand])[heads[demand] - 1 :]
                queue = sorted([*queue, *following], key=QueuedTask.order)
            else:
                queue = [one for one in queue if can[one.requirements].keys() & free]
        return assigned

    def _find_resumable(
        self,
        tx: Tx,
        can: Mapping[Requirements, Mapping[str, Agent]],
        *,
        online: set[str],
        off_duty: set[str],
        limited: set[str],
    ) -> list[QueuedTask]:
        """Find tasks whose reason to wait has passed. If another reason holds, the same round says so."""
        if not (reasons := self._repository.queue.reasons_to_wait(tx, _FOR_AGENTS)):
            return []
        unlimited = online - off_duty - limited
        back = [demand for demand, able in can.items() if able.keys() & online]
        gone = [demand for demand, able in can.items() if not able]
        resumed = [one for one, able in can.items() if able.keys() & (online - off_duty) or not able.keys() & off_duty]
        passed = [one for one, able in can.items() if not able.keys() & limited or able.keys() & unlimited]
        asked = {
            **dict.fromkeys(_FOR_AN_AGENT, back + gone),
            WaitReason.AGENT: back,
            WaitReason.PAUSED: resumed,
            WaitReason.QUOTA: passed,
        }
        asked = {reason: demands for reason, demands in asked.items() if reason in reasons}
        return self._repository.queue.find_waiting(tx, asked, limit=AT_ONCE)

    def _wait_for_agent(self, tx: Tx, task: QueuedTask, can: Sequence[Agent]) -> None:
        """Note that no agent that can do the task is reachable, and why."""
        if not can:
            wanted, asked = task.requirements.wanted or "anybody", ", ".join(sorted(task.requirements.needs)) or "any"
            note = f"config/agents.toml no longer has an agent for it: {wanted} with {asked} skills"
            self._repository.suspend(tx, task.id, TaskState.WAITING, reason=WaitReason.AGENT, note=note)
            return
        desks = {self._services.desks.state(agent.desk)[0] for agent in can if agent.desk}
        reason = WaitReason.HOLD if desks & {DeskState.HELD, DeskState.STOPPED} else WaitReason.DESK
        if DeskState.READY in desks and reason is WaitReason.DESK:
            reason = WaitReason.WINDOW
        known = [self._agents.status(tx, agent.name) for agent in can]
        if any(status.state in {AgentState.HELD, AgentState.UNKNOWN} for status in known):
            reason = WaitReason.HOLD
        if any(status.state in OFF_DUTY for status in known):
            reason = WaitReason.PAUSED
        if any(status.state is AgentState.LIMITED and status.reason in AT_A_LIMIT for status in known):
            reason = WaitReason.QUOTA
        why: dict[str, list[str]] = {}
        for one in known:
            obstacle = why_unavailable(one) or self._reachability.why_unreachable(one.agent)
            why.setdefault(obstacle, []).append(one.agent.name)
        note = "; ".join(f"{', '.join(names)}: {obstacle}" for obstacle, names in why.items())
        self._repository.suspend(tx, task.id, TaskState.WAITING, reason=reason, note=note)

    def _follow_desks(self, tx: Tx) -> None:
        """Set agents offline exactly while their desk is unusable or their window was refused."""
        for agent in self._agents.all():
            status = self._agents.status(tx, agent.name)
            why = self._reachability.why_unreachable(agent)
            if why and status.task is not None and status.state in _MAY_HAVE_A_PROMPT:
                with at_row(status.task):
                    self._requeue_task(tx, agent, status.task, why)
            elif why and status.state in _HAS_NONE:
                if status.state is not AgentState.OFFLINE or status.reason in _NOT_REFUSED:
                    self._offline(tx, agent, why)
            elif not why and status.state is AgentState.OFFLINE and status.reason in _NOT_REFUSED:
                self._agents.move(tx, agent.name, AgentState.IDLE)

    def _follow_windows(self, tx: Tx) -> None:
        """Give nothing new to an agent whose window asks something, shows an error or a limit; note on its task's card
        why. An agent that is held, paused or out of reach stays so."""
        self._has_dialogs, changed = False, set[str]()
        standing = self._dialogs.activities(tx)
        working = {str(task.id): task for task in self._repository.find_in_states(tx, {TaskState.WORKING})}
        for agent in self._agents.all():
            status, shows = self._agents.status(tx, agent.name), standing.get(agent.name)
            at_work = AgentState.BUSY if status.task else AgentState.IDLE
            to, why = at_work, None
            if shows is not None:  # an error needs a user, as a question does
                to = AgentState.LIMITED if shows is Activity.LIMITED else AgentState.NEEDS_INPUT
                why = NEEDS_ANSWER[shows]
                self._dialogs.block_task(tx, agent.name)  # a task that a user put back, too
                status = self._agents.status(tx, agent.name)
            self._has_dialogs |= shows is not None
            if status.task in working and shows is not Activity.NEEDS_INPUT:  # a question blocks it instead
                task = working[status.task]
                with at_row(task.id):
                    if why is not task.cause and (why or task.cause in _SHOWN):
                        self._repository.set_note(tx, task.id, "", cause=why)
            if status.state not in AT_HAND or (shows is None and status.state not in STANDING_STILL):
                continue
            if self._agents.limited_until_ms(tx, agent.name) is not None:
                continue
            if (status.state, status.reason) in {(to, why), (to, None)}:
                continue
            if status.state is AgentState.LIMITED and to is AgentState.NEEDS_INPUT:
                self._agents.move(tx, agent.name, at_work, task=status.task)
            until_ms = self._agents.account_limits(tx).get(agent.account or "") if to is AgentState.LIMITED else None
            self._agents.move(tx, agent.name, to, reason=why, task=status.task, until_ms=until_ms)
            changed.add(agent.name)
        demands = self._repository.cache.requirements if changed else ()
        behind = [one for one in demands if self._agents.able(one.needs, one.wanted).keys() & changed]
        for task in self._repository.queue.find_ready(tx, behind, limit=AT_ONCE)[:AT_ONCE]:
            self._services.notices.card_changed(tx, task.id)  # its card says which agents hold it up

    def _requeue_task(self, tx: Tx, agent: Agent, task: str, why: str) -> None:
        """Make the task wait whose prompt is queued for an unusable desk."""
        state = self._services.desks.state(agent.desk)[0] if agent.desk else DeskState.UNAVAILABLE
        delivery = self._deliveries.open_for_task(tx, task)
        if state is DeskState.STARTING or delivery is None or delivery.state is not DeliveryState.QUEUED:
            return
        if delivery.share.is_later:  # its agent has a part already, and gets the rest when it is reachable again
            note = f"{delivery.share.words} waits: {why}"
            if self._repository.find(tx, task).note != note:
                self._repository.set_note(tx, task, note)
            return
        self._deliveries.step(tx, delivery, DeliveryState.SUPERSEDED, reason=Reason.DESK_UNUSABLE, note=why)
        self._offline(tx, agent, why)
        reason = WaitReason.HOLD if state in {DeskState.HELD, DeskState.STOPPED} else WaitReason.DESK
        self._repository.suspend(tx, task, TaskState.WAITING, reason=reason, note=f"{agent.name}: {why}")

    def _offline(self, tx: Tx, agent: Agent, why: str) -> None:
        self._agents.move(tx, agent.name, AgentState.OFFLINE, reason=Reason.DESK_UNUSABLE, note=why)
