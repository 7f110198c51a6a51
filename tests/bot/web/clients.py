"""Clients of one connection each, without sockets and by a clock that the test sets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from bot.web.server import Connection, Register

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Timer:
    """What `call_later` returns."""

    def __init__(self, at_s: float, call: Callable[[], None]) -> None:
        self.at_s, self.call, self.is_over = at_s, call, False

    def cancel(self) -> None:
        self.is_over = True


class Loop:
    """The part of the event loop that a connection uses, with a clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.timers = list[Timer]()

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(self.now_s + delay_s, call))
        return self.timers[-1]

    def create_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work)

    def advance(self, seconds: float) -> None:
        self.now_s += seconds
        for timer in self.timers:
            if timer.at_s <= self.now_s and not timer.is_over:
                timer.is_over = True
                timer.call()


class Transport:
    """The server's end of a connection."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.is_closed = self.is_aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def get_extra_info(self, name: str) -> None:
        return None

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = self.is_aborted = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Client:
    """A client of one connection; what it sends is received at once."""

    def __init__(self, app: ASGIApp, register: Register | None = None, loop: Loop | None = None) -> None:
        self.loop = loop or Loop()
        self.transport = Transport()
        self.connection = Connection(
            Config(app, lifespan="off", ws="none", log_config=None),
            ServerState(),
            {},
            cast("asyncio.AbstractEventLoop", self.loop),
            register=register or Register(),
        )
        self.connection.connection_made(cast("asyncio.Transport", self.transport))

    async def send(self, data: bytes) -> bytes:
        """Send `data` and return everything that has been answered so far."""
        if data and not self.transport.is_closed:
            self.connection.data_received(data)
        for _ in range(50):
            await asyncio.sleep(0)
        return bytes(self.transport.written)

    def disconnect(self) -> None:
        self.connection.connection_lost(None)


async def hello(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})
