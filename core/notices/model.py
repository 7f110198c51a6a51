"""What a notice is: it names what happened; `bot/verbs/news` makes its sentence."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType
from zoneinfo import ZoneInfo

from core.reasons import AnyReason, Diagnostic, Reason
from core.remedies import next_step

NoticeId = NewType("NoticeId", int)
Route = NewType("Route", str)
DISCORD = Route("discord")
PUSH = Route("push")  # to browsers, only what a user has to decide, and only as long as a browser wants it
ROUTES = (DISCORD, PUSH)


class NoticeKind(StrEnum):
    """What Octet posts, and how often."""

    CARD = "card"  # the task's card in its channel, with its thread: posted once, then edited to the latest state
    ANSWER = "answer"  # An agent's words in the task's thread, or where a user sent the message: there edited at each
    # later answer to a message to several agents
    IDLE = "idle"  # An agent at work looks idle: one message for each lease, edited when that is over; subject: it
    ENDED = "ended"  # The task is done or failed: a new message with the agent's answer that mentions who asked
    HELD = "held"  # The task waits or is parked: a new message; a question in it is edited once it is settled
    LATE = "late"  # words that came after the task had ended, or for the wrong task
    PROGRESS = "progress"  # What an agent reports while it works: one message in the thread, edited at each report
    PARTS = "parts"  # What an agent gave to others: one message in its task's thread, edited at each step of a part
    WORDS = "words"  # A user's message to an agent: posted once, then edited to the state of its deliveries
    UNDELIVERED = "undelivered"  # a message that needs a user: a new post that mentions its sender
    NEEDS_ANSWER = "needs_answer"  # An agent's window has a dialog: a new message with a mention, edited at its end
    LOCKED = "locked"  # A desk's screen is locked and work waits: a new message for each lock, edited at its end
    BLOCKED = "blocked"  # An agent's window is unusable: a new message each time, edited until it is usable
    SUMMARY = "summary"  # Tasks that ended without Discord: one message
    REPORT = "report"  # What a user did to a task: cancelled or put back
    WELCOME = "welcome"  # The first message for a new owner: what to try
    DIGEST = "digest"  # What a user missed who wants no mentions; the subject is the user
    JOURNAL = "journal"  # Daily, for admins: the journal's head; the subject is the day
    QUESTION = "question"  # An agent's question: a new message that mentions its user, edited once it is settled
    STORM = "storm"  # Octet stopped a chain of messages; edited once a user has decided
    IN_DOUBT = "in_doubt"  # An act may have been done: a new message that mentions its user, edited once it is settled


class NoticeState(StrEnum):
    """Whether users can see it on a route."""

    PENDING = "pending"
    NO_ACCESS = "no_access"  # its channel is refused for `error`. Octet retries later, or when permissions change
    SENT = "sent"
    DROPPED = "dropped"  # Octet gave it up for `error`. It posts a dropped card at its task's next step


class MentionMode(StrEnum):
    """How Octet gets a user's attention."""

    MENTIONS = "mentions"
    DIGEST = "digest"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a user asked. Both are the interface's own ids; an empty channel means the configured default channel."""

    channel: str = ""
    guild: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MentionChoice:
    """What one user chose, what the next digest lists, and whether they know *Reply*."""

    mode: MentionMode = MentionMode.MENTIONS
    zone: ZoneInfo | None = None  # None: the host's
    missed: tuple[str, ...] = ()  # the subjects of the messages without a mention, oldest first
    since_ms: int = 0  # when the first of them was posted
    place: Place = field(default=Place())
    has_replied: bool = False  # they have pressed Reply once


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Why a task waits, is parked, or is ready again. It may have another state by now."""

    state: str  # the task's state then
    reason: AnyReason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndCause:
    """Why a task ended without an answer."""

    reason: AnyReason
    by: str = ""  # the name of the user who dropped it


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAct:
    """What a user did to a task."""

    act: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """Which delivery of a message did not arrive, or may not have; its state then, and why."""

    agent: str
    state: str
    reason: AnyReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """How what a user had to decide was settled, and the id of the actor who did it."""

    how: str
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastAnswers:
    """The answers to one message of a user to several agents, oldest first."""

    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReport:
    """What an agent said of its work, and when."""

    at_ms: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReports:
    """The newest reports of one spell of an agent's work, oldest first."""

    agent: str
    reports: tuple[AgentReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedChain:
    """The agents of a chain of messages that Octet stopped."""

    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """How many things happened, and the newest subjects."""

    number: int
    newest: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalHead:
    """The journal's last row, and its hash."""

    row: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedWindow:
    """A window that cannot be used, or could not until `over_ms`."""

    desk: str
    window: str
    agent: str
    reason: Reason
    seen: Diagnostic  # what exactly Octet saw, for users who may see the desk
    since_ms: int
    tried_by: str = ""  # who had it recalibrated last
    tried: str = ""  # why that did not work; empty while that is not known
    over_ms: int = 0

    @property
    def key(self) -> str:
        return blocked_key(self.desk, self.window)

    @property
    def cure(self) -> str:
        return next_step(self.reason)


def blocked_key(desk: str, window: str) -> str:
    """Return how notices name a window."""
    return f"window:{desk}/{window}"


NoticeDetail = (
    Halt
    | EndCause
    | UserAct
    | Undelivered
    | Resolution
    | BroadcastAnswers
    | AgentReports
    | StoppedChain
    | Digest
    | JournalHead
    | BlockedWindow
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to post. A notice that is edited (a card, a message) has a `revision` that grows with each change."""

    id: NoticeId
    kind: NoticeKind
    task: str  # the task it is about; empty for words without one
    subject: str  # the message, dialog, lock, window, user, day or spell of work that it is about; or empty
    detail: NoticeDetail | None  # what happened; a Resolution once a user has decided
    place: Place
    revision: int
    created_ms: int
    about: str = ""  # What a user has to decide, as the deliveries or dialogs name it; empty for no question

    @property
    def asks(self) -> bool:
        """Whether an agent waits until a user decides: such notices go first."""
        return bool(self.about) and self.kind not in {NoticeKind.LOCKED, NoticeKind.BLOCKED}

    @property
    def strand(self) -> str:
        """Notices with the same value are posted in order: those of a task, or of a subject without a task."""
        return self.task or self.subject


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePost(Notice):
    """A notice, and how far one route got with it. Channel, message and thread are the route's own ids."""

    state: NoticeState
    posted_revision: int  # the newest that the route has posted; 0 before
    posted_channel: str  # where it was posted; empty as long as it was not
    posted_message: str
    thread: str  # for a card: the task's thread; for others: the thread of the task's card, once that exists
    attempts: int
    not_before_ms: int
    since_ms: int  # the route may have posted it since then
    error: str
