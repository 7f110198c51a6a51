"""What must hold of a coordinator at any moment, whatever happened to it before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from core.agent_actions.model import NOTHING_PRESSED
from core.agents.model import OFF_DUTY, Agent, AgentState, AgentStatus
from core.coordinator import Coordinator
from core.deliveries import _store
from core.deliveries.model import OPEN_STATES, Delivery, DeliveryState
from core.desks.model import DeskState
from core.kit.ids import MessageId
from core.notices.model import DISCORD
from core.profiles.model import Activity
from core.reasons import Reason
from core.retry_policy import RetryPolicy
from core.store.engine import Tx
from core.tasks.model import ENDED, Task, TaskId, TaskState
from tests.builders import ADA, list_tasks
from tests.core.puppet import PuppetLane

MAY_STAND_OPEN = {DeliveryState.SUBMITTING}
_GIVEN_OUT = {TaskState.ASSIGNED, TaskState.DELIVERING, TaskState.WORKING, TaskState.BLOCKED}
_AT_WORK = {AgentState.BUSY, AgentState.NEEDS_INPUT, *OFF_DUTY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """One look at everything. It raises AssertionError at what is broken."""

    octet: Coordinator
    lane: PuppetLane
    agents: Sequence[Agent]
    said: Sequence[MessageId]
    sent_again: Collection[str]
    policy: RetryPolicy
    is_locked: bool

    async def look(self) -> int:
        """Check every promise; return how many tasks there are."""
        octet = self.octet
        await octet.journal.verify()
        tasks = {task.id: task for task in await list_tasks(octet, by=ADA, limit=1_000)}
        agents = {str(status.agent.name): status for status in await octet.agents.list(by=ADA)}
        for task in tasks.values():
            await self._one_delivery_at_most(task)
            self._moves_or_says_why(task, {name: status.state for name, status in agents.items()})
            self._is_with_its_agent(task, agents)
            await self._looks_idle_only_while_its_answer_is_awaited(task, agents)
            await self._has_one_attempt_at_most(task)
        await self._order_is_kept(tasks)
        unknown = await self._words_move_or_say_why(tasks)
        for status in agents.values():
            self._has_its_task(status, tasks, unknown)
        await octet.store.write(self._nothing_rests_too_long)
        for notice in await octet.notices.on(DISCORD).due(1_000):
            is_new = not notice.posted_message
            assert not is_new or notice.since_ms <= octet.clock.now_ms(), "it was made in the future"
        if octet.desks.state("main")[0] not in {DeskState.STARTING, DeskState.UNAVAILABLE}:
            await self._dialogs_are_known(agents)
        assert self.is_locked or not await octet.screen_locks.list_open()
        assert list(self.said) == sorted(self.said), "later words have an earlier id"
        self._nothing_was_submitted_twice()
        return len(tasks)

    def _nothing_was_submitted_twice(self) -> None:
        assert not self.lane.breaches, self.lane.breaches
        once = {name: times for name, times in self.lane.pressed.items() if name not in self.sent_again}
        assert all(times == 1 for times in once.values()), self.lane.pressed
        for agent, came in self.lane.words_pressed.items():
            assert came == sorted(came), f"words to {agent} overtook others"

    def _is_with_its_agent(self, task: Task, agents: Mapping[str, AgentStatus]) -> None:
        assert (task.deadline_ms is not None) == (task.state is TaskState.WORKING)
        if task.agent is None or task.agent not in agents:
            return
        status = agents[task.agent]
        if task.state in {TaskState.ASSIGNED, TaskState.DELIVERING, TaskState.WORKING, TaskState.BLOCKED}:
            assert status.task == task.id
            assert status.state in _AT_WORK, (
                f"{task.id} is {task.state} and {task.agent} is {status.state} ({status.reason})"
            )
        if task.state is TaskState.PARKED and task.reason == "delivery_unknown":
            assert status.state in {AgentState.HELD, *OFF_DUTY}
            assert status.task == task.id
        if task.state is TaskState.PARKED and task.reason == "silent":
            assert status.state in {AgentState.UNKNOWN, *OFF_DUTY}
            assert status.task == task.id

    async def _looks_idle_only_while_its_answer_is_awaited(self, task: Task, agents: Mapping[str, AgentStatus]) -> None:
        if task.idle_ms is None or task.agent is None or task.agent not in agents:
            return
        agent, octet = agents[task.agent].agent, self.octet
        assert task.state is TaskState.WORKING
        assert octet.desks.shown(agent.desk or "", agent.window or "").activity in {Activity.IDLE, Activity.UNKNOWN}
        assert octet.desks.state(agent.desk or "").state not in {DeskState.HELD, DeskState.STOPPED}
        assert not await octet.store.write(lambda tx: octet.tasks.repository.find_open_subtasks(tx, task))

    async def _has_one_attempt_at_most(self, task: Task) -> None:
        attempts = await self.octet.tasks.repository.attempts.list_for_task(task.id)
        under_way = [(one.agent, one.fence) for one in attempts if one.ended_ms is None]
        is_given_out = task.state in _GIVEN_OUT or task.reason == "dry_run"
        assert under_way == [(task.agent, task.fence)] * len(under_way), f"{task.id} is on another agent"
        assert is_given_out == bool(under_way) or (task.state is TaskState.PARKED and len(under_way) <= 1)
        assert len(under_way) <= 1

    async def _order_is_kept(self, tasks: Mapping[TaskId, Task]) -> None:
        """Check that no task was given out before what it needs, and that what waits for others says what is so."""
        links: dict[str, list[str]] = {}
        for task in tasks.values():
            needed = await self.octet.tasks.repository.dependencies.list_for_task(task.id)
            links[task.id] = [one.needs for one in needed]
            if task.follow_up is not None:
                continue  # what came first was done before its first answer
            states = {one.needs: tasks[one.needs].result_state for one in needed}
            is_open = any(state not in ENDED for state in states.values())
            has_failed = any(one.has_failed for one in needed)
            if task.state in _GIVEN_OUT or task.reason == "dry_run":
                held = [one.needs for one in needed if one.on_failure != "start" and one.state is not TaskState.DONE]
                assert not held, f"{task.id} began before {held}"
            if task.state is TaskState.READY:
                assert not is_open
                assert not has_failed
                assert not task.parts, "a parent waits for an agent"
            if task.reason == "dependency":
                assert is_open
                assert not has_failed
            if task.reason == "dependency_failed":
                assert has_failed or task.parts == "best_of"
            if task.reason == "not_before":
                assert not is_open
        try:
            TopologicalSorter(links).prepare()
        except CycleError as circle:
            raise AssertionError(f"these wait for each other: {circle.args[1]}") from circle

    def _has_its_task(self, status: AgentStatus, tasks: Mapping[TaskId, Task], unknown: Collection[str]) -> None:
        assert status.agent.name not in unknown or status.state is not AgentState.IDLE
        has_one = {AgentState.BUSY, AgentState.HELD, AgentState.DRAINING}
        may_have_one = {AgentState.PAUSED, AgentState.UNKNOWN, AgentState.NEEDS_INPUT}
        if status.state not in has_one and not (status.state in may_have_one and status.task):
            assert status.task is None
        elif status.task is None:
            assert status.state is AgentState.HELD
            assert status.agent.name in unknown, "held, and nobody knows what for"
        else:
            task = tasks[TaskId(status.task)]
            assert (task.state not in ENDED) or status.reason is Reason.STILL_ON_CANCELLED
            assert task.agent == status.agent.name

    async def _one_delivery_at_most(self, task: Task) -> None:
        found = [d.state for d in await self.octet.deliveries.list_for_task(task.id) if d.state in OPEN_STATES]
        assert len(found) <= 1
        if task.state in ENDED:
            assert set(found) <= MAY_STAND_OPEN
        elif task.state in {TaskState.ASSIGNED, TaskState.DELIVERING}:
            assert len(found) == 1
        elif task.state in {TaskState.WORKING, TaskState.BLOCKED, TaskState.READY, TaskState.WAITING}:
            assert found == []

    async def _words_move_or_say_why(self, tasks: Mapping[TaskId, Task]) -> set[str]:
        """Every delivery of words; the agents to which some may have come or not."""
        for name in self.said:
            view = await self.octet.agent_messages.show(name, by=ADA)
            ended = view.message.task is not None and tasks[TaskId(view.message.task)].state in ENDED
            for one in view.deliveries:
                if ended:
                    assert one.state not in OPEN_STATES or one.state in MAY_STAND_OPEN
                elif one.state is DeliveryState.QUEUED:
                    assert one.reason or self.lane.order is not None or one.not_before_ms, "they wait without a reason"
        under_way = await self.octet.store.write(self.octet.deliveries.open_texts)
        return {one.agent for one in under_way if one.state is DeliveryState.UNKNOWN and not one.is_brief}

    def _moves_or_says_why(self, task: Task, agents: Mapping[str, AgentState]) -> None:
        if task.state in {TaskState.WAITING, TaskState.PARKED, TaskState.BLOCKED}:
            assert task.reason
        if task.state is TaskState.READY:
            can = [a.name for a in self.agents if task.needs <= a.capabilities and task.wanted in {None, a.name}]
            assert can, "nobody can, and it does not say so"
            away = {AgentState.OFFLINE, AgentState.UNKNOWN, *OFF_DUTY}
            others = [name for name in can if agents[name] not in {AgentState.HELD, *away} and name != task.avoids]
            assert not any(agents[name] is AgentState.IDLE for name in others or can), "an agent is free for it"
            starting = self.octet.desks.state("main")[0] is DeskState.STARTING
            assert starting or any(agents[name] not in away for name in can), "it waits without a reason"

    def _nothing_rests_too_long(self, tx: Tx) -> None:
        """By Octet's clock, and in no row that a step of the machine's clock has missed."""
        now_ms = self.octet.clock.now_ms()
        for delivery in self._open(tx):
            assert delivery.not_before_ms <= now_ms + self.policy.window_recheck_ms, "it rests longer than any pause"
            assert delivery.created_ms <= now_ms, "it was queued in the future"
            assert (delivery.bounced_since_ms or 0) <= now_ms, "it bounced in the future"

    def _open(self, tx: Tx) -> list[Delivery]:
        rows = tx.execute(_store.OPEN_TEXTS)
        names = [agent.name for agent in self.agents]
        acts = self.octet.deliveries.find_actions(tx, names, OPEN_STATES)
        return [*map(_store.delivery_of, rows), *self.octet.deliveries.find_queued(tx, names), *acts]

    async def _dialogs_are_known(self, agents: Mapping[str, AgentStatus]) -> None:
        """People see what each window asks, unless an answer to it is under way."""
        open_now = {one.agent: one for one in await self.octet.agent_actions.dialogs.list_open()}
        for agent in self.agents:
            mark = self.lane.worker.dialogs.get(agent.window or "", "")
            known = open_now.get(agent.name)
            if known is None:
                assert not mark, "nobody is told of a dialog"
            elif known.press is None:
                assert known.mark == mark, "people are asked about a dialog that is gone"
            else:
                press = await self.octet.deliveries.get(known.press)
                assert press is not None
                assert press.state in OPEN_STATES - {DeliveryState.UNKNOWN} - NOTHING_PRESSED, "it waits for ever"
        assert set(open_now) <= set(agents)


async def what_is_open(octet: Coordinator, said: Sequence[MessageId]) -> list[str]:
    """Return what users asked for and has not ended, and agents that have nothing to do and take nothing."""
    left = [
        f"{task.id} {task.state.value} ({task.reason})"
        for task in await list_tasks(octet, by=ADA, limit=1_000)
        if task.state not in ENDED
    ]
    for name in said:
        view = await octet.agent_messages.show(name, by=ADA)
        left += [f"words to {one.agent} {one.state.value}" for one in view.deliveries if one.state in OPEN_STATES]
    statuses = await octet.agents.list(by=ADA)
    names = [one.agent.name for one in statuses]
    under_way = OPEN_STATES - {DeliveryState.UNKNOWN}
    for act in await octet.store.write(lambda tx: octet.deliveries.find_actions(tx, names, under_way)):
        left.append(f"{act.act} for {act.agent} {act.state.value}")
    left += [
        f"{one.agent.name} {one.state.value} ({one.reason})" for one in statuses if one.state is not AgentState.IDLE
    ]
    return left + [f"{one.agent} stands still" for one in await octet.agent_actions.dialogs.list_open()]
