"""What needs a person, a snapshot of all agents, desks and tasks, and whether all is well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from core.agents.model import AgentStatus
from core.desks.model import DeskStatus
from core.journal.model import Event
from core.kit.errors import NotFound
from core.notices.model import Place
from core.reasons import Diagnostic
from core.tasks.model import TaskId, TaskState, TaskSummary

BoardId = NewType("BoardId", int)


class NeedKind(StrEnum):
    """Why a person is needed; worst first."""

    STORE = "store"
    """Nothing can be written down: the disk is full, or the database is locked. Until then nothing goes on."""
    DELIVERY_UNKNOWN = "delivery_unknown"
    """It is not known whether a prompt arrived. Its agent gets nothing more until somebody says so."""
    PARKED = "parked"
    QUESTION = "question"  # an agent waits for an answer
    NEEDS_ANSWER = "needs_answer"  # an agent's window waits for an answer, met an error or reached a limit
    DESK = "desk"  # A desk cannot or may not be used, and work waits for it
    WINDOW = "window"  # an agent's window cannot be used until a user does something
    AGENT = "agent"  # an agent cannot be used, and work waits for it
    WAITING = "waiting"
    DRY_RUN = "dry_run"  # A prompt was typed nowhere: a person does what it says
    UNTOLD = "untold"  # something could not be told in Discord
    ANSWER_REFUSED = "answer_refused"  # A text from the answers folder could not be used
    BOARD_GONE = "board_gone"  # A live board was given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing that waits for a person, in words that any face can show."""

    kind: NeedKind
    what: str  # what happened, as half a sentence
    next: str  # what to do about it
    seen: str = ""  # what exactly was seen, where somebody noted it
    task: TaskId | None = None  # the task it is about; of several that wait for the same, the oldest
    title: str = ""
    more: int = 0  # how many further tasks wait for just this
    agent: str | None = None
    desk: str | None = None
    window: str = ""  # of a window that cannot be used: its name on the desk. The owner can have it recalibrated.
    since_ms: int = 0  # 0 where nobody noted it
    place: Place = field(default=Place())  # the channel of the task's card; empty where there is none
    thread: str = ""
    posted_message: str = ""  # of Discord, to look at; empty where no particular one is meant


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What needs a person, worst and oldest first."""

    shown: tuple[Need, ...]
    total: int  # how many there are, those included that were too many to be shown


@dataclass(frozen=True, slots=True, kw_only=True)
class AtWork:
    """An agent, and the task it has."""

    status: AgentStatus
    task: TaskSummary | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Everything at one moment."""

    agents: tuple[AtWork, ...]  # in the order of the config
    desks: tuple[DeskStatus, ...]  # those that agents work at; their windows were not looked at
    tasks: Mapping[TaskState, int]
    queue: tuple[TaskSummary, ...]  # the first of those that are ready, in the order in which they are given out
    needs: int  # how many things need somebody
    at_ms: int


class BoardState(StrEnum):
    """What is to become of a live board's message."""

    STANDS = "stands"  # it shall be there and show the present
    LEAVES = "leaves"  # it shall be deleted
    GIVEN_UP = "given_up"  # it could not be kept


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveBoard:
    """One message that shows the board. Each message has its own id, which its nonce and its marker are made of."""

    id: BoardId
    place: Place
    posted_message: str  # Discord's id of it; empty as long as nobody noted that it was posted
    state: BoardState
    error: str  # why it could not be kept, or cannot be written now
    since_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardEvent(Event):
    """Something that happened to the live board of a channel."""

    SUBJECT = "board:{0.channel}"
    channel: str


class BoardPlaced(BoardEvent):
    """A user put the live board into a channel."""


class BoardRemoved(BoardEvent):
    """A user took the live board away."""


class BoardGivenUp(BoardEvent):
    """A live board cannot be kept in its channel."""


class NoBoard(NotFound):
    """There is no live board in this channel. `/fleet board` puts one here."""


class Part(StrEnum):
    """What is looked at."""

    STORE = "store"
    DISCORD = "discord"
    DESK = "desk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is not well."""

    part: Part
    name: str = ""  # which desk; empty for the others
    what: str  # A sentence
    next: str  # what to do about it
    since_ms: int = 0  # since when it is known
    counts: bool = False  # it has lasted, so not all is well


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """How the dead man's ping does."""

    is_wanted: bool = False  # somebody put its address into octet.toml
    where: str = ""  # whose service it is: the address without anything secret
    last_ms: int = 0  # when it was taken last; 0: never yet
    failing_since_ms: int = 0
    note: Diagnostic = ""  # why it is not taken; empty when it is
    is_held_back: bool = False  # not all is well, so it is kept back on purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Wellness:
    """How all stands at a moment."""

    troubles: tuple[Trouble, ...]
    ping: Ping
    at_ms: int

    @property
    def is_well(self) -> bool:
        """Whether nothing counts as trouble."""
        return not any(trouble.counts for trouble in self.troubles)
