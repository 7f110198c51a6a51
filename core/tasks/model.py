"""What a task is, the steps it may take, and why it waits."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from core import remedies
from core.deliveries.model import Delivery
from core.journal.model import Event
from core.kit.errors import Conflict, Invalid, NotFound, Unavailable
from core.kit.field_types import Text
from core.messages.model import Message
from core.notices.model import Place
from core.reasons import AnyReason, BlockCause, Diagnostic, Reason, TaskActivity

TaskId = NewType("TaskId", str)  # `T-142`: short, because people say it

MAX_TITLE_CHARS = 80


class TaskState(StrEnum):
    """Where a task stands."""

    DRAFT = "draft"
    READY = "ready"
    WAITING = "waiting"
    ASSIGNED = "assigned"
    DELIVERING = "delivering"
    WORKING = "working"
    BLOCKED = "blocked"
    REVIEW = "review"
    PARKED = "parked"
    FAILED = "failed"
    EXPIRED = "expired"
    DONE = "done"
    CANCELLED = "cancelled"


_T = TaskState
TASK_STEPS: dict[TaskState, frozenset[TaskState]] = {
    _T.DRAFT: frozenset({_T.READY, _T.CANCELLED}),
    _T.READY: frozenset({_T.WAITING, _T.ASSIGNED, _T.PARKED, _T.CANCELLED, _T.EXPIRED}),
    _T.WAITING: frozenset({_T.READY, _T.PARKED, _T.CANCELLED, _T.EXPIRED}),
    _T.ASSIGNED: frozenset({_T.DELIVERING, _T.READY, _T.WAITING, _T.PARKED, _T.CANCELLED}),
    _T.DELIVERING: frozenset({_T.WORKING, _T.READY, _T.WAITING, _T.PARKED, _T.FAILED, _T.CANCELLED}),
    _T.WORKING: frozenset({_T.BLOCKED, _T.REVIEW, _T.DONE, _T.FAILED, _T.READY, _T.PARKED, _T.CANCELLED, _T.EXPIRED}),
    _T.BLOCKED: frozenset({_T.WORKING, _T.READY, _T.PARKED, _T.CANCELLED, _T.EXPIRED}),
    _T.REVIEW: frozenset({_T.DONE, _T.WORKING, _T.FAILED, _T.PARKED, _T.CANCELLED}),
    _T.PARKED: frozenset({_T.READY, _T.WORKING, _T.FAILED, _T.CANCELLED}),
    _T.FAILED: frozenset({_T.READY}),
    _T.EXPIRED: frozenset({_T.READY}),
    _T.DONE: frozenset(),
    _T.CANCELLED: frozenset(),
}
"""failed and expired go to ready with attempt + 1; done and cancelled end."""

ENDED = frozenset({_T.DONE, _T.CANCELLED, _T.FAILED, _T.EXPIRED})
"""States in which no agent works on the task and none will by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """What a person asks for."""

    brief: str
    agent: str | None = None  # only this agent may do it; None: the first free one that can
    needs: frozenset[str] = field(default=frozenset())  # capabilities the agent must have
    priority: int = 2  # 0 (most urgent) to 4
    place: Place = field(default=Place())
    key: str | None = None  # the same key never makes a second task


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """Whom a task can be given to. Many tasks share few demands."""

    wanted: str | None
    needs: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One piece of work and where it stands."""

    id: TaskId
    title: str
    brief: str
    state: TaskState
    reason: AnyReason | None
    """A WaitReason, BlockCause or ParkCause when waiting, blocked or parked; else none, or why it failed."""
    note: Diagnostic
    priority: int
    needs: frozenset[str]
    wanted: str | None  # the only agent that may do it, if the requester named one
    agent: str | None  # who has it, or had it last
    attempt: int
    requester: str  # the id of the actor who asked, `discord:123`
    requester_name: str
    place: Place
    created_ms: int
    changed_ms: int
    fence: int = 0
    """The number of its present lease: it grows whenever the task is given to an agent or taken back from one."""
    last_seen_ms: int | None = None  # when the agent of the present lease last gave a sign; None before the first
    activity: TaskActivity | None = None  # what that sign was
    progress: Text = ""  # what the agent said, if the sign was its report
    deadline_ms: int | None = None
    """When its agent counts as silent unless it gives a sign; None while nobody works on it."""
    nudge: str | None = None  # the message that asks its agent, since its last sign, whether it still works
    avoids: str | None = None
    """The agent it was taken from because that was silent: it is not given back to it while another one is at hand."""
    text_expired_ms: int | None = None
    """When its brief was cleared, because Octet had kept it long enough; None as long as it is kept."""
    cause: Reason | BlockCause | None = None
    """Why its window was refused or waits for an answer, or how its answer was taken."""

    @property
    def requirements(self) -> Requirements:
        """Whom it can be given to."""
        return Requirements(wanted=self.wanted, needs=self.needs)

    @property
    def cure(self) -> str:
        """What a user does about what it stands still for, or failed by; empty where nothing is known of that."""
        return remedies.next_step(self.reason, cause=self.cause) if self.reason else ""

    @property
    def last_sign(self) -> str:
        """Tell people what the agent's last sign was: its own words, or what Octet saw."""
        return self.progress or remedies.sentence(self.activity)

    @property
    def is_unverified(self) -> bool:
        """It is done by an answer that was only read in its agent's window."""
        return self.state is TaskState.DONE and self.cause is Reason.READ_IN_WINDOW


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingAnswer:
    """A task whose answer may come in its agent's window."""

    task: TaskId
    fence: int
    marker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSummary:
    """What a list shows of a task: all but its brief, which may be long."""

    id: TaskId
    title: str
    state: TaskState
    priority: int
    requirements: Requirements
    agent: str | None  # who has it, or had it last
    place: Place
    last_seen_ms: int | None  # when the agent of the present lease last gave a sign; None before the first
    created_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedTaskGroup:
    """Tasks that stand for one and the same reason; of parked, blocked and dry-run tasks each stands for itself."""

    state: TaskState
    reason: AnyReason | None
    note: Diagnostic
    oldest: TaskId
    size: int  # how many they are, the oldest included
    since_ms: int  # when the first of them came to stand
    cause: Reason | None = None  # why the window that they wait for was refused
    is_rest: bool = False  # each of them is an entry of its own, but they are only counted: older ones are listed


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """A task with all that is known of it."""

    task: Task
    prompt: str  # the rendered prompt of the present attempt as its agent gets it; empty before it is assigned
    deliveries: tuple[Delivery, ...]  # oldest first
    answers: tuple[Message, ...]  # what agents said to it, oldest first
    thread: str  # the task's thread in its channel; empty as long as there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskMoved(Event):
    """A task took a step."""

    SUBJECT = "task:{0.task}"
    task: str
    was: str
    now: str
    reason: AnyReason | None
    agent: str
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChanged(Event):
    """A person changed who may do a task, or how urgent it is."""

    SUBJECT = "task:{0.task}"
    task: str
    wanted: str
    priority: int


class TaskNotFound(NotFound):
    """There is no task {id}. `/task list` (or `octet task list`) shows the tasks there are."""


class InvalidTaskId(Invalid):
    """`{text}` is not a task. Tasks are written like T-142."""


class InvalidPriority(Invalid):
    """Priority {value} does not exist. Use 0 (most urgent) to 4."""


class NoCapableAgent(Invalid):
    """No agent can do this: {why}. `/agent list` shows who can do what."""


class TaskEnded(Conflict):
    """Task {id} has ended ({state}). Your text was kept and is shown in its thread, marked late."""


class LeaseRevoked(Conflict):
    """Task {id} was taken back from you: it is not yours any more. Stop working on it. Your text was kept and is shown
    in its thread, marked late."""


class ProgressTooLate(Conflict):
    """Nothing was noted: {why}. Stop working on {id}."""


class TaskAlreadyEnded(Conflict):
    """Task {id} has ended already ({state})."""


class TaskNotStopped(Conflict):
    """Task {id} is {state}: only a task that failed, expired or is parked is tried again."""


class TextExpired(Conflict):
    """The text of {id} expired on {when} UTC ([receipts] keep_texts_days), so it cannot be retried.
    Create a new task."""


class TaskAlreadyRunning(Conflict):
    """Task {id} is {state} with {agent} already and stays there.
    Cancel it and ask again if another agent shall do it."""


class DeliveryUnresolved(Conflict):
    """It is not known whether the prompt of {id} arrived: to bring it again could do the work twice. Look at the
    agent's window, then say by the buttons in its thread, or by `octet delivery resolve {id} arrived|again|drop`, what
    became of it. `/task cancel` ends the task."""


class CodeExpired(Conflict):
    """Your code for {id} has expired: {why}. Stop working on {id} and send nothing more."""


class AnswerQuotaExceeded(Conflict):
    """Task {id} has taken as much as one task may: {texts} texts or {megabytes} MB. It still takes the answer that ends
    it: put everything into one text and run `octet done {id} …`."""


class AnswerRateExceeded(Unavailable):
    """Task {id} has taken {limit} texts within a minute, which is the limit. It takes the next one in {after_s} s."""


class WrongTask(Conflict):
    """Your code belongs to task {right}, not to {id}. Your text was kept under {right}, marked late.
    Run the command of the prompt as it stands there."""


class TaskNotStarted(Conflict):
    """Task {id} is {state}: no agent was asked yet, so there is nothing to answer. Your text was kept and is shown in
    its thread, marked late."""


class TaskNeverStarted(Conflict):
    """Task {id} is {state}: no agent was asked yet, so nothing is done. Cancel it if nobody shall do it."""


def parse_task_id(text: str) -> TaskId:
    """`T-142`, `t142` or `142` as a task id; InvalidTaskId for anything else."""
    match = re.fullmatch(r"\s*(?:[Tt]-?)?([1-9][0-9]{0,9})\s*", text)
    if match is None:
        raise InvalidTaskId(text=text[:40])
    return TaskId(f"T-{match[1]}")


def title_of(brief: str) -> str:
    """The first line with words in it, at most MAX_TITLE_CHARS characters."""
    line = next((line.strip() for line in brief.splitlines() if line.strip()), "")
    return line if len(line) <= MAX_TITLE_CHARS else line[: MAX_TITLE_CHARS - 1].rstrip() + "…"
