"""Watches for silent agents: sleeps until the earliest deadline, then applies `on_agent_timeout`."""

from __future__ import annotations

import asyncio

from core.agents.model import OFF_DUTY
from core.deliveries.model import DeliveryState
from core.journal.model import Entry
from core.kit.clock import as_datetime
from core.kit.errors import NotFound
from core.kit.supervise import wait_for_event
from core.reasons import ParkCause
from core.remedies import refused
from core.retry_policy import RetryPolicy
from core.store.engine import Tx, at_row
from core.supervision.nudges import Nudges, duration
from core.tasks.model import Task, TaskMoved, TaskState
from core.tasks.service import Tasks
from core.tasks.services import TaskServices

_LONGEST_REST_S = 60.0
_AT_ONCE = 50  # how many silent agents one round handles: other writers must not wait for long


class StalledAgents:
    """The watch over agents at work."""

    def __init__(self, services: TaskServices, tasks: Tasks, nudges: Nudges, policy: RetryPolicy) -> None:
        self._agents, self._desks = services.agents, services.desks
        self._pulse, self._clock = services.store.pulse, services.clock
        self._repository, self._write = tasks.repository, tasks.quarantine.write_when_back
        self._part = tasks.quarantine.part
        self._nudges, self._policy = nudges, policy
        self._news = asyncio.Event()
        services.journal.listen(TaskMoved, self._task_moved)

    async def run(self) -> None:
        while True:
            self._news.clear()
            await wait_for_event(self._news, await self.check_all())

    async def check_all(self) -> float | None:
        """Deal with agents that are silent now. Return the seconds until the next round; None while no agent works."""
        for task in await self._write(lambda tx: self._repository.list_stalled(tx, limit=_AT_ONCE)):
            is_parked = self._policy.settings.on_agent_timeout == "park"
            why_not = "" if is_parked else await self._why_not_idle(task)

            def apply(tx: Tx, task: Task = task, why_not: str = why_not) -> None:
                self._part(tx, self._apply_policy, None, task=task, why_not_idle=why_not)

            await self._write(apply)
        return await self._write(self._rest_s)

    def _rest_s(self, tx: Tx) -> float | None:
        """Return how long to rest; note that Octet runs: its absence moves no deadline."""
        left_s = self._repository.next_deadline_in_s(tx)
        if left_s is not None:
            self._pulse(tx, now_ms=self._clock.now_ms())
        return None if left_s is None else min(left_s, _LONGEST_REST_S)

    async def _why_not_idle(self, task: Task) -> str:
        """Return why the agent's window is not seen idle, twice in a row; empty if it is."""
        try:
            agent = self._agents.get(task.agent or "")
        except NotFound as gone:
            return gone.message
        if agent.desk is None or agent.window is None:
            return "it has no window that could be looked at"
        why = await self._desks.why_not_idle(agent.desk, agent.window)
        if not why:
            await asyncio.sleep(self._policy.idle_recheck_s)
            why = await self._desks.why_not_idle(agent.desk, agent.window)
        return why

    def _apply_policy(self, tx: Tx, task: Task, why_not_idle: str) -> None:
        """Apply the setting, unless the agent was active while its window was looked at."""
        with at_row(task.id):
            now = self._repository.find(tx, task.id)
            if (now.fence, now.deadline_ms) != (task.fence, task.deadline_ms):
                return
            if self._agents.named(now.agent) and self._repository.find_open_subtasks(
                tx, now, most=1
            ):  # it waits for others
                self._repository.extend_deadline(tx, now)
                return
            policy = self._policy.settings.on_agent_timeout
            if policy == "park":
                self._park(tx, now)
                return
            if self._agents.named(now.agent) is None:  # a reload removed it while its window was looked at
                why_not_idle = refused("agent_not_found", id=now.agent).message
            if policy == "nudge":
                self._nudge(tx, now, why_not_idle)
            elif why_not_idle:
                self._park(tx, now, f"not taken from it: {why_not_idle}")
            elif not [one for one in self._agents.who_can(now.needs, now.wanted) if one.name != now.agent]:
                self._park(tx, now, "no other agent can do it")
            else:
                self._repository.release(tx, now, note=f"{self._last_sign(now)}; its window was seen idle")
                self._agents.is_silent(tx, now.agent or "", task=now.id, keeps_it=False)

    def _nudge(self, tx: Tx, task: Task, why_not_idle: str) -> None:
        """Ask the agent once, in its window, whether it still works; then it has as long again."""
        agent = self._agents.status(tx, task.agent or "") if not why_not_idle else None
        asked = self._nudges.find_open(tx, task)
        if asked is not None:
            if asked.state is DeliveryState.DELIVERED:
                self._park(tx, task, "asked in its window whether it still works, and no answer")
            else:
                self._park(tx, task, f"the question whether it still works has not arrived ({asked.state.value})")
        elif agent is None:
            self._park(tx, task, f"not asked: {why_not_idle}")
        elif agent.state in OFF_DUTY:
            self._park(tx, task, f"not asked: it is {agent.state.value} {agent.note}")
        else:
            self._nudges.ask(tx, task)

    def _park(self, tx: Tx, task: Task, more: str = "") -> None:
        """Park the task for a user. It stays with its agent, which gets nothing new."""
        note = "; ".join(part for part in (self._last_sign(task), more) if part)
        self._repository.suspend(tx, task.id, TaskState.PARKED, reason=ParkCause.SILENT, note=note)
        if task.agent is not None:
            self._agents.is_silent(tx, task.agent, task=task.id)

    def _last_sign(self, task: Task) -> str:
        silent_for = duration(self._policy.agent_timeout_ms)
        if task.last_seen_ms is None:
            return f"no sign of {task.agent} for {silent_for}, since it has the prompt"
        # What it said itself stays its last word, also when its window changed later.
        at = f"{as_datetime(task.last_seen_ms):%H:%M} UTC"
        return f"no sign of {task.agent} for {silent_for}; its last word, at {at}: {task.last_sign}"

    def _task_moved(self, entry: Entry[TaskMoved]) -> None:
        """Wake when an agent begins to work: its deadline may be the earliest."""
        if entry.event.now == TaskState.WORKING.value:
            self._news.set()
