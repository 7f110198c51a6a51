"""The gateway: sessions by IDENTIFY, kept over lost connections and resumed, and the ways in which a gateway fails."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.discord.model import Channel, ChannelKind, Interaction, Json, Message
from sandbox.discord.payloads import Payloads
from sandbox.discord.sessions import Connection, Intent, Op, Session, Written, frame
from sandbox.discord.world import Change, World

CLOSE_UNKNOWN_OP = 4001
CLOSE_UNREADABLE = 4002
CLOSE_NOT_AUTHENTICATED = 4003
CLOSE_WRONG_TOKEN = 4004
CLOSE_ALREADY_AUTHENTICATED = 4005
CLEAN = (1000, 1001)
"""By these codes a client says that it will not come back to its session."""


class Gateway:
    """All clients of the sandbox."""

    def __init__(
        self, world: World, payloads: Payloads, *, resume_url: str, heartbeat_ms: int, session_ttl_s: float
    ) -> None:
        """`session_ttl_s` is how long a lost client may come back to its session."""
        self._world = world
        self._payloads = payloads
        self._resume_url = resume_url
        self._heartbeat_ms = heartbeat_ms
        self._session_ttl_s = session_ttl_s
        self._connections: set[Connection] = set()
        self._known: dict[str, Session] = {}
        self._refusals = 0
        self.identified = 0
        self.resumed = 0
        """How often a client came anew, and how often one came back."""
        world.subscribe(self._on_change)

    @property
    def sessions(self) -> list[Session]:
        """The sessions whose client is connected."""
        return [session for session in self._known.values() if session.connection is not None]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if self._refusals > 0:
            self._refusals -= 1
            return web.Response(status=503)
        socket = web.WebSocketResponse(max_msg_size=64 * 1024, compress=False)
        await socket.prepare(request)
        connection = Connection(
            socket=socket, transport=request.transport, is_compressed=request.query.get("compress") == "zlib-stream"
        )
        self._connections.add(connection)
        connection.put(frame(Op.HELLO, {"heartbeat_interval": self._heartbeat_ms, "_trace": []}))
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(connection.write(), name="gateway writer")
                try:
                    await self._read(connection)
                finally:
                    writer.cancel()
        finally:
            self._lost(connection)
        return socket

    def _lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        session = connection.session
        if session is None:
            return
        session.leave()
        if connection.socket.close_code in CLEAN and not connection.is_closed_by_us:
            self._forget(session)

    def _forget(self, session: Session) -> None:
        self._known.pop(session.id, None)
        session.end()

    def _forget_old(self) -> None:
        since = time.monotonic() - self._session_ttl_s
        for session in [one for one in self._known.values() if one.connection is None and one.left_at < since]:
            self._forget(session)

    async def _read(self, connection: Connection) -> None:
        async for message in connection.socket:
            if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                continue
            try:
                received: Any = json.loads(message.data)
                op, data = Op(received["op"]), received.get("d")
            except (ValueError, KeyError, TypeError, AttributeError):
                await connection.close(CLOSE_UNREADABLE, b"Error while decoding payload.")
                return
            await self._handle(connection, op, data)

    async def _handle(self, connection: Connection, op: Op, data: Any) -> None:
        match op:
            case Op.HEARTBEAT:
                connection.put(frame(Op.HEARTBEAT_ACK))
            case Op.IDENTIFY:
                await self._identify(connection, data)
            case Op.RESUME:
                await self._resume(connection, data)
            case Op.PRESENCE | Op.VOICE | Op.MEMBERS:
                pass
            case _:
                await connection.close(CLOSE_UNKNOWN_OP, b"Unknown opcode.")

    async def _is_welcome(self, connection: Connection, data: Json) -> bool:
        if connection.session is not None:
            await connection.close(CLOSE_ALREADY_AUTHENTICATED, b"Already authenticated.")
            return False
        token = str(data.get("token") or "").removeprefix("Bot ")
        if not secrets.compare_digest(token.encode(), self._world.token.encode()):
            await connection.close(CLOSE_WRONG_TOKEN, b"Authentication failed.")
            return False
        return True

    async def _identify(self, connection: Connection, data: Json) -> None:
        if not await self._is_welcome(connection, data):
            return
        self._forget_old()
        session = Session(intents=Intent(int(data.get("intents") or 0)))
        session.attach(connection)
        self._known[session.id] = session
        self.identified += 1
        world = self._world
        session.dispatch(
            "READY",
            {
                "v": 10,
                "user": {**self._payloads.user(world.bot), "verified": True, "mfa_enabled": False, "email": None},
                "guilds": [{"id": str(world.guild_id), "unavailable": True}] if world.is_invited else [],
                "private_channels": [],
                "session_id": session.id,
                "session_type": "normal",
                "resume_gateway_url": self._resume_url,
                "shard": [0, 1],
                "application": {"id": str(world.application_id), "flags": 0},
                "_trace": [],
            },
        )
        if world.is_invited:
            self._tell_guild(session)
        world.publish(Change(name="connection"))

    def _tell_guild(self, session: Session) -> None:
        if Intent.GUILDS in session.intents:
            with_members = Intent.GUILD_MEMBERS in session.intents
            session.dispatch("GUILD_CREATE", self._payloads.guild_create(with_members=with_members))

    async def _resume(self, connection: Connection, data: Json) -> None:
        """Send what was missed, in order, then RESUMED; or, when that cannot be done, say that the session is over."""
        if not await self._is_welcome(connection, data):
            return
        self._forget_old()
        session = self._known.get(str(data.get("session_id")))
        missed = session.missed(int(data.get("seq") or 0)) if session else None
        if session is None or missed is None:
            connection.put(frame(Op.INVALID_SESSION, data=False))
            return
        session.attach(connection)
        for one in missed:
            connection.put(one.frame, one.written)
        session.dispatch("RESUMED", {"_trace": []})
        self.resumed += 1
        self._world.publish(Change(name="connection"))

    async def send(self, interaction: Interaction, within_s: float) -> bool:
        """Write INTERACTION_CREATE to a client and note when, at most `within_s` later; False if it did not happen."""
        self._forget_old()
        sessions = list(self._known.values())
        if not sessions:
            return False
        written: Written = asyncio.get_running_loop().create_future()
        for session in sessions:
            session.dispatch("INTERACTION_CREATE", self._payloads.interaction(interaction), written)
        try:
            async with asyncio.timeout(within_s):
                interaction.sent_at = await asyncio.shield(written)
        except (ConnectionError, TimeoutError):
            written.add_done_callback(lambda late: late.cancelled() or late.exception())  # nobody waits any more
            return False
        return True

    # How a gateway fails

    async def close(self, code: int = 1001, message: bytes = b"The sandbox stops") -> None:
        """Close every connection with this code."""
        await asyncio.gather(*(one.close(code, message) for one in tuple(self._connections)))

    def abort(self) -> None:
        """Reset every connection without a word."""
        for connection in tuple(self._connections):
            connection.abort()

    def freeze(self) -> None:
        """Keep the present connections open and send nothing through them, no acknowledged heartbeat either."""
        for connection in self._connections:
            connection.is_frozen = True

    def ask_reconnect(self) -> None:
        """Op 7: every client shall come back by RESUME."""
        for session in self.sessions:
            assert session.connection is not None
            session.connection.put(frame(Op.RECONNECT))

    def invalidate(self, *, resumable: bool) -> None:
        """Op 9: every session is over; if `resumable`, only its connection."""
        for session in self.sessions:
            assert session.connection is not None
            session.connection.put(frame(Op.INVALID_SESSION, data=resumable))
            if not resumable:
                session.connection.session = None
                self._forget(session)

    def refuse(self, times: int) -> None:
        """Answer the next `times` attempts to connect with 503."""
        self._refusals = times

    def emit(self, event: str, data: Json) -> None:
        """Send every client an event as it stands, well formed or not."""
        for session in self.sessions:
            session.dispatch(event, data)

    # Events

    def _on_change(self, change: Change) -> None:
        for session in self._known.values():
            if change.name == "guild_create":
                self._tell_guild(session)
            elif change.message is not None and change.channel is not None:
                self._tell_message(session, session.intents, change.name, change.channel, change.message)
            elif change.channel is not None and Intent.GUILDS in session.intents:
                self._tell_channel(session, change.name, change.channel)

    def _tell_message(self, session: Session, intents: Intent, name: str, channel: Channel, message: Message) -> None:
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

    def _tell_channel(self, session: Session, name: str, channel: Channel) -> None:
        if channel.kind is ChannelKind.DM:
            return
        guild_id = str(self._world.guild_id)
        if name == "thread_delete":
            reference = {"id": str(channel.id), "guild_id": guild_id, "parent_id": str(channel.parent_id)}
            session.dispatch("THREAD_DELETE", {**reference, "type": int(channel.kind)})
        elif name == "thread_members_update":
            session.dispatch(
                "THREAD_MEMBERS_UPDATE",
                {"id": str(channel.id), "guild_id": guild_id, "member_count": len(channel.members)},
            )
        elif name == "thread_create":
            data = self._payloads.channel(channel, for_user=self._world.bot.id)
            session.dispatch("THREAD_CREATE", {**data, "newly_created": True})
        else:
            session.dispatch(name.upper(), self._payloads.channel(channel, for_user=self._world.bot.id))
