"""`task`: create, show, change and end tasks."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from bot.verbs.declare import Coordinator, Origin, Verb
from bot.verbs.lists import Filter, Page
from bot.verbs.types import AgentName, AnyTask, Needs, OpenTask, Priority, Text
from core.security.model import Actor, Permission
from core.tasks.model import ENDED, NewTask, Task, TaskState, TaskView, parse_task_id

ABOUT = "Tasks for the agents"
REQUESTER = "the task's requester"
TaskStates = StrEnum("TaskStates", ["open", "ended", "all", *(state.value for state in TaskState)])
"""`open` has not ended."""
_GROUPS = {"open": frozenset(TaskState) - ENDED, "ended": ENDED, "all": None}


@Verb("task", Permission.TASK_CREATE, "POST /tasks")
async def new(
    octet: Coordinator,
    brief: Annotated[Text, "What should the agent do?"],
    *,
    agent: Annotated[AgentName | None, "The agent; default: the first idle agent that can do it"] = None,
    priority: Annotated[Priority, "How urgent it is; default: normal"] = 2,
    needs: Needs = frozenset(),
    origin: Origin,
    by: Actor,
) -> Task:
    """Give a task to an agent.

    Its card, with a thread and a Cancel button, appears in the channel. In Discord, leave the brief out to write
    a longer text in a dialog."""
    return await octet.tasks.new(draft(origin, brief=brief, agent=agent, priority=priority, needs=needs), by=by)


def draft(
    origin: Origin, *, brief: str, agent: str | None = None, priority: int = 2, needs: frozenset[str] = frozenset()
) -> NewTask:
    """Make what `new` asks for."""
    return NewTask(brief=brief, agent=agent or None, needs=needs, priority=priority, place=origin.place, key=origin.key)


@Verb("task", Permission.TASK_READ, "GET /tasks", name="list")
async def list_tasks(octet: Coordinator, *, where: Annotated[Filter, TaskStates], by: Actor) -> Page[Task]:
    """List tasks, newest first.

    Without a state it lists those that have not ended."""
    state = where.state or "open"
    found = await octet.tasks.list(
        by=by,
        states=_GROUPS[state] if state in _GROUPS else frozenset({TaskState(state)}),
        limit=where.limit,
        before=parse_task_id(where.cursor) if where.cursor else None,
        agent=where.agent or "",
        text=where.text or "",
    )
    return Page(items=found, next=found[-1].id if len(found) == where.limit else "")


@Verb("task", Permission.TASK_READ, "GET /tasks/{task}")
async def show(octet: Coordinator, task: AnyTask, *, by: Actor) -> TaskView:
    """Show a task with its deliveries and answers.

    Octet masks the prompt's code. In Discord you also see each delivery's receipt and, if you may see windows, the
    newest receipt's pictures."""
    return await octet.tasks.show(task, by=by)


@Verb(
    "task",
    Permission.TASK_END,
    "POST /tasks/{task}/cancel",
    own=REQUESTER,
    undo="undo",
    says="Cancelled {it.id}. `/task undo` puts it back within a minute.",
)
async def cancel(octet: Coordinator, task: OpenTask, *, by: Actor) -> Task:
    """Cancel a task.

    Octet sends nothing more of it to a window. An agent that works on it gets nothing new until its window is idle."""
    return await octet.tasks.cancel(task, by=by)


@Verb("task", Permission.TASK_END, "POST /tasks/{task}/undo", own=REQUESTER, says="{it.id} is back: {it.state.value}.")
async def undo(octet: Coordinator, task: AnyTask, *, by: Actor) -> Task:
    """Put back a task that was cancelled less than a minute ago.

    An agent that still works on it keeps it; otherwise it goes back into the queue."""
    return await octet.tasks.undo(task, by=by)


@Verb("task", Permission.TASK_END, "POST /tasks/{task}/done", own=REQUESTER, says="Marked {it.id} as done.")
async def done(
    octet: Coordinator, task: OpenTask, text: Annotated[Text, "The result, posted in the task's thread"], *, by: Actor
) -> Task:
    """Mark a task as done yourself, with a result.

    An agent must have got the task. Agents run `octet done` with the code of their prompt instead."""
    return await octet.tasks.done(task, text, by=by)


@Verb(
    "task",
    Permission.TASK_CHANGE,
    "POST /tasks/{task}/retry",
    own=REQUESTER,
    undo="cancel",
    says=lambda task: (
        f"Created {task.id}, which repeats {task.again_of}."
        if task.again_of and task.attempt == 1
        else f"{task.id} is ready again (attempt {task.attempt})."
    ),
)
async def retry(octet: Coordinator, task: AnyTask, *, by: Actor) -> Task:
    """Run a task again that ended or is parked.

    Of a task that is done, Octet makes a new one.

    The new attempt has a new code; the old code becomes invalid. Octet refuses while it does not know whether the
    prompt arrived, because the agent could do the work twice."""
    return await octet.tasks.retry(task, by=by)


@Verb(
    "task",
    Permission.TASK_CHANGE,
    "POST /tasks/{task}/assign",
    own=REQUESTER,
    undo="assign",
    says="Assigned {it.id} to {it.wanted}.",
)
async def assign(
    octet: Coordinator,
    task: OpenTask,
    agent: Annotated[AgentName, "The only agent that may do it"],
    *,
    by: Actor,
) -> Task:
    """Assign a task to an agent.

    The task must be ready, waiting or parked."""
    return await octet.tasks.assign_to(task, agent, by=by)


@Verb(
    "task",
    Permission.TASK_CHANGE,
    "POST /tasks/{task}/priority",
    own=REQUESTER,
    undo="priority",
    says="{it.id} now has priority P{it.priority}.",
)
async def priority(
    octet: Coordinator, task: OpenTask, priority: Annotated[Priority, "The new priority"], *, by: Actor
) -> Task:
    """Change a task's priority.

    The queue changes at once."""
    return await octet.tasks.set_priority(task, priority, by=by)
