"""Work that agents give to others: a chief or a manager creates subtasks of its task, watches them, and reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.agent_messages.model import (
    MINUTE_MS,
    ChainStopped,
    GroupUnnamed,
    MayNotDelegate,
    NewAgentMessage,
    NewSubtask,
    NoTaskToDelegate,
    NotYourAgent,
    NotYourSubtask,
    Proof,
    SendOptions,
    TooMuchDelegated,
)
from core.agent_messages.service import AgentMessages
from core.agent_messages.talk import AgentTalk, Speaker
from core.agent_messages.traces import Traces
from core.agents.model import Agent, Job
from core.messages.model import Message, Requires
from core.messages.prompt_files import quoted
from core.security.model import HUB, Actor
from core.settings.model import TalkLimits
from core.store.engine import Tx
from core.tasks.model import ENDED, NewTask, PartsKind, Task, TaskState, parse_task_id
from core.tasks.service import Tasks
from core.tasks.services import TaskServices

_HOUR_MS = 60 * MINUTE_MS
_RANKS = (Job.WORKER, Job.MANAGER, Job.CHIEF)  # work goes from the later ones to the earlier ones only
_ENDED = {
    TaskState.DONE: "is done",
    TaskState.FAILED: "has failed",
    TaskState.EXPIRED: "has expired",
    TaskState.CANCELLED: "was cancelled",
}
_SHOWN_CHARS = 2_000  # of each answer in the news that all subtasks have ended; `my_task` has the whole


class Delegation:
    """The subtasks of agents. Each belongs to the user who asked for the whole, and the journal names its agent."""

    def __init__(
        self,
        services: TaskServices,
        hub: AgentMessages,
        talk: AgentTalk,
        traces: Traces,
        *,
        tasks: Tasks,
        limits: TalkLimits,
    ) -> None:
        self._services, self._hub, self._talk, self._traces = services, hub, talk, traces
        self._tasks, self._repository, self._limits = tasks, tasks.repository, limits
        self._repository.follow_ends(self._on_end)
        traces.follow_stops(self._on_stop)

    async def create(self, new: NewSubtask, proof: Proof) -> Task:
        """Create a subtask of the agent's task; the same key counts once. Raises as `AgentTalk.identify`,
        `Tasks.delegate`, MayNotDelegate, NoTaskToDelegate, TooMuchDelegated, ChainStopped, GroupUnnamed, NotYourAgent
        or NotYourSubtask."""

        def create(tx: Tx) -> Task:
            speaker = self._talk.identify(tx, proof)
            key = f"subtask:{speaker.agent.name}:{new.key}"
            if (known := self._repository.find_by_key(tx, key)) is not None:
                return known
            task = self._task_of(speaker)
            self._check_limits(tx, task)
            wanted, needs = self._assignee(speaker.agent, new)
            after = frozenset(self._subtask(tx, task, name).id for name in new.after)
            priority = task.priority if new.priority is None else new.priority
            draft = NewTask(
                brief=new.text,
                agent=wanted,
                needs=needs,
                priority=priority,
                place=task.place,
                key=key,
                after=after,
                on_failure=new.on_failure,
            )
            return self._tasks.delegate(tx, task, draft, by=speaker.actor)

        return await self._services.store.write(create)

    async def assign(self, subtask: str, agent: str, proof: Proof) -> Task:
        """Give a subtask that has not begun, or is parked, to another agent. Raises as `create` and
        `Tasks.assign_to`."""

        def assign(tx: Tx, speaker: Speaker, found: Task) -> Task:
            wanted = self._named(speaker.agent, agent)
            return self._tasks.assign_in(tx, found, wanted=wanted.name, by=speaker.actor)

        return await self._change(subtask, proof, assign)

    async def cancel(self, subtask: str, proof: Proof) -> Task:
        """Cancel a subtask. Raises as `create` and `Tasks.cancel`."""
        return await self._change(
            subtask, proof, lambda tx, speaker, found: self._tasks.cancel_in(tx, found, by=speaker.actor)
        )

    async def _change(self, subtask: str, proof: Proof, change: Callable[[Tx, Speaker, Task], Task]) -> Task:
        def carry_out(tx: Tx) -> Task:
            speaker = self._talk.identify(tx, proof)
            return change(tx, speaker, self._subtask(tx, self._task_of(speaker), subtask))

        return await self._services.store.write(carry_out)

    def _task_of(self, speaker: Speaker) -> Task:
        if not speaker.agent.delegates:
            raise MayNotDelegate(agent=speaker.agent.name, job=speaker.agent.job.value)
        if speaker.task is None or speaker.task.state in ENDED:
            raise NoTaskToDelegate
        return speaker.task

    def _subtask(self, tx: Tx, task: Task, name: str) -> Task:
        found = {one.id: one for one in self._repository.find_parts(tx, task.id)}.get(parse_task_id(name))
        if found is None or task.parts is not PartsKind.DELEGATED:
            raise NotYourSubtask(id=parse_task_id(name), task=task.id)
        return found

    def _check_limits(self, tx: Tx, task: Task) -> None:
        """Check the depth, the number and the time of what agents create below the task of a user, and its chain."""
        goal, depth = task, 1
        while goal.parent is not None:
            goal, depth = self._repository.find(tx, goal.parent), depth + 1
        limits, age_ms = self._limits, self._services.clock.now_ms() - goal.created_ms
        if depth > limits.subtask_depth:
            raise TooMuchDelegated(why=f"subtasks go {limits.subtask_depth} deep at most")
        if self._repository.count_below(tx, goal.id) >= limits.subtasks:
            raise TooMuchDelegated(why=f"{goal.id} has {limits.subtasks} subtasks, the most that it may have")
        if age_ms > limits.goal_hours * _HOUR_MS:
            raise TooMuchDelegated(why=f"{goal.id} is more than {limits.goal_hours} hours old")
        if self._traces.is_stopped_trace(tx, self._trace_of(tx, task)):
            raise ChainStopped

    def _trace_of(self, tx: Tx, task: Task) -> str:
        brief = self._services.messages.last_brief(tx, task.id, task.agent or "")
        return brief.trace if brief is not None else ""

    def _assignee(self, giver: Agent, new: NewSubtask) -> tuple[str | None, frozenset[str]]:
        """Return the agent that gets the subtask, if it is named, and what an agent must have to get it."""
        kind, _, group = new.to.strip().partition(":")
        if new.to and kind != "group":
            return self._named(giver, new.to).name, new.needs
        if not group and len(giver.groups) > 1:
            raise GroupUnnamed(groups=", ".join(sorted(giver.groups)))
        group = group or next(iter(giver.groups), "")
        if group not in giver.groups and (giver.groups or giver.job is not Job.CHIEF):
            raise NotYourAgent(to=new.to or "no group", agent=giver.name)
        member = {f"group:{group}"} if group else set[str]()
        return None, new.needs | member | {f"job:{Job.WORKER}"}

    def _named(self, giver: Agent, name: str) -> Agent:
        """Find an agent to which this one may give work: with a lower job, in its groups; a chief without groups may
        give work to all."""
        agent = self._services.agents.reachable(name)
        is_lower = _RANKS.index(agent.job) < _RANKS.index(giver.job)
        is_near = agent.groups & giver.groups if giver.groups else giver.job is Job.CHIEF
        if not is_lower or not is_near:
            raise NotYourAgent(to=agent.name, agent=giver.name)
        return agent

    def _on_end(self, tx: Tx, task: Task, by: Actor) -> None:
        """End what an ended task's agent gave to others; tell the agent of a subtask's parent what it waits for."""
        for part in self._repository.find_open_subtasks(tx, task):
            self._tasks.cancel_in(tx, part, by=by)
        parent = self._repository.find(tx, task.parent) if task.parent is not None else None
        if parent is None or parent.parts is not PartsKind.DELEGATED or parent.state in ENDED:
            return
        self._services.notices.card_changed(tx, parent.id)
        agent = self._services.agents.named(parent.agent)
        if agent is None or not agent.abilities.queues or by.id == f"agent:{agent.name}":
            return
        is_last = not self._repository.find_open_subtasks(tx, parent)
        if (is_last or task.state is not TaskState.DONE) and not self._traces.is_stopped_trace(
            tx, self._trace_of(tx, parent)
        ):
            self._tell(tx, parent, agent, self._news(tx, parent, task, is_last=is_last))

    def _on_stop(self, tx: Tx, messages: tuple[Message, ...], by: Actor) -> None:
        """Cancel the subtasks of a chain that a user stops. The user's own task continues."""
        for name in dict.fromkeys(one.task for one in messages if one.task is not None):
            for part in self._repository.find_open_subtasks(tx, self._repository.find(tx, name)):
                self._tasks.cancel_in(tx, part, by=by)

    def _news(self, tx: Tx, parent: Task, ended: Task, *, is_last: bool) -> str:
        """Write what the agent of the parent has to know: one subtask without success, or how they all ended."""
        found = self._repository.find_parts(tx, parent.id) if is_last else [ended]
        lines = list[str]()
        for one in found:
            lines.append(f"{one.id} ({one.agent or 'no agent'}) {_ENDED[one.state]}.")
            said = self._services.messages.last_words(tx, one.id, of_code=f"{one.id}:{one.fence}:")
            if said and one.state in {TaskState.DONE, TaskState.FAILED}:
                lines.append(quoted(said[:_SHOWN_CHARS]))
        if is_last:
            lines.append(f"All subtasks of {parent.id} have ended. End {parent.id} with a summary.")
        return "\n".join(lines)

    def _tell(self, tx: Tx, parent: Task, agent: Agent, text: str) -> None:
        draft = NewAgentMessage(text=text, options=SendOptions(requires=Requires.NONE))
        brief = self._services.messages.last_brief(tx, parent.id, agent.name)
        new = self._hub.envelope(draft, text, to=f"agent:{agent.name}", task=parent, key=None, by=HUB)
        if brief is not None:
            new = replace(new, cause=brief.id, trace=brief.trace)
        self._hub.post(tx, new, [agent], by=HUB)
