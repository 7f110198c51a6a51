"""uvicorn in Octet's loop: without signal handlers, on a bound socket, with limited connections and an orderly end.
The guard reports which connection has shown a token; this module knows no more of tokens."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import h11
import structlog
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from core import limits
from core.kit.supervise import supervise
from core.remedies import refused

log = structlog.get_logger(__name__)

_START_S = 60
_GRACE_S = 3  # how long requests under way may take to end when Octet stops
_TAKEN = frozenset({errno.EADDRINUSE, errno.EACCES})
_BACKLOG = 1024
"""How many clients the system lets wait until Octet accepts them; a client beyond that tries again after a second."""
_FILES = 4096
"""Open files that Octet asks for: four times what its connections need. Programs that it starts inherit this limit."""
_OWN_FILES = 200  # of these, what connections leave to the database, the desks' workers and Discord
_REPEAT_S = 60.0  # how often Octet logs that it cannot accept connections


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A bound socket and its address."""

    socket: socket.socket
    address: str
    port: int
    is_other_port: bool  # the wanted port was taken; this is a free one in its place


@contextmanager
def listening(address: str, port: int) -> Generator[Listener]:
    """Listen on `address`, on a free port if `port` is taken. Raises not_loopback and cannot_listen."""
    try:
        where = ipaddress.ip_address("127.0.0.1" if address == "localhost" else address)
    except ValueError as error:
        raise refused("not_loopback", address=address) from error
    if not where.is_loopback:
        raise refused("not_loopback", address=address)
    family = socket.AF_INET if where.version == 4 else socket.AF_INET6
    try:
        try:
            sock = _listen(family, str(where), port)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            sock = _listen(family, str(where), 0)
    except OSError as error:
        raise refused("cannot_listen", address=address, why=error.strerror) from error
    with sock:
        real = int(sock.getsockname()[1])
        yield Listener(socket=sock, address=str(where), port=real, is_other_port=bool(port) and real != port)


@asynccontextmanager
async def serving(app: ASGIApp, listener: Listener) -> AsyncGenerator[None]:
    """Serve `app` on the listener's socket for the length of the block; then finish the requests under way."""
    register = Register(most=max(_OWN_FILES // 10, min(MAX_CONNECTIONS, raise_file_limit() - _OWN_FILES)))
    config = uvicorn.Config(
        app,
        http=cast("type[asyncio.Protocol]", partial(Connection, register=register)),
        backlog=ACCEPTS_AT_ONCE,
        lifespan="off",
        ws="wsproto",
        ws_max_size=MESSAGE_BYTES,
        ws_per_message_deflate=False,  # it takes 300 kB for each open page, and pictures are compressed already
        log_config=None,
        log_level="error",  # it warns of every request that is not HTTP: any program could fill the log
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    logging.getLogger("uvicorn.access").disabled = True  # its lines hold whole paths; the guard writes ours
    server = _Server(config)
    with log_failing_accepts(asyncio.get_running_loop()):
        async with asyncio.TaskGroup() as group:
            supervise(group, "web", server.serve(sockets=[listener.socket]))
            try:
                async with asyncio.timeout(_START_S):
                    await server.has_started.wait()
                yield
            finally:
                server.may_end.set()


def raise_file_limit() -> int:
    """Raise the number of files that this process may open to `_FILES`, or as far as the system lets it; return it."""
    if sys.platform == "win32":
        return _FILES  # sockets do not count as files there
    import resource

    soft, hard = (
        _FILES if one == resource.RLIM_INFINITY else one for one in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    if soft < min(hard, _FILES):
        soft = min(hard, _FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return soft


@contextmanager
def log_failing_accepts(
    loop: asyncio.AbstractEventLoop, *, now_s: Callable[[], float] = time.monotonic
) -> Generator[None]:
    """Log a failing accept in one line, once a minute; asyncio would log many tracebacks each second."""
    others = loop.get_exception_handler()
    next_s = now_s()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal next_s
        error = context.get("exception")
        if "socket" not in context or not isinstance(error, OSError):
            others(loop, context) if others else loop.default_exception_handler(context)
        elif now_s() >= next_s:
            next_s = now_s() + _REPEAT_S
            log.error("accept_failed", why=error.strerror, next="Octet tries again. Raise its limit of open files.")

    loop.set_exception_handler(handle)
    try:
        yield
    finally:
        loop.set_exception_handler(others)


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to Octet, says when it has started, and sleeps until it may end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.has_started = asyncio.Event()
        self.may_end = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for sock in sockets or []:
            sock.listen(_BACKLOG)  # uvicorn's `backlog` is also how many connections asyncio accepts at once
        self.has_started.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.may_end.wait()


def _listen(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    # Named TCP, because asyncio sends small answers at once only then; else each waits 40 ms for an acknowledgement.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":  # there it would let two programs have one port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


MAX_CONNECTIONS = limits.CONNECTIONS.most  # far more than all agents, their operator and a dashboard need at once
MAX_WITHOUT_TOKEN = limits.CONNECTIONS_WITHOUT_TOKEN.most
MAX_OF_AGENT = limits.CONNECTIONS_OF_AGENT.most  # one hostile agent cannot use up all of them
HEADERS_S = 10.0
"""How long a client may take to send whole headers, counted from the connection or from the last answer."""
MESSAGE_BYTES = 10_000  # of a WebSocket's message
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
        """Note that the connection has shown a token: it now counts only toward all connections, unless the token is
        the key of an agent that has `MAX_OF_AGENT` of them already."""
        has_room = not agent or [*self._with_token.values()].count(agent) < MAX_OF_AGENT
        if connection in self._without_token and has_room:
            del self._without_token[connection]
            self._with_token[connection] = agent

    def closed(self, connection: Connection) -> None:
        self._without_token.pop(connection, None)
        self._with_token.pop(connection, None)


class Connection(H11Protocol):
    """One connection. While Octet serves no request on it, the client has `HEADERS_S` to send the next whole headers;
    in the same time Octet discards the rest of a refused body."""

    def __init__(self, *args: Any, register: Register, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._register = register
        self.app_state = {**self.app_state, _SHOWN: partial(register.token_shown, self)}
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
        """Take the client's bytes. Close the connection of a client that sends too far ahead."""
        super().data_received(data)
        if len(self.conn.trailing_data[0]) > AHEAD:
            self.abort()

    def on_response_complete(self) -> None:
        self._wait_for_headers()
        super().on_response_complete()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over; it counts as open until it ends."""
        self._stop_waiting()
        super().handle_websocket_upgrade(event)
        socket = cast("asyncio.Protocol", self.transport.get_protocol())
        closed = socket.connection_lost

        def connection_lost(exc: Exception | None) -> None:
            self._register.closed(self)
            closed(exc)

        socket.connection_lost = connection_lost

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, if a response can still be sent; the route sends nothing after that."""
        if cycle := cast("RequestResponseCycle | None", self.cycle):
            cycle.disconnected = True
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            super().send_400_response(msg)
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once, even if the client has not read everything."""
        self.transport.abort()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._stop_waiting()
        await self._served(scope, receive, send)

    def _wait_for_headers(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(HEADERS_S, self.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def mark_token_shown(scope: Scope, agent: str = "") -> None:
    """Report that the request in `scope` shows a valid token, which is the key of `agent`."""
    shown = cast("Callable[[str], None] | None", scope.get("state", {}).get(_SHOWN))
    if shown is not None:
        shown(agent)
