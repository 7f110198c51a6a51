"""Plain HTTP and WebSocket to the sandbox, in the bot's name, for what discord.py would never send."""

from __future__ import annotations

import asyncio
import ctypes
import json
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, FormData

from sandbox.discord.model import Json
from sandbox.discord.server import Sandbox


@contextmanager
def hurried(sandbox: Sandbox, within_s: float = 1.0) -> Generator[None]:
    """Count an answer as too late after a second, but only for what is asked within the block."""
    usual = sandbox.interactions._ack_deadline_s
    sandbox.interactions._ack_deadline_s = within_s
    try:
        yield
    finally:
        sandbox.interactions._ack_deadline_s = usual


def home(sandbox: Sandbox, rest: str = "") -> str:
    """Return a path below the bot's channel."""
    return f"/channels/{sandbox.world.home.id}{rest}"


async def call(
    sandbox: Sandbox,
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str | None = None,
    files: dict[str, bytes] | None = None,
) -> tuple[int, Any]:
    """Send one request; return the status and the parsed answer."""
    async with ClientSession(headers={"Authorization": f"Bot {token or sandbox.token}"}) as session:
        data: Any = None
        if files:
            data = FormData(quote_fields=False)
            data.add_field("payload_json", json.dumps(body), content_type="application/json")
            for number, (name, content) in enumerate(files.items()):
                data.add_field(f"files[{number}]", content, filename=name, content_type="text/plain")
        async with session.request(
            method, sandbox.api_base + path, json=None if files else body, data=data
        ) as response:
            text = await response.text()
            if text:
                assert response.headers["Content-Type"] == "application/json"
            return response.status, json.loads(text) if text else None


async def ok(
    sandbox: Sandbox, method: str, path: str, body: Any = None, *, files: dict[str, bytes] | None = None
) -> Any:
    """Send a request that must succeed; return the parsed answer."""
    status, answer = await call(sandbox, method, path, body, files=files)
    assert status < 300, answer
    return answer


async def refusal(sandbox: Sandbox, method: str, path: str, body: Any = None) -> tuple[int, int]:
    """Send a request that must fail; return the status and Discord's code."""
    status, answer = await call(sandbox, method, path, body)
    return status, (answer or {}).get("code", 0)


@asynccontextmanager
async def gateway(sandbox: Sandbox, query: str = "v=10&encoding=json") -> AsyncIterator[ClientWebSocketResponse]:
    """Open a connection to the gateway without any library."""
    async with ClientSession() as session, session.ws_connect(f"{sandbox.gateway_url}?{query}") as socket:
        yield socket


@asynccontextmanager
async def greeted(sandbox: Sandbox) -> AsyncIterator[ClientWebSocketResponse]:
    """Open a connection that has received HELLO."""
    async with gateway(sandbox) as socket:
        assert (await socket.receive_json())["op"] == 10
        yield socket


@asynccontextmanager
async def known(sandbox: Sandbox, **changes: Any) -> AsyncIterator[ClientWebSocketResponse]:
    """Open a connection that has identified and received READY and the guild."""
    async with greeted(sandbox) as socket:
        await socket.send_json(identify(sandbox, **changes))
        assert [(await socket.receive_json())["t"] for _ in range(2)] == ["READY", "GUILD_CREATE"]
        yield socket


def identify(sandbox: Sandbox, **changes: Any) -> Json:
    """Return the smallest IDENTIFY that Discord takes, with these changes of its data."""
    return {"op": 2, "d": {"token": sandbox.token, "intents": 1, "properties": {}, **changes}}


async def frame(socket: ClientWebSocketResponse, event: str) -> Json:
    """Return the data of the next event of this name."""
    async with asyncio.timeout(60):
        while (found := await socket.receive_json())["t"] != event:
            pass
    return found["d"]


async def code_after(socket: ClientWebSocketResponse, payload: Any) -> int | None:
    """Return the code with which the gateway closes after this payload."""
    await (socket.send_str(payload) if isinstance(payload, str) else socket.send_json(payload))
    async with asyncio.timeout(60):
        while not socket.closed:
            await socket.receive()
    return socket.close_code


def unzstd() -> Callable[[bytes], bytes]:
    """Decompress one stream as the zstandard package does, with the libzstd on which Debian's dpkg depends."""
    lib = ctypes.CDLL("libzstd.so.1")
    lib.ZSTD_createDStream.restype = ctypes.c_void_p
    lib.ZSTD_decompressStream.restype = ctypes.c_size_t
    stream = ctypes.c_void_p(lib.ZSTD_createDStream())

    def decompress(data: bytes) -> bytes:
        room = ctypes.create_string_buffer(1024 * 1024)
        into = _Buffer(ctypes.cast(room, ctypes.c_char_p), len(room), 0)
        out_of = _Buffer(data, len(data), 0)
        while out_of.position < out_of.size:
            left = ctypes.c_size_t(lib.ZSTD_decompressStream(stream, ctypes.byref(into), ctypes.byref(out_of)))
            assert not lib.ZSTD_isError(left)
        return room.raw[: into.position]

    return decompress


class _Buffer(ctypes.Structure):
    _fields_ = (("at", ctypes.c_char_p), ("size", ctypes.c_size_t), ("position", ctypes.c_size_t))
