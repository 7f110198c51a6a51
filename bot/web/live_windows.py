"""What agents show now, for pages: `/live/windows`, a WebSocket beside that of `live`.

The page names the agents on its screen, again whenever these change. For each it gets binary messages: the
length of a JSON text in four bytes, that text (AgentView without its content), and the JPEG or the UTF-8 text."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Generator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import replace
from typing import Annotated, cast

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, Field, ValidationError

from bot.web.errors import NotLoggedIn
from bot.web.live import PageHello, Who, close, next_text, serve
from core.coordinator import Coordinator
from core.fleet.model import AgentView
from core.kit.errors import OctetError
from core.limits import LIVE_LISTENERS, LIVE_WINDOWS, NAME
from core.remedies import refused
from core.security.model import Actor

SEND_S = 20.0  # a page that takes nothing for so long is gone

router = APIRouter(prefix="/api/v2")
_Names = Annotated[frozenset[Annotated[str, Field(max_length=NAME.most)]], Field(max_length=LIVE_WINDOWS.most)]


class WindowsHello(PageHello, frozen=True, extra="forbid"):
    """What a page that watches says first."""

    agents: _Names


class Watched(BaseModel, frozen=True, extra="forbid"):
    """What it says later."""

    agents: _Names


@router.websocket("/live/windows")
async def live_windows(socket: WebSocket) -> None:
    """Send a page what the agents on its screen show."""

    async def work(hello: WindowsHello, who: Who) -> None:
        with _counted(socket, await who()):
            await _Viewer(socket, who).run(hello.agents)

    await serve(socket, WindowsHello, work)


@contextmanager
def _counted(socket: WebSocket, by: Actor | None) -> Generator[None]:
    viewers, name = cast("Counter[str]", socket.app.state.viewers), by.id if by else ""
    if viewers[name] >= LIVE_LISTENERS.most:
        raise refused("too_many_listeners", most=LIVE_LISTENERS.most)
    viewers[name] += 1
    try:
        yield
    finally:
        viewers[name] -= 1


class _Viewer:
    """One page: watches the agents that it names, and sends it only the newest of each."""

    def __init__(self, socket: WebSocket, who: Who) -> None:
        self._socket, self._who = socket, who
        self._views = cast("Coordinator", socket.app.state.coordinator).fleet.live_views
        self._watching: dict[str, asyncio.Task[None]] = {}
        self._newest: dict[str, AgentView] = {}  # what is not sent yet
        self._came, self._is_logged_out = asyncio.Event(), False

    async def run(self, agents: frozenset[str]) -> None:
        """Serve the page until it goes, is logged out or takes nothing any more."""
        async with asyncio.TaskGroup() as group:
            self._watch(group, agents)
            ends = {group.create_task(self._read(group)), group.create_task(self._send())}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in (*ends, *self._watching.values()):
                task.cancel()

    async def _read(self, group: asyncio.TaskGroup) -> None:
        with suppress(WebSocketDisconnect):
            try:
                while True:
                    self._watch(group, Watched.model_validate_json(await next_text(self._socket)).agents)
            except ValidationError:
                await close(self._socket, NotLoggedIn())

    def _watch(self, group: asyncio.TaskGroup, agents: frozenset[str]) -> None:
        for name in self._watching.keys() - agents:
            self._watching.pop(name).cancel()
            self._newest.pop(name, None)
        for name in agents - self._watching.keys():
            self._watching[name] = group.create_task(self._follow(name))

    async def _follow(self, name: str) -> None:
        try:
            async with aclosing(self._views.watch(name, self._who)) as views:
                async for view in views:
                    self._put(view)
                self._is_logged_out = True
                self._came.set()
        except OctetError as error:
            self._put(AgentView(agent=name, at_ms=0, is_new=False, why=error.message))

    def _put(self, view: AgentView) -> None:
        waiting = self._newest.get(view.agent)
        if waiting is not None and waiting.is_new and not view.is_new:
            view = replace(waiting, at_ms=view.at_ms, why=view.why)
        self._newest[view.agent] = view
        self._came.set()

    async def _send(self) -> None:
        with suppress(WebSocketDisconnect, TimeoutError):
            while not self._is_logged_out:
                await self._came.wait()
                self._came.clear()
                while self._newest:
                    view = self._newest.pop(next(iter(self._newest)))
                    async with asyncio.timeout(SEND_S):
                        await self._socket.send_bytes(_packed(view))
            await close(self._socket, NotLoggedIn())


def _packed(view: AgentView) -> bytes:
    said = {"agent": view.agent, "at_ms": view.at_ms, "is_new": view.is_new, "why": view.why}
    header = json.dumps({**said, "is_picture": bool(view.jpeg)}).encode()
    return len(header).to_bytes(4) + header + (view.jpeg or view.text.encode())
