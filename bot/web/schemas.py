"""What travels over HTTP, in the words of core. Requests are checked here once; answers are copied field by field."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from core.agents.model import AgentStatus
from core.deliveries.model import Delivery
from core.desks.model import DeskStatus
from core.fleet.model import AtWork, Board, Need, Needs
from core.messages.model import Message, label
from core.tasks.model import Task, TaskView
from core.words.model import WordsView


def _whole(text: str) -> str:
    """JSON can name one half of a character (U+D800), which no database and no file takes."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"half a character at position {error.start}") from error
    return text


Text = Annotated[str, AfterValidator(_whole)]
Key = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]


class _Request(BaseModel):
    """What comes in: strict, so that `"1"` is no priority and a misspelt field is told."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True, frozen=True)


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class NewTaskBody(_Request):
    """POST /tasks."""

    brief: Text
    agent: Text | None = None
    needs: list[Text] = []
    priority: int = 2


class TaskDoneBody(_Request):
    """POST /tasks/{id}/done: a person ends it with words."""

    text: Text


class AssignBody(_Request):
    """POST /tasks/{id}/assign: only this agent shall do it."""

    agent: Text


class PriorityBody(_Request):
    """POST /tasks/{id}/priority: how urgent it is from now on."""

    priority: int


class ResolveBody(_Request):
    """POST /deliveries/{id}/resolve: what became of a prompt that nobody saw arrive."""

    decision: Literal["arrived", "again", "drop"]


class WordsBody(_Request):
    """POST /messages: to an agent, or to whoever has a task."""

    text: Text = Field(repr=False)
    agent: Text | None = None
    task: Text | None = None


class BroadcastBody(_Request):
    """POST /messages/broadcast: to every agent that has all of `needs`."""

    text: Text = Field(repr=False)
    needs: list[Text] = []


class ReplyBody(_Request):
    """POST /replies: an agent speaks to its task, or ends it."""

    task: Text = Field(max_length=40)
    code: Text = Field(max_length=200, repr=False)
    text: Text = Field(repr=False)
    final: bool
    key: Key


class ProgressBody(_Request):
    """POST /replies/progress: an agent says that it is at work."""

    task: Text = Field(max_length=40)
    code: Text = Field(max_length=200, repr=False)
    text: Text = Field(repr=False)


class TaskAnswer(_Answer):
    """A task."""

    id: str
    title: str
    brief: str
    state: str
    reason: str
    note: str
    priority: int
    needs: list[str]
    wanted: str | None
    agent: str | None
    attempt: int
    requester: str
    requester_name: str
    created_ms: int
    changed_ms: int
    fence: int
    heard_ms: int | None
    sign: str
    quiet_at_ms: int | None

    @classmethod
    def of(cls, task: Task) -> Self:
        return cls(
            id=task.id,
            title=task.title,
            brief=task.brief,
            state=task.state.value,
            reason=task.reason,
            note=task.note,
            priority=task.priority,
            needs=sorted(task.needs),
            wanted=task.wanted,
            agent=task.agent,
            attempt=task.attempt,
            requester=task.requester,
            requester_name=task.requester_name,
            created_ms=task.created_ms,
            changed_ms=task.changed_ms,
            fence=task.fence,
            heard_ms=task.heard_ms,
            sign=task.sign,
            quiet_at_ms=task.quiet_at_ms,
        )


class DeliveryAnswer(_Answer):
    """How far a prompt has come."""

    id: str
    task: str | None
    agent: str
    desk: str | None
    window: str | None
    state: str
    reason: str
    note: str
    assurance: str | None
    bounces: int
    changed_ms: int

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        return cls(
            id=delivery.id,
            task=delivery.task,
            agent=delivery.agent,
            desk=delivery.desk,
            window=delivery.window,
            state=delivery.state.value,
            reason=delivery.reason,
            note=delivery.note,
            assurance=delivery.assurance.value if delivery.assurance else None,
            bounces=delivery.bounces,
            changed_ms=delivery.changed_ms,
        )


class MessageAnswer(_Answer):
    """What somebody said to a task."""

    id: str
    sender: str
    body: str
    final: bool
    late: bool
    created_ms: int

    @classmethod
    def of(cls, message: Message) -> Self:
        return cls(
            id=message.id,
            sender=message.sender,
            body=message.body,
            final=message.final,
            late=message.late,
            created_ms=message.created_ms,
        )


class LeftOut(_Answer):
    """An agent that a broadcast cannot reach at all."""

    agent: str
    why: str


class WordsAnswer(_Answer):
    """Words to agents, and how far they have come."""

    id: str
    sender: str
    sender_name: str
    label: str
    recipient: str
    task: str | None
    priority: int
    body: str
    expires_at_ms: int | None
    created_ms: int
    deliveries: list[DeliveryAnswer]
    left_out: list[LeftOut]

    @classmethod
    def of(cls, view: WordsView) -> Self:
        said = view.message
        return cls(
            id=said.id,
            sender=said.sender,
            sender_name=said.sender_name,
            label=label(said),
            recipient=said.recipient,
            task=said.task,
            priority=said.priority,
            body=said.body,
            expires_at_ms=said.expires_at_ms,
            created_ms=said.created_ms,
            deliveries=[DeliveryAnswer.of(one) for one in view.deliveries],
            left_out=[LeftOut(agent=name, why=why) for name, why in view.left_out],
        )


class TaskViewAnswer(_Answer):
    """A task with all that is known of it."""

    task: TaskAnswer
    prompt: str
    deliveries: list[DeliveryAnswer]
    answers: list[MessageAnswer]
    thread: str

    @classmethod
    def of(cls, view: TaskView) -> Self:
        return cls(
            task=TaskAnswer.of(view.task),
            prompt=view.prompt,
            deliveries=[DeliveryAnswer.of(one) for one in view.deliveries],
            answers=[MessageAnswer.of(one) for one in view.answers],
            thread=view.thread,
        )


class ReceiptAnswer(_Answer):
    """What an agent gets back: no more than it needs to know."""

    task: str
    state: str
    message: str


class ProgressAnswer(_Answer):
    """What an agent gets back for a word of progress."""

    task: str
    state: str


class AgentAnswer(_Answer):
    """An agent and what is known of it."""

    name: str
    role: str
    capabilities: list[str]
    lane: str
    desk: str | None
    window: str | None
    state: str
    reason: str
    task: str | None
    since_ms: int

    @classmethod
    def of(cls, status: AgentStatus) -> Self:
        return cls(
            name=status.agent.name,
            role=status.agent.role,
            capabilities=sorted(status.agent.capabilities),
            lane=status.agent.lane.value,
            desk=status.agent.desk,
            window=status.agent.window,
            state=status.state.value,
            reason=status.reason,
            task=status.task,
            since_ms=status.since_ms,
        )


class WindowAnswer(_Answer):
    """What the worker sees of one window."""

    name: str
    usable: bool
    reason: str
    anchor: str


class DeskAnswer(_Answer):
    """A desk and what is known of it."""

    name: str
    display: str
    state: str
    reason: str
    windows: list[WindowAnswer]

    @classmethod
    def of(cls, status: DeskStatus) -> Self:
        return cls(
            name=status.desk.name,
            display=status.desk.display,
            state=status.state.value,
            reason=status.reason,
            windows=[
                WindowAnswer(name=one.name, usable=one.usable, reason=one.reason, anchor=one.anchor)
                for one in status.windows
            ],
        )


class NeedAnswer(_Answer):
    """One thing that waits for a person."""

    kind: str
    what: str
    next: str
    seen: str
    task: str | None
    title: str
    more: int
    agent: str | None
    desk: str | None
    since_ms: int
    channel: str
    guild: str
    thread: str

    @classmethod
    def of(cls, need: Need) -> Self:
        return cls(
            kind=need.kind.value,
            what=need.what,
            next=need.next,
            seen=need.seen,
            task=need.task,
            title=need.title,
            more=need.more,
            agent=need.agent,
            desk=need.desk,
            since_ms=need.since_ms,
            channel=need.place.channel,
            guild=need.place.guild,
            thread=need.thread,
        )


class NeedsAnswer(_Answer):
    """What needs a person, worst and oldest first; `total` counts what was too much to be shown, too."""

    total: int
    needs: list[NeedAnswer]

    @classmethod
    def of(cls, found: Needs) -> Self:
        return cls(total=found.total, needs=[NeedAnswer.of(one) for one in found.shown])


class AtWorkAnswer(_Answer):
    """An agent and what it does."""

    name: str
    state: str
    reason: str
    since_ms: int
    task: str | None
    task_state: str
    title: str
    heard_ms: int | None
    """The last sign of the agent about this task; None where there was none."""

    @classmethod
    def of(cls, one: AtWork) -> Self:
        return cls(
            name=one.status.agent.name,
            state=one.status.state.value,
            reason=one.status.reason,
            since_ms=one.status.since_ms,
            task=one.status.task,
            task_state=one.task.state.value if one.task else "",
            title=one.task.title if one.task else "",
            heard_ms=one.task.heard_ms if one.task else None,
        )


class QueuedAnswer(_Answer):
    """A task in the queue."""

    id: str
    title: str
    priority: int
    created_ms: int


class BoardDeskAnswer(_Answer):
    """A desk; its windows were not looked at."""

    name: str
    state: str
    reason: str
    since_ms: int


class BoardAnswer(_Answer):
    """Everything at one moment."""

    agents: list[AtWorkAnswer]
    desks: list[BoardDeskAnswer]
    tasks: dict[str, int]
    queue: list[QueuedAnswer]
    needs: int
    at_ms: int

    @classmethod
    def of(cls, board: Board) -> Self:
        return cls(
            agents=[AtWorkAnswer.of(one) for one in board.agents],
            desks=[
                BoardDeskAnswer(name=one.desk.name, state=one.state.value, reason=one.reason, since_ms=one.since_ms)
                for one in board.desks
            ],
            tasks={state.value: number for state, number in board.tasks.items() if number},
            queue=[
                QueuedAnswer(id=one.id, title=one.title, priority=one.priority, created_ms=one.created_ms)
                for one in board.queue
            ],
            needs=board.needs,
            at_ms=board.at_ms,
        )


class ReadyAnswer(_Answer):
    """/readyz: whether Octet can serve; `problems` say why not. Discord and desks are told, and are no failure."""

    ready: bool
    problems: list[str]
    version: str
    discord_connected: bool
    desks: dict[str, str]
