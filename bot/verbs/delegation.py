"""The verbs by which chiefs and managers give parts of their task to other agents: routes, tools and commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from bot.verbs.declare import AgentVerb, Coordinator, ParameterKind
from bot.verbs.replies import Key
from bot.verbs.talk import About, Code, proof_of
from bot.verbs.types import Text
from core import limits
from core.agent_messages.model import NewSubtask
from core.security.model import Actor
from core.tasks.model import OnFailure, Task, TaskState

ABOUT = "Work that agents give to others"
SubtaskName = Annotated[str, ParameterKind(help="Your subtask, T-142")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A subtask, as far as its agent's chief needs it."""

    subtask: str
    state: TaskState
    agent: str  # who has it, or must get it; empty as long as Octet has chosen none


@AgentVerb("POST /replies/subtasks", mcp="create_subtask", command="subtask", needs_delegator=True)
async def create_subtask(
    octet: Coordinator,
    text: Text,
    *,
    to: Annotated[str, ParameterKind(help="An agent or `group:NAME`; default: any worker of your group")] = "",
    needs: Annotated[Sequence[str], ParameterKind(help="Capabilities that the agent must have")] = (),
    after: Annotated[Sequence[str], ParameterKind(help="Your subtasks that must be done first, T-…")] = (),
    on_failure: Annotated[OnFailure, ParameterKind(help="When one of these fails: wait, cancel or start")] = (
        OnFailure.WAIT
    ),
    priority: Annotated[
        int | None, ParameterKind(help="0 (most urgent) to 4; default: that of your task"), limits.PRIORITY
    ] = None,
    task: About = "",
    code: Code = "",
    key: Key = "",
    by: Actor,
) -> Created:
    """Give a part of your task to another agent. Octet tells you when all have ended; my_task shows them."""
    new = NewSubtask(
        text=text,
        to=to,
        needs=frozenset(needs),
        after=tuple(after),
        on_failure=on_failure,
        priority=priority,
        key=key,
    )
    return _created(await octet.delegation.create(new, proof_of(by, task, code)))


@AgentVerb("POST /replies/subtasks/assign", mcp="assign_subtask", command="subtask --assign", needs_delegator=True)
async def assign_subtask(
    octet: Coordinator,
    subtask: SubtaskName,
    to: Annotated[str, ParameterKind(help="An agent of your group")],
    *,
    task: About = "",
    code: Code = "",
    by: Actor,
) -> Created:
    """Give a subtask that has not begun, or has stopped, to another agent."""
    return _created(await octet.delegation.assign(subtask, to, proof_of(by, task, code)))


@AgentVerb("POST /replies/subtasks/cancel", mcp="cancel_subtask", command="subtask --cancel", needs_delegator=True)
async def cancel_subtask(
    octet: Coordinator, subtask: SubtaskName, *, task: About = "", code: Code = "", by: Actor
) -> Created:
    """Cancel a subtask that you no longer need."""
    return _created(await octet.delegation.cancel(subtask, proof_of(by, task, code)))


def _created(task: Task) -> Created:
    return Created(subtask=task.id, state=task.state, agent=task.agent or task.wanted or "")
