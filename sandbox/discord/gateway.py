"""The gateway: sessions, which outlive connections and can be resumed, and the ways in which a gateway fails."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque

from aiohttp import WSMsgType, web

from sandbox.discord.gateway_rules import GatewayClosed, check_intents, check_shard, choose_packing, parse_payload
from sandbox.discord.member_requests import send_members
from sandbox.discord.model import ChannelKind, ChatChannel, ChatMessage, Interaction, Json
from sandbox.discord.payloads import Payloads
from sandbox.discord.sessions import GatewayConnection, GatewaySession, Intent, Op, Written, frame
from sandbox.discord.settings import SandboxSettings
from sandbox.discord.world import Change, World

CLEAN = (1000, 1001)  # with these codes a client ends its session
HEARTBEAT_GRACE_S = 10.0
"""How much later than asked a heartbeat may come; Discord grants some time and does not say how much."""
PAYLOADS, PAYLOADS_S = 120, 60.0  # how many payloads a connection may send in how many seconds
SESSION_STARTS, SESSION_STARTS_S = 1000, 86_400.0  # how many times an application may identify in how many seconds


class Gateway:
    """All clients of the sandbox."""

    def __init__(self, world: World, payloads: Payloads, settings: SandboxSettings, *, resume_url: str) -> None:
        self._world = world
        self._payloads = payloads
        self._settings = settings
        self._resume_url = resume_url
        self._connections: set[GatewayConnection] = set()
        self._known: dict[str, GatewaySession] = {}
        self._starts: deque[float] = deque()  # when sessions were started, within the time that their limit counts
        self._refusals = 0
        self.identified = self.resumed = 0  # how often a client started a session, and how often one resumed its own
        world.subscribe(self._on_change)

    @property
    def sessions(self) -> list[GatewaySession]:
        """The sessions whose client is connected."""
        return [session for session in self._known.values() if session.connection is not None]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if self._refusals > 0:
            self._refusals -= 1
            return web.Response(status=503)
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        connection = GatewayConnection(socket=socket, transport=request.transport, heard_at=self._settings.clock())
        self._connections.add(connection)
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(connection.write(), name="gateway writer")
                listener = group.create_task(self._close_silent(connection), name="gateway heartbeats")
                try:
                    connection.pack = choose_packing(request.query)
                    await self._read(connection)
                except GatewayClosed as closed:
                    await connection.close(closed.code, str(closed).encode())
                finally:
                    writer.cancel()
                    listener.cancel()
        finally:
            self._lost(connection)
        return socket

    async def _read(self, connection: GatewayConnection) -> None:
        connection.put(frame(Op.HELLO, {"heartbeat_interval": self._settings.heartbeat_ms, "_trace": []}))
        async for message in connection.socket:
            if message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:
                await self._handle(connection, message.data)

    async def _close_silent(self, connection: GatewayConnection) -> None:
        """Close a connection whose client sends no heartbeats; the client may resume its session."""
        interval_s = self._settings.heartbeat_ms / 1000
        while True:
            await asyncio.sleep(min(interval_s, 1.0))
            is_late = self._settings.clock() > connection.heard_at + interval_s + HEARTBEAT_GRACE_S
            if is_late and not connection.is_frozen:
                await connection.close(4009, b"Session timed out: no heartbeat came.")
                return

    def _lost(self, connection: GatewayConnection) -> None:
        self._connections.discard(connection)
        session = connection.session
        if session is None:
            return
        session.leave()
        if connection.socket.close_code in CLEAN and not connection.is_closed_by_us:
            self._forget(session)

    def _forget(self, session: GatewaySession) -> None:
        self._known.pop(session.id, None)
        session.end()

    def _forget_old(self) -> None:
        since = time.monotonic() - self._settings.session_ttl_s
        for session in [one for one in self._known.values() if one.connection is None and one.left_at < since]:
            self._forget(session)

    async def _handle(self, connection: GatewayConnection, raw: str | bytes) -> None:
        now = self._settings.clock()
        connection.received.append(now)
        _drop_before(connection.received, now - PAYLOADS_S)
        if len(connection.received) > PAYLOADS:
            raise GatewayClosed(4008, "Rate limited.")
        op, data = parse_payload(raw)
        session = connection.session
        if op is Op.HEARTBEAT:
            connection.heard_at = now
            connection.put(frame(Op.HEARTBEAT_ACK))
        elif op is Op.IDENTIFY or op is Op.RESUME:
            self._authenticate(connection, data)
            await (self._identify if op is Op.IDENTIFY else self._resume)(connection, data)
        elif session is None:
            raise GatewayClosed(4003, "Not authenticated.")
        elif op is Op.VOICE or op is Op.CHANNEL_INFO:
            raise GatewayClosed(4000, "The sandbox has no voice channels and keeps no channel info.")
        elif op is Op.MEMBERS:
            if session.serves(self._world.guild_id):
                send_members(self._world, self._payloads, session, data, now)
        elif op is Op.SOUNDBOARD:
            for guild_id in data["guild_ids"]:
                session.dispatch("SOUNDBOARD_SOUNDS", {"guild_id": guild_id, "soundboard_sounds": []})

    def _authenticate(self, connection: GatewayConnection, data: Json) -> None:
        if connection.session is not None:
            raise GatewayClosed(4005, "Already authenticated.")
        token = data["token"].removeprefix("Bot ").encode(errors="replace")
        if not secrets.compare_digest(token, self._world.token.encode()):
            raise GatewayClosed(4004, "Authentication failed.")

    async def _may_start(self) -> bool:
        """Count a start of a session. After too many in a day Discord ends every session and resets the token."""
        now = self._settings.clock()
        if self._starts and now < self._starts[-1] + self._settings.identify_every_s:
            return False
        _drop_before(self._starts, now - SESSION_STARTS_S)
        if len(self._starts) >= SESSION_STARTS:
            self._world.token = self._world.new_token()
            for session in tuple(self._known.values()):
                self._forget(session)
            await self.close(4004, b"Authentication failed: the token was reset.")
            return False
        self._starts.append(now)
        return True

    def session_starts(self) -> Json:
        """Return what GET /gateway/bot says about shards and the limit of starts."""
        now = self._settings.clock()
        _drop_before(self._starts, now - SESSION_STARTS_S)
        limit: Json = {
            "total": SESSION_STARTS,
            "remaining": SESSION_STARTS - len(self._starts),
            "reset_after": int((self._starts[0] + SESSION_STARTS_S - now) * 1000) if self._starts else 0,
            "max_concurrency": 1,
        }
        return {"shards": self._settings.shards, "session_start_limit": limit}

    async def _identify(self, connection: GatewayConnection, data: Json) -> None:
        shard = check_shard(data, required=self._settings.shards)
        intents = check_intents(data, allowing=self._world.privileged)
        if not await self._may_start():
            connection.put(frame(Op.INVALID_SESSION, data=False))
            return
        self._forget_old()
        session = GatewaySession(intents=intents, shard=shard)
        session.attach(connection)
        self._known[session.id] = session
        self.identified += 1
        world = self._world
        has_guild = world.is_invited and session.serves(world.guild_id)
        session.dispatch(
            "READY",
            {
                "v": 10,
                "user": {**self._payloads.user(world.bot), "verified": True, "mfa_enabled": False, "email": None},
                "guilds": [{"id": str(world.guild_id), "unavailable": True}] if has_guild else [],
                "private_channels": [],
                "session_id": session.id,
                "session_type": "normal",
                "resume_gateway_url": self._resume_url,
                "shard": list(shard),
                "application": {"id": str(world.application_id), "flags": world.application_flags},
                "_trace": [],
            },
        )
        if has_guild:
            self._tell_guild(session)
        world.publish(Change(name="connection"))

    def _tell_guild(self, session: GatewaySession) -> None:
        if Intent.GUILDS in session.intents:
            with_presences = Intent.GUILD_PRESENCES in session.intents
            session.dispatch("GUILD_CREATE", self._payloads.guild_create(with_presences=with_presences))

    async def _resume(self, connection: GatewayConnection, data: Json) -> None:
        """Send what was missed, in order, then RESUMED; or, when that cannot be done, say that the session is over."""
        self._forget_old()
        session = self._known.get(data["session_id"])
        if session is None:
            connection.put(frame(Op.INVALID_SESSION, data=False))
            return
        missed = session.missed(data["seq"])
        if missed is None:
            self._forget(session)
            raise GatewayClosed(4007, "Invalid seq.")
        session.attach(connection)
        for one in missed:
            connection.put(one.frame, one.written)
        session.dispatch("RESUMED", {"_trace": []})
        self.resumed += 1
        self._world.publish(Change(name="connection"))

    async def send(self, interaction: Interaction, within_s: float) -> bool:
        """Write INTERACTION_CREATE to a client within `within_s` and note when; return False if that failed."""
        self._forget_old()
        sessions = self._hearing(self._world.channels.get(interaction.channel_id))
        if not sessions:
            return False
        written: Written = asyncio.get_running_loop().create_future()
        for session in sessions:
            session.dispatch("INTERACTION_CREATE", self._payloads.interaction(interaction), written)
        try:
            async with asyncio.timeout(within_s):
                interaction.sent_at = await asyncio.shield(written)
        except (ConnectionError, TimeoutError):
            written.add_done_callback(lambda late: late.cancelled() or late.exception())  # consume its error
            return False
        return True

    async def close(self, code: int = 1001, message: bytes = b"The sandbox stops") -> None:
        await asyncio.gather(*(one.close(code, message) for one in tuple(self._connections)))

    def abort(self) -> None:
        """Reset every connection without a close frame."""
        for connection in tuple(self._connections):
            connection.abort()

    def freeze(self) -> None:
        """Keep the present connections open and send nothing through them, not even heartbeat acknowledgements."""
        for connection in self._connections:
            connection.is_frozen = True

    def ask_reconnect(self) -> None:
        """Tell every client to come back by RESUME (op 7)."""
        for session in self.sessions:
            assert session.connection is not None
            session.connection.put(frame(Op.RECONNECT))

    def invalidate(self, *, resumable: bool) -> None:
        """Tell every client that its session is over; if `resumable`, only its connection (op 9)."""
        for session in self.sessions:
            assert session.connection is not None
            session.connection.put(frame(Op.INVALID_SESSION, data=resumable))
            if not resumable:
                session.connection.session = None
                self._forget(session)

    def refuse_connections(self, times: int) -> None:
        """Answer the next `times` attempts to connect with 503."""
        self._refusals = times

    def emit(self, event: str, data: Json) -> None:
        """Send every client this event unchanged, well formed or not."""
        for session in self.sessions:
            session.dispatch(event, data)

    def _hearing(self, channel: ChatChannel | None) -> list[GatewaySession]:
        """Return the sessions whose shard serves this channel, or the guild."""
        is_direct = channel is not None and channel.kind is ChannelKind.DM
        guild_id = None if is_direct else self._world.guild_id
        return [session for session in self._known.values() if session.serves(guild_id)]

    def _on_change(self, change: Change) -> None:
        for session in self._hearing(change.channel):
            if change.name == "guild_create":
                self._tell_guild(session)
            elif not self._world.tells(change):
                continue
            elif change.message is not None and change.channel is not None:
                self._tell_message(session, session.intents, change.name, change.channel, change.message)
            elif change.channel is not None and Intent.GUILDS in session.intents:
                self._tell_channel(session, change, change.channel)

    def _tell_message(
        self, session: GatewaySession, intents: Intent, name: str, channel: ChatChannel, message: ChatMessage
    ) -> None:
        is_direct = channel.kind is ChannelKind.DM
        if (Intent.DIRECT_MESSAGES if is_direct else Intent.GUILD_MESSAGES) not in intents or message.only_for:
            return
        where: Json = {} if is_direct else {"guild_id": str(self._world.guild_id)}
        if name == "message_delete":
            session.dispatch("MESSAGE_DELETE", {"id": str(message.id), "channel_id": str(channel.id), **where})
            return
        data = {**self._payloads.message(message), **where}
        author = self._world.users[message.author_id]
        if not is_direct:
            data["member"] = {k: v for k, v in self._payloads.member(author).items() if k != "user"}
        may_read = Intent.MESSAGE_CONTENT in intents or author.is_bot or is_direct
        if not may_read and self._world.bot.id not in message.pings:
            data |= {"content": "", "embeds": [], "attachments": [], "components": []}
        session.dispatch(name.upper(), data)

    def _tell_channel(self, session: GatewaySession, change: Change, channel: ChatChannel) -> None:
        if channel.kind is ChannelKind.DM:
            return
        name, guild_id = change.name, str(self._world.guild_id)
        if name == "thread_delete":
            reference = {"id": str(channel.id), "guild_id": guild_id, "parent_id": str(channel.parent_id)}
            session.dispatch("THREAD_DELETE", {**reference, "type": int(channel.kind)})
        elif name == "thread_members_update":
            with_others = Intent.GUILD_MEMBERS in session.intents
            if members := self._payloads.thread_members_update(change, with_others=with_others):
                session.dispatch("THREAD_MEMBERS_UPDATE", members)
        elif name == "channel_pins_update":
            session.dispatch("CHANNEL_PINS_UPDATE", self._payloads.pins_update(channel))
        elif name == "thread_create":
            data = self._payloads.channel(channel, for_user=self._world.bot.id)
            session.dispatch("THREAD_CREATE", {**data, "newly_created": True})
        else:
            session.dispatch(name.upper(), self._payloads.channel(channel, for_user=self._world.bot.id))


def _drop_before(times: deque[float], since: float) -> None:
    while times and times[0] <= since:
        times.popleft()
