"""Strangers: wrong tokens, evil hosts and origins, bodies without end, and what may stand in the log."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import product
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import httpx
import pytest
import structlog
from pydantic import SecretStr
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from bot.verbs.catalogue import VERBS
from bot.verbs.declare import On
from bot.web.app import ACCESS, BODY_LIMIT, REPLY_LIMIT, create_app
from bot.web.guard import COOKIE, SECRET, Guard, RequiredAccess
from core.security.model import OPERATOR, ROLE_ALLOWS, HolderId, Permission, Role
from core.tasks.model import TaskState
from tests.bot.web.conftest import Face
from tests.bot.web.test_bodies import CALLERS
from tests.bot.web.test_description import operations, request_of
from tests.house import TOKEN

SAMPLES = {"task": "T-1", "agent": "Agent-1", "desk": "main", "name": "main", "window": "agent-1", "attempt": "1"}


def routes_of(found: Iterable[Any], prefix: str = "") -> Iterator[tuple[set[str], str]]:
    """Return the methods and the path of each route, those of included routers among them."""
    for one in found:
        if hasattr(one, "original_router"):
            yield from routes_of(one.original_router.routes, prefix + one.include_context.prefix)
        elif isinstance(one, Route):
            yield (one.methods or set()) - {"HEAD"}, prefix + one.path


GUARD: Any = create_app(MagicMock(), operator_token=SecretStr(TOKEN), version="", mcp=AsyncMock())
ROUTES = [
    (method, re.sub(r"{(\w+)(:path)?}", lambda name: SAMPLES.get(name[1], "01"), path))
    for methods, path in routes_of(GUARD._app.routes)
    for method in sorted(methods)
]
"""Every route that the application has."""
PROTECTED, AGENTS, OPEN = (
    [(method, path) for method, path in ROUTES if GUARD.access(path).need is need]
    for need in (RequiredAccess.ACTOR, RequiredAccess.REPLY_KEY, RequiredAccess.NOTHING)
)
BODIES = {"/api/v2/tasks": {"brief": "x"}, "/api/v2/desks/main/hold": {"text": "x"}}


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_each_verb_needs_the_secret_that_fits_its_permission() -> None:
    for verb in VERBS:
        if On.HTTP in verb.on:
            method, path = verb.route.split()
            path = "/api/v2" + re.sub(r"{(\w+)}", lambda name: SAMPLES.get(name[1], "01"), path)
            assert (method, path) in (PROTECTED if verb.permission else AGENTS)
    assert {path.split("/")[1] for _, path in OPEN} == {"livez", "readyz", "proof", "page", "log-in"}


async def test_without_the_operators_token_nothing_is_told_or_done(face: Face) -> None:
    wrong = (None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}")
    for header, (method, path) in product(wrong, PROTECTED):
        headers = {} if header is None else {"Authorization": header}
        answer = await face.stranger.request(method, path, headers=headers, json=BODIES.get(path))
        assert refused(answer) == (401, "no_token"), path
        assert answer.headers["www-authenticate"] == "Bearer"
    assert await face.house.count() == 0
    assert face.house.worker.told == []


async def test_a_reply_key_opens_the_agents_routes_only(face: Face) -> None:
    keys = face.house.core.reply_keys
    for key, (method, path) in product((keys.key(), keys.key("Agent-1")), PROTECTED):
        headers = {"Authorization": f"Bearer {key}"}
        answer = await face.stranger.request(method, path, headers=headers, json=BODIES.get(path))
        assert refused(answer) == (401, "no_token"), path
    assert await face.house.count() == 0


async def test_a_log_in_counts_only_with_its_own_two_secrets_on_every_route(face: Face) -> None:
    log_ins = face.house.core.log_ins
    await face.house.core.people.bind(HolderId("discord:7"), Role.OWNER, by=OPERATOR)
    mine, other = [
        await log_ins.enter(log_ins.invite(who, by=OPERATOR), browser="x") for who in (OPERATOR.id, "discord:7")
    ]
    for (cookie, secret), (method, path) in product(
        ((mine.cookie, ""), ("", mine.secret), (mine.cookie, other.secret), (other.cookie, mine.secret), ("x", "x")),
        [*PROTECTED, *AGENTS],
    ):
        headers = {"Cookie": f"{COOKIE}={cookie}"} | ({SECRET: secret} if secret else {})
        answer = await face.stranger.request(method, path, headers=headers, json=BODIES.get(path))
        wanted = "not_logged_in" if secret else "no_token" if (method, path) in PROTECTED else "no_reply_key"
        assert refused(answer) == (401, wanted), path
    assert await face.house.count() == 0


async def test_a_log_in_and_a_key_open_no_route_of_agents(face: Face) -> None:
    core = face.house.core
    new = await core.log_ins.enter(core.log_ins.invite(OPERATOR.id, by=OPERATOR), browser="x")
    key = await core.api_keys.make("ci", frozenset(Permission), days=1, by=OPERATOR)
    await core.people.bind(HolderId("discord:7"), Role.OWNER, by=OPERATOR)
    other = await core.log_ins.enter(core.log_ins.invite("discord:7", by=OPERATOR), browser="x")
    for headers, (method, path) in product(
        (
            {"Authorization": f"Bearer {key.secret}"},
            {"Cookie": f"{COOKIE}={other.cookie}", SECRET: other.secret},
        ),
        AGENTS,
    ):
        answer = await face.stranger.request(method, path, headers=headers)
        assert refused(answer) == (401, "no_reply_key"), path
    assert new.secret != other.secret


async def test_what_a_viewer_may_not_do_is_refused_on_each_route_by_key_and_by_log_in(face: Face) -> None:
    """With the example of the API's description, so that nothing else is wrong with the request."""
    await face.house.working()
    core, viewer = face.house.core, HolderId("discord:7")
    await core.people.bind(viewer, Role.VIEWER, by=OPERATOR)
    new = await core.log_ins.enter(core.log_ins.invite(viewer, by=OPERATOR), browser="x")
    key = await core.api_keys.make("ci", ROLE_ALLOWS[Role.VIEWER], days=1, by=OPERATOR)
    described = await operations()
    shown = ({"Authorization": f"Bearer {key.secret}"}, {"Cookie": f"{COOKIE}={new.cookie}", SECRET: new.secret})
    for verb in VERBS:
        if On.HTTP in verb.on and verb.permission and verb.permission not in ROLE_ALLOWS[Role.VIEWER]:
            method, path = verb.route.split()
            for headers in shown:
                asked = request_of(f"{method} /api/v2{path}", described[f"{method} /api/v2{path}"])
                answer = await face.stranger.request(**asked, headers=headers)
                assert refused(answer) == (403, "not_allowed"), verb.route


async def test_a_code_alone_is_worthless_and_nothing_changes(face: Face) -> None:
    task, code = await face.house.working()
    right = face.house.core.reply_keys.key("Agent-1")
    forged = (right[:-1], right + "0", right.replace("Agent-1", "Agent-2"), "octet-reply..", right.upper())
    body = {"task": task, "code": code, "text": "forged"}
    for key, (method, path) in product((None, "wrong", *forged), AGENTS):
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        whole = body if path.endswith("progress") else {**body, "final": True, "key": "k"}
        answer = await face.stranger.request(method, path, headers=headers, json=whole)
        assert refused(answer) == (401, "no_reply_key"), key
    shown = await face.house.task(task)
    assert (shown.state, shown.progress) == (TaskState.WORKING, "")
    assert await face.house.answers(task) == []


async def test_an_agents_key_counts_for_the_codes_of_that_agent_only(face: Face) -> None:
    task, code = await face.house.working()
    agent = (await face.house.task(task)).agent
    keys = face.house.core.reply_keys
    body = {"task": task, "code": code, "text": "x"}
    for path, whole in (("", {**body, "final": False, "key": "k"}), ("/progress", body)):
        for name, wanted in (("Agent-9", 403), (str(agent).lower(), 403), (str(agent), 200)):
            headers = {"Authorization": f"Bearer {keys.key(name)}"}
            before = await face.house.task(task)
            answer = await face.stranger.post(f"/api/v2/replies{path}", headers=headers, json=whole)
            assert answer.status_code == wanted
            if wanted == 403:
                assert refused(answer) == (403, "wrong_agent")
                assert await face.house.task(task) == before
    assert len(await face.house.answers(task)) == 1


async def test_the_operators_token_counts_as_a_reply_key(face: Face) -> None:
    task, code = await face.house.working()
    body = {"task": task, "code": code, "text": "all done", "final": True, "key": "k"}
    assert (await face.operator.post("/api/v2/replies", json=body)).status_code == 200


async def test_another_host_is_refused_on_every_route(face: Face) -> None:
    hosts = ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "localhost@evil")
    for host, (method, path) in product(hosts, ROUTES):
        answer = await face.operator.request(method, path, headers={"Host": host}, json=BODIES.get(path))
        assert refused(answer) == (403, "host_refused"), path
    assert await face.house.count() == 0


async def test_another_page_is_refused_on_every_route(face: Face) -> None:
    origins = ("http://evil.example", "null", "http://localhost:1", "https://127.0.0.1")
    foreign = [*({"Origin": one} for one in origins), *({"Sec-Fetch-Site": one} for one in ("cross-site", "same-site"))]
    for headers, (method, path) in product(foreign, ROUTES):
        answer = await face.operator.request(method, path, headers=headers, json=BODIES.get(path))
        assert refused(answer) == (403, "origin_refused"), path
    assert await face.house.count() == 0


async def test_our_own_names_and_our_own_origin_are_welcome(face: Face) -> None:
    for host in (f"127.0.0.1:{face.port}", f"localhost:{face.port}", f"LOCALHOST:{face.port}", f"[::1]:{face.port}"):
        assert (await face.stranger.get("/livez", headers={"Host": host})).status_code == 200
    own = f"http://127.0.0.1:{face.port}"
    assert (await face.stranger.get("/livez", headers={"Origin": own})).status_code == 200
    cross = await face.stranger.get("/livez", headers={"Sec-Fetch-Site": "cross-site"})
    assert refused(cross) == (403, "origin_refused")


async def test_a_body_that_is_too_large_is_refused_however_it_comes(face: Face) -> None:
    announced = await face.operator.post("/api/v2/desks/main/hold", content=b" " * (BODY_LIMIT + 1))
    assert refused(announced) == (413, "body_too_large")

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(BODY_LIMIT // 100_000 + 1):
            yield b" " * 100_000

    streamed = await face.operator.post("/api/v2/desks/main/hold", content=pieces())
    assert refused(streamed) == (413, "body_too_large")
    assert refused(await face.agent.post("/api/v2/replies", content=b" " * (REPLY_LIMIT + 1)))[0] == 413
    assert (await face.stranger.get("/livez")).status_code == 200


async def test_a_body_that_breaks_off_does_no_harm(face: Face) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", face.port)
    writer.write(b"POST /api/v2/replies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nhalf")
    writer.write_eof()
    async with asyncio.timeout(60):
        await reader.read()
    writer.close()
    await writer.wait_closed()
    assert (await face.stranger.get("/livez")).status_code == 200


async def test_every_answer_carries_the_safe_headers(face: Face) -> None:
    for answer in (await face.operator.get("/api/v2/tasks"), await face.stranger.get("/api/v2/tasks")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers


async def test_a_wrong_code_is_denied_and_stores_nothing(face: Face) -> None:
    task, code = await face.house.working()
    for wrong in (code[:-1], code.partition(".")[2], "ü"):
        body = {"task": task, "code": wrong, "text": "secret words", "final": True, "key": "k"}
        assert refused(await face.agent.post("/api/v2/replies", json=body)) == (403, "wrong_code")
        body = {"task": task, "code": wrong, "text": "secret words"}
        assert refused(await face.agent.post("/api/v2/replies/progress", json=body)) == (403, "wrong_code")
    assert await face.house.answers(task) == []
    assert (await face.house.task(task)).progress == ""


async def test_no_log_line_holds_a_code_a_text_or_the_token(face: Face, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    task, code = await face.house.working("brief-words")
    with structlog.testing.capture_logs() as lines:
        for body in (
            {"task": task, "code": code, "text": "secret words", "final": False, "key": "k"},
            {"task": task, "code": code + "x", "text": "secret words", "final": False, "key": "k"},
            {"task": task, "code": code, "text": "secret words", "final": "secret words", "key": "k"},
            {"task": 5, "code": code, "text": "secret words"},
        ):
            answer = await face.agent.post("/api/v2/replies", json=body)
            assert "secret" not in answer.text
            assert code not in answer.text
        await face.stranger.get(f"/api/v2/replies/{code}", params={"code": code})
        await face.operator.get(f"/api/v2/tasks/{code}")
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("http")]  # not the client's
    said = repr(lines) + repr(ours)
    assert len(lines) >= 6
    for secret in (code, "secret words", "brief-words", TOKEN, face.house.core.reply_keys.key()):
        assert secret not in said


async def test_a_failure_of_ours_is_told_without_its_inside_and_the_next_request_works(face: Face) -> None:
    async def break_down(**_: object) -> None:
        raise RuntimeError("inside words")

    face.house.core.agents.list = break_down  # pyright: ignore[reportAttributeAccessIssue] - a fault
    with structlog.testing.capture_logs() as lines:
        answer = await face.operator.get("/api/v2/agents")
    assert (answer.status_code, answer.json()["code"]) == (500, "octet_error")
    assert "inside words" not in answer.text
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["request_failed"]
    assert (await face.operator.get("/api/v2/desks")).status_code == 200


async def test_a_stream_passes_the_guard_piece_by_piece() -> None:
    """As MCP's answers may come: the first piece is there before the second one is made."""
    is_read = asyncio.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        await is_read.wait()
        await send({"type": "http.response.body", "body": b"data: 2\n\n"})

    pieces: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if piece := message.get("body"):
            pieces.append(piece)
            is_read.set()

    guard = Guard(stream, access={"": ACCESS["/livez"]}, callers=CALLERS)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"localhost")], "state": {}}
    async with asyncio.timeout(60):
        await guard(scope, receive, send)
    assert pieces == [b"data: 1\n\n", b"data: 2\n\n"]
