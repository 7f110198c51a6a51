"""uvicorn inside our own loop: no signal handlers of its own, a socket that was bound before, an orderly end."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from core.kit.errors import Invalid, Unavailable
from core.kit.supervise import supervise

_START_S = 60
_GRACE_S = 3
"""How long requests under way may take to end when Octet stops."""
_TAKEN = frozenset({errno.EADDRINUSE, errno.EACCES})


class NotLoopback(Invalid):
    """Octet listens on loopback only, and {address} is not. Use 127.0.0.1 or ::1, and a tunnel from elsewhere."""


class CannotListen(Unavailable):
    """Octet cannot listen on {address}: {why}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A bound socket and how it came about."""

    socket: socket.socket
    address: str
    port: int
    is_other_port: bool
    """The wanted port was taken; this is a free one in its place."""


@contextmanager
def listening(address: str, port: int) -> Generator[Listener]:
    """A socket that listens on `address`; on a free port if `port` is taken. Raises NotLoopback and CannotListen."""
    try:
        where = ipaddress.ip_address("127.0.0.1" if address == "localhost" else address)
    except ValueError as error:
        raise NotLoopback(address=address) from error
    if not where.is_loopback:
        raise NotLoopback(address=address)
    family = socket.AF_INET if where.version == 4 else socket.AF_INET6
    is_other_port = False
    try:
        sock = _listen(family, str(where), port)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise CannotListen(address=address, why=error.strerror) from error
        is_other_port = True
        try:
            sock = _listen(family, str(where), 0)
        except OSError as second:
            raise CannotListen(address=address, why=second.strerror) from second
    with sock:
        real = int(sock.getsockname()[1])
        yield Listener(socket=sock, address=str(where), port=real, is_other_port=is_other_port)


@asynccontextmanager
async def serving(app: ASGIApp, listener: Listener) -> AsyncGenerator[None]:
    """Serve `app` on the listener's socket for the length of the block; requests under way are let finish."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    logging.getLogger("uvicorn.access").disabled = True  # its lines hold whole paths; the guard writes ours
    server = _Server(config)
    async with asyncio.TaskGroup() as group:
        supervise(group, "web", server.serve(sockets=[listener.socket]))
        try:
            async with asyncio.timeout(_START_S):
                await server.has_started.wait()
            yield
        finally:
            server.may_end.set()


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to us, says when it has started, and sleeps until it may end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.has_started = asyncio.Event()
        self.may_end = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
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
        sock.listen(128)
    except BaseException:
        sock.close()
        raise
    return sock
