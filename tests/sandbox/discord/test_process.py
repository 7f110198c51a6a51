"""The sandbox as a child process, on loopback only, with the same verbs over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar, WSServerHandshakeError

from sandbox.discord.errors import ClientRefused
from sandbox.discord.model import Json
from sandbox.discord.page_routes import PageRoutes
from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox
from tests.fakes.sandbox_client import SandboxClient, wait_commands, wait_message, wait_thread
from tests.sandbox.discord.wire import home, ok

ROOT = Path(__file__).parents[3]


@asynccontextmanager
async def started(
    module: str = "sandbox.discord", **environ: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Json]]:
    """Start a program of the sandbox; it must end with its input, without a word and with 0."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, "--exit-on-eof"),
        cwd=ROOT,
        env={**os.environ, **environ},
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            yield process, json.loads(await process.stdout.readline())
            assert await process.communicate(b"") == (b"", b"")
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_one_line_describes_it_and_the_end_of_input_or_sigterm_ends_it() -> None:
    async with started(SANDBOX_TOKEN="chosen") as (_, about):
        assert about.pop("link").startswith(f"{about['page']}?ticket=")
        assert set(about) == {"page", "key", "api_base", "gateway_url", "token", "guild_id", "channel_id", "users"}
        assert (about["token"], set(about["users"])) == ("chosen", {"Ada", "Ben"})
        async with SandboxClient(about["page"], about["key"]) as client:
            assert await client.look("about") == about
    async with started() as (process, _):
        process.terminate()


async def test_a_busy_port_is_replaced() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with open_sandbox(SandboxSettings(port=port)) as sandbox:
            assert f":{port}/" not in sandbox.page


@pytest.mark.usefixtures("bot")
async def test_the_client_class_has_the_verbs_over_http(sandbox: Sandbox) -> None:
    async with SandboxClient(sandbox.page, sandbox.keys.key) as client:
        await wait_commands(client, "task")
        answer = await client.slash("Ada", "octet", "task new", {"prompt": "x"})
        assert answer.kind == "deferred_message"
        done = await wait_message(client, lambda m: "done" in m["content"], user="Ada")
        assert (await wait_thread(client))["name"] == "Task 7"
        assert [m["id"] for m in await client.look("pings", user="Ada")] == [done["id"]]
        asked = {"user": "Ada", "channel": "octet", "command": "task new", "options": {"agent": "be"}}
        choices = await client.act("autocomplete", **asked, focused="agent")
        assert [choice["value"] for choice in choices] == ["bert"]
        assert (await client.click("Ada", answer.message_id or "", "Cancel")).kind == "update"
        opened = await client.slash("Ada", "octet", "task note")
        assert (await client.submit_modal("Ada", opened, {"text": "hi"})).kind == "message"
        with pytest.raises(ClientRefused, match="No command /task gone"):
            await client.slash("Ada", "octet", "task gone")
        with pytest.raises(TimeoutError, match="No such message"):
            await wait_message(client, lambda _: False, within_s=0.05)
        said = await client.say("Ben", "general", "hello")
        assert [m["id"] for m in await client.messages(channel="general")] == [said["id"]]
        await client.act("delete_channel", channel="Task 7")
        assert await client.threads() == []
        assert len(await client.look("timings")) == 5
        record = await client.look("record")
        assert record["problems"] == []


async def test_other_hosts_and_origins_are_refused_everywhere(sandbox: Sandbox) -> None:
    own = sandbox.page.rstrip("/")
    async with ClientSession() as session:
        for path in ("/", "/sandbox/about", "/api/v10/users/@me", "/gateway", "/sandbox/live"):
            for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
                async with session.get(own + path, headers=headers) as response:
                    assert response.status == 403, (path, headers)
        with pytest.raises(WSServerHandshakeError) as caught:
            await session.ws_connect(sandbox.gateway_url, headers={"Origin": "http://evil.example"})
        assert caught.value.status == 403
        async with session.get(sandbox.link(), headers={"Origin": own}) as response:
            assert response.status == 200
            assert "default-src 'self'" in response.headers["Content-Security-Policy"]


def routes_of_the_page(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Return method and path of each route below /sandbox, with every word that a path may hold."""
    found: list[tuple[str, str]] = []
    for route in PageRoutes(sandbox).routes():
        choice = re.search(r"\{\w+:([\w|]+)\}", route.path)
        words = choice[1].split("|") if choice else [""]
        found += [(route.method, re.sub(r"\{.*\}", word, route.path)) for word in words]
    return [(method, path) for method, path in found if path.startswith("/sandbox/")]


async def test_another_account_gets_no_token_no_screen_and_acts_as_no_person(sandbox: Sandbox) -> None:
    """It can connect, and knows every address; the key and the link it cannot read."""
    said = await sandbox.say("Ada", "general", "hello")
    routes = routes_of_the_page(sandbox)
    assert len(routes) > 30
    async with ClientSession() as session:
        for key in ("", "x", sandbox.token, "ä"):
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            for method, path in routes:
                query = {"user": "Ada", "n": "0", "message": str(said["id"]), "ticket": "x"}
                async with session.request(
                    method, sandbox.page + path[1:], headers=headers, params=query, json={}
                ) as response:
                    assert response.status == 401, (method, path)
                    assert sandbox.token not in await response.text()
            for address in (sandbox.page, f"{sandbox.page}?ticket=", f"{sandbox.page}?ticket={sandbox.token}"):
                async with session.get(address, headers=headers) as response:
                    assert response.status == 403
        assert [one["content"] for one in await sandbox.messages(channel="general")] == ["hello"]


async def test_a_link_lets_one_browser_in_once_and_its_tabs_and_reloads_after_that(sandbox: Sandbox) -> None:
    link, about = sandbox.link(), f"{sandbox.page}sandbox/about"
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as first, ClientSession() as second:
        async with first.get(link) as response:
            assert response.status == 200
            assert {"HttpOnly", "SameSite=Strict"} <= set(response.headers["Set-Cookie"].split("; "))
        for session, address, status in (
            (second, link, 403),
            (first, link, 200),
            (first, sandbox.page, 200),
            (first, about, 200),
            (second, about, 401),
        ):
            async with session.get(address) as response:
                assert response.status == status, address


async def test_a_file_is_given_to_readers_of_its_message_only(sandbox: Sandbox) -> None:
    message = await ok(sandbox, "POST", home(sandbox, "/messages"), {"content": "x"}, files={"a.txt": b"alpha"})
    url = message["attachments"][0]["url"]
    async with ClientSession() as session:
        for address, status in ((url, 200), (url.partition("?")[0], 404), (url[:-1] + "x", 404)):
            async with session.get(address) as response:
                assert response.status == status
