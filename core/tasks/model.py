"""What a task is, the steps it may take, and why it waits."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import NewType

from core import remedies
from core.agents.model import AgentStatus, is_membership
from core.deliveries.model import OPEN_STATES, Delivery
from core.journal.model import Event
from core.kit.clock import DAY_MS
from core.kit.errors import Conflict, Invalid, NotFound, Unavailable
from core.kit.field_types import Text
from core.kit.filters import Fields, words_of
from core.limits import PRIORITY, TITLE, visible
from core.messages.model import Message, NewFile, Source, StoredFile
from core.notices.model import Place
from core.reasons import UNVERIFIED, AnyReason, BlockCause, Diagnostic, IdleSource, Reason, TaskActivity, WaitReason
from core.remedies import refused

TaskId = NewType("TaskId", str)  # `T-142`: short, because users say it

PRIORITY_STEP_MS = 7 * DAY_MS  # A task goes before those of the next priority that have waited for less than this
SHARE_MS = 3_600_000  # So much later than a person's last task in the queue counts the next one of the same priority


class TaskState(StrEnum):
    """The state of a task."""

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
    _T.READY: frozenset({_T.WAITING, _T.ASSIGNED, _T.PARKED, _T.CANCELLED, _T.EXPIRED}),
    _T.WAITING: frozenset({_T.READY, _T.PARKED, _T.CANCELLED, _T.EXPIRED}),
    _T.ASSIGNED: frozenset({_T.DELIVERING, _T.READY, _T.WAITING, _T.PARKED, _T.CANCELLED}),
    _T.DELIVERING: frozenset({_T.WORKING, _T.READY, _T.WAITING, _T.PARKED, _T.FAILED, _T.CANCELLED}),
    _T.WORKING: frozenset({_T.BLOCKED, _T.REVIEW, _T.DONE, _T.FAILED, _T.READY, _T.PARKED, _T.CANCELLED, _T.EXPIRED}),
    _T.BLOCKED: frozenset({_T.WORKING, _T.READY, _T.PARKED, _T.CANCELLED, _T.EXPIRED}),
    _T.REVIEW: frozenset({_T.DONE, _T.WORKING, _T.FAILED, _T.PARKED, _T.CANCELLED}),
    _T.PARKED: frozenset({_T.READY, _T.WORKING, _T.FAILED, _T.CANCELLED}),
    _T.FAILED: frozenset({_T.READY, _T.DONE}),
    _T.EXPIRED: frozenset({_T.READY, _T.DONE}),
    _T.DONE: frozenset({_T.READY}),
    _T.CANCELLED: frozenset({_T.READY, _T.WORKING, _T.DONE}),
}
"""failed and expired become ready with attempt + 1, cancelled too, unless a user undoes it within UNDO_MS.
done becomes ready with attempt + 1 by a follow-up. A follow-up that ends otherwise than done puts the task back to done
in the same transaction."""

ASSIGNABLE = frozenset({_T.READY, _T.WAITING, _T.PARKED})  # no agent works on it
UNDO_MS = 60_000  # how long a cancel can be undone

ENDED = frozenset({_T.DONE, _T.CANCELLED, _T.FAILED, _T.EXPIRED})  # No agent works on it, or will
FIELDS: Fields = {
    "state": {
        **words_of(TaskState),
        "open": tuple(one.value for one in TaskState if one not in ENDED),
        "ended": tuple(one.value for one in ENDED),
        "all": tuple(TaskState),
    },
    "priority": {f"{mark}{number}": (str(number),) for mark in ("", "p") for number in range(PRIORITY.most + 1)},
    "source": words_of(Source),
    **dict.fromkeys(("agent", "label", "needs", "reason", "requester", "parent")),
}
"""What the list of tasks can be filtered by."""


class ProofOfDone(StrEnum):
    """What the end of a task that is done rests on, beside its agent's claim."""

    PROVEN = "proven"  # all of its checks passed on one commit
    ACCEPTED = "accepted"  # a user accepted it, whatever its checks say


class OnFailure(StrEnum):
    """What happens to a task when one that it needs ends otherwise than done."""

    WAIT = "wait"  # it keeps waiting, and needs-me lists it
    CANCEL = "cancel"
    START = "start"


class PartsKind(StrEnum):
    """What a parent's parts are."""

    SPLIT = "split"  # the parent is done when all of them are
    BEST_OF = "best_of"  # equal tasks for different agents; a user picks an answer
    DELEGATED = "delegated"  # subtasks that its agent gives to others while it works; the agent ends it itself


ON_FAILURE_OF_PARTS = {PartsKind.SPLIT: OnFailure.WAIT, PartsKind.BEST_OF: OnFailure.START}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """A task that another one needs."""

    needs: TaskId
    on_failure: OnFailure
    state: TaskState  # of the needed task's result
    title: str

    @property
    def is_open(self) -> bool:
        """Whether the dependant still waits for its end."""
        return self.state not in ENDED

    @property
    def has_failed(self) -> bool:
        """Whether it ended so that the dependant may not start."""
        return self.state in ENDED - {TaskState.DONE} and self.on_failure is not OnFailure.START


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskContent:
    """What a user asks for, and may change until the task begins."""

    brief: str
    again_of: TaskId | None = None  # the task that is done and that this one repeats
    labels: frozenset[str] = field(default=frozenset())
    due_ms: int | None = None  # when a user wants it done; it changes no order
    not_before_ms: int | None = None
    parent: TaskId | None = None  # the task that this one is a part of
    attachments: tuple[StoredFile, ...] = ()
    project: str | None = None  # whose folder its agent works in
    checks: tuple[str, ...] = ()  # what must pass before it is done, each as `NAME` or `NAME(parameter=value)`


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask(TaskContent):
    """A task that a user asks for, before Octet stores it."""

    agent: str | None = None  # only this agent may do it; None: the first free one that can
    needs: frozenset[str] = field(default=frozenset())  # capabilities the agent must have
    priority: int = 2  # 0 (most urgent) to 4
    place: Place = field(default=Place())
    key: str | None = None  # the same key never makes a second task
    after: frozenset[TaskId] = field(default=frozenset())  # the tasks that come first
    on_failure: OnFailure = OnFailure.WAIT  # what happens when one of them fails
    is_delay: bool = False  # whether a user gave `not_before_ms` as a duration: it then follows a clock that is set
    source: Source | None = None  # where its text came from; None: from who asks for the task
    attach: NewFile | None = None  # a file that comes with it; Octet stores it among `attachments`
    best_of: int = 0  # how many agents do it, each separately, so that a user picks an answer; 0: one


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChanges:
    """What a user changes of a task; None leaves a field, and 0 clears a time."""

    brief: str | None = None
    needs: frozenset[str] | None = None
    labels: frozenset[str] | None = None
    due_ms: int | None = None
    not_before_ms: int | None = None
    is_delay: bool | None = None  # as of NewTask


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPart:
    """A part of a parent, for its card."""

    id: TaskId
    title: str
    state: TaskState
    agent: str | None
    is_chosen: bool | None
    reason: AnyReason | None = None
    answer: Text = ""  # the answer that ended it, of a part that a user can pick, or a subtask


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Tasks as JSON Lines: Octet makes each line when it is asked for."""

    lines: AsyncIterator[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The tasks that an import created, in the order of its lines."""

    tasks: tuple[TaskId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCandidate:
    """An agent that can do a task: its score, or why it could not get the task."""

    agent: str
    filtered: AnyReason | None = None
    skill: int = 0  # ten for each level of what the task needs, on average
    success: int = 0  # 0 to 20: how well its last tasks ended

    @property
    def score(self) -> int:
        return self.skill + self.success

    @property
    def words(self) -> str:
        if self.filtered is not None:
            return f"{self.agent}: {remedies.sentence(self.filtered)}"
        return f"{self.agent}: {self.score} (skill {self.skill}, success {self.success})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Why Octet gave a task to an agent."""

    agent: str
    is_named: bool  # a user named the agent
    candidates: tuple[AgentCandidate, ...]  # the chosen one first, then by score, then those that could not get it
    others: int  # how many more could do it
    unable: int  # how many agents lack what the task needs, or are not the named one

    @property
    def short(self) -> str:
        """Return the agent and why it got the task, in a few words."""
        free = [one.score for one in self.candidates if one.filtered is None]
        how = "the only idle one" if len(free) < 2 else "first idle" if max(free[1:]) == free[0] else "best record"
        found = len(self.candidates) + self.others
        return f"{self.agent} ({'the task names it' if self.is_named else f'{how} of {found}'})"

    @property
    def words(self) -> str:
        """Return the whole choice as one line."""
        why = "the task names it" if self.is_named else "; ".join(one.words for one in self.candidates)
        if self.is_named:
            return f"{self.agent} · {why}"
        more = f"; {self.others} more" if self.others else ""
        return f"{self.agent} · {why}{more}" + (f" · {self.unable} lack what it needs" if self.unable else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """Which agents can do a task. Many tasks share few requirements."""

    wanted: str | None
    needs: frozenset[str]


@dataclass(frozen=True, kw_only=True)  # no slots: only one base of a class may have them
class TaskLease:
    """Which agent has a task, and what that agent has shown since it got it."""

    agent: str | None  # who has it, or had it last
    attempt: int
    fence: int = 0  # The number of its lease: it grows when the task is given to an agent or taken from one
    choice: Choice | None = None  # why its agent got it; None while no agent has it
    avoids: str | None = None  # The silent agent it was taken from: it does not get the task while another one can
    last_seen_ms: int | None = None  # when the agent of the present lease last gave a sign; None before the first
    activity: TaskActivity | None = None  # what that sign was
    progress: Text = ""  # what the agent said, if the sign was its report
    deadline_ms: int | None = None  # When its agent counts as silent without activity; None while none works
    nudge: str | None = None  # the message that asks its agent for the answer; empty once it has spoken; None: unasked
    idle_ms: int | None = None  # since when its agent looks idle without an answer; None: it does not
    idle_by: IdleSource | None = None

    @property
    def last_sign(self) -> str:
        """What the agent's last sign was: its own report, or what Octet saw."""
        return self.progress or remedies.sentence(self.activity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(TaskContent, TaskLease):
    """One piece of work and its state."""

    id: TaskId
    title: str
    source: Source = Source.OPERATOR  # where its text came from
    requester: str  # the id of the actor who asked, `discord:123`
    requester_name: str
    place: Place
    needs: frozenset[str]
    wanted: str | None  # the only agent that may do it, if the requester named one
    priority: int
    rank: int = 0  # its place in the queue, the lowest is the next; 0 while it waits for what users ordered before it
    parts: PartsKind | None = None  # what its parts are, if it has any
    state: TaskState
    reason: AnyReason | None  # WaitReason, BlockCause or ParkCause when waiting, blocked or parked; else why it failed
    note: Diagnostic
    cause: Reason | BlockCause | None = None  # Why its window was refused or waits, or how Octet got its answer
    is_chosen: bool | None = None  # whether a user picked its answer; None while no one is picked of its parent's
    follow_up: str | None = None  # the message by which a user last continued it after it was done
    proof: ProofOfDone | None = None  # what its end rests on; None: its agent's claim, or it is not done
    wrong: Text | None = None  # why a user marked its result as wrong, perhaps empty; None: not marked
    created_ms: int
    changed_ms: int
    text_expired_ms: int | None = None  # When Octet cleared its brief, after its time; None as long as it is kept

    @property
    def number(self) -> int:
        return int(self.id.removeprefix("T-"))

    @property
    def idle_notice(self) -> str:
        """The key of the message that its agent looks idle: one for each lease."""
        return f"idle:{self.id}:{self.fence}"

    @property
    def is_whole(self) -> bool:
        """Whether an agent does it; of other parents only the parts."""
        return self.parts in {None, PartsKind.DELEGATED}

    @property
    def has_not_begun(self) -> bool:
        """Whether no agent has had it since it became ready last, nor ended it before; in a dry run a user has."""
        is_held = self.state is TaskState.WAITING and self.reason != WaitReason.DRY_RUN
        return self.follow_up is None and (self.state is TaskState.READY or is_held)

    @property
    def result_state(self) -> TaskState:
        """Its state for those that use its result: a follow-up leaves a task done."""
        return self.state if self.follow_up is None else TaskState.DONE

    @property
    def requirements(self) -> Requirements:
        return Requirements(wanted=self.wanted, needs=self.needs)

    @property
    def category(self) -> str:
        """What kind of work it is: its labels, else the capabilities that it needs."""
        return ", ".join(sorted(self.labels or {one for one in self.needs if not is_membership(one)}))

    @property
    def cure(self) -> str:
        """What a user does about why it waits or failed; empty where that is unknown."""
        return remedies.next_step(self.reason, cause=self.cause) if self.reason else ""

    @property
    def is_unverified(self) -> bool:
        """Whether it ended by an answer that its agent did not send as one."""
        return self.state is TaskState.DONE and self.cause in UNVERIFIED


class AgentTrouble(StrEnum):
    """What an agent reports instead of an answer."""

    BLOCKED = "blocked"  # it asks its requester, and waits
    FAILED = "failed"  # it gives up


class AttemptOutcome(StrEnum):
    """How one agent's attempt at a task ended."""

    DONE = "done"
    FAILED = "failed"
    SILENT = "silent"  # the task was taken from it, because it gave no sign
    BLOCKED = "blocked"  # it asked a question, and the task ended or was taken from it without an answer
    RETRIED = "retried"  # a user took the task from it
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    RETURNED = "returned"  # the agent never got the prompt


class KnownBy(StrEnum):
    """How Octet knows the outcome of an attempt."""

    AGENT = "agent"  # it said so with its code
    WINDOW = "window"  # Octet read it in the agent's window
    USER = "user"
    OCTET = "octet"  # Octet saw it: a deadline, a rejected delivery


class Verdict(StrEnum):
    """What an attempt counts as for its agent."""

    SUCCESS = "success"
    FAILURE = "failure"


_FAILED = frozenset({AttemptOutcome.FAILED, AttemptOutcome.SILENT, AttemptOutcome.BLOCKED, AttemptOutcome.RETRIED})


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAttempt:
    """One lease of a task. Dispatch, reports and exports read these rows."""

    task: TaskId
    fence: int
    agent: str
    category: str  # what kind of work it was: the task's labels, else its needs
    began_ms: int
    ended_ms: int | None  # None while it lasts
    outcome: AttemptOutcome | None
    known_by: KnownBy | None
    tokens: int | None  # what a model's API reported; None where nothing reports it
    cost_micros: int | None  # millionths of a US dollar
    is_disowned: bool  # a user marked the result as wrong, or ran the task again within seven days

    @property
    def verdict(self) -> Verdict | None:
        """Whether it counts as a success of its agent; None for neither, and while it lasts."""
        if self.outcome is AttemptOutcome.DONE:
            return Verdict.FAILURE if self.is_disowned else Verdict.SUCCESS
        return Verdict.FAILURE if self.outcome in _FAILED else None


RECORD_SIZE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRecord:
    """What an agent's last attempts say about it, of those that count as a success or a failure."""

    success: int = RECORD_SIZE  # how many of the last 20 succeeded; those that a new agent lacks count, too
    failures: int = 0  # so many failed in a row; a result that a user disowned ends the row
    last_ms: int = 0  # when the last one ended


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
    requester: str
    agent: str | None  # who has it, or had it last
    place: Place
    last_seen_ms: int | None  # when the agent of the present lease last gave a sign; None before the first
    idle_ms: int | None  # as of TaskLease
    idle_by: IdleSource | None
    created_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedTask:
    """What dispatch looks at of a task in a queue, before it takes it."""

    id: TaskId
    number: int
    rank: int
    requirements: Requirements
    avoids: str | None
    requester: str

    def order(self) -> tuple[int, int]:
        """Return its place in the order in which dispatch takes tasks."""
        return self.rank, self.number


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedTaskGroup:
    """Tasks that are held for the same reason; parked, blocked and dry-run tasks have separate entries."""

    state: TaskState
    reason: AnyReason | None
    note: Diagnostic
    oldest: TaskId
    size: int  # how many they are, the oldest included
    since_ms: int  # when the first of them was held
    cause: Reason | None = None  # why the window that they wait for was refused
    is_rest: bool = False  # the tasks of separate entries beyond the listed ones, only counted


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """A task with all that is known of it."""

    task: Task
    prompt: str  # the rendered prompt of the present attempt as its agent gets it; empty before it is assigned
    deliveries: tuple[Delivery, ...]  # oldest first
    answers: tuple[Message, ...]  # what agents said to it, oldest first
    thread: str  # the task's thread in its channel; empty as long as there is none
    after: tuple[Dependency, ...] = ()  # the tasks that it needs; a parent's parts are under `parts`
    parts: tuple[TaskPart, ...] = ()
    attempts: tuple[TaskAttempt, ...] = ()  # who had it and how that ended, oldest first
    left_with: str = ""  # the agent that still works on this cancelled task
    is_starting: bool = False  # it is ready, and dispatch has not looked for an agent yet
    held_up_by: tuple[AgentStatus, ...] = ()
    """The agents that can do this ready task, if each waits for a user or a limit; or the wanted one, if not idle."""

    @property
    def is_assignable(self) -> bool:
        """Whether a user may give it to another agent now. No agent gets a task that only its parts do."""
        is_held = not self.task.is_whole or any(one.state in OPEN_STATES for one in self.deliveries)
        return self.task.state in ASSIGNABLE and not is_held


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
class TaskIdle(Event):
    """The agent at work on a task looks idle, or no longer does."""

    SUBJECT = "task:{0.task}"
    task: str
    agent: str
    source: IdleSource | None  # None: no longer


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAssigned(Event):
    """Octet chose an agent for a task."""

    SUBJECT = "task:{0.task}"
    task: str
    fence: int
    choice: Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChanged(Event):
    """A user changed a task outside its states: which agents may do it, how urgent it is, its text."""

    SUBJECT = "task:{0.task}"
    task: str
    wanted: str
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyChanged(Event):
    """A task needs another one now, or needs it no longer."""

    SUBJECT = "task:{0.task}"
    task: str
    needs: str
    on_failure: OnFailure | None  # None: no longer


class TaskNotFound(NotFound):
    """There is no task {id}. `/task list` shows the tasks."""


class InvalidTaskId(Invalid):
    """`{text}` is not a task. A task looks like T-142."""


class TaskEnded(Conflict):
    """Task {id} has ended ({state}). Octet kept your text and shows it in its thread, marked late."""


class LeaseRevoked(Conflict):
    """Task {id} is no longer yours. Stop working on it. Octet kept your text and shows it in its thread, marked
    late."""


class ProgressTooLate(Conflict):
    """Octet recorded nothing: {why}. Stop working on {id}."""


class SubtasksOpen(Conflict):
    """{id} cannot end yet. Still open: {open}. Wait until they have ended, or cancel them."""


class AnswerRateExceeded(Unavailable):
    """Task {id} has reached its limit of {limit} texts per minute. It takes the next one in {after_s} s."""


class WrongTask(Conflict):
    """Your code belongs to task {right}, not to {id}. Octet kept your text under {right}, marked late. Run the exact
    command of the prompt."""


class TaskNotStarted(Conflict):
    """Task {id} is {state} and has no agent yet, so there is nothing to answer. Octet kept your text and shows it in
    its thread, marked late."""


def parse_task_id(text: str) -> TaskId:
    """Read `T-142`, `t142` or `142` as a task id. Raises InvalidTaskId."""
    match = re.fullmatch(r"\s*(?:[Tt]-?)?([1-9][0-9]{0,9})\s*", text)
    if match is None:
        raise InvalidTaskId(text=text[:40])
    return TaskId(f"T-{match[1]}")


def refuse_circle(
    links: Mapping[int, Collection[int]], name: Callable[[int], str], *, first: int | None = None
) -> None:
    """Check that no task waits for itself through others. Raises dependency_cycle; its path begins with `first`."""
    try:
        TopologicalSorter(links).prepare()
    except CycleError as error:
        circle: list[int] = error.args[1][::-1]
        start = circle.index(first) if first in circle else 0
        path = [*circle[start:], *circle[1 : start + 1]]
        raise refused("dependency_cycle", path=" → ".join(map(name, path))) from None


def rank_of(*, now_ms: int, priority: int, last: int | None) -> int:
    """Return the place in the queue of a task that becomes ready now. `last` is the rank of the last task that its
    requester has in the queue with the same priority. The first rank is the next task: see decision 0030."""
    rank = now_ms + priority * PRIORITY_STEP_MS
    return rank if last is None else max(rank, last + SHARE_MS)


def title_of(brief: str) -> str:
    """Return the first line that is not blank, shortened to the limit of a title."""
    line = next((line.strip() for line in visible(brief).splitlines() if line.strip()), "")
    return line if len(line) <= TITLE.most else line[: TITLE.most - 1].rstrip() + "…"
