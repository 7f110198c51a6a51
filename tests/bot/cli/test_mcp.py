"""`octet mcp serve` under the official client, and `octet mcp config` for each program."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import tomllib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from bot.cli import commands, mcp_bridge
from bot.cli.answers import named_in
from bot.cli.mcp_bridge import Bridge
from bot.runfile import octet_command
from core.tasks.model import TaskId, TaskState
from tests.bot.mcp.conftest import MODES, VERSIONS
from tests.house import House, open_house

REPOSITORY = Path(__file__).parents[3]
PING = {"jsonrpc": "2.0", "id": 7, "method": "ping"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[House]:
    async with open_house(tmp_path / "home") as house:
        yield house


async def agent_and_task(house: House) -> tuple[str, TaskId, str]:
    task, code = await house.working()
    return str((await house.task(task)).agent), task, code


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_official_client_works_over_standard_input_and_output(house: House, version: str) -> None:
    agent, task, code = await agent_and_task(house)
    async with house.served() as run:
        url, token = f"http://{run.address}:{run.port}", house.core.reply_keys.key(agent)
        by_home = (["--agent", agent, "--home", str(house.home)], {})
        by_environment = ([], {"OCTET_URL": url, "OCTET_AGENT_TOKEN": token})
        arguments, variables = by_home if version == VERSIONS[0] else by_environment
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **variables}
        command = ["-m", "bot", "mcp", "serve", *arguments]
        server = StdioServerParameters(command=sys.executable, args=command, env=environ)
        async with Client(server, mode=MODES[version]) as client:
            tools = {one.name for one in (await client.list_tools()).tools}
            assert "report_done" in tools
            assert task in str(await client.read_resource("octet://task"))
            result = await client.call_tool("report_done", {"task": task, "code": code, "text": "all done: 漢字"})
            assert not result.is_error
    assert [one.body for one in await house.answers(task)] == ["all done: 漢字"]
    assert (await house.task(task)).state is TaskState.DONE


async def passed(bridge: Bridge, *messages: object) -> list[Any]:
    """Return what the bridge prints for these messages."""
    lines = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in messages]
    out = io.StringIO()
    await asyncio.to_thread(bridge.serve, lines, out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


async def test_it_finds_octet_again_after_a_restart_and_says_when_octet_is_silent(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mcp_bridge, "WAIT_S", 0.0)
    bridge = Bridge(house.home, "Agent-1", None)
    for _ in range(2):
        async with house.served():  # each time on another port
            assert [one["result"] for one in await passed(bridge, PING)] == [{}]
        (silent,) = await passed(bridge, PING, {"jsonrpc": "2.0", "method": "notifications/cancelled"})
        assert (silent["id"], silent["error"]["code"]) == (7, -32603)


async def test_what_octet_refuses_and_what_is_no_message_are_errors_of_the_protocol(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp_bridge, "WAIT_S", 0.0)
    async with house.served() as run:
        url, token = f"http://{run.address}:{run.port}", house.core.reply_keys.key("Agent-1")
        forged = {"OCTET_URL": url, "OCTET_AGENT_TOKEN": token[:-1] + ("0" if token[-1] != "0" else "1")}
        (refused,) = await passed(Bridge(None, "", named_in(forged)), PING)
        assert "does not know your reply key" in refused["error"]["message"]  # it was sent no token
        (unknown,) = await passed(Bridge(house.home, "Agent-99", None), PING)
        assert unknown["error"]["data"] == {"code": "agent_not_found"}
        bridge = Bridge(house.home, "Agent-1", None)
        broken, array, fine = await passed(bridge, b"{", b"  ", [1], PING, b'{"jsonrpc":"2.0","method":"x/y"}')
    assert (broken["error"]["code"], broken["id"]) == (-32700, None)
    assert "error" in array
    assert fine["result"] == {}


async def test_a_program_that_octet_started_speaks_for_its_agent(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    agent, task, _ = await agent_and_task(house)
    monkeypatch.setenv("OCTET_HOME", str(house.home))
    monkeypatch.setenv("OCTET_AGENT_TOKEN", house.core.reply_keys.key(agent))
    monkeypatch.delenv("OCTET_URL", raising=False)
    read = {**PING, "method": "resources/read", "params": {"uri": "octet://task"}}
    async with house.served():
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(read).encode())))
        assert await asyncio.to_thread(mcp_bridge.main, []) == 0
    assert task in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--agent", "Agent-1"]])
def test_without_a_token_or_a_home_it_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    for name in ("OCTET_HOME", "OCTET_URL", "OCTET_AGENT_TOKEN", "OCTET_REPLY_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert mcp_bridge.main(arguments) == 2
    said = capsys.readouterr()
    assert (said.out, "octet agent env" in said.err) == ("", True)


def server_of(kind: str, content: Any) -> dict[str, Any]:
    """Return the server as this program describes it, without what is the same for all."""
    under = {"vscode": "servers", "codex": "mcp_servers", "opencode": "mcp"}.get(kind, "mcpServers")
    assert set(content) - {"$schema"} == {under}
    return content[under]["octet"]


KINDS: dict[str, dict[str, Any]] = {
    "cursor": {"env": "${env:X}"},
    "claude": {"type": "stdio", "env": "${X}"},
    "vscode": {"type": "stdio", "env": "${env:X}"},
    "codex": {"env_vars": ["OCTET_URL", "OCTET_AGENT_TOKEN"]},
    "gemini": {"env": "$X"},
    "opencode": {"type": "local", "enabled": True, "environment": "{env:X}"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_program_gets_its_own_form_for_an_agent_and_without_a_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/octet.toml").touch()
    for agent, more in (("Agent-1", ["--agent", "Agent-1", "--home", str(tmp_path)]), (None, [])):
        asked = ["mcp", "config", kind, *([agent, "--home", str(tmp_path)] if agent else [])]
        assert commands.main(asked) == 0
        said = capsys.readouterr()
        server = server_of(kind, tomllib.loads(said.out) if kind == "codex" else json.loads(said.out))
        command = [*octet_command(), "mcp", "serve", *more]
        form: dict[str, Any] = (
            {"command": command} if kind == "opencode" else {"command": command[0], "args": command[1:]}
        )
        for name, given in KINDS[kind].items():
            if name not in {"env", "env_vars", "environment"}:
                form[name] = given
            elif not agent:
                is_map = isinstance(given, str)
                form[name] = {key: given.replace("X", key) for key in KINDS["codex"]["env_vars"]} if is_map else given
        assert server == form
        assert "octet-reply." not in said.out
