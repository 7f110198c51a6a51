"""Messages to agents, from users and from each other: why they wait, how far they have come, and questions."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from core.agents.model import AgentState, Job
from core.deliveries.model import Delivery
from core.journal.model import Event
from core.kit.errors import Invalid
from core.kit.ids import MessageId
from core.messages.model import (
    EntryState,
    EvidenceItem,
    Message,
    MessageKind,
    NewFile,
    Requires,
    Source,
    StoredFile,
    label,
)
from core.notices.model import Place
from core.reasons import Diagnostic, Reason
from core.remedies import explain
from core.tasks.model import OnFailure

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
MESSAGE_TTL_MS = 24 * 60 * MINUTE_MS  # A message that is not delivered in this time expires, and Octet tells its sender
LONG_WAIT_MS = 600_000  # after so long Octet notifies the sender of a waiting message once more, in a new one

LONG_CHARS = 4_000
_LIST = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+\S", re.MULTILINE)
_SAYS_HOW = re.compile(
    r"\b(?:answer|reply|respond|report|return|send|list|name|write|tell|confirm|say)\b|\?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOptions:
    """What the sender of a message may choose."""

    kind: MessageKind = MessageKind.MESSAGE
    requires: Requires = Requires.REPLY
    supersedes: str = ""  # `M-…`: the sender's earlier message that this one takes the place of
    priority: int | None = None  # of the task it is about, else normal
    after_minutes: int = 0  # no agent gets it earlier
    expires_minutes: int = MESSAGE_TTL_MS // MINUTE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAgentMessage:
    """A message that a user sends to an agent."""

    text: str
    agent: str | None = None
    task: str | None = None  # `T-142`: its present agent, and in its thread
    thread: str = ""  # the interface's id of the thread it was typed in: it means that task's agent if none is named
    in_reply_to: str | None = None  # an agent's message, which this answers: its agent, in its thread
    place: Place = field(default=Place())
    key: str | None = None  # the same key never says it twice
    options: SendOptions = field(default=SendOptions())
    attach: NewFile | None = None  # a file that comes with it; Octet stores it among `attachments`
    attachments: tuple[StoredFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDraft:
    """A message, a status or a question that an agent sends to others."""

    text: str
    to: str  # an agent, `group:NAME`, `job:NAME` or `everyone`
    key: str  # the same key never says it twice
    in_reply_to: str = ""  # `M-…`: the message in its inbox that this answers
    options: SendOptions = field(default=SendOptions())


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubtask:
    """A part of its task that an agent gives to another."""

    text: str
    key: str  # the same key never creates a second one
    to: str = ""  # an agent or `group:NAME`; empty: its own group, or any worker for a chief without groups
    needs: frozenset[str] = field(default=frozenset())  # capabilities that the agent must have
    priority: int | None = None  # else the priority of its task
    after: tuple[str, ...] = ()  # other subtasks of its task, which come first
    on_failure: OnFailure = OnFailure.WAIT  # what happens when one of these fails

    @property
    def fingerprint(self) -> str:
        """Say the whole in a form that is the same in every process: what names a subtask without a key."""
        return hashlib.sha256(json.dumps(asdict(self), default=sorted, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Who an agent says it is: the agent of its reply key, and what it was asked to do, with that prompt's code. The
    home's own key belongs to no agent (EVERY_AGENT), so with it only a code tells who speaks."""

    agent: str
    about: str = ""  # `T-142` or `M-…`
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A recipient that does not get a message: for a code, or for what its configuration lacks."""

    agent: str
    reason: Reason | None = None
    note: Diagnostic = ""

    @property
    def why(self) -> str:
        return explain(self.reason, self.note)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentMessageView:
    """A message and how far it has come."""

    message: Message
    deliveries: tuple[Delivery, ...]  # One for each agent, oldest first; of one that followed its task, the last
    known: tuple[Delivery, ...] = ()  # all there ever were, also those that others took the place of
    left_out: tuple[LeftOut, ...] = ()  # when sent: agents that do not get it, and why
    hints: tuple[Reason, ...] = ()  # when sent: how its sender could write it better

    @property
    def continues(self) -> str:
        """The agent that continues the task by this follow-up; empty for other messages."""
        is_follow_up = self.message.kind is MessageKind.FOLLOW_UP
        return self.message.recipient.removeprefix("agent:") if is_follow_up else ""

    @property
    def recipients(self) -> tuple[str, ...]:
        """The agents that get it."""
        return tuple(one.agent for one in self.deliveries)

    @property
    def label(self) -> str:
        """Say from whom to whom it goes, such as `C2A`."""
        return label(self.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessage:
    """A message as its agent reads it in its inbox."""

    seq: int  # its place in the inbox
    name: str  # `M-…`
    sender: str
    source: Source  # who wrote the text; `agent`: it gives no rights
    kind: MessageKind
    requires: Requires
    task: str  # the task it is about; empty for none
    code: str  # with which the agent answers; empty where none is awaited, or the task's code counts
    text: str
    evidence: tuple[EvidenceItem, ...]  # what its sender says proves it; Octet did not check it
    sent_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessages:
    """An agent's unread messages, oldest first."""

    messages: tuple[ReceivedMessage, ...]
    high_water: int  # give it as `after` next time: it confirms these
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterEntry:
    """An agent, as other agents see it."""

    agent: str
    job: Job
    about: str
    capabilities: frozenset[str]
    groups: frozenset[str]
    state: AgentState
    task: str  # what it works on; empty for nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceStep:
    """One message of a chain, and how far it has come in each inbox."""

    message: Message
    depth: int  # how many messages led to it
    inboxes: tuple[tuple[str, EntryState, Reason | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A chain of messages: what led to what, oldest first."""

    id: str
    steps: tuple[TraceStep, ...]
    stopped_by: str  # empty: it is not stopped; `hub`: Octet stopped it
    texts: int  # how many messages of agents it has
    most: int  # how many it may have


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedTrace:
    """A chain of messages that Octet stopped because its agents talk too much. A user decides."""

    id: str
    since_ms: int


class QuestionState(StrEnum):
    """How far a question has come."""

    OPEN = "open"
    ANSWERED = "answered"
    UNANSWERED = "unanswered"  # its time is over, and its agent decides itself
    CANCELLED = "cancelled"  # its task has ended


class AtDue(StrEnum):
    """What happens when a question is not answered in time."""

    DECIDE = "decide"  # Octet tells the agent to decide itself
    WAIT = "wait"  # Octet reminds the user, and the agent waits on


@dataclass(frozen=True, slots=True, kw_only=True)
class NewQuestion:
    """A question that an agent asks."""

    text: str
    key: str  # the same key never asks twice
    to: str = ""  # an agent; empty: the user who asked for its task
    choices: tuple[str, ...] = ()  # answers to choose from; any other text is an answer, too
    minutes: int = 0  # how long it waits; 0: as the settings say
    at_due: AtDue = AtDue.DECIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question of an agent. Its id is that of the message with its text."""

    id: MessageId
    agent: str
    task: str  # empty: it is about no task
    fence: int  # the lease of the task in which its agent asked
    asked: str  # the address of the user or agent that it asks
    choices: tuple[str, ...]
    at_due: AtDue
    state: QuestionState
    answer: MessageId | None
    due_ms: int
    since_ms: int

    @property
    def asks_user(self) -> bool:
        return not self.asked.startswith("agent:")

    @property
    def about(self) -> str:
        """What a notice about it names."""
        return f"question:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionView:
    """A question with its text, and the answer once there is one."""

    question: Question
    text: str
    answer: str = ""
    answered_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceEvent(Event):
    """Something happened to a chain of messages."""

    SUBJECT = "trace:{0.trace}"
    trace: str


class TraceStopped(TraceEvent):
    """Octet or a user stopped a chain of messages between agents."""


class TraceResumed(TraceEvent):
    """A user lets the agents of a stopped chain continue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionMoved(Event):
    """An agent asked a question, or it was settled."""

    SUBJECT = "message:{0.question}"
    question: str
    agent: str
    task: str
    now: QuestionState


class InvalidMessageName(Invalid):
    """`{text}` is not a message. Copy the whole command from the prompt again."""


class RecipientMissing(Invalid):
    """Name an agent or a task as the recipient. Inside a task's thread neither is needed."""


def hints(text: str, requires: Requires) -> tuple[Reason, ...]:
    """Return what makes a message hard to answer, as codes: its length, several requests, no form of its answer."""
    found = {
        Reason.TEXT_LONG: len(text) > LONG_CHARS,
        Reason.SEVERAL_REQUESTS: text.count("?") > 1 or len(_LIST.findall(text)) > 2,
        Reason.NO_ANSWER_FORM: requires in {Requires.REPLY, Requires.EVIDENCE} and not _SAYS_HOW.search(text),
    }
    return tuple(reason for reason, is_so in found.items() if is_so)


def is_message_name(text: str) -> bool:
    """Return whether an agent's command names a message (`M-…`), not a task."""
    return text.strip()[:2].upper() == "M-"


def parse_message_name(text: str) -> MessageId:
    """Read `M-` and the id of a message. Raises InvalidMessageName."""
    match = re.fullmatch(r"\s*[Mm]-([0-9A-Za-z]{26})\s*", text)
    if match is None:
        raise InvalidMessageName(text=text[:40])
    return MessageId(match[1].upper())
