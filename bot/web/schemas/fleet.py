"""What goes out over HTTP about everything at once: what needs a person, the board, whether all is well."""

from __future__ import annotations

from typing import Self

from bot.web.schemas.answers import Answer
from core.fleet.model import AtWork, Board, Need, Needs, Wellness


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
        return cls.like(need, channel=need.place.channel, guild=need.place.guild)


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
        task, status = one.task, one.status
        return cls.like(
            status,
            name=status.agent.name,
            task_state=task.state if task else "",
            title=task.title if task else "",
            heard_ms=task.heard_ms if task else None,
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
        return cls.like(
            board,
            agents=[AtWorkAnswer.of(one) for one in board.agents],
            desks=[BoardDeskAnswer.like(one, name=one.desk.name) for one in board.desks],
            tasks={state.value: number for state, number in board.tasks.items() if number},
            queue=[QueuedAnswer.like(one) for one in board.queue],
        )


class TroubleAnswer(Answer):
    """One thing that is not well; `counts` when it has lasted, so that the ping is held back."""

    part: str
    name: str
    what: str
    next: str
    since_ms: int
    counts: bool


class PingAnswer(Answer):
    """How the dead man's ping does; `where` is its address without what may be secret."""

    where: str
    last_ms: int
    failing_since_ms: int
    why: str
    is_held_back: bool


class HealthAnswer(Answer):
    """Whether all is well; `ping` is null where nobody wants one."""

    is_well: bool
    troubles: list[TroubleAnswer]
    ping: PingAnswer | None
    at_ms: int

    @classmethod
    def of(cls, now: Wellness) -> Self:
        troubles = [TroubleAnswer.like(one) for one in now.troubles]
        return cls.like(now, troubles=troubles, ping=PingAnswer.like(now.ping) if now.ping.is_wanted else None)
