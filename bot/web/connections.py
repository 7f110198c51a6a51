"""The connections of one HTTP server: how many may be open, which of them are closed, and how long a client may take.

uvicorn speaks HTTP on each of them. This module knows tokens only as far as the guard reports that one was shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import h11
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

MAX_CONNECTIONS = 1000  # far more than all agents, their operator and a dashboard need at once
MAX_WITHOUT_TOKEN = 100
MAX_OF_AGENT = 100  # connections that an agent's own reply key keeps open: one hostile agent cannot use up all of them
HEADERS_S = 10.0
"""How long a client may take to send whole headers, counted from the connection or from the last answer."""
ACCEPTS_AT_ONCE = 16
"""How many connections one turn of the event loop accepts. asyncio reads a connection's first bytes a few turns after
it accepted it. 16 is so small that a crowd cannot push out, in these turns, a client that sent its token at once."""
AHEAD = 65_536
"""How many bytes a client may send ahead of the request that Octet works on. uvicorn reads up to 256 kB more after each
answer, so that one client without a token could fill the memory with requests of 40 bytes."""
_SHOWN = "octet.token_shown"


class Register:
    """All open connections of a server. Those that have not shown a token are in the order of their age."""

    def __init__(self, *, most: int = MAX_CONNECTIONS, most_without_token: int = MAX_WITHOUT_TOKEN) -> None:
        self._most = most
        self._most_without_token = most_without_token
        self._without_token: dict[Connection, None] = {}
        self._with_token: dict[Connection, str] = {}

    def opened(self, connection: Connection) -> None:
        """Note a new connection. If that is one too many, close the oldest that has not shown a token."""
        self._without_token[connection] = None
        count = len(self._without_token)
        if count > self._most_without_token or count + len(self._with_token) > self._most:
            oldest = next(iter(self._without_token))
            del self._without_token[oldest]
            oldest.abort()

    def token_shown(self, connection: Connection, agent: str = "") -> None:
        """Note that the connection has shown a token: from now on it counts only toward all connections, unless it was
        the own key of an agent that has `MAX_OF_AGENT` of them already."""
        has_room = not agent or [*self._with_token.values()].count(agent) < MAX_OF_AGENT
        if connection in self._without_token and has_room:
            del self._without_token[connection]
            self._with_token[connection] = agent

    def closed(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self._without_token.pop(connection, None)
        self._with_token.pop(connection, None)


class Connection(H11Protocol):
    """One connection. While Octet serves no request on it, the client has `HEADERS_S` to send the next whole headers;
    what it still sends of a body that Octet refused is discarded within the same time."""

    def __init__(self, *args: Any, register: Register, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._register = register
        self._served = cast("ASGIApp", self.app)
        self.app = self._serve
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] - as uvicorn's
        super().connection_made(transport)
        self._wait_for_headers()
        self._register.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._register.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the client sent. Close the connection of a client that sends too far ahead."""
        super().data_received(data)
        if len(self.conn.trailing_data[0]) > AHEAD:
            self.abort()

    def on_response_complete(self) -> None:
        self._wait_for_headers()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, if it can still be answered, and let the route send nothing after that."""
        if cycle := cast("RequestResponseCycle | None", self.cycle):
            cycle.disconnected = True
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            super().send_400_response(msg)
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once; do not wait until the client has read what was written."""
        self.transport.abort()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._stop_waiting()
        scope["state"][_SHOWN] = partial(self._register.token_shown, self)
        await self._served(scope, receive, send)

    def _wait_for_headers(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(HEADERS_S, self.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def mark_token_shown(scope: Scope, agent: str = "") -> None:
    """Report that the request in `scope` shows a token that is right; `agent`, whose own key it is."""
    shown = cast("Callable[[str], None] | None", scope.get("state", {}).get(_SHOWN))
    if shown is not None:
        shown(agent)
