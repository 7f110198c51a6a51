"""Everything that needs a user, a snapshot of all agents, desks and tasks, and Octet's health."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from core.agents.model import AgentState, AgentStatus
from core.deliveries.model import ProgramStatus
from core.desks.model import DeskMode, DeskState, DeskStatus
from core.dispatch.model import HookSign
from core.journal.model import Event
from core.kit.ids import MessageId
from core.notices.model import NoticeState, Place, Route
from core.profiles.model import Activity
from core.reasons import AnyReason, Diagnostic, IdleSource
from core.remedies import sentence
from core.tasks.model import TaskAttempt, TaskId, TaskState, TaskSummary

BoardId = NewType("BoardId", int)


class NeedKind(StrEnum):
    """Why a user is needed; worst first."""

    STORE = "store"  # Octet can store nothing: the disk is full, or the database locked. Nothing proceeds
    DELIVERY_UNKNOWN = "delivery_unknown"  # A prompt may have arrived. Its agent gets nothing until a user decides
    PARKED = "parked"
    CHECKS = "checks"  # a task's checks failed, could not run, or ask a user
    QUESTION = "question"  # an agent waits for an answer
    STORM = "storm"  # Octet stopped a chain of messages between agents
    NEEDS_ANSWER = "needs_answer"  # an agent's window waits for an answer, met an error or reached a limit
    IDLE = "idle"  # an agent looks idle and has not answered
    DESK = "desk"  # A desk cannot or may not be used, and work waits for it
    WINDOW = "window"  # an agent's window cannot be used until a user does something
    AGENT = "agent"  # an agent cannot be used, and work waits for it
    WAITING = "waiting"
    DRY_RUN = "dry_run"  # a dry run's prompt was typed nowhere: a user does what it says
    UNTOLD = "untold"  # Octet could not post a notice to Discord
    ANSWER_REFUSED = "answer_refused"  # A text from the answers folder could not be used
    BOARD_GONE = "board_gone"  # A live board was given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing that waits for a user, as text that any interface can show."""

    kind: NeedKind
    what: str  # what happened, as half a sentence
    next: str  # what to do about it
    seen: str = ""  # what exactly Octet saw, if it noted that
    task: TaskId | None = None  # the task it is about; of several that wait for the same, the oldest
    title: str = ""
    requester: str = ""  # the actor who created the task
    more: int = 0  # how many further tasks wait for just this
    agent: str | None = None
    desk: str | None = None
    idle_by: IdleSource | None = None  # of an agent that looks idle: by what Octet knows it
    window: str = ""  # of a window that cannot be used: its name on the desk. The owner can have it recalibrated.
    since_ms: int = 0  # 0 if unknown
    about: str = ""  # what a notice about it names: its question, dialog, chain or unknown delivery
    choices: tuple[str, ...] = ()  # how a user may settle it: a question's choices, acts, or decisions
    by: str = ""  # the actor because of whom it waits: who stopped the desk
    place: Place = field(default=Place())  # the channel of the task's card; empty where there is none
    thread: str = ""
    posted_message: str = ""  # Discord's id of the message about it; empty if there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What needs a user, worst and oldest first."""

    shown: tuple[Need, ...]
    total: int  # how many there are, those included that were too many to be shown


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedWork:
    """A message or a task that waits for one agent."""

    message: MessageId | None = None  # None: it is a task
    task: str | None = None  # the task, or the one that the message is about
    title: str  # the first line of the text
    reason: AnyReason | None = None  # why a message waits
    since_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDetails(AgentStatus):
    """An agent with what waits for it alone: messages, then tasks; the first of them."""

    queue: tuple[QueuedWork, ...]
    program: ProgramStatus | None = None  # of an agent that has turns
    hook: HookSign | None = None  # what its program's hook said last
    shows: Activity = Activity.UNKNOWN  # what its window shows


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentView:
    """What an agent shows to those who watch it: its window as a picture, else a text."""

    agent: str
    at_ms: int  # when Octet saw it; 0: not yet
    is_new: bool  # False: it shows the same as before, and `jpeg` and `text` are empty
    jpeg: bytes = b""
    text: str = ""
    why: Diagnostic = ""  # why Octet does not see it now


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
    needs: int  # how many things need a user
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How much there is of everything, for a program that watches over Octet."""

    tasks: Mapping[TaskState, int]
    oldest_ready_ms: int | None  # when the oldest task in the queue was created; None: the queue is empty
    agents: Mapping[AgentState, int]
    desks: Mapping[DeskState, int]
    notices: Mapping[tuple[Route, NoticeState], int]  # those that a route has still to post
    needs: int  # how many things need a user
    journal_rows: int
    is_store_writable: bool
    store_bytes: int
    writes_waiting: int
    left_out: int  # rows and steps that Octet leaves out after an error
    is_discord_connected: bool | None  # None: Octet works without Discord
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedAttempt:
    """An attempt on the timeline, with its task's title."""

    attempt: TaskAttempt
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time in which an agent, a desk or all of Octet did not proceed."""

    agents: tuple[str, ...] = ()  # those that waited; none: all
    task: str = ""  # the task that waited for an answer
    desk: str = ""  # the desk that a user held or stopped
    state: AgentState | DeskMode | TaskState | None = None  # None: Octet did not run
    reason: AnyReason | None = None
    since_ms: int
    until_ms: int | None = None  # None: it lasts

    @property
    def why(self) -> str:
        return sentence(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Which agent had which task when, and why agents waited meanwhile."""

    since_ms: int  # what is older is not shown, or no longer known
    until_ms: int
    agents: tuple[str, ...]  # in the order of the config, then those that are gone
    attempts: tuple[TimedAttempt, ...]  # oldest first
    gaps: tuple[Gap, ...]


class BoardKind(StrEnum):
    """What a live board shows."""

    FLEET = "fleet"  # each agent's work, the desks and the queue
    NEEDS_ME = "needs-me"  # what needs a user; its message is pinned


class BoardState(StrEnum):
    """The task of Octet for a live board's message."""

    STANDS = "stands"  # keep it, up to date
    LEAVES = "leaves"  # delete it
    GIVEN_UP = "given_up"  # it could not be kept


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveBoard:
    """One message that shows the board. Each message has its own id, which its nonce and its marker are made of."""

    id: BoardId
    kind: BoardKind
    place: Place
    posted_message: str  # Discord's id of it; empty until it was posted
    is_pinned: bool  # Octet pinned it once; a user may have unpinned it since
    state: BoardState
    error: str  # why it could not be kept, or cannot be written now
    since_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardEvent(Event):
    """Something that happened to the live board of a channel."""

    SUBJECT = "board:{0.channel}"
    channel: str
    kind: BoardKind


class BoardPlaced(BoardEvent):
    """A user put the live board into a channel."""


class BoardRemoved(BoardEvent):
    """A user took the live board away."""


class BoardGivenUp(BoardEvent):
    """A live board cannot be kept in its channel."""


class Part(StrEnum):
    """The part of Octet that a check is about."""

    STORE = "store"
    DISCORD = "discord"
    DESK = "desk"
    NOTICE = "notice"  # a message that Octet cannot post


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One problem."""

    part: Part
    name: str = ""  # which desk; empty for the others
    what: str  # A sentence
    next: str  # what to do about it
    since_ms: int = 0  # since when it is known
    counts: bool = False  # it has lasted, so it counts as a problem
    holds_ping: bool = True  # While it counts, Octet holds the ping back; not for what a user decided or can see


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What `octet status` shows on one screen."""

    version: str
    board: Board
    needs: Needs  # the worst of them
    is_discord_connected: bool | None  # None: Octet works without Discord
    live_boards: int  # how many channels have one
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """The state of the dead man's switch's ping."""

    is_wanted: bool = False  # octet.toml has its address
    where: str = ""  # whose service it is: the address without anything secret
    last_ms: int = 0  # when it was taken last; 0: never yet
    failing_since_ms: int = 0
    note: Diagnostic = ""  # why it is not taken; empty when it is
    is_held_back: bool = False  # Octet keeps it back on purpose, because there is a problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Wellness:
    """Octet's health at one moment."""

    troubles: tuple[Trouble, ...]
    ping: Ping
    at_ms: int

    @property
    def is_well(self) -> bool:
        return not any(trouble.counts for trouble in self.troubles)

    @property
    def pings(self) -> bool:
        """Whether the ping that keeps the outside alarm quiet may go."""
        return not any(trouble.counts and trouble.holds_ping for trouble in self.troubles)
