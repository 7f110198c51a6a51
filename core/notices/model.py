"""What a notice is. It names what to say; the face decides how."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

NoticeId = NewType("NoticeId", int)
SubjectId = NewType("SubjectId", str)  # The id of a message, of a dialog or of a desk whose screen is locked


class NoticeKind(StrEnum):
    """What Octet posts, and how often."""

    CARD = "card"  # the task's card in its channel, with its thread: posted once, then edited to the latest state
    ANSWER = "answer"  # an agent's words, posted in the task's thread, or where a user sent the message
    ENDED = "ended"  # the task is done or failed: a new message that mentions who asked
    HELD = "held"  # The task waits or is parked: a new message; a question in it is edited once it is settled
    LATE = "late"  # words that came after the task had ended, or for the wrong task
    PROGRESS = "progress"  # What an agent reports while it works: one message in the thread, edited at each report
    WORDS = "words"  # A user's message to an agent: posted once, then edited to the state of its deliveries
    UNDELIVERED = "undelivered"  # a message that needs a user: a new post that mentions its sender
    NEEDS_ANSWER = "needs_answer"  # An agent's window has a dialog: a new message with a mention, edited at its end
    LOCKED = "locked"  # A desk's screen is locked and work waits: a new message for each lock, edited at its end
    BLOCKED = "blocked"  # An agent's window is unusable: a new message each time, edited until it is usable
    SUMMARY = "summary"  # Tasks that ended without Discord: one message. `text` has their number and the newest ones
    REPORT = "report"  # What a user did to a task: cancelled or put back. `text` is `cancelled by ID`
    WELCOME = "welcome"  # The first message for a new owner: what to try
    DIGEST = "digest"  # What a user missed who wants no mentions. `message` is the user, `text` number and subjects
    JOURNAL = "journal"  # Daily, for admins: the journal's head. `text` is the day, `message` the row and its hash
    QUESTION = "question"  # An agent's question: a new message that mentions its user, edited once it is settled
    STORM = "storm"  # Octet stopped a chain of messages. `text` names the agents; edited once a user has decided
    IN_DOUBT = "in_doubt"  # An act may have been done: a new message that mentions its user, edited once it is settled


class NoticeState(StrEnum):
    """Whether users can see it."""

    PENDING = "pending"
    NO_ACCESS = "no_access"  # Discord refuses its channel for `error`. Octet retries later, or when permissions change
    SENT = "sent"
    DROPPED = "dropped"  # Octet gave it up for `error`. It posts a dropped card at its task's next step


class MentionMode(StrEnum):
    """How Octet gets a user's attention."""

    MENTIONS = "mentions"
    DIGEST = "digest"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a user asked. Both are the face's own ids; an empty channel means the configured default channel."""

    channel: str = ""
    guild: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to post. A notice that is edited (a card, a message) has a `revision` that grows with each change."""

    id: NoticeId
    kind: NoticeKind
    task: str  # the task it is about; empty for words without one
    message: SubjectId  # what it carries or is about, as a message, or an agent's spell of work; or empty
    text: str  # A short reason for HELD, ENDED and UNDELIVERED, or empty. Once settled: how, and by whom
    place: Place
    state: NoticeState
    revision: int
    posted_channel: str  # where it was posted; empty as long as it was not
    posted_message: str
    thread: str  # for a card: the task's thread; for others: the thread of the task's card, once that exists
    attempts: int
    not_before_ms: int
    error: str
    created_ms: int
    about: str = ""  # What a user has to decide, as the deliveries or dialogs name it; empty for no question

    @property
    def asks(self) -> bool:
        """Whether an agent waits until a user decides: such notices go first."""
        return bool(self.about) and self.kind not in {NoticeKind.LOCKED, NoticeKind.BLOCKED}

    @property
    def strand(self) -> str:
        """Notices with the same value are posted in order: those of a task, or of a message without a task."""
        return self.task or self.message
