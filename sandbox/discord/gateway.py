"""The gateway: a WebSocket for each connected client, with heartbeats, sequence numbers and zlib-stream compression."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import zlib
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.discord.model import Channel, ChannelKind, Interaction, Json, Message
from sandbox.discord.payloads import Payloads
from sandbox.discord.world import Change, World


class Op(IntEnum):
    """Gateway operations by Discord's numbers."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE = 3
    VOICE = 4
    RESUME = 6
    RECONNECT = 7
    MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class Intent(IntFlag):
    """The intents that decide which events a client hears."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_MESSAGES = 1 << 9
    DIRECT_MESSAGES = 1 << 12
    MESSAGE_CONTENT = 1 << 15


CLOSE_UNKNOWN_OP = 4001
CLOSE_UNREADABLE = 4002
CLOSE_NOT_AUTHENTICATED = 4003
CLOSE_WRONG_TOKEN = 4004
CLOSE_ALREADY_AUTHENTICATED = 4005
QUEUE_LIMIT = 10_000


@dataclass(eq=False, slots=True, kw_only=True)
class Session:
    """One client's connection; its writer sends what is queued, in order."""

    socket: web.WebSocketResponse
    is_compressed: bool
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    intents: Intent | None = None
    sequence: int = 0
    outgoing: asyncio.Queue[tuple[Json, asyncio.Future[float] | None]] = field(
        default_factory=lambda: asyncio.Queue[tuple[Json, asyncio.Future[float] | None]](QUEUE_LIMIT)
    )

    @property
    def is_ready(self) -> bool:
        return self.intents is not None and not self.socket.closed

    def dispatch(self, event: str, data: Json, written: asyncio.Future[float] | None = None) -> None:
        self.sequence += 1
        self.put({"op": Op.DISPATCH, "s": self.sequence, "t": event, "d": data}, written)

    def put(self, frame: Json, written: asyncio.Future[float] | None = None) -> None:
        if self.outgoing.full():
            # A client that reads nothing must not hold the others up: it is told to reconnect, what it missed is lost.
            self.abandon(written)
            frame, written = {"op": Op.RECONNECT, "s": None, "t": None, "d": None}, None
        self.outgoing.put_nowait((frame, written))

    async def write(self) -> None:
        """Send the queue until cancelled; `written` learns the moment just before its frame goes out."""
        deflate = zlib.compressobj()
        while True:
            frame, written = await self.outgoing.get()
            text = json.dumps(frame, separators=(",", ":"))
            started = time.monotonic()
            try:
                if self.is_compressed:
                    packed = deflate.compress(text.encode()) + deflate.flush(zlib.Z_SYNC_FLUSH)
                    started = time.monotonic()
                    await self.socket.send_bytes(packed)
                else:
                    await self.socket.send_str(text)
            except ConnectionError:
                self.abandon(written)
                return
            if written is not None and not written.done():
                written.set_result(started)

    def abandon(self, written: asyncio.Future[float] | None = None) -> None:
        """Tell whoever waits for a write that it will not happen."""
        waiting = [written]
        while not self.outgoing.empty():
            waiting.append(self.outgoing.get_nowait()[1])
        for one in waiting:
            if one is not None and not one.done():
                one.set_exception(ConnectionError("The gateway session ended"))


class Gateway:
    """All gateway sessions of the sandbox."""

    def __init__(self, world: World, payloads: Payloads, *, resume_url: str, heartbeat_ms: int) -> None:
        self._world = world
        self._payloads = payloads
        self._resume_url = resume_url
        self._heartbeat_ms = heartbeat_ms
        self.sessions: set[Session] = set()
        world.subscribe(self._on_change)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=64 * 1024, compress=False)
        await socket.prepare(request)
        session = Session(socket=socket, is_compressed=request.query.get("compress") == "zlib-stream")
        self.sessions.add(session)
        session.put(
            {"op": Op.HELLO, "s": None, "t": None, "d": {"heartbeat_interval": self._heartbeat_ms, "_trace": []}}
        )
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(session.write(), name="gateway writer")
                try:
                    await self._read(session)
                finally:
                    writer.cancel()
        finally:
            self.sessions.discard(session)
            session.abandon()
        return socket

    async def close(self) -> None:
        for session in tuple(self.sessions):
            await session.socket.close(code=1001, message=b"The sandbox stops")

    async def _read(self, session: Session) -> None:
        async for message in session.socket:
            if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                continue
            try:
                frame: Any = json.loads(message.data)
                op, data = Op(frame["op"]), frame.get("d")
            except (ValueError, KeyError, TypeError, AttributeError):
                await session.socket.close(code=CLOSE_UNREADABLE, message=b"Error while decoding payload.")
                return
            await self._handle(session, op, data)

    async def _handle(self, session: Session, op: Op, data: Any) -> None:
        match op:
            case Op.HEARTBEAT:
                session.put({"op": Op.HEARTBEAT_ACK, "s": None, "t": None, "d": None})
            case Op.IDENTIFY:
                await self._identify(session, data)
            case Op.RESUME:
                session.put({"op": Op.INVALID_SESSION, "s": None, "t": None, "d": False})
            case Op.PRESENCE | Op.VOICE | Op.MEMBERS:
                pass
            case _:
                await session.socket.close(code=CLOSE_UNKNOWN_OP, message=b"Unknown opcode.")

    async def _identify(self, session: Session, data: Json) -> None:
        if session.intents is not None:
            await session.socket.close(code=CLOSE_ALREADY_AUTHENTICATED, message=b"Already authenticated.")
            return
        token = str(data.get("token") or "").removeprefix("Bot ")
        if not secrets.compare_digest(token, self._world.token):
            await session.socket.close(code=CLOSE_WRONG_TOKEN, message=b"Authentication failed.")
            return
        session.intents = Intent(int(data.get("intents") or 0))
        world = self._world
        session.dispatch(
            "READY",
            {
                "v": 10,
                "user": {**self._payloads.user(world.bot), "verified": True, "mfa_enabled": False, "email": None},
                "guilds": [{"id": str(world.guild_id), "unavailable": True}],
                "private_channels": [],
                "session_id": session.id,
                "session_type": "normal",
                "resume_gateway_url": self._resume_url,
                "shard": [0, 1],
                "application": {"id": str(world.application_id), "flags": 0},
                "_trace": [],
            },
        )
        if Intent.GUILDS in session.intents:
            with_members = Intent.GUILD_MEMBERS in session.intents
            session.dispatch("GUILD_CREATE", self._payloads.guild_create(with_members=with_members))
        world.publish(Change(name="connection"))

    async def send(self, interaction: Interaction) -> bool:
        """Write INTERACTION_CREATE to the newest ready session and note when; False if nobody is connected."""
        ready = [session for session in self.sessions if session.is_ready]
        if not ready:
            return False
        written: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        interaction.sent_at = time.monotonic()
        for session in ready:
            session.dispatch("INTERACTION_CREATE", self._payloads.interaction(interaction), written)
        try:
            interaction.sent_at = await written
        except ConnectionError:
            return False
        return True

    # Events

    def _on_change(self, change: Change) -> None:
        for session in self.sessions:
            if not session.is_ready or session.intents is None:
                continue
            if change.message is not None and change.channel is not None:
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
