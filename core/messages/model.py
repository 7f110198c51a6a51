"""The envelope of a message, and the rules for texts from outside."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from core import limits
from core.kit.clock import as_datetime
from core.kit.filters import Fields, words_of
from core.kit.ids import MessageId
from core.reasons import Reason
from core.remedies import refused
from core.security.model import Actor, ActorKind


class MessageKind(StrEnum):
    """What a message is for."""

    TASK = "task"
    MESSAGE = "message"
    REPLY = "reply"
    FOLLOW_UP = "follow_up"  # a user continues a task that is done; its agent gets it with the task's next prompt
    ACK = "ack"  # an agent has read a message; it wakes no agent
    STATUS = "status"  # news that no agent has to act on; it wakes no agent
    CONTROL = "control"


class Requires(StrEnum):
    """What the sender of a message expects back."""

    NONE = "none"
    ACK = "ack"
    REPLY = "reply"
    EVIDENCE = "evidence"  # a reply with what proves it


class Source(StrEnum):
    """Where a text came from. It is kept when the text is copied into a prompt."""

    OPERATOR = "operator"
    MEMBER = "member"
    WEBHOOK = "webhook"
    AGENT = "agent"
    WINDOW = "window"  # read in an agent's window, between the markers of its prompt: unverified, as it has no code
    MODEL = "model"  # A model's own words, which came with the outcome of its prompt's delivery
    HOOK = "hook"  # the last message of a turn by its program's hook, between the markers of its prompt: unverified
    ACP = "acp"  # the last message of an agent's turn: unverified, as it has no code


UNVERIFIED_SOURCES = {
    Source.WINDOW: Reason.READ_IN_WINDOW,
    Source.HOOK: Reason.SAID_BY_HOOK,
    Source.ACP: Reason.ENDED_TURN,
}
"""Sources of answers that their agents did not send, and the codes for that."""


class EvidenceKind(StrEnum):
    """What an agent names as evidence."""

    COMMAND = "command"
    FILE = "file"
    COMMIT = "commit"
    URL = "url"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceItem:
    """One thing that an agent names to prove its answer. It is the agent's text: Octet checks none of it."""

    kind: EvidenceKind
    text: str
    ok: bool | None = None  # whether it passed, as the agent says; None where the agent does not say

    @property
    def line(self) -> str:
        """The item on one line, as `octet done --evidence` takes it."""
        how = {True: ": passed", False: ": failed", None: ""}[self.ok]
        return f"{self.kind}: {' '.join(self.text.split())}{how}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A file that comes with a request. Its name is what the sender calls it."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file in the home."""

    path: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        return Path(self.path).name

    @property
    def line(self) -> str:
        size = f"{self.size} bytes" if self.size < 1000 else f"{self.size // 1000:,} KB"
        return f"Attached: {self.path} ({size})"


def files_of(column: str) -> tuple[StoredFile, ...]:
    """Read a column with files; `json.dumps` of their fields wrote it."""
    return tuple(StoredFile(**one) for one in json.loads(column))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """An addressed text to store. Addresses are `hub`, `agent:NAME`, `group:NAME`, `job:NAME`, `person:ID`, `operator`,
    `system:NAME`, `all`. Only Octet sets `sender`, `cause`, `trace`, `path` and `hop`."""

    kind: MessageKind
    sender: str
    sender_name: str = ""  # the display name of its sender; of a subtask's brief, the agent that gives it
    recipient: str
    task: str | None
    supersedes: MessageId | None = None  # what it takes the place of
    in_reply_to: MessageId | None = None  # the message that it answers; they have one thread
    idempotency_key: str | None = None
    priority: int = 2
    not_before_ms: int = 0  # no agent gets it earlier
    expires_at_ms: int | None = None
    requires: Requires = Requires.REPLY
    cause: MessageId | None = None  # the message that its sender was working on
    trace: str = ""  # the message with which this chain of messages began; empty: with this one
    path: str = ""  # the agents that sent the messages of the chain up to this one, one on each line
    hop: int = 0  # how many messages of agents the chain has, up to this one
    source: Source
    marker: str = ""  # Eight random characters around an answer without a shell; empty where none is awaited
    body: str
    final: bool = False  # for a reply: it ended the task (`done`), rather than spoke during it (`reply`)
    late: bool = False  # it came after the task had ended, or named another task than its code
    evidence: tuple[EvidenceItem, ...] = ()  # of a reply: what its agent says proves it
    attachments: tuple[StoredFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(NewMessage):
    """One addressed text, as Octet stored it."""

    id: MessageId
    thread: str
    created_ms: int
    expired_ms: int | None = None  # When Octet cleared its body, after its time; None as long as it is kept

    @property
    def agents_before(self) -> tuple[str, ...]:
        return tuple(self.path.split())

    def is_same(self, other: Message) -> bool:
        """Return whether both have the same words."""
        return self.body.split() == other.body.split()


def read_file(given: NewFile | Mapping[str, str]) -> NewFile:
    """Read a file that a request brings. Raises invalid_file."""
    if isinstance(given, NewFile):
        return given
    try:
        name = limits.check("name", given["name"], limits.FILE_NAME)
        return NewFile(name=name, content=base64.b64decode(given["content"], validate=True))
    except (KeyError, ValueError):
        raise refused("invalid_file") from None


def read_files(given: Iterable[Mapping[str, str]]) -> tuple[NewFile, ...]:
    """Read the files that a request brings. Raises invalid_file."""
    return tuple(map(read_file, given))


def read_evidence(rows: Iterable[Mapping[str, object]]) -> tuple[EvidenceItem, ...]:
    """Read an agent's evidence from JSON. Raises invalid_evidence or as `limits.check`."""
    found = list[EvidenceItem]()
    for row in limits.check("evidence", tuple(rows), limits.EVIDENCE):
        kind, text, ok = row.get("kind"), row.get("text"), row.get("ok")
        if kind not in [*EvidenceKind] or not isinstance(text, str) or not (ok is None or isinstance(ok, bool)):
            raise refused("invalid_evidence")
        text = limits.check("evidence", text, limits.EVIDENCE_TEXT)
        found.append(EvidenceItem(kind=EvidenceKind(str(kind)), text=text, ok=ok))
    return tuple(found)


def reply_hints(asked: Message, reply: Message) -> tuple[Reason, ...]:
    """Return what the reply lacks of what the message requires, as codes."""
    lacks = asked.requires is Requires.EVIDENCE and not reply.evidence
    return (Reason.EVIDENCE_MISSING,) if lacks else ()


def text_for_people(text: str, expired_ms: int | None) -> str:
    """Return `text`, or the sentence that says when it expired."""
    return text if expired_ms is None else f"(This text expired on {as_datetime(expired_ms):%Y-%m-%d} UTC.)"


def address_of(by: Actor) -> str:
    if by.kind is ActorKind.AGENT:
        return f"agent:{by.name}"
    return {ActorKind.PERSON: f"person:{by.id}", ActorKind.OPERATOR: "operator"}.get(by.kind, f"system:{by.id}")


def source_of(by: Actor) -> Source:
    """Return where the text of this sender comes from; Octet itself speaks for this machine's owner."""
    return {ActorKind.PERSON: Source.MEMBER, ActorKind.AGENT: Source.AGENT}.get(by.kind, Source.OPERATOR)


def label(message: Message) -> str:
    """Return the short label of who speaks to whom: A2A, C2A, A2C, D2A, H2A, S2A, BROADCAST or ONBOARDING."""
    if message.recipient == "all":
        return "BROADCAST"
    if message.kind is MessageKind.CONTROL and message.thread == "onboarding":
        return "ONBOARDING"
    sender = message.sender.partition(":")[0]
    to_agent = message.recipient.partition(":")[0] in {"agent", "group", "job"}
    if sender == "agent":
        return "A2A" if to_agent else "A2C"
    if sender == "hub":
        # A task typed by a user reaches its agent through the hub: from Discord, or from this machine's owner.
        return {Source.OPERATOR: "C2A", Source.AGENT: "A2A", Source.WEBHOOK: "S2A"}.get(message.source, "D2A")
    return {"person": "H2A", "operator": "C2A"}.get(sender, "S2A")


FIELDS: Fields = {
    "kind": {one.value: (one.value,) for one in MessageKind if one is not MessageKind.CONTROL},
    "source": words_of(Source),
    **dict.fromkeys(("from", "to", "agent", "task", "trace")),
}
"""What the list of messages can be filtered by."""


class EntryState(StrEnum):
    """How far a message has come in an agent's inbox."""

    HELD = "held"  # its time has not come
    UNREAD = "unread"
    READ = "read"
    ACKED = "acked"
    DROPPED = "dropped"  # the agent no longer gets it, for `reason`


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEntry:
    """One message in the inbox of one agent."""

    agent: str
    seq: int | None  # its place there; none while it is held
    state: EntryState
    reason: Reason | None = None
    message: Message

    @property
    def name(self) -> str:
        return f"M-{self.message.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPage:
    """An agent's unread messages, oldest first."""

    entries: tuple[InboxEntry, ...]
    high_water: int  # the place of the newest entry; the agent names it when it reads again
    more: bool = False  # there are further ones
