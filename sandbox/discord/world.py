"""The state of the local chat server and the verbs that change it; listeners get every change, in order."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sandbox.discord import errors
from sandbox.discord.model import (
    EVERYBODY_MAY,
    HAS_COMMANDS,
    NO_FLAGS,
    NO_PERMISSIONS,
    ChannelKind,
    ChatAttachment,
    ChatChannel,
    ChatMessage,
    ChatMessageKind,
    ChatPermission,
    Interaction,
    Json,
    MessageDraft,
    MessageFlag,
    Snowflakes,
    User,
    now,
)


@dataclass(slots=True, kw_only=True, frozen=True)
class Change:
    """Something that happened, for the gateway and the page."""

    name: str
    channel: ChatChannel | None = None
    message: ChatMessage | None = None
    interaction: Interaction | None = None
    added: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()  # who came into a thread, and who left it


Listener = Callable[[Change], None]


class World:
    """One guild with its users, channels, threads, messages and commands."""

    def __init__(self, *, token: str | None = None, nonce_ttl_s: float = 120.0, is_invited: bool = True) -> None:
        """`is_invited`: the bot is a member of the guild already; else `invite` makes it one."""
        self.new_id = Snowflakes().next
        self._listeners: list[Listener] = []
        self._waiters: set[asyncio.Future[None]] = set()
        self.version = 0
        self.is_invited = is_invited
        self.started_at = now()
        self.guild_id = self.new_id()
        self.application_id = self.new_id()
        self.bot_role_id = self.new_id()
        self.bot_role = EVERYBODY_MAY | ChatPermission.PIN_MESSAGES  # as the link of the bot's invitation asks
        self.privileged = 0  # the application's flags of the privileged intents that its owner has enabled
        self.token = token or self.new_token()
        self.client_secret = secrets.token_urlsafe(24)
        self.redirects: set[str] = set()  # where the application's owner lets browsers be sent back to
        self.user_tokens: dict[str, int] = {}  # the tokens by which the application asks who a user is
        self.bot = User(id=self.application_id, name="Octet", is_bot=True)
        self.ada = User(id=self.new_id(), name="Ada")
        self.ben = User(id=self.new_id(), name="Ben")
        self.users = {user.id: user for user in (self.bot, self.ada, self.ben)}
        self.crew_id = self.new_id()
        self.roles = {self.crew_id: "crew"}  # the guild's roles beside everyone's and the bot's
        self.roles_of: dict[int, set[int]] = {self.ben.id: {self.crew_id}}
        self.channels: dict[int, ChatChannel] = {}
        self.messages: dict[int, ChatMessage] = {}
        self.attachments: dict[int, ChatAttachment] = {}
        self._nonce_ttl_s = nonce_ttl_s
        self._nonces: dict[tuple[int, str], tuple[float, int]] = {}
        """Channel and nonce → when, and which message. Insertion order is the order of their moments."""
        self.global_commands: dict[int, Json] = {}
        self.guild_commands: dict[int, Json] = {}
        self.home = self._add_text_channel("octet")
        self._add_text_channel("general")

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` on every change; the returned function ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def publish(self, change: Change) -> None:
        self.version += 1
        for listener in tuple(self._listeners):
            listener(change)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def changed(self, since: int, within_s: float) -> int:
        """Wait until the version is above `since`, at most `within_s`; return the version then."""
        if self.version <= since:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await asyncio.wait_for(waiter, within_s)
            except TimeoutError:
                pass
            finally:
                self._waiters.discard(waiter)
        return self.version

    def new_token(self) -> str:
        """Make a token in Discord's form: the application's id in base64, which clients read, and a secret."""
        number = base64.b64encode(str(self.application_id).encode()).decode().rstrip("=")
        return f"{number}.local.{secrets.token_urlsafe(32)}"

    def invite(self) -> None:
        """Let the bot into the guild, as a user does who opens its link."""
        if not self.is_invited:
            self.is_invited = True
            self.publish(Change(name="guild_create"))

    def remove_bot(self) -> None:
        """Remove the bot from the guild with its commands there, as its owner can."""
        self.is_invited = False
        self.guild_commands.clear()

    def user(self, user_id: int) -> User:
        user = self.users.get(user_id)
        if user is None:
            raise errors.unknown_user()
        return user

    def people(self) -> list[User]:
        return [user for user in self.users.values() if not user.is_bot]

    def _add_text_channel(self, name: str) -> ChatChannel:
        channel = ChatChannel(
            id=self.new_id(), kind=ChannelKind.TEXT, name=name, created_at=now(), owner_id=self.application_id
        )
        self.channels[channel.id] = channel
        return channel

    def channel(self, channel_id: int) -> ChatChannel:
        channel = self.channels.get(channel_id)
        if channel is None:
            raise errors.unknown_channel()
        return channel

    def threads(self, parent_id: int | None = None) -> list[ChatChannel]:
        return [c for c in self.channels.values() if c.is_thread and parent_id in {None, c.parent_id}]

    def active_threads(self) -> list[ChatChannel]:
        return [thread for thread in self.threads() if not thread.archived and self.bot_sees(thread)]

    def open_dm(self, user_id: int) -> ChatChannel:
        user = self.user(user_id)
        for channel in self.channels.values():
            if channel.kind is ChannelKind.DM and user.id in channel.recipients:
                return channel
        channel = ChatChannel(
            id=self.new_id(),
            kind=ChannelKind.DM,
            name=user.name,
            created_at=now(),
            owner_id=self.application_id,
            recipients=(user.id,),
        )
        self.channels[channel.id] = channel
        self.publish(Change(name="channel_create", channel=channel))
        return channel

    def delete_channel(self, channel_id: int) -> ChatChannel:
        channel = self.channel(channel_id)
        for thread in self.threads(channel_id):
            self.delete_channel(thread.id)
        del self.channels[channel_id]
        for message in [m for m in self.messages.values() if m.channel_id == channel_id]:
            self._forget(message)
        self.publish(Change(name="thread_delete" if channel.is_thread else "channel_delete", channel=channel))
        return channel

    @property
    def application_flags(self) -> int:
        return self.privileged | (HAS_COMMANDS if self.global_commands else 0)

    def bot_permissions(self, channel: ChatChannel) -> ChatPermission:
        if channel.kind is not ChannelKind.DM and not self.is_invited:
            return NO_PERMISSIONS
        parent = self.channels.get(channel.parent_id) if channel.parent_id else None
        denied = channel.bot_denied | (parent.bot_denied if parent else NO_PERMISSIONS)
        return (EVERYBODY_MAY | self.bot_role) & ~denied

    def bot_sees(self, channel: ChatChannel) -> bool:
        may = self.bot_permissions(channel)
        is_let_in = channel.kind is not ChannelKind.PRIVATE_THREAD or self.bot.id in channel.members
        return ChatPermission.VIEW_CHANNEL in may and (is_let_in or ChatPermission.MANAGE_THREADS in may)

    def tells(self, change: Change) -> bool:
        """Return whether the bot hears of a change: it must see the message or thread, or have just left the thread."""
        if change.channel is None or (change.message is None and not change.channel.is_thread):
            return True
        return self.bot_sees(change.channel) or self.bot.id in change.removed

    def require_bot(self, channel: ChatChannel, permission: ChatPermission) -> None:
        """Raise 50001 where the bot does not see the channel; else 50013 where it lacks the permission."""
        if channel.kind is ChannelKind.DM:
            return
        if not self.bot_sees(channel):
            raise errors.missing_access()
        if permission & ~self.bot_permissions(channel):
            raise errors.missing_permissions()

    def require_open(self, channel: ChatChannel) -> None:
        """Raise for a thread in which the bot can change nothing: an archived one, and a locked one."""
        if channel.archived:
            raise errors.thread_archived()
        if channel.locked and not self.may(self.bot.id, channel, ChatPermission.MANAGE_THREADS):
            raise errors.thread_locked()

    def may(self, user_id: int, channel: ChatChannel, permission: ChatPermission) -> bool:
        """Return whether a user has a permission that most lack: the guild's owner has it, the bot if granted."""
        if channel.kind is ChannelKind.DM:
            return False
        return user_id == self.ada.id or (user_id == self.bot.id and permission in self.bot_permissions(channel))

    def may_see(self, channel: ChatChannel, user_id: int) -> bool:
        """Whether a person's client shows the channel."""
        if channel.kind is ChannelKind.DM:
            return user_id in channel.recipients
        return channel.kind is not ChannelKind.PRIVATE_THREAD or user_id in channel.members

    def message(self, channel_id: int, message_id: int) -> ChatMessage:
        """Find a public message of the channel."""
        self.channel(channel_id)
        message = self.messages.get(message_id)
        if message is None or message.channel_id != channel_id or message.only_for is not None:
            raise errors.unknown_message()
        return message

    def history(self, channel_id: int) -> list[ChatMessage]:
        """List the channel's public messages, oldest first."""
        return [m for m in self.messages.values() if m.channel_id == channel_id and m.only_for is None]

    def post(
        self,
        channel: ChatChannel,
        author_id: int,
        draft: MessageDraft,
        *,
        kind: ChatMessageKind = ChatMessageKind.DEFAULT,
        only_for: int | None = None,
        interaction: Interaction | None = None,
        flags: MessageFlag = NO_FLAGS,
    ) -> ChatMessage:
        if channel.locked and not self.may(author_id, channel, ChatPermission.MANAGE_THREADS):
            raise errors.thread_archived() if channel.archived else errors.thread_locked()
        if channel.is_thread and channel.archived:
            self.change_thread(channel, archived=False)
        message = ChatMessage(
            id=self.new_id(),
            channel_id=channel.id,
            author_id=author_id,
            created_at=now(),
            kind=ChatMessageKind.REPLY if draft.reply_to else kind,
            nonce=draft.nonce,
            reply_to=draft.reply_to,
            only_for=only_for,
            interaction=interaction,
        )
        draft.apply_to(message, extra_flags=flags)
        message.pings = draft.pings
        self._keep(channel, message)
        self.publish(Change(name="message_create", channel=channel, message=message))
        if channel.is_thread:
            self.change_members(channel, add=[author_id, *message.mentions])
        return message

    def _keep(self, channel: ChatChannel, message: ChatMessage) -> None:
        self.messages[message.id] = message
        for attachment in message.attachments:
            self.attachments[attachment.id] = attachment
        if message.only_for is None:
            channel.last_message_id = message.id
            channel.message_count += 1
            channel.total_sent += 1
        if message.nonce is not None and message.author_id == self.bot.id:
            key = (channel.id, str(message.nonce))
            self._nonces.pop(key, None)
            self._nonces[key] = (time.monotonic(), message.id)

    def message_by_nonce(self, channel_id: int, nonce: str) -> ChatMessage | None:
        """Find the application's message with this nonce, while nonces last."""
        since = time.monotonic() - self._nonce_ttl_s
        while self._nonces and next(iter(self._nonces.values()))[0] < since:
            del self._nonces[next(iter(self._nonces))]
        found = self._nonces.get((channel_id, nonce))
        return self.messages.get(found[1]) if found else None

    def edit(self, message: ChatMessage, draft: MessageDraft, *, flags: MessageFlag = NO_FLAGS) -> ChatMessage:
        was_thinking = message.is_thinking
        kept = {attachment.id for attachment in draft.attachments}
        for attachment in message.attachments:
            if attachment.id not in kept:
                self.attachments.pop(attachment.id, None)
        draft.apply_to(message, extra_flags=flags)
        for attachment in message.attachments:
            self.attachments[attachment.id] = attachment
        message.edited_at = None if was_thinking else now()  # the first text is not an edit
        self.publish(Change(name="message_update", channel=self.channels.get(message.channel_id), message=message))
        return message

    def delete_message(self, message: ChatMessage) -> None:
        self._forget(message)
        channel = self.channels.get(message.channel_id)
        if channel is not None and message.only_for is None:
            channel.message_count = max(0, channel.message_count - 1)
        self.publish(Change(name="message_delete", channel=channel, message=message))

    def _forget(self, message: ChatMessage) -> None:
        self.messages.pop(message.id, None)
        for attachment in message.attachments:
            self.attachments.pop(attachment.id, None)

    def start_thread(
        self,
        parent: ChatChannel,
        name: str,
        *,
        owner_id: int,
        auto_archive_minutes: int,
        private: bool,
        starter: ChatMessage | None,
    ) -> ChatChannel:
        if starter is not None and starter.id in self.channels:
            raise errors.thread_exists()
        thread = ChatChannel(
            id=starter.id if starter else self.new_id(),
            kind=ChannelKind.PRIVATE_THREAD if private else ChannelKind.PUBLIC_THREAD,
            name=name,
            created_at=now(),
            owner_id=owner_id,
            parent_id=parent.id,
            auto_archive_minutes=auto_archive_minutes,
            members={owner_id: now()},
        )
        self.channels[thread.id] = thread
        self.publish(Change(name="thread_create", channel=thread))
        self.publish(Change(name="thread_members_update", channel=thread, added=(owner_id,)))
        if starter is not None:
            starter.flags |= MessageFlag.HAS_THREAD
            self._system_message(thread, ChatMessageKind.THREAD_STARTER, owner_id, starter=starter)
            self.publish(Change(name="message_update", channel=parent, message=starter))
        elif not private:
            self._system_message(parent, ChatMessageKind.THREAD_CREATED, owner_id, thread=thread)
        return thread

    def _system_message(
        self,
        channel: ChatChannel,
        kind: ChatMessageKind,
        author_id: int,
        *,
        starter: ChatMessage | None = None,
        thread: ChatChannel | None = None,
    ) -> None:
        message = ChatMessage(
            id=self.new_id(),
            channel_id=channel.id,
            author_id=author_id,
            created_at=now(),
            kind=kind,
            content=thread.name if thread else "",
            reply_to=starter.id if starter else None,
            reference_channel_id=starter.channel_id if starter else thread.id if thread else None,
        )
        self._keep(channel, message)
        if kind is ChatMessageKind.THREAD_STARTER:
            channel.message_count = channel.total_sent = 0
        self.publish(Change(name="message_create", channel=channel, message=message))

    def set_pinned(self, channel: ChatChannel, message: ChatMessage, *, is_pinned: bool) -> None:
        """Pin a message and announce it in the channel, or unpin it; do nothing if that is so already."""
        if is_pinned is (message.pinned_at is not None):
            return
        message.pinned_at = now() if is_pinned else None
        channel.last_pin_at = max((m.pinned_at for m in self.pins(channel.id) if m.pinned_at), default=None)
        self.publish(Change(name="message_update", channel=channel, message=message))
        self.publish(Change(name="channel_pins_update", channel=channel))
        if is_pinned:
            self._system_message(channel, ChatMessageKind.PINNED, self.bot.id, starter=message)

    def pins(self, channel_id: int) -> list[ChatMessage]:
        found = [message for message in self.history(channel_id) if message.pinned_at is not None]
        return sorted(found, key=lambda message: message.pinned_at or message.created_at, reverse=True)

    def change_thread(
        self,
        thread: ChatChannel,
        *,
        name: str | None = None,
        archived: bool | None = None,
        locked: bool | None = None,
        auto_archive_minutes: int | None = None,
    ) -> ChatChannel:
        if name is not None:
            thread.name = name
        if archived is not None and archived != thread.archived:
            thread.archived = archived
            thread.archive_changed_at = now()
        if locked is not None:
            thread.locked = locked
        if auto_archive_minutes is not None:
            thread.auto_archive_minutes = auto_archive_minutes
            thread.archive_changed_at = now()
        self.publish(Change(name="thread_update" if thread.is_thread else "channel_update", channel=thread))
        return thread

    def change_members(self, thread: ChatChannel, *, add: Iterable[int] = (), remove: Iterable[int] = ()) -> None:
        added = tuple(user_id for user_id in dict.fromkeys(add) if user_id not in thread.members)
        removed = tuple(user_id for user_id in remove if thread.members.pop(user_id, None))
        thread.members |= {self.user(user_id).id: now() for user_id in added}
        if added or removed:
            self.publish(Change(name="thread_members_update", channel=thread, added=added, removed=removed))

    def replace_commands(self, scope: dict[int, Json], commands: list[Json]) -> None:
        scope.clear()
        scope.update({int(command["id"]): command for command in commands})
        self.publish(Change(name="commands"))

    def all_commands(self) -> list[Json]:
        """List the commands that a user's client shows: the guild's and the global ones."""
        return [*self.guild_commands.values(), *self.global_commands.values()]
