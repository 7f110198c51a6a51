"""What agents show reaches the pages that show them, as fast as each page takes it, and no other page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from bot.web import live_windows
from bot.web.guard import COOKIE
from core.desks.model import LiveView
from core.fleet import live_views
from core.limits import LIVE_WINDOWS
from core.security.model import OPERATOR, HolderId, NewLogIn, Role
from tests.bot.web.conftest import Face
from tests.bot.web.test_live import VIC, logged_in
from tests.pace import patience

BIG = 4_000_000


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch, face: Face) -> None:
    monkeypatch.setattr(live_views, "EVERY_S", 0.01)
    face.house.worker.live |= {f"agent-{number}": LiveView(mark="1", jpeg=b"one") for number in (1, 2)}


@asynccontextmanager
async def watching(face: Face, new: NewLogIn, *agents: str) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
    address = f"http://127.0.0.1:{face.port}"
    async with (
        asyncio.timeout(patience(30)),
        aiohttp.ClientSession() as client,
        client.ws_connect(
            f"{address}/api/v2/live/windows",
            headers={"Cookie": f"{COOKIE}={new.cookie}", "Origin": address},
            max_msg_size=0,
        ) as socket,
    ):
        await socket.send_json({"secret": new.secret, "agents": agents})
        yield socket


async def view(socket: aiohttp.ClientWebSocketResponse) -> tuple[dict[str, Any], bytes]:
    message = await socket.receive_bytes()
    end = 4 + int.from_bytes(message[:4])
    return json.loads(message[4:end]), message[end:]


async def until_closed(socket: aiohttp.ClientWebSocketResponse) -> int:
    while (message := await socket.receive()).type is aiohttp.WSMsgType.BINARY:
        pass
    assert message.type is aiohttp.WSMsgType.CLOSE
    return int(message.data)


async def test_a_page_gets_the_agents_that_it_shows(face: Face) -> None:
    worker = face.house.worker
    worker.live["agent-2"] = LiveView(mark="1", text="❯ work")
    async with watching(face, await logged_in(face), "Agent-1") as socket:
        header, picture = await view(socket)
        at_ms = header.pop("at_ms")
        assert header == {"agent": "Agent-1", "is_new": True, "is_picture": True, "why": ""}
        assert (picture, at_ms > 0) == (b"one", True)
        await socket.send_json({"agents": ["Agent-2", "Nobody"]})
        found = dict[str, tuple[dict[str, Any], bytes]]()
        while len(found) < 2:
            header, content = await view(socket)
            found |= {header["agent"]: (header, content)}
        assert (found["Agent-2"][0]["is_picture"], found["Agent-2"][1].decode()) == (False, "❯ work")
        assert "Nobody" in found["Nobody"][0]["why"]
        looks = len(worker.looks)
        worker.live["agent-2"] = LiveView(mark="2", text="❯ rest")
        assert (await view(socket))[1] == "❯ rest".encode()
        assert {window for window, _ in worker.looks[looks + 1 :]} <= {"agent-2"}, "Octet looks at no other any more"


async def test_a_slow_page_gets_the_newest_and_not_everything(face: Face) -> None:
    worker = face.house.worker

    def shown(number: int) -> LiveView:
        return LiveView(mark=str(number), jpeg=str(number).encode().ljust(BIG))

    worker.live["agent-1"] = shown(0)
    async with watching(face, await logged_in(face), "Agent-1") as socket:
        last = 40
        for number in range(1, last + 1):
            worker.live["agent-1"] = shown(number)
            for _ in range(2):
                await worker.was_looked_at.acquire()
        got = list[int]()
        while not got or got[-1] != last:
            header, picture = await view(socket)
            got += [int(picture)] if header["is_new"] else []
    assert len(got) < 30, f"{len(got)} of 41 pictures were kept for it"


async def test_a_page_that_is_logged_out_sees_nothing_more(face: Face) -> None:
    new = await logged_in(face)
    async with watching(face, new, "Agent-1") as socket:
        await view(socket)
        await face.house.core.log_ins.end(new.log_in.id, by=OPERATOR)
        assert await until_closed(socket) == 1008


async def test_a_viewer_hears_why_it_sees_no_window(face: Face) -> None:
    await face.house.core.people.bind(HolderId(VIC), Role.VIEWER, by=OPERATOR)
    async with watching(face, await logged_in(face, VIC), "Agent-1") as socket:
        header, content = await view(socket)
        assert (header["is_new"], content, "operator" in header["why"]) == (False, b"", True)
    assert face.house.worker.looks == []


@pytest.mark.parametrize(
    "said", ["{", b"\x00", json.dumps({"agents": [f"Agent-{number}" for number in range(LIVE_WINDOWS.most + 1)]})]
)
async def test_a_page_that_talks_nonsense_is_closed(face: Face, said: str | bytes) -> None:
    async with watching(face, await logged_in(face), "Agent-1") as socket:
        await view(socket)
        await (socket.send_bytes(said) if isinstance(said, bytes) else socket.send_str(said))
        assert await until_closed(socket) == 1008


async def test_one_user_has_only_so_many_of_these_sockets(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_windows, "LIVE_LISTENERS", type("Few", (), {"most": 1}))
    new = await logged_in(face)
    async with watching(face, new, "Agent-1") as socket:
        await view(socket)
        async with watching(face, new, "Agent-1") as another:
            assert await until_closed(another) == 1013
    assert face.house.worker.looks
