"""`task`: create, show, change and end tasks."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from functools import partial
from typing import Annotated

from bot.verbs.declare import Coordinator, On, Origin, ParameterKind, Verb
from bot.verbs.lists import Filter, Selected
from bot.verbs.messages import Download, FileNumber
from bot.verbs.moments import LocalTime, Moment, is_duration, local_time
from bot.verbs.results import TASK_STATES
from bot.verbs.types import (
    AgentName,
    AnyTask,
    Checks,
    File,
    Labels,
    Needs,
    OpenTask,
    Priority,
    TaskIds,
    Text,
)
from core import limits
from core.kit.filters import Page
from core.proofs.model import CheckRun, Diff
from core.security.model import Actor, Permission
from core.tasks.model import (
    FIELDS,
    Export,
    Imported,
    NewTask,
    OnFailure,
    ProofOfDone,
    Task,
    TaskChanges,
    TaskView,
)
from core.workspaces.model import Merged

ABOUT = "Tasks for the agents"
REQUESTER = "the task's requester"
_ON_FAILURE = ParameterKind(
    help="What happens when a task that comes first fails; default: it waits for you",
    choices={"wait": "wait, and tell me", "cancel": "cancel this task too", "start": "start anyway"},
)
_STATES = {one: one for one in ("open", "ended", "all")} | {
    state.value: f"{words} · {state.value}" for state, (_, words) in TASK_STATES.items()
}
"""The states to choose from, as users read them. `open` has not ended."""
TaskStates = StrEnum("TaskStates", list(_STATES))
_NONE = frozenset({"none"})


def _merged(merged: Merged) -> str:
    return f"Merged as commit {merged.commit[:12]}."


_ChangeVerb = partial(Verb, "task", Permission.TASK_CHANGE, own=REQUESTER)
_EndVerb = partial(Verb, "task", Permission.TASK_END, own=REQUESTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter(Filter):
    """Which tasks of a list."""

    state: Annotated[str | None, ParameterKind(help="Only those in this state", choices=_STATES)] = None
    label: Annotated[str | None, ParameterKind(help="Only those with this label")] = None


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """What users say of a new task: the parameters of `task new`."""

    brief: Annotated[Text, "What should the agent do?"]
    _: KW_ONLY
    agent: Annotated[AgentName | None, "The agent; default: the first idle agent that can do it"] = None
    priority: Annotated[Priority, "How urgent it is; default: normal"] = 2
    needs: Needs = frozenset()
    labels: Labels = frozenset()
    after: Annotated[TaskIds, "The tasks that come first, separated by commas"] = frozenset()
    on_failure: Annotated[OnFailure, _ON_FAILURE] = OnFailure.WAIT
    due: Annotated[Moment | None, "When you want it done: `2h`, `tomorrow 9am`, `fri 17:00`, or a date"] = None
    not_before: Annotated[Moment | None, "When it may start: `2h`, `tomorrow 9am`, `fri 17:00`, or a date"] = None
    part_of: Annotated[OpenTask | None, "The task that this one is a part of"] = None
    best_of: Annotated[
        int | None, ParameterKind(help="How many agents do it separately, so that you pick an answer"), limits.BEST_OF
    ] = None
    attach: File | None = None
    project: Annotated[str | None, ParameterKind(help="The project whose files it changes"), limits.NAME] = None
    checks: Annotated[Checks, "What must pass before it is done, e.g. `tests, lint`; default: its project's"] = (
        frozenset()
    )

    def draft(self, origin: Origin, when: LocalTime) -> NewTask:
        """Return the task that it asks for. Raises invalid_moment or moment_past."""
        return NewTask(
            brief=self.brief,
            agent=self.agent or None,
            needs=self.needs,
            priority=self.priority,
            place=origin.place,
            key=origin.key,
            after=self.after,
            on_failure=self.on_failure,
            labels=self.labels,
            due_ms=when.read(self.due, is_end=True) or None,
            not_before_ms=when.read(self.not_before) or None,
            is_delay=is_duration(self.not_before),
            parent=self.part_of,
            attach=self.attach,
            best_of=self.best_of or 0,
            project=self.project or None,
            checks=tuple(sorted(self.checks)),
        )


@Verb("task", Permission.TASK_CREATE, "POST /tasks", discord="default")
async def new(octet: Coordinator, request: TaskRequest, *, origin: Origin, by: Actor) -> Task:
    """Give a task to an agent.

    Its card, with a thread and a Cancel button, appears in the channel. In Discord, leave the brief out to write
    a longer text in a dialog."""
    return await octet.tasks.new(request.draft(origin, local_time(octet, by)), by=by)


@Verb("task", Permission.TASK_READ, "GET /tasks", name="list", discord="default")
async def list_tasks(octet: Coordinator, *, where: Annotated[TaskFilter, TaskStates], by: Actor) -> Page[Task]:
    """List tasks, newest first.

    Without a state it lists those that have not ended."""
    return await octet.tasks.list(where.query(FIELDS, state="open"), by=by)


@Verb("task", Permission.TASK_READ, "GET /tasks/{task}", discord="default")
async def show(octet: Coordinator, task: AnyTask, *, by: Actor) -> TaskView:
    """Show a task with its deliveries and answers.

    In Discord, *Details* shows the prompt with its code masked, each delivery's receipt and, if you may see windows,
    the newest receipt's pictures."""
    return await octet.tasks.show(task, by=by)


@Verb("task", Permission.TASK_READ, "GET /tasks/{task}/files/{number}", on=On.HTTP, discord="off")
async def file(octet: Coordinator, task: AnyTask, number: FileNumber, *, by: Actor) -> Download:
    """Download a file that came with a task."""
    name, content = await octet.tasks.file(task, number, by=by)
    return Download(name=name, content=content)


@_EndVerb(
    "POST /tasks/{task}/cancel",
    undo="undo",
    says=lambda task: (
        f"Stopped the follow-up on {task.id}. Its last answer stays."
        if task.follow_up
        else f"Cancelled {task.id}. `/task undo` puts it back within a minute."
    ),
    discord="default",
)
async def cancel(octet: Coordinator, task: OpenTask, *, by: Actor) -> Task:
    """Cancel a task.

    A task that you continued stays done. Octet sends nothing more of it to a window. An agent that works on it gets
    nothing new until its window is idle."""
    return await octet.tasks.cancel(task, by=by)


@_EndVerb("POST /tasks/{task}/undo", says="{it.id} is back: {it.state.value}.", discord="group")
async def undo(octet: Coordinator, task: AnyTask, *, by: Actor) -> Task:
    """Put back a task that was cancelled less than a minute ago.

    An agent that still works on it keeps it; otherwise it goes back into the queue."""
    return await octet.tasks.undo(task, by=by)


@_EndVerb("POST /tasks/{task}/done", says="Marked {it.id} as done.", discord="default")
async def done(
    octet: Coordinator, task: OpenTask, text: Annotated[Text, "The result, posted in the task's thread"], *, by: Actor
) -> Task:
    """Mark a task as done yourself, with a result.

    An agent must have got the task. Agents run `octet done` with the code of their prompt instead."""
    return await octet.tasks.done(task, text, by=by)


@Verb(
    "task",
    Permission.MESSAGE_SEND,
    "POST /tasks/{task}/nudge",
    own=REQUESTER,
    says="Asking {it.agent} for its answer to {it.id}.",
    discord="group",
)
async def nudge(octet: Coordinator, task: OpenTask, *, by: Actor) -> Task:
    """Ask the agent that works on a task for its answer.

    Octet puts one question into its window or pane. An agent with `on_idle = "nudge"` is asked automatically."""
    return await octet.nudges.ask_for_answer(task, by=by)


@_ChangeVerb(
    "POST /tasks/{task}/retry",
    undo="cancel",
    says=lambda task: (
        f"Created {task.id}, which repeats {task.again_of}."
        if task.again_of and task.attempt == 1
        else f"{task.id} is ready again{f' (attempt {task.attempt})' if task.attempt > 1 else ''}."
    ),
    discord="default",
)
async def retry(octet: Coordinator, task: AnyTask, *, by: Actor) -> Task:
    """Run a task again that ended or is parked, or whose agent looks idle.

    Of a task that is done, Octet makes a new one. Octet refuses while it does not know whether the prompt arrived."""
    return await octet.tasks.retry(task, by=by)


@_ChangeVerb("POST /tasks/{task}/assign", undo="assign", says="Assigned {it.id} to {it.wanted}.", discord="default")
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


@_ChangeVerb(
    "POST /tasks/{task}/priority", undo="priority", says="{it.id} now has priority P{it.priority}.", discord="group"
)
async def priority(
    octet: Coordinator, task: OpenTask, priority: Annotated[Priority, "The new priority"], *, by: Actor
) -> Task:
    """Change a task's priority.

    The queue changes at once."""
    return await octet.tasks.set_priority(task, priority, by=by)


@_ChangeVerb("POST /tasks/{task}/edit", undo="edit", says="Changed {it.id}.", discord="group")
async def edit(
    octet: Coordinator,
    task: OpenTask,
    *,
    brief: Annotated[str | None, ParameterKind(help="The new text"), limits.BRIEF] = None,
    needs: Annotated[Needs | None, "What the agent must be able to do, separated by commas"] = None,
    labels: Annotated[Labels | None, "All its labels, separated by commas; `none` removes them"] = None,
    due: Annotated[Moment | None, "When you want it done: `2h`, `tomorrow 9am`, a date, or `none`"] = None,
    not_before: Annotated[Moment | None, "When it may start: `2h`, `tomorrow 9am`, a date, or `none`"] = None,
    by: Actor,
) -> Task:
    """Change a task.

    Labels and the due time change until it ends, everything else only before an agent has it."""
    when = local_time(octet, by)
    changes = TaskChanges(
        brief=brief,
        needs=None if needs is None else needs - _NONE,
        labels=None if labels is None else labels - _NONE,
        due_ms=when.read(due, is_end=True),
        not_before_ms=when.read(not_before),
        is_delay=None if not_before is None else is_duration(not_before),
    )
    return await octet.tasks.edit(task, changes, by=by)


@Verb("task", Permission.TASK_CREATE, "POST /tasks/{task}/duplicate", undo="cancel", discord="group")
async def duplicate(octet: Coordinator, task: AnyTask, *, by: Actor) -> Task:
    """Create a task like another one."""
    return await octet.tasks.duplicate(task, by=by)


@_ChangeVerb(
    "POST /tasks/{task}/depend",
    undo="depend",
    says=lambda task: f"{task.id} waits for what it needs." if task.reason else f"{task.id} is {task.state.value}.",
    discord="off",
)
async def depend(
    octet: Coordinator,
    task: OpenTask,
    after: Annotated[AnyTask, "The task that comes first"],
    *,
    on_failure: Annotated[OnFailure, _ON_FAILURE] = OnFailure.WAIT,
    remove: Annotated[bool, ParameterKind(help="It no longer waits for that task")] = False,
    by: Actor,
) -> Task:
    """Let a task wait for another one.

    The task must not have begun. Octet refuses a circle and names it."""
    return await octet.tasks.depend(task, after, None if remove else on_failure, by=by)


@_ChangeVerb("POST /tasks/{task}/split", says="Split {it.id} into parts.", discord="off")
async def split(
    octet: Coordinator,
    task: OpenTask,
    parts: Annotated[Text, limits.IMPORT, "One part on each line, or blocks of TASK:"],
    *,
    by: Actor,
) -> Task:
    """Split a task into parts that agents do separately.

    It must not have begun. It is done when all of its parts are."""
    return await octet.task_parts.split(task, parts, by=by)


@_EndVerb("POST /tasks/{task}/pick", says="{it.id} is done with the answer that you picked.", discord="group")
async def pick(octet: Coordinator, task: Annotated[AnyTask, "The part whose answer you choose"], *, by: Actor) -> Task:
    """Pick the best of several answers.

    The other parts keep their states and are marked as not chosen."""
    return await octet.task_parts.pick(task, by=by)


@_ChangeVerb(
    "POST /tasks/{task}/wrong",
    says="Marked the result of {it.id} as wrong. `/task retry` runs it again.",
    discord="group",
)
async def wrong(
    octet: Coordinator,
    task: AnyTask,
    why: Annotated[str | None, ParameterKind(help="What is wrong with it"), limits.PROGRESS] = None,
    *,
    by: Actor,
) -> Task:
    """Mark the result of a task that is done as wrong.

    The task stays done. Octet no longer counts it as a success of its agent."""
    return await octet.tasks.mark_wrong(task, why or "", by=by)


@Verb("task", Permission.TASK_READ, "GET /tasks/{task}/checks", discord="group")
async def checks(octet: Coordinator, task: AnyTask, *, by: Actor) -> tuple[CheckRun, ...]:
    """Show each run of a task's checks with its output.

    A check ran on one snapshot of the folder; its commit is beside it."""
    return await octet.proofs.list_for_task(task, by=by)


@_ChangeVerb("POST /tasks/{task}/checks", says="Octet runs the checks of {it.id} again.", discord="group")
async def check(octet: Coordinator, task: OpenTask, *, by: Actor) -> Task:
    """Run the checks of a task again whose agent said done."""
    return await octet.proofs.check(task, by=by)


@_EndVerb(
    "POST /tasks/{task}/accept",
    says=lambda task: f"{task.id} is done ({'proven' if task.proof is ProofOfDone.PROVEN else 'you accepted it'}).",
    discord="group",
)
async def accept(octet: Coordinator, task: OpenTask, *, by: Actor) -> Task:
    """Accept a task whose checks ask you, failed, or could not run.

    The record says that you accepted it. Only if all its other checks passed is it proven."""
    return await octet.proofs.accept(task, by=by)


@_ChangeVerb("POST /tasks/{task}/reject", says="{it.id} goes back to an agent with your reason.", discord="group")
async def reject(
    octet: Coordinator, task: OpenTask, why: Annotated[Text, "What is wrong, for the agent"], *, by: Actor
) -> Task:
    """Give a task back to its agent, with a reason, after its agent said done."""
    return await octet.proofs.reject(task, why, by=by)


@Verb("task", Permission.TASK_READ, "GET /tasks/{task}/diff", discord="group")
async def diff(octet: Coordinator, task: AnyTask, *, by: Actor) -> Diff:
    """Show which files a task of a project changed, and the patch."""
    return await octet.proofs.diff(task, by=by)


@Verb("task", Permission.TASK_MERGE, "POST /tasks/{task}/merge", says=_merged, discord="group")
async def merge(
    octet: Coordinator,
    task: AnyTask,
    *,
    squash: Annotated[bool, ParameterKind(help="Make one commit of it")] = False,
    by: Actor,
) -> Merged:
    """Merge the work of a task that is done into the base branch of its project.

    Octet merges the commit that its checks saw. Where files conflict or the branch moved meanwhile, nothing changes."""
    return await octet.proofs.merge(task, squash=squash, by=by)


@Verb("task", Permission.TASK_READ, "GET /export/tasks", discord="off")
async def export(octet: Coordinator, *, where: Selected, by: Actor) -> Export:
    """Export tasks as JSON Lines, oldest first.

    Without a state (`--filter state:all`) it exports those that have not ended. A line has the task with its links and
    attempts."""
    return await octet.task_transfer.export(where.query(FIELDS, state="open"), by=by)


@Verb("task", Permission.TASK_CREATE, "POST /import/tasks", name="import", discord="off")
async def import_tasks(
    octet: Coordinator,
    text: Annotated[Text, limits.IMPORT, "JSON Lines, or blocks of TASK:, DESC: and PRIORITY:"],
    *,
    origin: Origin,
    by: Actor,
) -> Imported:
    """Create the tasks of an export or of a list.

    Octet creates all of them or none, and ignores those that have ended."""
    return await octet.task_transfer.import_text(text, NewTask(brief="", place=origin.place, key=origin.key), by=by)
