"""What goes out over HTTP about everything at once: what needs a person, the board, whether all is well."""

from __future__ import annotations

from typing import Self

from bot.web.schemas.answers import Answer
from core.fleet.model import AtWork, Board, Need, Needs, Ping, Trouble, Wellness


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
    channel: str
    guild: str
    thread: str
    message: str

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
            window=need.window,
            since_ms=need.since_ms,
            channel=need.place.channel,
            guild=need.place.guild,
            thread=need.thread,
            message=need.message,
        )


class NeedsAnswer(Answer):
    """What needs a person, worst and oldest first; `total` counts what was too much to be shown, too."""

    total: int
    needs: list[NeedAnswer]

    @classmethod
    def of(cls, found: Needs) -> Self:
        return cls(total=found.total, needs=[NeedAnswer.of(one) for one in found.shown])


class AtWorkAnswer(Answer):
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


class QueuedAnswer(Answer):
    """A task in the queue."""

    id: str
    title: str
    priority: int
    created_ms: int


class BoardDeskAnswer(Answer):
    """A desk; its windows were not looked at."""

    name: str
    state: str
    reason: str
    since_ms: int


class BoardAnswer(Answer):
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


class TroubleAnswer(Answer):
    """One thing that is not well; `counts` when it has lasted, so that the ping is held back."""

    part: str
    name: str
    what: str
    next: str
    since_ms: int
    counts: bool

    @classmethod
    def of(cls, trouble: Trouble) -> Self:
        return cls(
            part=trouble.part.value,
            name=trouble.name,
            what=trouble.what,
            next=trouble.next,
            since_ms=trouble.since_ms,
            counts=trouble.counts,
        )


class PingAnswer(Answer):
    """How the dead man's ping does; `where` is its address without what may be secret."""

    where: str
    last_ms: int
    failing_since_ms: int
    why: str
    is_held_back: bool

    @classmethod
    def of(cls, ping: Ping) -> Self:
        return cls(
            where=ping.where,
            last_ms=ping.last_ms,
            failing_since_ms=ping.failing_since_ms,
            why=ping.why,
            is_held_back=ping.is_held_back,
        )


class HealthAnswer(Answer):
    """Whether all is well; `ping` is null where nobody wants one."""

    is_well: bool
    troubles: list[TroubleAnswer]
    ping: PingAnswer | None
    at_ms: int

    @classmethod
    def of(cls, now: Wellness) -> Self:
        return cls(
            is_well=now.is_well,
            troubles=[TroubleAnswer.of(one) for one in now.troubles],
            ping=PingAnswer.of(now.ping) if now.ping.is_wanted else None,
            at_ms=now.at_ms,
        )
