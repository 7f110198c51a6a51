"""What a notice is. It names what is to be said; the face decides in which words and shape."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

NoticeId = NewType("NoticeId", int)
SubjectId = NewType("SubjectId", str)  # The id of a message, of a dialog or of a desk whose screen is locked


class NoticeKind(StrEnum):
    """What is told, and how often."""

    CARD = "card"  # the task's card in its channel, with its thread: posted once, then edited to the latest state
    ANSWER = "answer"  # an agent's words, posted in the task's thread
    ENDED = "ended"  # the task is done or failed: a new message that mentions who asked
    HELD = "held"
    """The task waits or is parked for a reason that a person should know: a new message. One that asks a person to
    decide something is edited once that is settled."""
    LATE = "late"  # words that came after the task had ended, or for the wrong task
    WORDS = "words"
    """A person's words to an agent: posted once, in their task's thread or where they were sent, then edited to how
    far they have come."""
    UNDELIVERED = "undelivered"  # words that need a person: a new message that mentions who sent them
    NEEDS_ANSWER = "needs_answer"
    """An agent's window waits for an answer, met an error or reached a limit: a new message that mentions who asked
    for its task, edited once when that is over."""
    LOCKED = "locked"
    """The screen of a desk is locked and work waits for it: a new message, once for each lock, edited once when it is
    over."""
    BLOCKED = "blocked"
    """An agent's window cannot be used: a new message, once for each time, edited until it can be used again."""
    SUMMARY = "summary"
    """The tasks that ended while there was no Discord to tell it: one message. `text` holds their number and the
    newest of them."""
    IN_DOUBT = "in_doubt"
    """Nobody knows whether an act was done: a new message that mentions who asked for it, edited once it is settled."""


class NoticeState(StrEnum):
    """Whether people can see it."""

    PENDING = "pending"
    NO_ACCESS = "no_access"
    """Discord refuses its channel; `error` has the reason. Octet retries after a pause or when permissions change."""
    SENT = "sent"
    DROPPED = "dropped"
    """Octet does not post it any more; `error` has the reason. It posts a dropped card at its task's next step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where people asked. Both are the face's own ids; an empty channel means the configured default channel."""

    channel: str = ""
    guild: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to tell. What is edited (a card, words) has a `revision` that grows with each change."""

    id: NoticeId
    kind: NoticeKind
    task: str  # the task it is about; empty for words without one
    message: SubjectId  # what it carries or is about; or empty
    text: str
    """A short reason for HELD, ENDED and UNDELIVERED, or empty. Once what it asks is settled: how, and by whom."""
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
    about: str = ""
    """What a person is asked to decide, as the deliveries or dialogs name it; empty when nothing is asked."""

    @property
    def asks(self) -> bool:
        """Whether an agent waits until people decide: such notices go first."""
        return bool(self.about) and self.kind not in {NoticeKind.LOCKED, NoticeKind.BLOCKED}

    @property
    def strand(self) -> str:
        """What is told in one order: all of a task; of words without a task, those words."""
        return self.task or self.message
