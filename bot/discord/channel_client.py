"""The writers' calls to Discord: post, edit, delete, open a thread, find an own message. Raises Octet's errors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import discord
import structlog
from discord import ui
from discord.components import ActionRow, Button, Component, Container, TextDisplay

from bot.discord import errors
from bot.discord.bot import Bot
from bot.discord.parts import Parts, finished, marker_in
from bot.discord.replies import CONNECTION_LOST
from bot.discord.send_limits import SendLimits
from bot.verbs.declare import Origin
from core.kit.clock import as_datetime
from core.limits import FILE_BYTES
from core.messages.model import NewFile
from core.notices.model import Place
from core.remedies import refused

log = structlog.get_logger(__name__)

_LOST = (discord.DiscordException, *CONNECTION_LOST, RuntimeError)
"""How a call fails; aiohttp raises RuntimeError when the client was closed meanwhile."""
_CALL_S = 50.0
"""The longest time of one call, with the library's own waiting; the nonce makes the next try safe. Together with
NONCE_LASTS_MS of the outbox it stays below the two minutes for which Discord remembers a nonce."""
_SEARCHED = 300  # how many of a channel's newest messages are searched for a marker
_ARCHIVE_MIN = 60
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedMessage:
    """A message in its channel."""

    id: str
    is_as_requested: bool  # false: it is the message of an earlier try, with the text of that time


class ChannelClient:
    """Writes through the bot that is connected now, whichever that is.

    Its methods raise DiscordBan, DiscordBusy, ChannelForbidden, ChannelGone, MessageGone, TooOldToEdit or
    MessageRejected, which is a ThreadClosed where a thread is locked."""

    def __init__(self, gate: SendLimits) -> None:
        self.limits = gate
        self._bot: Bot | None = None
        self._up = asyncio.Event()

    def use_bot(self, bot: Bot | None) -> None:
        """Write through this bot from now on; None: wait for the next one."""
        self._bot = bot
        if bot is None:
            self._up.clear()
        else:
            self._up.set()

    @property
    def guild(self) -> str:
        """The id of the bot's server; empty while no bot is connected."""
        return "" if self._bot is None else str(self._bot.guild_id)

    async def wait_until_ready(self) -> None:
        await self._up.wait()

    async def post_message(self, channel: int, parts: Parts, *, nonce: str) -> PostedMessage:
        """Send a new message. With the same nonce within minutes Discord returns the first one unchanged."""
        parts = finished(parts, self._connected().command_groups)
        users = [discord.Object(user) for user in parts.mentions]
        wakes = discord.AllowedMentions(everyone=False, roles=False, replied_user=False, users=users)

        async def send() -> discord.Message:
            place = self._place(channel)
            suppress = parts.view is None
            return await place.send(
                **parts.body(), files=parts.files(), nonce=nonce, allowed_mentions=wakes, suppress_embeds=suppress
            )

        sent = await self._write(channel, send)
        return PostedMessage(id=str(sent.id), is_as_requested=texts_of(sent) == _asked(parts))

    async def edit_message(self, channel: int, message: str, parts: Parts) -> None:
        parts = finished(parts, self._connected().command_groups)

        async def edit() -> discord.Message:
            place = self._place(channel).get_partial_message(int(message))
            silent = discord.AllowedMentions.none()
            return await place.edit(**parts.body(), attachments=parts.files(), allowed_mentions=silent)

        await self._write(channel, edit)

    async def delete_message(self, channel: int, message: str) -> None:
        await self._call(lambda: self._place(channel).get_partial_message(int(message)).delete())

    async def pin_message(self, channel: int, message: str) -> None:
        await self._call(lambda: self._place(channel).get_partial_message(int(message)).pin())

    async def open_thread(self, channel: int, message: str, name: str) -> str:
        """Make the message's thread, or find the one that it has; return its id."""
        start = self._connected().http.start_thread_with_message
        try:
            made = await self._call(lambda: start(channel, int(message), name=name, auto_archive_duration=_ARCHIVE_MIN))
        except errors.ThreadExists:
            return message  # a message's thread has the message's id
        return str(made["id"])

    async def find_message(self, channel: int, marker: str, *, after_ms: int) -> str | None:
        """Return the id of Octet's message with this marker, if it is among the newest since `after_ms`."""
        bot = self._connected()

        async def search() -> str | None:
            async for message in self._place(channel).history(limit=_SEARCHED):
                if message.created_at < as_datetime(after_ms):
                    return None
                if bot.user is not None and message.author.id == bot.user.id and marker_of(message) == marker:
                    return str(message.id)
            return None

        return await self._call(search)

    async def _write(self, channel: int, call: Callable[[], Awaitable[discord.Message]]) -> discord.Message:
        """Post or edit; unarchive the thread first if Discord has archived it. Raise ThreadClosed if it is locked."""
        try:
            return await self._call(call)
        except errors.ThreadClosed as closed:
            bot = self._connected()
            try:
                await self._call(lambda: bot.http.edit_channel(channel, archived=False))
            except (errors.ChannelForbidden, errors.ChannelGone, errors.MessageRejected):
                raise closed from None
            log.info("thread_unarchived", thread=channel)
            return await self._call(call)

    async def _call(self, call: Callable[[], Awaitable[_T]]) -> _T:
        try:
            async with asyncio.timeout(_CALL_S):
                return await call()
        except _LOST as error:
            if isinstance(error, TimeoutError) and self._bot is not None:
                # A call that ends while it waits out a global limit leaves the library's gate shut for all others.
                self._bot.http._global_over.set()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - no public way
            errors.raise_sorted(error)

    def _connected(self) -> Bot:
        if self._bot is None:
            raise errors.DiscordBusy(why="not connected")
        return self._bot

    def _place(self, channel: int) -> discord.PartialMessageable:
        bot = self._connected()
        return bot.get_partial_messageable(channel, guild_id=bot.guild_id)


def origin_of(interaction: discord.Interaction[Any]) -> Origin:
    """Return where a user typed a command: in a channel, or in a thread of one. Its id makes it count once."""
    channel, thread = interaction.channel_id, ""
    if isinstance(interaction.channel, discord.Thread):
        channel, thread = interaction.channel.parent_id, str(interaction.channel_id)
    place = Place(channel=str(channel or ""), guild=str(interaction.guild_id or ""))
    return Origin(key=f"discord:{interaction.id}", place=place, thread=thread)


async def read_attached(value: Any) -> Any:
    """Fetch a file that a user gave to a command; return any other value unchanged. Raises files_too_large, or as
    `ChannelClient` does."""
    if not isinstance(value, discord.Attachment):
        return value
    if value.size > FILE_BYTES.most:
        raise refused("files_too_large", megabytes=FILE_BYTES.most // 1_000_000)
    try:
        async with asyncio.timeout(_CALL_S):
            return NewFile(name=value.filename, content=await value.read())
    except _LOST as error:
        errors.raise_sorted(error)


def marker_of(message: discord.Message) -> str:
    return marker_in(texts_of(message), _custom_ids(message.components))


def texts_of(message: discord.Message) -> list[str]:
    return [text.strip() for text in [message.content, *_texts(message.components)] if text.strip()]


def _asked(parts: Parts) -> list[str]:
    items = parts.view.walk_children() if parts.view is not None else ()
    texts = [parts.content, *(item.content for item in items if isinstance(item, ui.TextDisplay))]
    return [text.strip() for text in texts if text.strip()]


def _texts(components: Iterable[Component]) -> Iterable[str]:
    for component in components:
        if isinstance(component, TextDisplay):
            yield component.content
        elif isinstance(component, Container):
            yield from _texts(component.children)


def _custom_ids(components: Iterable[Component]) -> Iterable[str]:
    for component in components:
        if isinstance(component, Container | ActionRow):
            yield from _custom_ids(component.children)
        elif isinstance(component, Button) and component.custom_id:
            yield component.custom_id
