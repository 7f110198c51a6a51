"""A client of the gateway: its session, which outlives connections, and its present connection."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

from aiohttp import web

from sandbox.discord.model import Json

QUEUE_LIMIT = 10_000
REPLAY_LIMIT = 1_000
"""How many events a session keeps for a client that comes back; after more, it must identify again."""


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
    SOUNDBOARD = 31
    CHANNEL_INFO = 43


class Intent(IntFlag):
    """The intents that decide which events a client hears."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    DIRECT_MESSAGES = 1 << 12
    MESSAGE_CONTENT = 1 << 15


Written = asyncio.Future[float]  # gets the moment just before its frame goes out


def frame(op: Op, data: object = None) -> Json:
    """Make a frame that is not an event."""
    return {"op": op, "s": None, "t": None, "d": data}


@dataclass(eq=False, slots=True, kw_only=True)
class GatewayConnection:
    """One socket; its writer sends what is queued, in order."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    pack: Callable[[bytes], bytes] | None = None  # compresses what is sent; None sends plain text
    session: GatewaySession | None = field(default=None, init=False)
    heard_at: float = 0.0  # when its client last sent a heartbeat
    # When its client sent the payloads of the last minute.
    received: deque[float] = field(default_factory=deque[float], init=False)
    # Open and dead: it sends nothing any more, not even heartbeat acknowledgements.
    is_frozen: bool = field(default=False, init=False)
    is_closed_by_us: bool = field(default=False, init=False)
    outgoing: asyncio.Queue[tuple[Json, Written | None]] = field(
        default_factory=lambda: asyncio.Queue[tuple[Json, Written | None]](QUEUE_LIMIT)
    )

    def put(self, what: Json, written: Written | None = None) -> None:
        if self.is_frozen:
            return
        if self.outgoing.full():
            # A client that reads nothing must not delay the others: it must reconnect.
            while not self.outgoing.empty():
                self.outgoing.get_nowait()
            what, written = frame(Op.RECONNECT), None
        self.outgoing.put_nowait((what, written))

    async def write(self) -> None:
        """Send the queue until cancelled or until the client is gone; the session keeps the unsent rest."""
        while True:
            what, written = await self.outgoing.get()
            text = json.dumps(what, separators=(",", ":"))
            started = time.monotonic()
            try:
                if self.pack is not None:
                    packed = self.pack(text.encode())
                    started = time.monotonic()
                    await self.socket.send_bytes(packed)
                else:
                    await self.socket.send_str(text)
            except ConnectionError:
                return
            if written is not None and not written.done():
                written.set_result(started)

    async def close(self, code: int, message: bytes = b"") -> None:
        self.is_closed_by_us = True
        await self.socket.close(code=code, message=message)

    def abort(self) -> None:
        """Reset the TCP connection: no close frame, nothing flushed."""
        self.is_closed_by_us = True
        if self.transport is not None:
            self.transport.abort()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An event as it was numbered."""

    sequence: int
    frame: Json
    written: Written | None


@dataclass(eq=False, slots=True, kw_only=True)
class GatewaySession:
    """What a client made by IDENTIFY and may come back to by RESUME."""

    intents: Intent
    shard: tuple[int, int] = (0, 1)  # its number, and how many there are
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    sequence: int = field(default=0, init=False)
    connection: GatewayConnection | None = field(default=None, init=False)
    left_at: float = field(default=0.0, init=False)  # when its last connection was lost
    listed_at: float | None = field(default=None, init=False)  # when it last requested all members
    _kept: deque[Kept] = field(default_factory=lambda: deque[Kept](maxlen=REPLAY_LIMIT), init=False)

    def attach(self, connection: GatewayConnection) -> None:
        """Send its events through this connection from now on; cut an older one."""
        if self.connection is not None:
            self.connection.session = None
            self.connection.abort()
        connection.session = self
        self.connection = connection

    def leave(self) -> None:
        """Its connection is lost; it waits for another."""
        self.connection = None
        self.left_at = time.monotonic()

    def serves(self, guild_id: int | None) -> bool:
        """Say whether its shard hears of this guild, or of direct messages (None)."""
        number, count = self.shard
        return ((guild_id or 0) >> 22) % count == number

    def dispatch(self, event: str, data: Json, written: Written | None = None) -> None:
        self.sequence += 1
        kept = Kept(
            sequence=self.sequence,
            frame={"op": Op.DISPATCH, "s": self.sequence, "t": event, "d": data},
            written=written,
        )
        self._kept.append(kept)
        if self.connection is not None:
            self.connection.put(kept.frame, written)

    def missed(self, sequence: int) -> list[Kept] | None:
        """Return the events after `sequence`; None when they are not all there."""
        if not 0 <= sequence <= self.sequence:
            return None
        missed = [one for one in self._kept if one.sequence > sequence]
        return missed if len(missed) == self.sequence - sequence else None

    def end(self) -> None:
        """End it: each waiter for a write learns that it will not happen."""
        for one in self._kept:
            if one.written is not None and not one.written.done():
                one.written.set_exception(ConnectionError("The gateway session ended"))
