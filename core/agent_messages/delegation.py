"""Work that agents give to others: a chief or a manager creates subtasks of its task, watches them, and reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from core.agent_messages.model import MINUTE_MS, NewAgentMessage, NewSubtask, Proof, SendOptions
from core.agent_messages.service import AgentMessages
from core.agent_messages.talk import AgentTalk, Speaker
from core.agent_messages.traces import Traces
from core.agents.model import Agent, Job
from core.messages.model import Message, Requires
from core.reasons import ParkCause
from core.remedies import refused
from core.security.codes import CodeHolder
from core.security.model import HUB, Actor, Permission, require
from core.settings.model import TalkLimits
from core.store.engine import Tx
from core.tasks.model import ENDED, NewTask, Task, TaskId, TaskState, parse_task_id
from core.tasks.service import Tasks
from core.tasks.services import TaskServices

_HOUR_MS = 60 * MINUTE_MS
_RANKS = (Job.WORKER, Job.MANAGER, Job.CHIEF)  # work goes from the later ones to the earlier ones only
_AT_WORK = frozenset({TaskState.WORKING, TaskState.BLOCKED, TaskState.REVIEW})
_STOPPING = "a chain of messages is being stopped"  # in a transaction: its agents need no news of each subtask


class Delegation:
    """The subtasks of agents. Each belongs to the user who asked for the whole, and the journal names its agent."""

    def __init__(
        self,
        services: TaskServices,
        agent_messages: AgentMessages,
        talk: AgentTalk,
        traces: Traces,
        *,
        tasks: Tasks,
        limits: TalkLimits,
    ) -> None:
        self._services, self._agent_messages, self._talk, self._traces = services, agent_messages, talk, traces
        self._tasks, self._repository, self._limits = tasks, tasks.repository, limits
        self._ended = dict[str, CodeHolder]()  # the last lease of each agent that ended with its task
        self._repository.follow_halts(self._on_halt)
        traces.follow_stops(self._on_stop)

    async def create(self, new: NewSubtask, proof: Proof) -> Task:
        """Create a subtask of the agent's task; the same key counts once. Raises as `AgentTalk.identify`,
        `Tasks.delegate`, may_not_delegate, no_task_to_delegate, too_much_delegated, chain_stopped, group_unnamed,
        not_your_agent or not_your_subtask."""

        def create(tx: Tx) -> Task:
            if (asked := self._asked_before(tx, new, proof)) is not None:
                return asked
            speaker = self._talk.identify(tx, proof)
            task = self._task_of(tx, speaker, is_proven=bool(proof.code))
            if not speaker.agent.delegates:
                raise refused("may_not_delegate", agent=speaker.agent.name, job=speaker.agent.job.value)
            key = _key_of(task.id, new)
            known = self._repository.find_by_key(tx, key)
            if known is not None and known.state in ENDED - {TaskState.DONE}:  # again, once for each lease
                key = f"{key}:{task.fence}"
                known = self._repository.find_by_key(tx, key)
            if known is not None:
                return known
            self._check_limits(tx, task)
            wanted, needs = self._assignee(speaker.agent, new)
            after = self._subtasks(tx, task, *new.after)
            priority = max(task.priority, new.priority or 0)  # no agent passes the work of other users
            draft = NewTask(
                brief=new.text,
                agent=wanted,
                needs=needs,
                priority=priority,
                place=task.place,
                key=key,
                after=frozenset(one.id for one in after),
                on_failure=new.on_failure,
            )
            return self._tasks.delegate(tx, task, draft, by=speaker.actor)

        return await self._services.store.write(create)

    def _asked_before(self, tx: Tx, new: NewSubtask, proof: Proof) -> Task | None:
        """Return the subtask that the agent created by this key in a lease that has ended: its answer may have been
        lost."""
        lease, agents = self._talk.lease_of(tx, proof), self._services.agents
        if not proof.code and agents.named(proof.agent) and not agents.status(tx, proof.agent).task:
            lease = self._ended.get(proof.agent)
        task = self._repository.find(tx, lease.task) if lease is not None else None
        if lease is None or task is None or (task.fence == lease.fence and task.state not in ENDED):
            return None
        key = _key_of(task.id, new)
        return self._repository.find_by_key(tx, f"{key}:{lease.fence}") or self._repository.find_by_key(tx, key)

    async def assign(self, subtask: str, agent: str, proof: Proof) -> Task:
        """Give a subtask that has not begun, or is parked, to another agent. Raises as `create`, `Tasks.assign_to` or
        stopped_by_user."""

        def assign(tx: Tx, speaker: Speaker, found: Task) -> Task:
            if found.reason is ParkCause.INTERRUPTED:
                raise refused("stopped_by_user", id=found.id)
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
            task = self._task_of(tx, speaker, is_proven=bool(proof.code))
            (found,) = self._subtasks(tx, task, subtask)
            return change(tx, speaker, found)

        return await self._services.store.write(carry_out)

    def _task_of(self, tx: Tx, speaker: Speaker, *, is_proven: bool) -> Task:
        """Return the task that the agent works on; its code proves that it has the prompt."""
        task = speaker.task
        if task is not None and is_proven and task.state not in ENDED:
            task = self._tasks.answers.record_question(tx, task)
        if task is None or not (task.state in _AT_WORK or task.reason is ParkCause.SILENT):
            raise refused("no_task_to_delegate")
        return task

    def _subtasks(self, tx: Tx, task: Task, *names: str) -> list[Task]:
        known = self._repository.find_subtasks(tx, task) if names else []
        found = {one.id: one for one in known}
        wanted = dict.fromkeys(map(parse_task_id, names))
        for name in wanted:
            if name not in found:
                raise refused("not_your_subtask", id=name, task=task.id)
        return [found[name] for name in wanted]

    def _check_limits(self, tx: Tx, task: Task) -> None:
        """Check the depth, the number and the time of what agents create below the task of a user, and its chain."""
        goal, depth = task, 1
        while (above := self._repository.find_giver(tx, goal)) is not None:
            goal, depth = above, depth + 1
        limits, age_ms = self._limits, self._services.clock.now_ms() - goal.created_ms
        if depth > limits.subtask_depth:
            raise refused("too_much_delegated", why=f"subtasks go {limits.subtask_depth} deep at most")
        if self._repository.count_below(tx, goal.id) >= limits.subtasks:
            raise refused(
                "too_much_delegated", why=f"{goal.id} has {limits.subtasks} subtasks, the most that it may have"
            )
        if age_ms > limits.goal_hours * _HOUR_MS:
            raise refused("too_much_delegated", why=f"{goal.id} is more than {limits.goal_hours} hours old")
        if self._traces.is_stopped_trace(tx, self._trace_of(tx, task)):
            raise refused("chain_stopped")

    def _trace_of(self, tx: Tx, task: Task) -> str:
        brief = self._services.messages.last_brief(tx, task.id, task.agent or "")
        return brief.trace if brief is not None else ""

    def _assignee(self, giver: Agent, new: NewSubtask) -> tuple[str | None, frozenset[str]]:
        """Return the agent that gets the subtask, if it is named, and what an agent must have to get it."""
        kind, _, group = new.to.strip().partition(":")
        if new.to and kind != "group":
            return self._named(giver, new.to).name, new.needs
        if not group and len(giver.groups) > 1:
            raise refused("group_unnamed", groups=", ".join(sorted(giver.groups)))
        group = group or next(iter(giver.groups), "")
        if not giver.groups and giver.job is not Job.CHIEF:
            raise refused("no_group", agent=giver.name)
        if group not in giver.groups and giver.groups:
            raise refused("not_your_agent", to=new.to, agent=giver.name)
        member = {f"group:{group}"} if group else set[str]()
        return None, new.needs | member | {f"job:{Job.WORKER}"}

    def _named(self, giver: Agent, name: str) -> Agent:
        """Find an agent to which this one may give work: with a lower job, in its groups; a chief without groups may
        give work to all."""
        agent = self._services.agents.reachable(name)
        is_lower = _RANKS.index(agent.job) < _RANKS.index(giver.job)
        is_near = agent.groups & giver.groups if giver.groups else giver.job is Job.CHIEF
        if not is_lower or not is_near:
            raise refused("not_your_agent", to=agent.name, agent=giver.name)
        return agent

    def _on_halt(self, tx: Tx, task: Task, by: Actor) -> None:
        """Cancel what the agent of an ended task gave to others; tell the agent of a subtask's parent what it waits
        for: one that failed, or that all have ended."""
        if task.state in ENDED:
            self._ended[task.agent or ""] = CodeHolder(task=task.id, fence=task.fence, agent=task.agent or "")
            self._cancel_open(tx, task, by=by)
        parent = self._repository.find_giver(tx, task)
        if parent is None or parent.state in ENDED or task.follow_up is not None:
            return
        self._services.notices.card_changed(tx, parent.id)
        is_last = task.state in ENDED and not self._repository.find_open_subtasks(tx, parent, most=1)
        is_own = by.id == f"agent:{parent.agent}"
        if is_last:
            self._repository.extend_deadline(tx, parent)
            self._tell(tx, parent, self._repository.find_subtasks(tx, parent), is_last=True)
        elif task.state is not TaskState.DONE and not is_own and not tx.scratch.get(_STOPPING):
            self._tell(tx, parent, [task], is_last=False)

    def _on_stop(self, tx: Tx, messages: tuple[Message, ...], by: Actor) -> None:
        """Cancel the subtasks of a chain that a user stops. The user's own task continues."""
        tx.scratch[_STOPPING] = True
        for name in dict.fromkeys(one.task for one in messages if one.task is not None):
            task = self._repository.find(tx, name)
            if self._repository.find_open_subtasks(tx, task, most=1):
                require(by, Permission.TASK_END)
                self._cancel_open(tx, task, by=by)
        tx.scratch[_STOPPING] = False

    def _cancel_open(self, tx: Tx, parent: Task, *, by: Actor) -> None:
        """Cancel the last first: no other one waits for it. The end of one may have ended others."""
        for one in reversed(self._repository.find_open_subtasks(tx, parent)):
            if (now := self._repository.find(tx, one.id)).state not in ENDED:
                self._tasks.cancel_in(tx, now, by=by)

    def _tell(self, tx: Tx, parent: Task, subtasks: Sequence[Task], *, is_last: bool) -> None:
        """Tell the parent's agent the states of these. An agent that gets the parent later reads it in its prompt."""
        agent = self._services.agents.named(parent.agent)
        if agent is None or not agent.abilities.queues or parent.has_not_begun:
            return
        text = self._tasks.briefs.subtasks_so_far(tx, parent, subtasks, is_last=is_last, agent=agent.name)
        draft = NewAgentMessage(text=text, options=SendOptions(requires=Requires.NONE))
        brief = self._services.messages.last_brief(tx, parent.id, agent.name)
        new = self._agent_messages.envelope(draft, text, to=f"agent:{agent.name}", task=parent, key=None, by=HUB)
        if brief is not None:
            new = replace(new, cause=brief.id, trace=brief.trace)
        self._agent_messages.post(tx, new, [agent], by=HUB, is_shown=False)  # users see each part's line


def _key_of(task: TaskId, new: NewSubtask) -> str:
    return f"subtask:{task}:{new.key or new.fingerprint}"
