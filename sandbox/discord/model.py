"""The records of the local chat server: users, channels, messages, interactions. `world` changes them."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, IntEnum, IntFlag
from itertools import count
from typing import Any

Json = dict[str, Any]

DISCORD_EPOCH_MS = 1_420_070_400_000


def dicts(parent: Json, key: str) -> list[Json]:
    """Return the list of objects under `key`; empty when there is none."""
    return parent.get(key) or []


def within(parent: Json, key: str) -> Json:
    """Return the object under `key`; empty when there is none."""
    return parent.get(key) or {}


class ChannelKind(IntEnum):
    """Channel types by Discord's numbers."""

    TEXT = 0
    DM = 1
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12


class ChatMessageKind(IntEnum):
    """Message types by Discord's numbers."""

    DEFAULT = 0
    PINNED = 6
    THREAD_CREATED = 18
    REPLY = 19
    COMMAND = 20
    THREAD_STARTER = 21


class MessageFlag(IntFlag):
    """Message flags the sandbox understands."""

    SUPPRESS_EMBEDS = 1 << 2
    HAS_THREAD = 1 << 5
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    COMPONENTS_V2 = 1 << 15


class ChatPermission(IntFlag):
    """The permission bits the sandbox enforces or reports."""

    MANAGE_CHANNELS = 1 << 4
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38
    PIN_MESSAGES = 1 << 51


EVERYBODY_MAY = (
    ChatPermission.VIEW_CHANNEL
    | ChatPermission.SEND_MESSAGES
    | ChatPermission.EMBED_LINKS
    | ChatPermission.ATTACH_FILES
    | ChatPermission.READ_MESSAGE_HISTORY
    | ChatPermission.USE_APPLICATION_COMMANDS
    | ChatPermission.CREATE_PUBLIC_THREADS
    | ChatPermission.SEND_MESSAGES_IN_THREADS
)
NO_PERMISSIONS = ChatPermission(0)
NO_FLAGS = MessageFlag(0)
HAS_MEMBERS_INTENT = 0b11 << 14  # either of these application flags: the privileged intent for members is enabled
HAS_COMMANDS = 1 << 23  # the flag that an application has as long as it has global commands


class InteractionKind(IntEnum):
    """Interaction types by Discord's numbers."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class CallbackKind(IntEnum):
    """Ways to answer an interaction, by Discord's numbers."""

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    AUTOCOMPLETE = 8
    MODAL = 9


class InteractionState(Enum):
    """The state of an interaction."""

    OPEN = "open"
    ANSWERED = "answered"
    FAILED = "failed"


class Snowflakes:
    """Makes unique ids that carry their time."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def next(self) -> int:
        milliseconds = time.time_ns() // 1_000_000 - DISCORD_EPOCH_MS
        return (milliseconds << 22) | (next(self._numbers) & 0x3FFFFF)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True, frozen=True)
class User:
    """A person or the bot."""

    id: int
    name: str
    is_bot: bool = False


@dataclass(slots=True, kw_only=True)
class ChatChannel:
    """A text channel, a thread or a direct conversation."""

    id: int
    kind: ChannelKind
    name: str
    created_at: datetime
    owner_id: int
    parent_id: int | None = None
    recipients: tuple[int, ...] = ()
    bot_denied: ChatPermission = NO_PERMISSIONS
    archived: bool = False
    locked: bool = False
    auto_archive_minutes: int = 4320
    archive_changed_at: datetime = field(default_factory=now)
    members: dict[int, datetime] = field(default_factory=dict[int, datetime])
    last_message_id: int | None = None
    last_pin_at: datetime | None = None
    message_count: int = 0
    total_sent: int = 0

    @property
    def is_thread(self) -> bool:
        return self.kind in {ChannelKind.PUBLIC_THREAD, ChannelKind.PRIVATE_THREAD}


@dataclass(slots=True, kw_only=True, frozen=True)
class ChatAttachment:
    """A file on a message, with its bytes."""

    id: int
    channel_id: int
    filename: str
    content_type: str
    content: bytes
    description: str | None = None
    hm: str = field(default_factory=lambda: secrets.token_hex(16))
    """The part of its address that only a reader of the message knows, as in Discord."""
    size: tuple[int, int] | None = None  # width and height of a picture


@dataclass(slots=True, kw_only=True)
class ChatMessage:
    """A message in its present form."""

    id: int
    channel_id: int
    author_id: int
    created_at: datetime
    kind: ChatMessageKind = ChatMessageKind.DEFAULT
    content: str = ""
    embeds: list[Json] = field(default_factory=list[Json])
    components: list[Json] = field(default_factory=list[Json])
    attachments: list[ChatAttachment] = field(default_factory=list[ChatAttachment])
    flags: MessageFlag = NO_FLAGS
    edited_at: datetime | None = None
    nonce: str | int | None = None
    reply_to: int | None = None
    reference_channel_id: int | None = None
    mentions_everyone: bool = False
    mentions: frozenset[int] = frozenset()  # the users whom the text names now; an edit changes them without a ping
    pings: frozenset[int] = frozenset()
    pinned_at: datetime | None = None
    only_for: int | None = None
    interaction: Interaction | None = None

    @property
    def is_thinking(self) -> bool:
        return MessageFlag.LOADING in self.flags

    @property
    def is_system(self) -> bool:
        return self.kind in {ChatMessageKind.PINNED, ChatMessageKind.THREAD_CREATED, ChatMessageKind.THREAD_STARTER}

    @property
    def is_v2(self) -> bool:
        return MessageFlag.COMPONENTS_V2 in self.flags


@dataclass(slots=True, kw_only=True)
class Interaction:
    """One click, command, autocomplete or dialog of a user, and how the application answered."""

    id: int
    token: str
    kind: InteractionKind
    user_id: int
    channel_id: int
    data: Json
    label: str
    message_id: int | None = None
    opener: Interaction | None = None  # of a dialog: what opened it
    state: InteractionState = InteractionState.OPEN
    callback: CallbackKind | None = None
    original_id: int | None = None
    choices: list[Json] = field(default_factory=list[Json])
    modal: Json | None = None
    submission: Interaction | None = None  # its dialog as it was sent last
    failure: str | None = None
    sent_at: float | None = None
    answered_at: float | None = None
    expires_at: float = 0.0
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ack_ms(self) -> float | None:
        if self.sent_at is None or self.answered_at is None:
            return None
        return (self.answered_at - self.sent_at) * 1000


@dataclass(slots=True, kw_only=True, frozen=True)
class MessageDraft:
    """The checked contents of a message."""

    content: str = ""
    embeds: list[Json] = field(default_factory=list[Json])
    components: list[Json] = field(default_factory=list[Json])
    attachments: list[ChatAttachment] = field(default_factory=list[ChatAttachment])
    flags: MessageFlag = NO_FLAGS
    nonce: str | int | None = None
    reply_to: int | None = None
    mentions: frozenset[int] = frozenset()
    pings: frozenset[int] = frozenset()
    mentions_everyone: bool = False

    def apply_to(self, message: ChatMessage, *, extra_flags: MessageFlag = NO_FLAGS) -> None:
        message.content = self.content
        message.embeds = self.embeds
        message.components = self.components
        message.attachments = self.attachments
        message.mentions = self.mentions
        message.mentions_everyone = self.mentions_everyone
        message.flags = self.flags | extra_flags
