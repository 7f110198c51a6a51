"""What Octet reads of a request's body, when, and how much memory all unfinished bodies may take."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.types import Message, Receive, Scope, Send

from bot.web.app import ACCESS, ANSWER_LIMIT, BODY_LIMIT, FILES_LIMIT, REPLY_LIMIT
from bot.web.guard import BUDGET, Access, Bodies, Callers, Guard, RequiredAccess
from bot.web.server import Register
from tests.bot.web.clients import Client, Loop

TOKEN, KEY = "the-token", "the-key"


async def _no_key(*_shown: str) -> None:
    return None


CALLERS = Callers(
    SecretStr(TOKEN),
    agent_of=lambda shown: "Agent-1" if shown == KEY else None,
    actor_of=_no_key,
    logged_in=_no_key,
    admit=lambda **_: None,
)
LIMIT, SMALL_BUDGET = 50, 70


async def unreachable(*_: object) -> None:
    pytest.fail("a request that is not allowed, or not whole, reached a route")


def make_scope(path: str = "/api/v2/tasks", **headers: str) -> Scope:
    named = {"host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [(name.encode(), value.encode()) for name, value in named.items()]
    return {"type": "http", "method": "POST", "path": path, "headers": lines}


def code_of(sent: list[Message]) -> str:
    return str(json.loads(sent[-1]["body"])["code"])


@pytest.mark.parametrize(
    ("path", "shown", "wanted"),
    [
        ("/api/v2/tasks", "", "no_token"),
        ("/api/v2/tasks", "Bearer wrong", "no_token"),
        ("/api/v2/tasks", f"Bearer {KEY}", "no_token"),
        ("/api/v2/replies", "Bearer wrong", "no_reply_key"),
        ("/api/v2/replies/progress", "", "no_reply_key"),
        ("/api/v2/repliesandmore", f"Bearer {KEY}", "no_token"),
        ("/nothing/is/here", "", "no_token"),
    ],
)
async def test_no_byte_of_a_body_is_read_before_the_token(path: str, shown: str, wanted: str) -> None:
    sent = list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    guard = Guard(unreachable, callers=CALLERS, access=ACCESS)
    await guard(make_scope(path, authorization=shown), unreachable, send)  # pyright: ignore[reportArgumentType] - not read
    assert code_of(sent) == wanted


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/api/v2/agents", BODY_LIMIT),
        ("/api/v2/tasks", FILES_LIMIT),
        ("/api/v2/replies", REPLY_LIMIT),
        ("/readyz", 10_000),
        ("/log-in", 10_000),
    ],
)
async def test_a_body_that_is_announced_too_large_is_refused_unread(path: str, limit: int) -> None:
    sent = list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    guard = Guard(unreachable, callers=CALLERS, access=ACCESS)
    scope = make_scope(path, authorization=f"Bearer {TOKEN}", content_length=str(limit + 1))
    await guard(scope, unreachable, send)  # pyright: ignore[reportArgumentType] - not read
    assert code_of(sent) == "body_too_large"


@pytest.mark.parametrize("more", ["", "Expect: 100-continue\r\n"])
async def test_a_hundred_posts_without_a_token_hold_no_memory(more: str) -> None:
    kept, register, loop = Bodies(), Register(), Loop()
    guard = Guard(unreachable, callers=CALLERS, access=ACCESS, bodies=kept)
    head = f"POST /api/v2/replies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n{more}\r\n".encode()
    clients = [Client(guard, register, loop) for _ in range(100)]
    for client in clients:
        answer = await client.send(head)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"100 Continue" not in answer
        for _ in range(3):
            await client.send(b"x" * 100_000)
        assert (kept.held, len(client.connection.cycle.body)) == (0, 0)
    loop.advance(10)
    assert all(client.transport.is_aborted for client in clients)


async def test_a_client_that_asks_before_it_sends_is_told_to_go_on_only_with_a_token() -> None:
    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes((await receive())["body"]).upper()})

    guard = Guard(echo, callers=CALLERS, access=ACCESS)
    head = "POST /api/v2/replies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n"
    client = Client(guard)
    assert await client.send(f"{head}Authorization: Bearer {KEY}\r\n\r\n".encode()) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert b"WORDS" in await client.send(b"words")


async def test_a_body_that_comes_too_slowly_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.web.guard._BODY_S", 0.0)
    sent, kept = list[Message](), Bodies()

    async def drip() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    guard = Guard(unreachable, callers=CALLERS, access=ACCESS, bodies=kept)
    async with asyncio.timeout(60):
        await guard(make_scope(authorization=f"Bearer {TOKEN}"), drip, send)
    assert (code_of(sent), kept.held) == ("body_incomplete", 0)


def test_the_budget_holds_the_longest_answers_of_several_agents() -> None:
    assert 7 * ANSWER_LIMIT < BUDGET
    assert 2 * REPLY_LIMIT < BUDGET, "with the largest files"


@dataclass
class Request:
    """One request under way, and what the model knows of it."""

    received: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[Message] = field(default_factory=list)
    size: int = 0
    is_whole: bool = False
    fails: bool = False
    task: asyncio.Task[None] | None = None

    async def send(self, message: Message) -> None:
        self.sent.append(message)


ACTS = st.sampled_from(["begin", "begin", "bytes", "bytes", "bytes", "finish", "disconnect", "cancel", "end", "fail"])


@settings(max_examples=50)
@given(st.lists(st.tuples(ACTS, st.integers(0, 10), st.integers(0, 60)), min_size=10, max_size=40))
async def test_every_way_out_of_a_request_gives_its_bytes_back(acts: list[tuple[str, int, int]]) -> None:
    kept = Bodies(SMALL_BUDGET)
    under_way = list[Request]()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request: Request = scope["state"]["request"]
        assert len((await receive())["body"]) == request.size
        await request.may_end.wait()
        if request.fails:
            raise RuntimeError
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    access = {"": Access(need=RequiredAccess.NOTHING, body_limit=LIMIT)}
    guard = Guard(app, access=access, callers=CALLERS, bodies=kept)
    acts = [("begin", 0, 0), ("begin", 0, 0), ("bytes", 0, 40), *acts]
    for act, which, size in [*acts, *[("cancel", 0, 0)] * len(acts)]:
        if act == "begin":
            request = Request()
            scope = {**make_scope(), "state": {"request": request}}
            request.task = asyncio.create_task(guard(scope, request.received.get, request.send))
            under_way.append(request)
        elif under_way:
            request = under_way[which % len(under_way)]
            wanted = _expect(request, act, size, sum(one.size for one in under_way))
            await _settle()
            if wanted is not None:
                under_way.remove(request)
                assert request.task is not None
                assert request.task.done()
                assert wanted == (request.sent[0]["status"] if request.sent else 0)
        await _settle()
        assert kept.held == sum(one.size for one in under_way) <= SMALL_BUDGET
    assert kept.held == 0


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def _expect(request: Request, act: str, size: int, held: int) -> int | None:
    """Let `act` happen to the request. Return the status it ends with, 0 for none, and None while it goes on."""
    assert request.task is not None
    if act == "cancel":
        request.task.cancel()
        return 0
    if act in {"end", "fail"} and request.is_whole:
        request.fails = act == "fail"
        request.may_end.set()
        return 500 if request.fails else 204
    if request.is_whole or act in {"end", "fail"}:
        return None
    if act == "disconnect":
        request.received.put_nowait({"type": "http.disconnect"})
        return 422
    request.received.put_nowait({"type": "http.request", "body": b"x" * size, "more_body": act == "bytes"})
    if request.size + size > LIMIT:
        return 413
    if size and held + size > SMALL_BUDGET:
        return 503
    request.size += size
    request.is_whole = act == "finish"
    return None
