"""What happens reaches pages and programs, as far as their roles see it, and nothing is missing after a break."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.web import live, server
from bot.web.guard import COOKIE
from core.limits import LIVE_LISTENERS
from core.security.model import OPERATOR, HolderId, NewLogIn, Role
from tests.bot.web.conftest import Face
from tests.house import open_house
from tests.pace import patience

VIC = "discord:7"


async def logged_in(face: Face, who: str = OPERATOR.id) -> NewLogIn:
    log_ins = face.house.core.log_ins
    return await log_ins.enter(log_ins.invite(who, by=OPERATOR), browser="Chromium")


@asynccontextmanager
async def page(
    port: int, new: NewLogIn, *, since: int | None = None, headers: Mapping[str, str] = {}
) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
    """Open the WebSocket as the page does."""
    own = {"Cookie": f"{COOKIE}={new.cookie}", "Origin": f"http://127.0.0.1:{port}", **headers}
    async with (
        asyncio.timeout(patience(30)),
        aiohttp.ClientSession() as client,
        client.ws_connect(f"http://127.0.0.1:{port}/api/v2/live", headers=own, compress=15) as socket,
    ):
        assert not socket.compress, "a compressor takes 300 kB of each open page"
        await socket.send_json({"secret": new.secret, "since": since})
        yield socket


async def changes(socket: aiohttp.ClientWebSocketResponse, until: str) -> list[str]:
    """Return the names of changes until one is about `until`."""
    names = list[str]()
    while True:
        for one in (await socket.receive_json())["changes"]:
            names.append(one["name"])
            if one["subject"] == until:
                return names


async def test_a_page_hears_what_happens_and_what_it_missed(face: Face) -> None:
    new = await logged_in(face)
    async with page(face.port, new) as socket:
        first: dict[str, Any] = await socket.receive_json()
        assert first["is_reset"]
        await face.operator.post("/api/v2/tasks", json={"brief": "Count the birds"})
        assert "TaskMoved" in await changes(socket, "task:T-1")
    await face.operator.post("/api/v2/tasks", json={"brief": "Count the fish"})
    async with page(face.port, new, since=first["seq"]) as socket:
        again: dict[str, Any] = await socket.receive_json()
    assert not again["is_reset"]
    numbers = [one["seq"] for one in again["changes"]]
    assert numbers == list(range(first["seq"] + 1, again["seq"] + 1)), "every row once, and none is missing"
    assert {"task:T-1", "task:T-2"} <= {one["subject"] for one in again["changes"]}
    async with page(face.port, new, since=again["seq"] + 10_000) as socket:
        assert (await socket.receive_json())["is_reset"], "it knows a row of another database"


async def test_what_happens_while_the_first_piece_is_read_comes_once(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = face.house.core.journal
    newest = journal.newest

    async def slowly(limit: int) -> Any:
        await face.operator.post("/api/v2/tasks", json={"brief": "Count the birds"})
        return await newest(limit)

    new = await logged_in(face)
    monkeypatch.setattr(journal, "newest", slowly)
    async with page(face.port, new, since=0) as socket:
        pieces: list[dict[str, Any]] = [await socket.receive_json()]
        await face.operator.post("/api/v2/tasks", json={"brief": "Count the fish"})
        while not any(one["subject"] == "task:T-2" for piece in pieces for one in piece["changes"]):
            pieces.append(await socket.receive_json())
    numbers = [one["seq"] for piece in pieces for one in piece["changes"]]
    assert len(numbers) == len(set(numbers))


async def test_a_viewer_does_not_hear_who_gets_roles(face: Face) -> None:
    people = face.house.core.people
    await people.bind(HolderId(VIC), Role.VIEWER, by=OPERATOR)
    async with page(face.port, await logged_in(face, VIC)) as socket:
        await socket.receive_json()
        await people.bind(HolderId("discord:8"), Role.VIEWER, by=OPERATOR)
        await face.operator.post("/api/v2/tasks", json={"brief": "Count the birds"})
        assert "RoleBound" not in await changes(socket, "task:T-1")


async def test_a_page_that_is_logged_out_hears_nothing_more(face: Face) -> None:
    new = await logged_in(face)
    async with page(face.port, new) as socket:
        await socket.receive_json()
        await face.house.core.log_ins.end(new.log_in.id, by=OPERATOR)
        message = await socket.receive()
    assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1008)


@pytest.mark.parametrize("given", ["no cookie", "another secret", "nonsense"])
async def test_a_page_without_both_secrets_hears_nothing(face: Face, given: str) -> None:
    new = await logged_in(face)
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(
            f"http://127.0.0.1:{face.port}/api/v2/live",
            headers={} if given == "no cookie" else {"Cookie": f"{COOKIE}={new.cookie}"},
        ) as socket,
    ):
        hello = json.dumps({"secret": new.secret if given == "no cookie" else "x"})
        await socket.send_str("{" if given == "nonsense" else hello)
        assert (await socket.receive()).data == 1008


@pytest.mark.parametrize("foreign", [{"Origin": "http://127.0.0.1:5173"}, {"Host": "evil.example"}])
async def test_a_page_of_another_address_opens_no_socket(face: Face, foreign: dict[str, str]) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with page(face.port, await logged_in(face), headers=foreign):
            pass
    assert refused.value.status == 403


async def test_a_program_reads_the_stream_line_by_line(face: Face) -> None:
    async with asyncio.timeout(patience(30)), face.operator.stream("GET", "/api/v2/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert (await anext(lines)).startswith("id: ")
        await face.operator.post("/api/v2/tasks", json={"brief": "Count the birds"})
        async for line in lines:
            if "task:T-1" in line:
                break


async def test_one_user_has_only_so_many_listeners_and_closed_ones_do_not_count(face: Face) -> None:
    hub = live.Live(face.house.core)

    async def operator() -> Any:
        return OPERATOR

    open_ones = [hub.news(operator, None) for _ in range(LIVE_LISTENERS.most + 1)]
    for one in open_ones[:-1]:
        await anext(one)
    with pytest.raises(Exception, match="listen already"):
        await anext(open_ones[-1])
    await open_ones[0].aclose()
    await anext(again := hub.news(operator, None))
    for one in (again, *open_ones):
        await one.aclose()


async def test_a_listener_that_reads_too_slowly_learns_that_it_missed_something(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "BACKLOG", 3)

    async def operator() -> Any:
        return OPERATOR

    news = live.Live(face.house.core).news(operator, None)
    await anext(news)
    await face.operator.post("/api/v2/tasks", json={"brief": "Count the birds"})
    for _ in range(3):
        await face.operator.post("/api/v2/tasks", json={"brief": "Count the fish"})
    assert (await anext(news)).is_reset
    await news.aclose()
    again = live.Live(face.house.core).news(operator, 1)
    assert (await anext(again)).is_reset, "row 2 is out of its reach"
    await again.aclose()


async def test_a_socket_that_has_closed_no_longer_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted, closed = set[server.Connection](), asyncio.Event()

    class Counting(server.Register):
        def opened(self, connection: server.Connection) -> None:
            counted.add(connection)
            super().opened(connection)

        def closed(self, connection: server.Connection) -> None:
            counted.discard(connection)
            closed.set()
            super().closed(connection)

    monkeypatch.setattr(server, "Register", Counting)
    async with open_house(tmp_path) as house, house.served() as run:
        log_in = await house.core.log_ins.enter(house.core.log_ins.invite(OPERATOR.id, by=OPERATOR), browser="x")
        async with page(run.port, log_in) as socket:
            await socket.receive_json()
            assert len(counted) == 1
        async with asyncio.timeout(patience(30)):
            await closed.wait()
        assert counted == set()
