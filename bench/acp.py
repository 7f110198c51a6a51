"""What Octet adds to the turns of agents that speak ACP, in time and in memory.

A turn begins when Octet has noted that it submits the prompt, and ends with its task. Beside it, in the same run, the
official SDK's client makes the same turns with the same scripted agent, without Octet. The memory is that of the
coordinator and the worker, without the agents' programs, with eight agents that each had a turn, beside eight that the
dry run has. Last, calls over HTTP, and events of programs' hooks, while all eight write long answers, beside the same
while eight like them write for the SDK's client.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import aiohttp
import tomlkit
from acp import Client, RequestError, spawn_agent_process
from acp.helpers import text_block

from bench.measure import machine
from bench.measure.octet import Octet, environment, octet, until
from bench.measure.report import LEAST_P50, LEAST_P99, Report, at_most_times, below, median, percentile
from bot.cli.init.templates import copy_templates

N = int(os.environ.get("N", "200"))
CALLS = 1_000
AGENTS = 8
ROOT = Path(__file__).resolve().parent.parent
BRIEF = "lie: Yes."
LONG = "demo: long"
SETTLE_S = 5.0
TURN_S = 60.0
CALL_EVERY_S = 0.01
_PROMPTED = {"hook_event_name": "UserPromptSubmit", "session_id": "bench", "prompt": "A user's own words. " * 300}
"""What a hook says of a prompt that is none of Octet's, so that Octet looks for it."""


async def main() -> None:
    began = time.perf_counter()
    report = Report(name="acp")
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as name:
        folder = Path(name)
        resting_mb = await _resting(folder / "dry")
        bare = await _bare(folder / "bare")
        async with _octet(folder / "octet", "acp") as (running, session):
            turns, noted = await _turns(running, session)
            used_mb = await _memory(running)
            calm = await _beside_bare_turns(folder, running, session)
            busy = await _beside_turns(running, session)
    added = median(turns) - median(bare)
    report.add("turn_added_ms", added, "ms", n=len(turns), least=LEAST_P50, target=below(10))
    report.add("turn_ms", median(turns), "ms", n=len(turns), least=LEAST_P50, baseline=median(bare))
    report.add("noted_ms", median(noted), "ms", n=len(noted), least=LEAST_P50)
    report.add("mb_per_agent", (used_mb - resting_mb) / AGENTS, "MiB", n=AGENTS, least=AGENTS, target=below(15))
    report.add(
        "call_p99_ms",
        percentile(busy.calls, 0.99),
        "ms",
        n=len(busy.calls),
        least=LEAST_P99,
        baseline=percentile(calm.calls, 0.99),
        target=at_most_times(2.5),
    )
    report.add("hook_p99_ms", percentile(busy.hooks, 0.99), "ms", n=len(busy.hooks), least=LEAST_P99, target=below(100))
    for line in report.refused:
        print(line)
    print(report.line(n=len(turns), seconds=time.perf_counter() - began))


@asynccontextmanager
async def _octet(home: Path, lane: str) -> AsyncGenerator[tuple[Octet, aiohttp.ClientSession]]:
    """Run Octet with eight agents in this lane."""
    config = home / "config"
    copy_templates(config)
    (config / "desks/main.toml").unlink()
    agents: list[dict[str, Any]] = []
    for number in range(1, AGENTS + 1):
        agent: dict[str, Any] = {"name": f"Agent-{number}", "about": "scripted", "capabilities": ["text"], "lane": lane}
        if lane == "acp":
            agent["command"] = _command(home / f"history-{number}")
        agents.append(agent)
    (config / "agents.toml").write_text(tomlkit.dumps({"agents": agents}), encoding="utf-8")
    environ = environment(os.environ, home) | {"PYTHONPATH": str(ROOT)}
    async with octet(home, environ) as running, aiohttp.ClientSession() as session:
        yield running, session


def _command(history: Path) -> list[str]:
    return [sys.executable, "-m", "sandbox.acp", "--history", str(history)]


async def _resting(home: Path) -> float:
    async with _octet(home, "dryrun") as (running, _):
        return await _memory(running)


async def _memory(running: Octet) -> float:
    """Return the MiB of Octet's own processes."""
    await asyncio.sleep(SETTLE_S)
    tree = machine.tree({running.pid})
    programs = {pid for pid in tree if b"sandbox.acp" in (machine.PROC / str(pid) / "cmdline").read_bytes()}
    return (machine.pss_kb({running.pid}) - (machine.pss_kb(programs) if programs else 0)) / 1024


class _Silent:
    """A client that listens and says nothing."""

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None: ...

    async def request_permission(self, session_id: str, tool_call: Any, options: Any, **_: Any) -> Any:
        raise RequestError.internal_error()

    def on_connect(self, conn: Any) -> None: ...


@asynccontextmanager
async def _conversation(history: Path) -> AsyncGenerator[Callable[[str], Awaitable[object]]]:
    """Begin a conversation of the SDK's client with a scripted agent; give what makes a turn of it."""
    command, *words = _command(history)
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    async with spawn_agent_process(cast("Client", _Silent()), command, *words, env=environ) as (connection, _):
        await connection.initialize(protocol_version=1)
        own = (await connection.new_session(cwd="/", mcp_servers=[])).session_id

        async def turn(text: str) -> object:
            return await connection.prompt(session_id=own, prompt=[text_block(text)])

        yield turn


async def _bare(folder: Path) -> list[float]:
    """Return the milliseconds of each turn without Octet."""
    took: list[float] = []
    async with _conversation(folder) as turn:
        for number in range(N):
            began = time.perf_counter()
            await turn(f"Turn {number}.\n{BRIEF}")
            took.append((time.perf_counter() - began) * 1_000)
    return took


async def _turns(running: Octet, session: aiohttp.ClientSession) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each turn over Octet, and those from its lease until its journal has *submitting*."""
    for number in range(1, AGENTS + 1):
        await _task(running, session, BRIEF, f"Agent-{number}")
    tasks = [await _task(running, session, f"Turn {number}.\n{BRIEF}", "Agent-1") for number in range(N)]
    at: dict[tuple[str, str], int] = {}
    with closing(sqlite3.connect(f"file:{running.home / 'octet.db'}?mode=ro", uri=True)) as database:
        query = "select at_ms, data from journal where name in ('DeliveryMoved', 'TaskMoved') order by seq"
        for at_ms, data in database.execute(query):
            event = json.loads(data)
            at[str(event["task"]), event["now"]] = at_ms
    turns = [float(at[task, "done"] - at[task, "submitting"]) for task in tasks]
    return turns, [float(at[task, "submitting"] - at[task, "leased"]) for task in tasks]


async def _task(running: Octet, session: aiohttp.ClientSession, brief: str, agent: str) -> str:
    """Give the agent a task and wait for its end."""
    made = await running.ask(session, "POST", "/api/v2/tasks", json={"brief": brief, "agent": agent})

    async def is_done() -> bool:
        view = await running.ask(session, "GET", f"/api/v2/tasks/{made['id']}")
        return bool(view["task"]["state"] == "done")

    await until(is_done, TURN_S)
    return str(made["id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Took:
    """The milliseconds of calls, and of events of hooks."""

    calls: list[float]
    hooks: list[float]


async def _calls(running: Octet, session: aiohttp.ClientSession) -> _Took:
    """Return the milliseconds of calls over HTTP, each followed by an event of a hook."""

    async def ask() -> None:
        await running.ask(session, "GET", "/api/v2/agents")

    async def report() -> None:
        headers = {"Authorization": f"Bearer {running.token}"}
        async with session.post(f"{running.address}/hooks/claude_code", json=_PROMPTED, headers=headers) as answer:
            answer.raise_for_status()

    took = _Took(calls=[], hooks=[])
    for _ in range(CALLS):
        for call, into in ((ask, took.calls), (report, took.hooks)):
            began = time.perf_counter()
            await call()
            into.append((time.perf_counter() - began) * 1_000)
        await asyncio.sleep(CALL_EVERY_S)
    return took


async def _beside_turns(running: Octet, session: aiohttp.ClientSession) -> _Took:
    """Call while each agent writes one long answer after the other."""

    async def work(number: int) -> None:
        for turn in itertools.count():
            await _task(running, session, f"Long {turn}.\n{LONG}", f"Agent-{number}")

    return await _beside(work, running, session)


async def _beside_bare_turns(folder: Path, running: Octet, session: aiohttp.ClientSession) -> _Took:
    """Call while eight agents write for clients without Octet, whose agents rest."""

    async def work(number: int) -> None:
        async with _conversation(folder / f"bare-{number}") as turn:
            while True:
                await turn(LONG)

    return await _beside(work, running, session)


async def _beside(
    work: Callable[[int], Coroutine[Any, Any, None]], running: Octet, session: aiohttp.ClientSession
) -> _Took:
    async with asyncio.TaskGroup() as group:
        works = [group.create_task(work(number)) for number in range(1, AGENTS + 1)]
        await asyncio.sleep(SETTLE_S)
        took = await _calls(running, session)
        for one in works:
            one.cancel()
    return took


if __name__ == "__main__":
    asyncio.run(main())
