"""Routes about messages in channels and threads."""

from __future__ import annotations

from aiohttp import web

from sandbox.discord import errors, limits
from sandbox.discord.drafts import compose, revise
from sandbox.discord.model import ChannelKind, ChatChannel, ChatMessage, ChatMessageKind, ChatPermission, MessageFlag
from sandbox.discord.payloads import stamp
from sandbox.discord.rest.requests import Api, answer, nothing, path_id, query_int, query_time, read

READ_HISTORY = ChatPermission.READ_MESSAGE_HISTORY


class MessageRoutes:
    """The routes about messages."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def routes(self) -> list[web.RouteDef]:
        one = r"/channels/{channel_id:\d+}/messages/{message_id:\d+}"
        pins = r"/channels/{channel_id:\d+}/messages/pins"
        older = r"/channels/{channel_id:\d+}/pins"
        return [
            web.get(pins, self.pins),
            web.get(older, self.all_pins),
            *(web.put(path + r"/{message_id:\d+}", self.pin) for path in (pins, older)),
            *(web.delete(path + r"/{message_id:\d+}", self.pin) for path in (pins, older)),
            web.get(r"/channels/{channel_id:\d+}/messages", self.page),
            web.post(r"/channels/{channel_id:\d+}/messages", self.create),
            web.get(one, self.fetch),
            web.patch(one, self.edit),
            web.delete(one, self.delete),
            web.post(r"/channels/{channel_id:\d+}/typing", self.typing),
        ]

    def _message(self, request: web.Request) -> ChatMessage:
        return self._api.world.message(path_id(request, "channel_id"), path_id(request, "message_id"))

    async def page(self, request: web.Request) -> web.Response:
        """Newest first; `before`, `after` and `around` as Discord takes them."""
        world = self._api.world
        channel = self._api.channel(request)
        limit = query_int(request, "limit", 50) or 50
        found = world.history(channel.id) if self._reads_history(channel) else []
        before, after, around = (query_int(request, name) for name in ("before", "after", "around"))
        if before is not None:
            found = [m for m in found if m.id < before][-limit:]
        elif after is not None:
            found = [m for m in found if m.id > after][:limit]
        elif around is not None:
            older = [m for m in found if m.id < around][-(limit // 2) :]
            found = [*older, *[m for m in found if m.id >= around]][:limit]
        return answer([self._api.payloads.message(message) for message in reversed(found[-limit:])])

    async def create(self, request: web.Request) -> web.Response:
        world = self._api.world
        channel = self._api.channel(request)
        body = await read(request)
        needed = ChatPermission.SEND_MESSAGES_IN_THREADS if channel.is_thread else ChatPermission.SEND_MESSAGES
        needed |= ChatPermission.ATTACH_FILES if body.files else ChatPermission(0)
        needed |= ChatPermission.EMBED_LINKS if body.json.get("embeds") else ChatPermission(0)
        world.require_bot(channel, needed)
        if body.json.get("message_reference") and not self._reads_history(channel):
            raise errors.reply_without_history()
        nonce = body.json.get("nonce")
        if nonce is not None and body.json.get("enforce_nonce"):
            known = world.message_by_nonce(channel.id, str(nonce))
            if known is not None:
                return answer(self._api.payloads.message(known))
        message = world.post(channel, world.bot.id, compose(world, channel, body))
        return answer(self._api.payloads.message(message))

    def _reads_history(self, channel: ChatChannel) -> bool:
        return channel.kind is ChannelKind.DM or READ_HISTORY in self._api.world.bot_permissions(channel)

    async def fetch(self, request: web.Request) -> web.Response:
        self._api.channel(request, READ_HISTORY)
        return answer(self._api.payloads.message(self._message(request)))

    async def edit(self, request: web.Request) -> web.Response:
        world = self._api.world
        body = await read(request)
        channel, message = self._api.channel(request), self._message(request)
        if message.is_system:
            raise errors.system_message()
        if message.author_id != world.bot.id and body.json.keys() - {"flags"}:
            raise errors.foreign_message()
        if message.author_id != world.bot.id:
            world.require_bot(channel, ChatPermission.MANAGE_MESSAGES)
        world.require_open(channel)
        kept = message.flags & MessageFlag.HAS_THREAD
        return answer(self._api.payloads.message(world.edit(message, revise(world, message, body), flags=kept)))

    async def delete(self, request: web.Request) -> web.Response:
        channel, message = self._api.channel(request), self._message(request)
        if message.kind is ChatMessageKind.THREAD_STARTER:
            raise errors.system_message()
        if message.author_id != self._api.world.bot.id:
            if channel.kind is ChannelKind.DM:
                raise errors.direct_message()
            self._api.world.require_bot(channel, ChatPermission.MANAGE_MESSAGES)
        self._api.world.delete_message(message)
        return nothing()

    def _pins(self, request: web.Request) -> list[ChatMessage]:
        channel = self._api.channel(request)
        return self._api.world.pins(channel.id) if self._reads_history(channel) else []

    async def all_pins(self, request: web.Request) -> web.Response:
        return answer([self._api.payloads.message(message) for message in self._pins(request)[:50]])

    async def pins(self, request: web.Request) -> web.Response:
        """Page by page, the last pinned message first."""
        before, limit = query_time(request, "before"), query_int(request, "limit", 50) or 50
        found = [(m.pinned_at, m) for m in self._pins(request) if m.pinned_at]
        found = [(at, m) for at, m in found if before is None or at < before]
        shown = [{"pinned_at": stamp(at), "message": self._api.payloads.message(m)} for at, m in found[:limit]]
        return answer({"items": shown, "has_more": len(found) > limit})

    async def pin(self, request: web.Request) -> web.Response:
        """Pin by PUT, unpin by DELETE."""
        world, is_pinned = self._api.world, request.method == "PUT"
        channel, message = self._api.channel(request, ChatPermission.PIN_MESSAGES), self._message(request)
        world.require_open(channel)
        if message.is_system:
            raise errors.system_message()
        if is_pinned and message.pinned_at is None and len(world.pins(channel.id)) >= limits.PINS:
            raise errors.too_many_pins()
        world.set_pinned(channel, message, is_pinned=is_pinned)
        return nothing()

    async def typing(self, request: web.Request) -> web.Response:
        self._api.channel(request)
        return nothing()
