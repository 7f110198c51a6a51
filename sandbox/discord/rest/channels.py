"""Routes about channels, threads and who is in them."""

from __future__ import annotations

from aiohttp import web

from sandbox.discord import errors
from sandbox.discord.drafts import Body
from sandbox.discord.model import (
    HAS_MEMBERS_INTENT,
    NO_PERMISSIONS,
    ChannelKind,
    ChatChannel,
    ChatMessage,
    ChatPermission,
    Json,
)
from sandbox.discord.rest.requests import Api, answer, nothing, path_id, query_bool, query_int, query_time, read

OWNERS_MAY = {"name", "archived", "auto_archive_duration"}  # what of a thread the one who started it may change


class ChannelRoutes:
    """Where things are said."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def routes(self) -> list[web.RouteDef]:
        one = r"/channels/{channel_id:\d+}"
        member = one + r"/thread-members/{user_id:\d+|@me}"
        return [
            web.get(one, self.fetch),
            web.patch(one, self.change),
            web.delete(one, self.delete),
            web.post(one + "/threads", self.start_thread),
            web.post(one + r"/messages/{message_id:\d+}/threads", self.start_thread),
            web.get(one + "/threads/archived/public", self.archived),
            web.get(one + "/thread-members", self.members),
            web.get(member, self.member),
            web.put(member, self.add_member),
            web.delete(member, self.remove_member),
        ]

    def _shown(self, channel: ChatChannel) -> Json:
        return self._api.payloads.channel(channel, for_user=self._api.world.bot.id)

    async def fetch(self, request: web.Request) -> web.Response:
        return answer(self._shown(self._api.channel(request)))

    async def change(self, request: web.Request) -> web.Response:
        channel = self._api.channel(request)
        json = (await read(request)).json
        if channel.kind is ChannelKind.DM:
            raise errors.direct_message()
        self._api.world.require_bot(channel, self._to_change(channel, json))
        if channel.is_thread and channel.archived and json.get("archived", True):
            raise errors.thread_archived()
        if not channel.is_thread:
            json = {"name": json.get("name")}
        self._api.world.change_thread(
            channel,
            name=json.get("name"),
            archived=json.get("archived"),
            locked=json.get("locked"),
            auto_archive_minutes=json.get("auto_archive_duration"),
        )
        return answer(self._shown(channel))

    def _to_change(self, channel: ChatChannel, json: Json) -> ChatPermission:
        """Who may write in an unlocked thread may unarchive it; who started it may change more of it."""
        if not channel.is_thread:
            return ChatPermission.MANAGE_CHANNELS
        if not channel.locked and json == {"archived": False}:
            return ChatPermission.SEND_MESSAGES_IN_THREADS
        is_own = channel.owner_id == self._api.world.bot.id and not channel.locked
        return NO_PERMISSIONS if is_own and json.keys() <= OWNERS_MAY else ChatPermission.MANAGE_THREADS

    async def delete(self, request: web.Request) -> web.Response:
        channel = self._api.channel(request)
        needed = ChatPermission.MANAGE_THREADS if channel.is_thread else ChatPermission.MANAGE_CHANNELS
        self._api.world.require_bot(channel, needed)
        shown = self._shown(channel)
        if channel.kind is not ChannelKind.DM:  # which is only closed
            self._api.world.delete_channel(channel.id)
        return answer(shown)

    async def start_thread(self, request: web.Request) -> web.Response:
        world = self._api.world
        parent = self._api.channel(request)
        body: Body = await read(request)
        starter: ChatMessage | None = None
        if "message_id" in request.match_info:
            starter = world.message(parent.id, path_id(request, "message_id"))
        private = starter is None and int(body.json.get("type") or ChannelKind.PRIVATE_THREAD) == 12
        world.require_bot(
            parent, ChatPermission.CREATE_PRIVATE_THREADS if private else ChatPermission.CREATE_PUBLIC_THREADS
        )
        if parent.kind is not ChannelKind.TEXT:
            raise errors.wrong_channel_kind()
        thread = world.start_thread(
            parent,
            str(body.json["name"]),
            owner_id=world.bot.id,
            auto_archive_minutes=int(body.json.get("auto_archive_duration") or 4320),
            private=private,
            starter=starter,
        )
        return answer(self._shown(thread), status=201)

    async def archived(self, request: web.Request) -> web.Response:
        parent = self._api.channel(request, ChatPermission.READ_MESSAGE_HISTORY)
        if parent.kind is not ChannelKind.TEXT:
            raise errors.wrong_channel_kind()
        threads = [t for t in self._api.world.threads(parent.id) if t.archived and t.kind is ChannelKind.PUBLIC_THREAD]
        threads.sort(key=lambda thread: thread.archive_changed_at, reverse=True)
        before, limit = query_time(request, "before"), query_int(request, "limit", 50) or 50
        threads = [thread for thread in threads if before is None or thread.archive_changed_at < before]
        shown = [self._shown(thread) for thread in threads[:limit]]
        mine = [thread["member"] for thread in shown if "member" in thread]
        return answer({"threads": shown, "members": mine, "has_more": len(threads) > limit})

    def _thread(self, request: web.Request) -> ChatChannel:
        thread = self._api.channel(request)
        if not thread.is_thread:
            raise errors.wrong_channel_kind()
        return thread

    def _member_id(self, request: web.Request) -> int:
        text = request.match_info["user_id"]
        return self._api.world.bot.id if text == "@me" else self._api.world.user(int(text)).id

    async def members(self, request: web.Request) -> web.Response:
        """All at once; with `with_member` page by page."""
        thread = self._thread(request)
        if not self._api.world.privileged & HAS_MEMBERS_INTENT:
            raise errors.missing_access()
        found = sorted(thread.members)
        if is_paged := query_bool(request, "with_member"):
            after, limit = query_int(request, "after", 0) or 0, query_int(request, "limit", 100)
            found = [user_id for user_id in found if user_id > after][:limit]
        return answer([self._api.payloads.thread_member(thread, one, with_member=is_paged) for one in found])

    async def member(self, request: web.Request) -> web.Response:
        thread, user_id = self._thread(request), self._member_id(request)
        if user_id not in thread.members:
            raise errors.unknown_member()
        with_member = query_bool(request, "with_member")
        return answer(self._api.payloads.thread_member(thread, user_id, with_member=with_member))

    async def add_member(self, request: web.Request) -> web.Response:
        thread, user_id = self._thread(request), self._member_id(request)
        if user_id != self._api.world.bot.id:
            self._api.world.require_bot(thread, ChatPermission.SEND_MESSAGES_IN_THREADS)
        if thread.archived:
            raise errors.thread_archived()
        self._api.world.change_members(thread, add=[user_id])
        return nothing()

    async def remove_member(self, request: web.Request) -> web.Response:
        thread, user_id = self._thread(request), self._member_id(request)
        is_own = thread.kind is ChannelKind.PRIVATE_THREAD and thread.owner_id == self._api.world.bot.id
        if user_id != self._api.world.bot.id and not is_own:
            self._api.world.require_bot(thread, ChatPermission.MANAGE_THREADS)
        if thread.archived:
            raise errors.thread_archived()
        self._api.world.change_members(thread, remove=[user_id])
        return nothing()
