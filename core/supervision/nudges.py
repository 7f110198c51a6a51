"""Asks an agent in its window for its answer: the one question of `on_agent_timeout`, of `on_idle` and of users."""

from __future__ import annotations

from core.agent_messages.service import AgentMessages
from core.deliveries.model import OPEN_STATES, Delivery
from core.messages.model import Message
from core.remedies import refused
from core.security.model import Actor, Permission
from core.store.engine import Tx
from core.tasks.model import Task, TaskId, TaskState
from core.tasks.service import Tasks
from core.tasks.services import TaskServices

_QUESTION = (
    "Octet has heard nothing of {task} for {long}. Still at work? Run the `octet progress` command at the end of its "
    "prompt. Finished? Run the `octet done` command below that."
)


class Nudges:
    """The questions to agents that are silent: one at a time, until the agent has spoken."""

    def __init__(self, services: TaskServices, tasks: Tasks, agent_messages: AgentMessages) -> None:
        self._agents, self._deliveries, self._clock = services.agents, services.deliveries, services.clock
        self._tasks, self._agent_messages = tasks, agent_messages

    def ask(self, tx: Tx, task: Task) -> Message:
        """Ask the agent at work on the task once more; it then has as long again."""
        agent = self._agents.get(task.agent or "")
        silent_ms = self._clock.now_ms() - max(task.last_seen_ms or 0, task.changed_ms)
        asked = self._agent_messages.queue_message(
            tx, _QUESTION.format(task=task.id, long=duration(silent_ms)), agent, task=task
        )
        self._tasks.repository.record_nudge(tx, task, asked.id)
        return asked

    def find_open(self, tx: Tx, task: Task) -> Delivery | None:
        """Find the delivery of the question that the agent has not answered; None where there is none."""
        return self._deliveries.find_for_message(tx, task.nudge)[-1] if task.nudge else None

    async def ask_for_answer(self, task: TaskId, *, by: Actor) -> Task:
        """Ask the task's agent for its answer, for a user. Raises TaskNotFound, agent_not_found, task_not_working or
        already_asked."""

        def ask(tx: Tx, found: Task) -> Task:
            if found.state is not TaskState.WORKING:
                raise refused("task_not_working", id=found.id, state=found.state.value)
            last = self.find_open(tx, found)
            if last is not None and last.state in OPEN_STATES:
                raise refused("already_asked", id=found.id, agent=last.agent)
            self.ask(tx, found)
            return found

        return await self._tasks.change(task, Permission.MESSAGE_SEND, ask, by=by)


def duration(for_ms: int) -> str:
    """Write how long an agent has been silent, such as `60 minutes`."""
    seconds = round(for_ms / 1000)
    if seconds >= 7200 and seconds % 3600 == 0:
        return f"{seconds // 3600} hours"
    return f"{seconds // 60} minutes" if seconds >= 120 else f"{seconds} seconds"
