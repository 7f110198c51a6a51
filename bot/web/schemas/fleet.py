"""What goes out over HTTP about everything at once: what needs a person, the board, whether all is well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AliasPath, BeforeValidator, Field

from bot.web.schemas.answers import Answer
from core.fleet.model import Ping, Trouble


class NeedAnswer(Answer):
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
    window: str
    since_ms: int
    channel: str = Field(validation_alias=AliasPath("place", "channel"))
    guild: str = Field(validation_alias=AliasPath("place", "guild"))
    thread: str
    message: str


class NeedsAnswer(Answer):
    """What needs a person, worst and oldest first; `total` counts what was too much to be shown, too."""

    total: int
    needs: list[NeedAnswer] = Field(validation_alias="shown")


class AtWorkAnswer(Answer):
    """An agent and what it does."""

    name: str = Field(validation_alias=AliasPath("status", "agent", "name"))
    state: str = Field(validation_alias=AliasPath("status", "state"))
    reason: str = Field(validation_alias=AliasPath("status", "reason"))
    since_ms: int = Field(validation_alias=AliasPath("status", "since_ms"))
    task: str | None = Field(validation_alias=AliasPath("status", "task"))
    task_state: str = Field("", validation_alias=AliasPath("task", "state"))
    title: str = Field("", validation_alias=AliasPath("task", "title"))
    heard_ms: int | None = Field(None, validation_alias=AliasPath("task", "heard_ms"))
    """The last sign of the agent about this task; None where there was none."""


class QueuedAnswer(Answer):
    """A task in the queue."""

    id: str
    title: str
    priority: int
    created_ms: int


class BoardDeskAnswer(Answer):
    """A desk; its windows were not looked at."""

    name: str = Field(validation_alias=AliasPath("desk", "name"))
    state: str
    reason: str
    since_ms: int


def _counted(tasks: Mapping[str, int]) -> dict[str, int]:
    """Leave out the states of no task."""
    return {state: number for state, number in tasks.items() if number}


class BoardAnswer(Answer):
    """Everything at one moment."""

    agents: list[AtWorkAnswer]
    desks: list[BoardDeskAnswer]
    tasks: Annotated[dict[str, int], BeforeValidator(_counted)]
    queue: list[QueuedAnswer]
    needs: int
    at_ms: int


class PingAnswer(Answer):
    """How the dead man's ping does; `where` is its address without what may be secret."""

    where: str
    last_ms: int
    failing_since_ms: int
    why: str
    is_held_back: bool


def _wanted(ping: object) -> object:
    return None if isinstance(ping, Ping) and not ping.is_wanted else ping


class HealthAnswer(Answer):
    """Whether all is well; `ping` is null where nobody wants one."""

    is_well: bool
    troubles: list[Trouble]
    ping: Annotated[PingAnswer | None, BeforeValidator(_wanted)]
    at_ms: int
