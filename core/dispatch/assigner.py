"""Gives ready tasks to free agents, and lets the other tasks say why they wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from core.agent_actions.model import NEEDS_ANSWER
from core.agents.model import AT_HAND, OFF_DUTY, STANDING_STILL, Agent, AgentState, AgentStatus
from core.deliveries.model import Delivery, DeliveryState
from core.desks.model import DeskState
from core.dispatch.outcomes import Outcomes
from core.dispatch.services import Reachability, Services
from core.journal.model import Entry
from core.kit import faults
from core.kit.supervise import wait_for_event
from core.profiles.model import Activity
from core.reasons import BlockCause, Reason, WaitReason
from core.remedies import sentence
from core.store.engine import Tx, at_row
from core.supervision.agent_availability import AgentAvailability
from core.tasks.model import ENDED, Requirements, Task, TaskState

_AT_ONCE = 50  # how many tasks one round lets go on, or tells why they stand: other writers shall not wait for long
_UNTIL_REACHABLE = (WaitReason.WINDOW, WaitReason.DESK, WaitReason.HOLD, WaitReason.AGENT)
"""What ends as soon as one agent that can do it can be reached again: this one, or another."""
_FOR_AN_AGENT = (WaitReason.WINDOW, WaitReason.DESK, WaitReason.HOLD)
"""What no agent of the config can end: a task of such a demand has to say that instead."""
OUT_OF_REACH = frozenset({AgentState.OFFLINE, AgentState.HELD, AgentState.UNKNOWN})
"""Whoever is one of these gets no task."""
_STATES = {Activity.LIMITED: AgentState.LIMITED}  # an error needs a user as a question does
_SHOWN = frozenset(NEEDS_ANSWER.values())
_NOT_REFUSED = frozenset({None, Reason.DESK_UNUSABLE})  # why an agent is offline whose window was not refused
_MAY_HAVE_A_PROMPT = frozenset({AgentState.BUSY, AgentState.DRAINING, AgentState.PAUSED}) | STANDING_STILL
_HAS_NONE = frozenset({AgentState.IDLE, AgentState.OFFLINE}) | STANDING_STILL
_MAKES_WORK = frozenset({AgentState.IDLE}) | OUT_OF_REACH | OFF_DUTY
"""An agent that becomes one of these can take a task, or leaves tasks that must say why they wait."""
_STIRS = frozenset({TaskState.READY, TaskState.ASSIGNED, *ENDED})
"""A task that becomes one of these can be taken, or a message about it must follow it or end with it."""


class Assigner:
    """Which task goes to which agent: one round after the other, each in one transaction, woken by what happens."""

    def __init__(
        self,
        services: Services,
        reachability: Reachability,
        availability: AgentAvailability,
        verdict: Outcomes,
        *,
        wake_workers: Callable[[], None],
    ) -> None:
        """Call `run`. `wake_workers` is called when a delivery may go."""
        self._services = services
        self._repository = services.tasks.repository
        self._agents, self._deliveries = services.agents, services.deliveries
        self._reachability, self._availability, self._verdict = reachability, availability, verdict
        self._wake_workers = wake_workers
        self._news = asyncio.Event()
        self._look_again_ms: int | None = None
        """When messages must be looked at even if nothing happens: they expire, or wait for long."""
        self._is_a_window_blocked = False
        """Whether the last round found a window that asks something, or shows an error or a limit."""
        services.journal.listen(self._on_event)

    def wake(self) -> None:
        self._news.set()

    async def run(self) -> None:
        """Assign until cancelled."""
        while True:
            self._news.clear()
            late_at_s = (
                self._services.desks.late_at_s()
            )  # before the round: a desk that is late from just afterwards on is not missed
            is_more_left = await self._services.tasks.quarantine.write_when_back(self.assign_ready)
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

    def _on_event(self, entry: Entry) -> None:
        """Begin a round if what was committed makes work."""
        now, was = entry.data.get("now"), entry.data.get("was")
        match entry.name:
            case "TaskMoved":
                # An agent whose window stands still may just have got the task: its card says so from now on.
                makes_work = now in _STIRS or (now == TaskState.WORKING.value and self._is_a_window_blocked)
            case "TaskChanged":
                makes_work = True
            case "AgentMoved":
                makes_work = now in _MAKES_WORK or was in _MAKES_WORK - {AgentState.IDLE}
            case "DeliveryMoved" if now == DeliveryState.QUEUED.value:
                # It came back, perhaps because its desk was held. Or it is a message, which expires.
                makes_work = bool(was) or not entry.data.get("task")
            case "DeliveryMoved":
                makes_work = was == DeliveryState.UNKNOWN.value  # its agent may go on
            case _:
                makes_work = False
        if makes_work:
            self._news.set()
        if entry.name == "DeliveryMoved" and now == DeliveryState.QUEUED.value:
            self._wake_workers()  # after the round was woken, which may take the delivery from a paused agent

    def assign_ready(self, tx: Tx) -> bool:
        """Let go on what may, give tasks to free agents, say why the other tasks wait. Return whether more is left."""
        self._availability.requeue_for_paused(tx)
        self._follow_desks(tx)
        self._follow_windows(tx)
        self._verdict.hold_agents(tx)
        self._services.screen_locks.notify_waiting(tx)
        self._services.blocked_windows.end_orphaned(tx)
        limits = [self._agents.limited_until_ms(tx, agent.name) for agent in self._agents.all()]
        again = (self._services.agent_messages.review_queue(tx), *limits)
        self._look_again_ms = min((at_ms for at_ms in again if at_ms is not None), default=None)
        states = self._agents.states(tx)
        usable = {str(agent.name) for agent in self._agents.all() if not self._reachability.why_unreachable(agent)}
        online = {name for name in usable if states[name] not in OUT_OF_REACH}
        can = {one: self._agents.who_can(one.needs, one.wanted) for one in self._repository.cache.requirements}
        off_duty = {name for name, state in states.items() if state in OFF_DUTY}
        on_duty = online - off_duty
        reachable = {demand for demand, agents in can.items() if any(agent.name in on_duty for agent in agents)}
        let_go = self._find_resumable(tx, can, online=online, off_duty=off_duty)
        for task in let_go:
            with at_row(task.id):
                self._repository.move(tx, task.id, TaskState.READY)
        free = {name for name, state in states.items() if state is AgentState.IDLE}
        self._assign_free_agents(tx, can, free=free, on_duty=on_duty)
        beyond = [demand for demand in can.keys() - reachable if not self._is_desk_starting(can[demand])]
        stuck = self._repository.find_ready(tx, beyond, limit=_AT_ONCE)
        for task in stuck:
            with at_row(task.id):
                self._wait_for_agent(tx, task, can[task.requirements])
        return _AT_ONCE in {len(let_go), len(stuck)}

    def _assign_free_agents(
        self, tx: Tx, can: Mapping[Requirements, Sequence[Agent]], *, free: set[str], on_duty: set[str]
    ) -> None:
        """The most urgent task to a free agent, again and again. A task may have to wait for another than the free."""
        passed: set[str] = set()
        while free:
            takeable = [demand for demand, agents in can.items() if any(agent.name in free for agent in agents)]
            first = self._repository.find_ready(tx, takeable, limit=len(passed) + 1)
            task = next((one for one in first if one.id not in passed), None)
            if task is None:
                return
            others = any(agent.name in on_duty and agent.name != task.avoids for agent in can[task.requirements])
            fit = (
                one for one in can[task.requirements] if one.name in free and not (others and one.name == task.avoids)
            )
            agent = next(fit, None)
            if agent is None:
                passed.add(task.id)
            else:
                with at_row(task.id):
                    self._assign_task(tx, task, agent)
                free.discard(agent.name)

    def _find_resumable(
        self, tx: Tx, can: Mapping[Requirements, Sequence[Agent]], *, online: set[str], off_duty: set[str]
    ) -> list[Task]:
        """Tasks whose reason to wait has passed. If another one stands, the same round says so."""
        back = [demand for demand, agents in can.items() if any(agent.name in online for agent in agents)]
        resumed = [
            demand
            for demand, agents in can.items()
            if any(agent.name in online - off_duty for agent in agents)
            or not any(agent.name in off_duty for agent in agents)
        ]
        gone = [demand for demand, agents in can.items() if not agents]
        repository = self._repository
        found = repository.find_waiting(tx, _UNTIL_REACHABLE, back, limit=_AT_ONCE)
        found += repository.find_waiting(tx, _FOR_AN_AGENT, gone, limit=_AT_ONCE)
        return [*found, *repository.find_waiting(tx, (WaitReason.PAUSED,), resumed, limit=_AT_ONCE)][:_AT_ONCE]

    def _is_desk_starting(self, agents: Sequence[Agent]) -> bool:
        """Whether a desk of theirs is just starting: that is no reason to tell people yet."""
        return any(agent.desk and self._services.desks.state(agent.desk)[0] is DeskState.STARTING for agent in agents)

    def _assign_task(self, tx: Tx, task: Task, agent: Agent) -> None:
        message = self._services.tasks.assign(tx, task, agent.name)
        self._agents.move(tx, agent.name, AgentState.BUSY, task=task.id)
        self._deliveries.queue(tx, agent, message=message.id, task=task.id, priority=task.priority)

    def _wait_for_agent(self, tx: Tx, task: Task, can: Sequence[Agent]) -> None:
        """Nobody who could do it can be reached: say which, and why."""
        if not can:
            asked = ", ".join(sorted(task.needs)) or "any"
            note = f"config/agents.toml names no agent for it any more: {task.wanted or 'anybody'} with {asked} skills"
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
        why: dict[str, list[str]] = {}
        for one in known:
            why.setdefault(_unavailable_reason(one) or self._reachability.why_unreachable(one.agent), []).append(
                one.agent.name
            )
        note = "; ".join(f"{', '.join(names)}: {words}" for words, names in why.items())
        self._repository.suspend(tx, task.id, TaskState.WAITING, reason=reason, note=note)

    def _follow_desks(self, tx: Tx) -> None:
        """Agents are offline exactly as long as their desk cannot be used or their window was refused."""
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
        """An agent whose window asks something, shows an error or a limit gets nothing new until it goes on; the card
        of its task says why. Whoever a person holds or paused, or who is out of reach, stays that."""
        self._is_a_window_blocked = False
        standing = self._services.agent_actions.dialogs.activities(tx)
        working = {str(task.id): task for task in self._repository.find_in_states(tx, {TaskState.WORKING})}
        for agent in self._agents.all():
            status, shows = self._agents.status(tx, agent.name), standing.get(agent.name)
            at_work = AgentState.BUSY if status.task else AgentState.IDLE
            to, why = (
                (at_work, None) if shows is None else (_STATES.get(shows, AgentState.NEEDS_INPUT), NEEDS_ANSWER[shows])
            )
            self._is_a_window_blocked |= shows is not None
            if status.task in working:
                with at_row(status.task):
                    self._set_card_note(tx, working[status.task], why)
            if status.state not in AT_HAND or (shows is None and status.state not in STANDING_STILL):
                continue
            if self._agents.limited_until_ms(tx, agent.name) is not None:
                continue
            if (status.state, status.reason) in {(to, why), (to, None)}:
                continue
            if status.state is AgentState.LIMITED and to is AgentState.NEEDS_INPUT:
                self._agents.move(tx, agent.name, at_work, task=status.task)
            self._agents.move(tx, agent.name, to, reason=why, task=status.task)

    def _set_card_note(self, tx: Tx, now: Task, why: Reason | BlockCause | None) -> None:
        if why is not now.cause and (why or now.cause in _SHOWN):
            self._repository.set_note(tx, now.id, "", cause=why)

    def _requeue_task(self, tx: Tx, agent: Agent, task: str, why: str) -> None:
        """A prompt that was queued for a desk which cannot be used now: its task waits and says so."""
        state = self._services.desks.state(agent.desk)[0] if agent.desk else DeskState.UNAVAILABLE
        delivery = self._deliveries.open_for_task(tx, task)
        if state is DeskState.STARTING or delivery is None or delivery.state is not DeliveryState.QUEUED:
            return
        if delivery.share.is_later:  # its agent has a part already, and gets the rest when it can be reached again
            self._note_waiting_part(tx, delivery, why)
            return
        self._deliveries.step(tx, delivery, DeliveryState.SUPERSEDED, reason=Reason.DESK_UNUSABLE, note=why)
        self._offline(tx, agent, why)
        reason = WaitReason.HOLD if state in {DeskState.HELD, DeskState.STOPPED} else WaitReason.DESK
        self._repository.suspend(tx, task, TaskState.WAITING, reason=reason, note=f"{agent.name}: {why}")

    def _offline(self, tx: Tx, agent: Agent, why: str) -> None:
        self._agents.move(tx, agent.name, AgentState.OFFLINE, reason=Reason.DESK_UNUSABLE, note=why)

    def _note_waiting_part(self, tx: Tx, delivery: Delivery, why: str) -> None:
        task, note = self._repository.find(tx, delivery.task or ""), f"{delivery.share.words} waits: {why}"
        if task.note != note:
            self._repository.set_note(tx, task.id, note)


def _unavailable_reason(status: AgentStatus) -> str:
    """Why the agent takes nothing, for people."""
    if status.state in OFF_DUTY:
        return f"{status.state.value} {status.note}"
    if status.state is AgentState.UNKNOWN:
        return f"silent about {status.task}" if status.task else "silent"
    return status.note or sentence(status.reason)
