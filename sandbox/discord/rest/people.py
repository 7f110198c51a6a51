"""Routes about the application, the bot's user, the guild and its members."""

from __future__ import annotations

from aiohttp import web

from sandbox.discord import errors
from sandbox.discord.model import EVERYBODY_MAY, HAS_MEMBERS_INTENT, ChannelKind, Json
from sandbox.discord.rest.requests import Api, answer, path_id, query_bool, query_int, read

SOUNDS = {"quack": "🦆", "airhorn": "🔊", "cricket": "🦗", "golf clap": "👏", "sad horn": "🎺", "ba dum tss": "🥁"}


class MemberRoutes:
    """Who is there."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/users/@me", self.me),
            web.get(r"/users/{user_id:\d+}", self.user),
            web.post("/users/@me/channels", self.open_dm),
            web.get("/users/@me/guilds", self.my_guilds),
            web.get("/oauth2/applications/@me", self.application),
            web.get("/applications/@me", self.application),
            web.get("/gateway", self.gateway_url),
            web.get("/gateway/bot", self.gateway),
            web.get("/soundboard-default-sounds", self.sounds),
            web.get(r"/guilds/{guild_id:\d+}", self.guild),
            web.get(r"/guilds/{guild_id:\d+}/channels", self.channels),
            web.get(r"/guilds/{guild_id:\d+}/members", self.members),
            web.get(r"/guilds/{guild_id:\d+}/members/{user_id:\d+}", self.member),
            web.get(r"/guilds/{guild_id:\d+}/roles", self.roles),
            web.get(r"/guilds/{guild_id:\d+}/threads/active", self.active_threads),
        ]

    async def me(self, request: web.Request) -> web.Response:
        world = self._api.world
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        user = world.users[world.user_tokens.get(token, world.bot.id)]
        return answer(
            {
                **self._api.payloads.user(user),
                "bio": "",
                "verified": True,
                "mfa_enabled": False,
                "locale": "en-US",
                "premium_type": 0,
                "email": None,
                "banner": None,
                "accent_color": None,
            }
        )

    async def user(self, request: web.Request) -> web.Response:
        return answer(self._api.payloads.user(self._api.world.user(path_id(request, "user_id"))))

    async def open_dm(self, request: web.Request) -> web.Response:
        body = await read(request)
        recipient = self._api.world.users.get(int(body.json.get("recipient_id") or 0))
        if recipient is None or recipient.is_bot:
            raise errors.invalid_recipient()
        channel = self._api.world.open_dm(recipient.id)
        return answer(self._api.payloads.channel(channel))

    async def my_guilds(self, request: web.Request) -> web.Response:
        guild = self._api.payloads.guild()
        shown = {key: guild[key] for key in ("id", "name", "icon", "banner", "features")}
        shown |= {"owner": False, "permissions": str(int(EVERYBODY_MAY | self._api.world.bot_role))}
        after, before = query_int(request, "after", 0) or 0, query_int(request, "before")
        is_listed = after < self._api.world.guild_id and (before is None or self._api.world.guild_id < before)
        return answer([shown | self._counts(request)] if is_listed and self._api.world.is_invited else [])

    def _counts(self, request: web.Request) -> Json:
        count = len(self._api.world.users)
        counts = {"approximate_member_count": count, "approximate_presence_count": count}
        return counts if query_bool(request, "with_counts") else {}

    async def application(self, _: web.Request) -> web.Response:
        world, payloads = self._api.world, self._api.payloads
        return answer(
            {
                "id": str(world.application_id),
                "name": world.bot.name,
                "icon": None,
                "description": "",
                "type": None,
                "verify_key": "0" * 64,
                "flags": world.application_flags,
                "flags_new": str(world.application_flags),
                "redirect_uris": [],
                "interactions_endpoint_url": None,
                "role_connections_verification_url": None,
                "owner": payloads.user(world.ada),
                "approximate_guild_count": int(world.is_invited),
                "approximate_user_install_count": 0,
                "approximate_user_authorization_count": 0,
                "explicit_content_filter": 0,
                "team": None,
                "eligible_oauth2_scopes": [],
                "bot": payloads.user(world.bot),
                "bot_public": False,
                "bot_require_code_grant": False,
                "rpc_origins": [],
            }
        )

    async def gateway_url(self, request: web.Request) -> web.Response:
        return answer({"url": f"ws://{request.host}/gateway"})

    async def sounds(self, _: web.Request) -> web.Response:
        shared: Json = {"volume": 1.0, "emoji_id": None, "available": True}
        named = [{"sound_id": str(n), "name": name, "emoji_name": SOUNDS[name]} for n, name in enumerate(SOUNDS, 1)]
        return answer([{**shared, **one} for one in named])

    async def gateway(self, request: web.Request) -> web.Response:
        return answer({"url": f"ws://{request.host}/gateway", **self._api.session_starts()})

    def _require_guild(self, request: web.Request) -> None:
        if path_id(request, "guild_id") != self._api.world.guild_id or not self._api.world.is_invited:
            raise errors.unknown_guild()

    async def guild(self, request: web.Request) -> web.Response:
        self._require_guild(request)
        return answer(self._api.payloads.guild() | self._counts(request))

    async def channels(self, request: web.Request) -> web.Response:
        self._require_guild(request)
        found = [c for c in self._api.world.channels.values() if c.kind is ChannelKind.TEXT]
        return answer([self._api.payloads.channel(channel) for channel in found])

    async def members(self, request: web.Request) -> web.Response:
        self._require_guild(request)
        if not self._api.world.privileged & HAS_MEMBERS_INTENT:
            raise errors.missing_access()
        limit, after = query_int(request, "limit", 1) or 1, query_int(request, "after", 0) or 0
        found = sorted(user_id for user_id in self._api.world.users if user_id > after)[:limit]
        return answer([self._api.payloads.member(self._api.world.users[user_id]) for user_id in found])

    async def member(self, request: web.Request) -> web.Response:
        self._require_guild(request)
        user = self._api.world.users.get(path_id(request, "user_id"))
        if user is None:
            raise errors.unknown_member()
        return answer(self._api.payloads.member(user))

    async def roles(self, request: web.Request) -> web.Response:
        self._require_guild(request)
        return answer(self._api.payloads.roles())

    async def active_threads(self, request: web.Request) -> web.Response:
        self._require_guild(request)
        world, payloads = self._api.world, self._api.payloads
        threads = world.active_threads()
        mine = [payloads.thread_member(t, world.bot.id) for t in threads if world.bot.id in t.members]
        return answer({"threads": [payloads.channel(thread) for thread in threads], "members": mine, "has_more": False})
