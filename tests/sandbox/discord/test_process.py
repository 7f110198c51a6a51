"""The sandbox as a child process, on loopback only, with the same verbs over HTTP."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, WSServerHandshakeError

from sandbox.discord.client import SandboxClient
from sandbox.discord.errors import ClientRefused
from sandbox.discord.model import Json
from sandbox.discord.server import Sandbox, SandboxSettings
from tests.sandbox.discord.trial_bot import TrialBot, running

ROOT = Path(__file__).parents[3]


@asynccontextmanager
async def started(*options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, Json]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sandbox.discord",
        "--exit-on-eof",
        *options,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            yield process, json.loads(await process.stdout.readline())
        process.stdin.close()
        async with asyncio.timeout(60):
            rest, errors, code = await process.stdout.read(), await process.stderr.read(), await process.wait()
        assert (rest, errors, code) == (b"", b"", 0)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_one_line_tells_all_and_the_end_of_input_ends_it() -> None:
    async with started("--token", "chosen") as (_, about):
        assert set(about) == {"page", "api_base", "gateway_url", "token", "guild_id", "channel_id", "users"}
        assert about["token"] == "chosen"
        assert set(about["users"]) == {"Ada", "Ben"}
        async with SandboxClient(about["page"]) as client:
            assert await client.about() == about


async def test_sigterm_ends_it_cleanly() -> None:
    async with started() as (process, _):
        process.terminate()
        async with asyncio.timeout(60):
            assert await process.wait() == 0


async def test_a_busy_port_is_replaced() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with Sandbox.open(SandboxSettings(port=port)) as sandbox:
            assert f":{port}/" not in sandbox.page


async def test_the_client_class_has_the_verbs_over_http(sandbox: Sandbox) -> None:
    async with running(sandbox, TrialBot(sandbox.world.guild_id)), SandboxClient(sandbox.page) as client:
        await client.wait_commands("task")
        answer = await client.slash("Ada", "octet", "task new", {"prompt": "x"})
        assert answer.kind == "deferred_message"
        done = await client.wait_message(lambda m: "done" in m["content"], user="Ada")
        assert (await client.wait_thread())["name"] == "Task 7"
        assert [m["id"] for m in await client.pings("Ada")] == [done["id"]]
        choices = await client.autocomplete("Ada", "octet", "task new", {"agent": "be"}, "agent")
        assert [choice["value"] for choice in choices] == ["bert"]
        assert (await client.click("Ada", answer.message_id or "", "Cancel")).kind == "update"
        opened = await client.slash("Ada", "octet", "task note")
        assert (await client.submit_modal("Ada", opened, {"text": "hi"})).kind == "message"
        with pytest.raises(ClientRefused, match="No command /task gone"):
            await client.slash("Ada", "octet", "task gone")
        with pytest.raises(TimeoutError, match="No such message"):
            await client.wait_message(lambda _: False, within_s=0.05)
        said = await client.say("Ben", "general", "hello")
        assert [m["id"] for m in await client.messages(channel="general")] == [said["id"]]
        await client.delete_channel("Task 7")
        assert await client.threads() == []
        assert len(await client.timings()) == 5
        record = await client.record()
        assert (record["unknown_routes"], record["failures"]) == ([], [])


async def test_other_hosts_and_origins_are_refused_everywhere(sandbox: Sandbox) -> None:
    async with ClientSession() as session:
        for path in ("/", "/sandbox/about", "/api/v10/users/@me", "/gateway", "/sandbox/live"):
            for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
                async with session.get(sandbox.page.rstrip("/") + path, headers=headers) as response:
                    assert response.status == 403, (path, headers)
        with pytest.raises(WSServerHandshakeError) as caught:
            await session.ws_connect(sandbox.gateway_url, headers={"Origin": "http://evil.example"})
        assert caught.value.status == 403
        own = sandbox.page.rstrip("/")
        async with session.get(own + "/", headers={"Origin": own}) as response:
            assert response.status == 200
            assert "default-src 'self'" in response.headers["Content-Security-Policy"]
