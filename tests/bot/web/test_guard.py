"""Strangers: wrong tokens, evil hosts and origins, bodies without end, and what may stand in the log."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from itertools import product

import httpx
import pytest
import structlog
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import Message, Receive, Scope, Send

from bot.verbs.catalogue import VERBS
from bot.verbs.declare import On
from bot.web import app, click_page
from bot.web.app import ACCESS, BODY_LIMIT, REPLY_LIMIT
from bot.web.guard import LOOPBACK_NAMES, Guard, RequiredAccess
from bot.web.verbs import add_routes
from core.tasks.model import TaskState
from tests.bot.web.conftest import Face
from tests.house import TOKEN

SAMPLES = {"task": "T-1", "agent": "Agent-1", "desk": "main", "window": "agent-1", "attempt": "1"}


def path_of(route: str) -> tuple[str, str]:
    method, path = route.split()
    return method, "/api/v2" + re.sub(r"{(\w+)}", lambda name: SAMPLES.get(name[1], "01"), path)


PROTECTED = [
    *(path_of(one.route) for one in VERBS if one.permission and On.HTTP in one.on),
    ("POST", "/api/v2/desks/main/calibration"),
    ("GET", "/api/v2/desks/main/calibration"),
    ("POST", "/api/v2/desks/main/calibration/answer"),
    ("GET", "/api/v2/desks/main/calibration/picture"),
    ("POST", "/api/v2/desks/main/calibration/page"),
]
AGENTS = [path_of(one.route) for one in VERBS if not one.permission and On.HTTP in one.on]
OPEN = [*AGENTS, ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/proof/x")]
BODIES = {"/api/v2/tasks": {"brief": "x"}, "/api/v2/desks/main/hold": {"text": "x"}}


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_the_list_of_protected_routes_is_whole() -> None:
    """Each route that the application has is asked for below."""
    app = FastAPI()
    add_routes(app)
    routes = [(route, "") for route in app.routes] + [(route, "/api/v2") for route in click_page.calibrations.routes]
    known = {(m, f"{at}{one.path}") for one, at in routes if isinstance(one, APIRoute) for m in one.methods or ()}
    asked = [*PROTECTED, *((method, path) for method, path in OPEN if path.startswith("/api/"))]
    unasked = {
        (method, path)
        for method, path in known
        if not any(m == method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), p) for m, p in asked)
    }
    assert unasked == set()
    assert len(known) == len(asked)


async def test_the_guard_knows_which_secret_each_route_needs_before_it_reads_the_body() -> None:
    guard = Guard(FastAPI(), allowed_hosts=LOOPBACK_NAMES, access=ACCESS)
    assert {guard.access(path).need for _, path in PROTECTED} == {RequiredAccess.ACTOR}
    assert {guard.access(path).need for _, path in AGENTS} == {RequiredAccess.REPLY_KEY}
    for room in (app, click_page):
        paths = [route.path for route in room.router.routes if isinstance(route, APIRoute)]
        assert {guard.access(path).need for path in paths} == {RequiredAccess.NOTHING}


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


async def test_a_code_alone_is_worthless_and_nothing_changes(face: Face) -> None:
    task, code = await face.house.working()
    right = face.house.core.reply_keys.key("Agent-1")
    forged = (right[:-1], right + "0", right.replace("Agent-1", "Agent-2"), "octet-reply..", right.upper())
    body = {"task": task, "code": code, "text": "forged"}
    for key, (_, path) in product((None, "wrong", *forged), AGENTS):
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        whole = body if path.endswith("progress") else {**body, "final": True, "key": "k"}
        answer = await face.stranger.post(path, headers=headers, json=whole)
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
    for host, (method, path) in product(hosts, PROTECTED + OPEN):
        answer = await face.operator.request(method, path, headers={"Host": host}, json=BODIES.get(path))
        assert refused(answer) == (403, "host_refused"), path
    assert await face.house.count() == 0


async def test_another_page_is_refused_on_every_route(face: Face) -> None:
    origins = ("http://evil.example", "null", "http://localhost:1", "https://127.0.0.1")
    for origin, (method, path) in product(origins, PROTECTED + OPEN):
        answer = await face.operator.request(method, path, headers={"Origin": origin}, json=BODIES.get(path))
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

    guard = Guard(stream, allowed_hosts=LOOPBACK_NAMES, access={"": ACCESS["/livez"]})
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"localhost")], "state": {}}
    async with asyncio.timeout(60):
        await guard(scope, receive, send)
    assert pieces == [b"data: 1\n\n", b"data: 2\n\n"]
