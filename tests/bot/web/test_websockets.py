"""The guard before WebSockets and streams, on a real server. An echo has them here; test_live.py has Octet's own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from starlette.types import Receive, Scope, Send

from bot.web.guard import Access, Callers, Guard, RequiredAccess
from core.security.codes import ReplyKeys
from core.security.model import Actor
from tests.house import NO_TLS, TOKEN
from tests.pace import patience

KEYS = ReplyKeys(key=bytes(32))
RIGHT = {"Authorization": f"Bearer {TOKEN}"}
AGENT = {"Authorization": f"Bearer {KEYS.key('Agent-1')}"}
PIECE, PIECES = b"x" * 65_536, 128


@dataclass
class Echo:
    """Sends each message back, and streams pieces as fast as the client takes them."""

    opened: int = 0
    made: int = 0
    taken: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            self.opened += 1
            await receive()
            await send({"type": "websocket.accept"})
            while (message := await receive())["type"] == "websocket.receive":
                await send({"type": "websocket.send", "text": message["text"]})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(PIECES):
            self.made += 1
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            await self.taken.wait()  # the first piece must be there before the second is made
        await send({"type": "http.response.body", "body": b""})


async def no_actor(*_secrets: str) -> Actor | None:
    return None


@asynccontextmanager
async def guarded(app: Echo, need: RequiredAccess = RequiredAccess.ACTOR) -> AsyncGenerator[int]:
    callers = Callers(
        SecretStr(TOKEN), agent_of=KEYS.holder, actor_of=no_actor, logged_in=no_actor, admit=lambda **_: None
    )
    access = {"": Access(need=need, body_limit=100)}
    guard = Guard(app, access=access, callers=callers)
    config = uvicorn.Config(guard, ws="wsproto", lifespan="off", log_config=None, log_level="error")
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[listener]))
            listener.listen()
            try:
                yield listener.getsockname()[1]
            finally:
                server.should_exit = True


async def refusal_of(port: int, headers: dict[str, str]) -> int:
    async with aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect(f"http://127.0.0.1:{port}/live", headers=headers)
        return refused.value.status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        (AGENT, 401),
        ({**RIGHT, "Host": "evil.example"}, 403),
        ({**RIGHT, "Origin": "http://evil.example"}, 403),
        ({**RIGHT, "Origin": "null"}, 403),
        ({**RIGHT, "Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_a_websocket_is_refused_before_it_is_open(headers: dict[str, str], status: int) -> None:
    echo = Echo()
    async with guarded(echo) as port:
        assert await refusal_of(port, headers) == status
    assert echo.opened == 0


@pytest.mark.parametrize(("need", "headers"), [(RequiredAccess.ACTOR, RIGHT), (RequiredAccess.REPLY_KEY, AGENT)])
async def test_a_websocket_with_the_secret_of_its_route_is_open(need: RequiredAccess, headers: dict[str, str]) -> None:
    async with guarded(Echo(), need) as port, aiohttp.ClientSession() as client:
        own = {**headers, "Origin": f"http://127.0.0.1:{port}"}
        async with client.ws_connect(f"http://127.0.0.1:{port}/live", headers=own) as live:
            for text in ("one", "漢字" * 50_000):
                await live.send_str(text)
                assert await live.receive_str() == text


async def test_a_long_stream_comes_piece_by_piece_and_whole() -> None:
    echo, size = Echo(), 0
    async with (
        guarded(echo) as port,
        httpx.AsyncClient(verify=NO_TLS, timeout=patience(60)) as client,
        client.stream("GET", f"http://127.0.0.1:{port}/stream", headers=RIGHT) as answer,
    ):
        async for piece in answer.aiter_raw():
            if not size:
                assert echo.made == 1
                echo.taken.set()
            size += len(piece)
    assert size == len(PIECE) * PIECES
