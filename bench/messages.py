"""How fast an agent's tool call over MCP is answered, while Octet hands tasks to dry-run agents.

One connection of a plain HTTP client, which costs less than the official client: from the request to the whole answer.
The tool is `my_task`, which says that its agent has no task: a dry-run agent never keeps one. The baseline is the same
verb over HTTP without MCP.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from bench.measure.octet import Octet, environment, octet
from bench.measure.report import LEAST_P50, LEAST_P99, Report, below, median, percentile

N = int(os.environ.get("N", "1000"))
AGENTS = 8
TASKS_PER_SECOND = 10
_AGENT = '[[agents]]\nname = "Agent-{}"\nrole = "waits"\ncapabilities = []\nlane = "dryrun"\n'
_CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "my_task", "arguments": {}}}
_ACCEPT = {"Accept": "application/json, text/event-stream"}


async def main() -> None:
    began = time.perf_counter()
    report = Report(name="messages")
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as folder:
        home = Path(folder) / "home"
        (home / "config").mkdir(parents=True)
        (home / "config/octet.toml").touch()
        agents = "\n".join(map(_AGENT.format, range(1, AGENTS + 1)))
        (home / "config/agents.toml").write_text(agents, encoding="utf-8")
        async with octet(home, environment(os.environ, home)) as running, aiohttp.ClientSession() as session:
            await _calls(report, running, session)
    for line in report.refused:
        print(line)
    print(report.line(n=2 * N, seconds=time.perf_counter() - began))


async def _calls(report: Report, running: Octet, session: aiohttp.ClientSession) -> None:
    token = (await running.ask(session, "GET", "/api/v2/agents/Agent-1/env"))["OCTET_AGENT_TOKEN"]
    headers = {"Authorization": f"Bearer {token}", **_ACCEPT}

    async def call() -> Any:
        async with session.post(f"{running.address}/mcp", json=_CALL, headers=headers) as answer:
            return await answer.json()

    async def plain() -> Any:
        async with session.get(f"{running.address}/api/v2/replies/task", headers=headers) as answer:
            return await answer.json()

    async with asyncio.TaskGroup() as group:
        work = group.create_task(_work(running, session))
        direct, took = await _timed(plain), await _timed(call)
        work.cancel()
    assert (await call())["result"]["structuredContent"]["code"] == "no_current_task"
    report.add("mcp_call_p50_ms", median(took), "ms", n=N, least=LEAST_P50, baseline=median(direct))
    worst, base = percentile(took, 0.99), percentile(direct, 0.99)
    report.add("mcp_call_p99_ms", worst, "ms", n=N, least=LEAST_P99, baseline=base, target=below(50))


async def _timed(act: Callable[[], Awaitable[Any]]) -> list[float]:
    """Return the milliseconds of each act, one after the other."""
    took = list[float]()
    for _ in range(N):
        began = time.perf_counter()
        await act()
        took.append((time.perf_counter() - began) * 1000)
    return took


async def _work(running: Octet, session: aiohttp.ClientSession) -> None:
    """Give tasks to the agents until cancelled."""
    for number in itertools.count():
        asked = {"brief": "Count the birds", "agent": f"Agent-{1 + number % AGENTS}"}
        await running.ask(session, "POST", "/api/v2/tasks", json=asked)
        await asyncio.sleep(1 / TASKS_PER_SECOND)


if __name__ == "__main__":
    asyncio.run(main())
