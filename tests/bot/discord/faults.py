"""A bad line between the bot and the local chat server: chosen requests fail before or after they were carried out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from sandbox.discord.server import Sandbox

_OWN_HEADERS = {"host", "content-length", "transfer-encoding", "connection", "content-encoding"}


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens to the next `times` requests that fit."""

    route: str
    """Regular expression over `POST /channels/1/messages`."""
    status: int | None = None
    """The answer instead of the real one; None: the connection is cut."""
    code: int = 0
    headers: dict[str, str] = field(default_factory=dict[str, str])
    after: bool = False
    """Carried out first, so that only the answer is lost."""
    times: int = 1


@dataclass(slots=True)
class BadLine:
    """Forwards everything, except where a fault says otherwise."""

    target: str
    api_base: str = ""
    faults: list[Fault] = field(default_factory=list[Fault])
    calls: list[str] = field(default_factory=list[str])
    session: aiohttp.ClientSession | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def count(self, route: str) -> int:
        return sum(bool(re.fullmatch(route, call)) for call in self.calls)

    async def called(self, route: str) -> None:
        """Return once such a request has come, within ten seconds."""
        async with asyncio.timeout(10):
            while not self.count(route):
                self.news.clear()
                await self.news.wait()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        name = f"{request.method} {request.path}"
        self.calls.append(name)
        self.news.set()
        body = await request.read()
        fault = next((one for one in self.faults if one.times > 0 and re.fullmatch(one.route, name)), None)
        if fault is None:
            return await self._forward(request, body)
        fault.times -= 1
        if fault.after:
            await self._forward(request, body)
        if fault.status is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        error = {"message": "a fault of the test", "code": fault.code, "retry_after": 0.05, "global": False}
        answer = web.json_response(error, status=fault.status, headers=fault.headers)
        answer.headers["Content-Type"] = "application/json"
        return answer

    async def _forward(self, request: web.Request, body: bytes) -> web.Response:
        assert self.session is not None
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OWN_HEADERS}
        url = self.target + request.path_qs
        async with self.session.request(request.method, url, data=body, headers=headers) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _OWN_HEADERS}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)


@asynccontextmanager
async def bad_line(sandbox: Sandbox) -> AsyncGenerator[BadLine]:
    """A line to `sandbox`; give its `api_base` to the bot."""
    line = BadLine(target=sandbox.api_base)
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", line.serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    line.api_base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:
        line.session = session
        try:
            yield line
        finally:
            await runner.cleanup()
