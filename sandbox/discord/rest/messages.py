"""Routes about messages in channels and threads."""

from __future__ import annotations

from aiohttp import web

from sandbox.discord import errors
from sandbox.discord.drafts import compose, revise
from sandbox.discord.model import Channel, Message, MessageFlag, Permission
from sandbox.discord.rest.requests import Api, answer, nothing, path_id, query_int, read


class Messages:
    """What is said."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def routes(self) -> list[web.RouteDef]:
        one = r"/channels/{channel_id:\d+}/messages/{message_id:\d+}"
        return [
            web.get(r"/channels/{channel_id:\d+}/messages", self.page),
            web.post(r"/channels/{channel_id:\d+}/messages", self.create),
            web.get(one, self.fetch),
            web.patch(one, self.edit),
            web.delete(one, self.delete),
            web.post(r"/channels/{channel_id:\d+}/typing", self.typing),
        ]

    def _channel(self, request: web.Request) -> Channel:
        return self._api.world.channel(path_id(request, "channel_id"))

    def _message(self, request: web.Request) -> Message:
        return self._api.world.message(path_id(request, "channel_id"), path_id(request, "message_id"))

    async def page(self, request: web.Request) -> web.Response:
        """Newest first; `before`, `after` and `around` as Discord takes them."""
        world = self._api.world
        channel = self._channel(request)
        world.require_bot(channel, Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY)
        limit = query_int(request, "limit", 50) or 0
        if not 1 <= limit <= 100:
            raise errors.invalid_form("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
        found = world.history(channel.id)
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
        channel = self._channel(request)
        body = await read(request)
        sending = Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permission.SEND_MESSAGES
        world.require_bot(channel, sending | Permission.VIEW_CHANNEL)
        if body.files:
            world.require_bot(channel, Permission.ATTACH_FILES)
        nonce = body.json.get("nonce")
        if nonce is not None and body.json.get("enforce_nonce"):
            known = world.message_by_nonce(channel.id, str(nonce))
            if known is not None:
                return answer(self._api.payloads.message(known))
        message = world.post(channel, world.bot.id, compose(world, channel, body))
        return answer(self._api.payloads.message(message))

    async def fetch(self, request: web.Request) -> web.Response:
        self._api.world.require_bot(self._channel(request), Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY)
        return answer(self._api.payloads.message(self._message(request)))

    async def edit(self, request: web.Request) -> web.Response:
        world = self._api.world
        body = await read(request)
        channel, message = self._channel(request), self._message(request)
        world.require_bot(channel, Permission.VIEW_CHANNEL)
        if message.author_id != world.bot.id:
            raise errors.foreign_message()
        if channel.is_thread and channel.archived:
            raise errors.thread_archived()
        kept = message.flags & MessageFlag.HAS_THREAD
        return answer(self._api.payloads.message(world.edit(message, revise(world, message, body), flags=kept)))

    async def delete(self, request: web.Request) -> web.Response:
        message = self._message(request)
        if message.author_id != self._api.world.bot.id:
            self._api.world.require_bot(self._channel(request), Permission.MANAGE_MESSAGES)
        self._api.world.delete_message(message)
        return nothing()

    async def typing(self, request: web.Request) -> web.Response:
        self._channel(request)
        return nothing()
