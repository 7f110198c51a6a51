"""What goes out over HTTP about tasks, deliveries, words, agents and desks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

from core.agent_actions.model import ActionResult
from core.agent_messages.model import AgentMessageView
from core.agents.model import AgentStatus
from core.deliveries.model import Picture
from core.desks.model import Learnable
from core.fleet.model import cure_of
from core.messages.model import label


class Answer(BaseModel):
    """What goes out, frozen. It is made from an object of core by its attributes, or read back by its own names."""

    model_config = ConfigDict(frozen=True, from_attributes=True, validate_by_alias=True, validate_by_name=True)

    @classmethod
    def like(cls, source: object, **more: object) -> Self:
        """Copy the fields that have the same name in `source`; `more` gives the others."""
        same = {name: getattr(source, name) for name in cls.model_fields if name not in more}
        return cls.model_validate({**same, **more})


class TaskAnswer(Answer):
    """A task."""

    id: str
    title: str
    brief: str
    state: str
    reason: str
    note: str
    cure: str
    """What a person does about the window or the text that it stands still for; empty where that is not known."""
    priority: int
    needs: Annotated[list[str], BeforeValidator(sorted)]
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
    text_expired_ms: int | None = None
    """When its brief was cleared, because Octet had kept it long enough."""


class DeliveryAnswer(Answer):
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
    part: str = Field(validation_alias=AliasPath("share", "words"))
    """`part 2 of 3`; empty for a prompt that is brought whole."""
    changed_ms: int


class PressedAnswer(Answer):
    """An act upon an agent, and how it ended."""

    agent: str
    act: str
    state: str
    """`delivered`: pressed, and its effect seen. `unknown`: nobody knows. Else nothing was pressed."""
    reason: str
    seen: str
    delivery: str
    pictures: list[str]
    """Of the window afterwards, under `/receipts/DELIVERY/FENCE/pictures/`; none where it could not be seen."""
    fence: int

    @classmethod
    def of(cls, pressed: ActionResult, pictures: Sequence[Picture]) -> Self:
        said = pressed.delivery
        return cls.like(
            pressed,
            reason=said.reason,
            seen=said.note,
            delivery=said.id,
            pictures=[one.name for one in pictures],
            fence=said.fence,
        )


class MessageAnswer(Answer):
    """What somebody said to a task."""

    id: str
    sender: str
    body: str
    final: bool
    late: bool
    source: str
    """Where it came from; `window`: it was read in the agent's window and is unverified, and partial unless final."""
    created_ms: int
    expired_ms: int | None = None
    """When its body was cleared, because Octet had kept it long enough."""


class LeftOut(Answer):
    """An agent that a broadcast cannot reach at all."""

    agent: str
    why: str


class WordsAnswer(Answer):
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
    expired_ms: int | None = None
    """When its body was cleared, because Octet had kept it long enough."""

    @classmethod
    def of(cls, view: AgentMessageView) -> Self:
        return cls.like(
            view.message,
            label=label(view.message),
            deliveries=view.deliveries,
            left_out=[LeftOut(agent=name, why=why) for name, why in view.left_out],
        )


class TaskViewAnswer(Answer):
    """A task with all that is known of it."""

    task: TaskAnswer
    prompt: str
    deliveries: list[DeliveryAnswer]
    answers: list[MessageAnswer]
    thread: str


class ReceiptAnswer(Answer):
    """What an agent gets back: no more than it needs to know."""

    task: str
    state: str
    message: str


class ProgressAnswer(Answer):
    """What an agent gets back for a word of progress."""

    task: str
    state: str
    kept: bool
    """Not so where a later one of the same second took its place."""


class AgentAnswer(Answer):
    """An agent and what is known of it."""

    name: str
    role: str
    capabilities: list[str]
    lane: str
    desk: str | None
    window: str | None
    state: str
    reason: str
    cure: str
    """What a person does about its window, while that cannot be used; empty where that is not known."""
    task: str | None
    since_ms: int

    @classmethod
    def of(cls, status: AgentStatus) -> Self:
        return cls.like(
            status.agent,
            capabilities=sorted(status.agent.capabilities),
            state=status.state,
            reason=status.reason,
            cure=cure_of(status),
            task=status.task,
            since_ms=status.since_ms,
        )


class WindowAnswer(Answer):
    """What the worker sees of one window."""

    name: str
    usable: bool
    reason: str


class LearnedAnswer(Answer):
    """What Octet learned of a window automatically."""

    window: str
    what: Learnable
    at_ms: int


class DeskAnswer(Answer):
    """A desk and what is known of it."""

    name: str = Field(validation_alias=AliasPath("desk", "name"))
    display: str = Field(validation_alias=AliasPath("desk", "display"))
    state: str
    reason: str
    awake: str
    windows: list[WindowAnswer]
    learned: list[LearnedAnswer]
    unread: str
    """Why Octet cannot read what it learned of the desk's windows; empty if it can."""


class ReadyAnswer(Answer):
    """/readyz without the operator's token: whether Octet can serve."""

    ready: bool


class ReadyDetails(ReadyAnswer):
    """/readyz with the operator's token: `problems` say why not. Discord and desks are told, and are no failure."""

    problems: list[str]
    version: str
    discord_connected: bool
    desks: dict[str, str]
