"""Sees agents at work that rest without an answer: reports each, and asks it first if its `on_idle` says so."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from core.agents.model import OFF_DUTY, AgentState, AgentStatus
from core.desks.model import DeskState, Shown
from core.desks.service import DeskModeChanged, DeskStopped
from core.journal.model import Entry, Event
from core.kit.supervise import wait_for_event
from core.profiles.model import Activity, Profile
from core.reasons import IdleSource
from core.retry_policy import RetryPolicy
from core.store.engine import Tx, at_row
from core.supervision.model import IdleSign
from core.supervision.nudges import Nudges
from core.tasks.model import Task, TaskMoved, TaskState
from core.tasks.service import Tasks
from core.tasks.services import TaskServices

_AT_WORK = OFF_DUTY | {AgentState.BUSY}
_MAY_REST = frozenset({Activity.IDLE, Activity.UNKNOWN})


class IdleAgents:
    """The watch over agents that have a task and rest. Octet keeps the signs in memory, and with the task what it
    reported."""

    def __init__(self, services: TaskServices, tasks: Tasks, nudges: Nudges, policy: RetryPolicy) -> None:
        self._agents, self._desks, self._clock = services.agents, services.desks, services.clock
        self._repository, self._quarantine = tasks.repository, tasks.quarantine
        self._profile_of, self._nudges = tasks.prompts.profile_of, nudges
        self._after_ms = round(policy.settings.idle_after_s * 1000)
        self._signs: Mapping[str, IdleSign] = {}  # by agent; the writer's thread reads it
        self._news = asyncio.Event()
        services.journal.listen(TaskMoved, self._task_moved)
        for event in (DeskModeChanged, DeskStopped):
            services.journal.listen(event, self._desk_changed)

    def rests(self, agent: str, source: IdleSource) -> None:
        """Take the sign of this source that the agent rests from now on. A repeated one changes nothing."""
        if agent not in self._signs:
            self._signs = {**self._signs, agent: IdleSign(source=source, since_s=self._clock.monotonic_s())}
            self._news.set()

    def forget(self, agent: str) -> None:
        """Forget that the agent rests: it may be at work, or Octet cannot see it."""
        self._signs = {name: sign for name, sign in self._signs.items() if name != agent}

    def window_shows(self, desk: str, shown: Shown) -> None:
        for agent in self._agents.at(desk, shown.window):
            if shown.activity is Activity.IDLE:
                known = self._profile_of(agent.name)
                is_heard = isinstance(known, Profile) and (known.busy.accessible or known.idle.accessible)
                self.rests(agent.name, IdleSource.ACCESSIBILITY if is_heard else IdleSource.SCREEN)
            elif shown.activity is not Activity.UNKNOWN or not self._is_by_hook(agent.name):
                self.forget(agent.name)

    def hook_says(self, agent: str, *, rests: bool) -> None:
        """Take what the agent's hook says: that it rests, unless its window shows otherwise; or that it does not rest,
        which takes back only what a hook said."""
        known = self._agents.named(agent)
        if known is None:
            return
        if not rests and self._is_by_hook(agent):
            self.forget(agent)
            self._news.set()
        elif rests and self._desks.shown(known.desk or "", known.window or "").activity in _MAY_REST:
            self.rests(agent, IdleSource.HOOK)

    def _is_by_hook(self, agent: str) -> bool:
        return agent in self._signs and self._signs[agent].source is IdleSource.HOOK

    def take_back(self, tx: Tx, desk: str, shown: Shown) -> None:
        """Take back that the agents of this window look idle, if it shows that they do not."""
        if shown.activity in {Activity.IDLE, Activity.UNKNOWN}:
            return
        for agent in self._agents.at(desk, shown.window):
            task = self._agents.status(tx, agent.name).task
            if task is not None:
                with at_row(task):
                    self._repository.set_idle(tx, self._repository.find(tx, task), None)

    def desk_lost(self, desk: str) -> None:
        """Forget what this desk's windows showed: its next worker tells it again."""
        for agent in self._agents.at(desk):
            self.forget(agent.name)

    async def run(self) -> None:
        while True:
            self._news.clear()
            await wait_for_event(self._news, await self.check_all())

    async def check_all(self) -> float | None:
        """Report agents that look idle, and take back what is over. Return the seconds to the next check; None while
        none of the agents at work rests."""
        part = self._quarantine.part
        return await self._quarantine.write_when_back(lambda tx: part(tx, self._check_idle, None))

    def _check_idle(self, tx: Tx) -> float | None:
        signs = self._signs  # as they are now: a write may wait until the disk takes it
        idle = {task.agent or "": task for task in self._repository.list_idle(tx)}
        rests_ms = list[int]()
        for name in {*idle, *signs}:
            agent = self._agents.status(tx, name) if self._agents.named(name) else None
            if agent is None or agent.task is None:
                continue
            with at_row(agent.task):
                task = idle.get(name) or self._repository.find(tx, agent.task)
                if task.state is TaskState.WORKING:
                    rests_ms.append(self._check_one(tx, task, agent, signs.get(name)))
        return min(rests_ms) / 1000 if rests_ms else None

    def _check_one(self, tx: Tx, task: Task, agent: AgentStatus, sign: IdleSign | None) -> int:
        """Report the agent, or take it back; return after how long to look again."""
        is_awaited = self._is_awaited(tx, task, agent)
        if task.idle_ms is not None or sign is None:
            if not is_awaited or (sign is None and task.idle_by is IdleSource.HOOK):
                self._repository.set_idle(tx, task, None)
            return self._after_ms
        asked, now_ms = self._nudges.find_open(tx, task), self._clock.now_ms()
        idle_ms = round((self._clock.monotonic_s() - sign.since_s) * 1000)
        later_ms = (task.changed_ms, task.last_seen_ms or 0, asked.changed_ms if asked else 0)
        rested_ms = min(idle_ms, *(now_ms - one for one in later_ms if one <= now_ms))  # a clock may be set back
        if rested_ms < self._after_ms:
            return self._after_ms - rested_ms
        if is_awaited and agent.agent.on_idle == "nudge" and task.nudge is None and agent.state not in OFF_DUTY:
            self._nudges.ask(tx, task)
        elif is_awaited:
            self._repository.set_idle(tx, task, sign.source, since_ms=now_ms - idle_ms)
        return self._after_ms

    def _is_awaited(self, tx: Tx, task: Task, agent: AgentStatus) -> bool:
        """Return whether nothing but the agent's answer is missing, and Octet may use its window."""
        desk = agent.agent.desk
        is_shut = desk is not None and self._desks.state(desk).state in {DeskState.HELD, DeskState.STOPPED}
        if is_shut or agent.state not in _AT_WORK or task.agent != agent.agent.name:
            return False
        return not self._repository.find_open_subtasks(tx, task, most=1)

    def _task_moved(self, entry: Entry[TaskMoved]) -> None:
        if entry.event.now == TaskState.WORKING.value and entry.event.agent in self._signs:
            self._news.set()

    def _desk_changed(self, _: Entry[Event]) -> None:
        self._news.set()
