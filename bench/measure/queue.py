"""How long dispatch takes to choose an agent and to lease a task, with many tasks in the queue, and by how many
statements."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from automation.dryrun.lane import DryRunLane
from bot.app import work_tools
from core.agents.model import Agent, AgentName, Lane
from core.coordinator import Coordinator
from core.home import Home
from core.security.model import OPERATOR
from core.store.engine import Tx
from core.tasks.model import SHARE_MS, Choice, NewTask, TaskId
from tests.builders import FixedDeskWorkers, make_config


@dataclass(kw_only=True)
class Leases:
    """What was measured, in milliseconds."""

    decide_ms: list[float] = field(default_factory=list[float])  # from the begin of a round to its first choice
    lease_ms: list[float] = field(default_factory=list[float])  # from the question for a round to its commit
    statements: list[int] = field(default_factory=list[int])  # of each round
    per_s: float = 0.0  # leases while all agents are free again and again


async def measure(home: Path, *, agents: int, queued: int, demands: int, samples: int) -> Leases:
    """Lease `samples` tasks one at a time, each to an agent that has just become free; then fill the whole fleet."""
    found = Leases()
    await asyncio.to_thread(home.mkdir)
    async with _fleet(home, agents, demands) as octet:
        await octet.tasks.new(NewTask(brief="Say which callers pass a naive date.\n" * 8, needs=_need(0)), by=OPERATOR)
        _multiply(home / "octet.db", queued, demands)
        _remember(home / "octet.db", agents)
        await octet.tasks.load()
        await _fill(octet, found)
        for number in range(samples):
            (busy,) = [
                one.task for one in await octet.agents.list(by=OPERATOR) if one.agent.name == f"A-{number % agents}"
            ]
            await octet.tasks.cancel(TaskId(busy or ""), by=OPERATOR)
            began = time.perf_counter()
            await _round(octet, found, counts=False)
            found.lease_ms.append((time.perf_counter() - began) * 1000)
        for one in await octet.agents.list(by=OPERATOR):
            await octet.tasks.cancel(TaskId(one.task or ""), by=OPERATOR)
        began = time.perf_counter()
        await _fill(octet, found)
        found.per_s = agents / (time.perf_counter() - began)
    return found


@asynccontextmanager
async def _fleet(home: Path, agents: int, demands: int) -> AsyncGenerator[Coordinator]:
    """Open a coordinator; each demand has three agents that can do it, with different levels."""
    fleet = [
        Agent(
            name=AgentName(f"A-{place}"),
            about="works",
            capabilities=frozenset(f"c-{one}:{1 + place % 9}" for one in range(demands) if (one - place) % agents < 3),
            lane=Lane.DRYRUN,
        )
        for place in range(agents)
    ]
    workers = FixedDeskWorkers({}, {fleet[0].route: DryRunLane()})
    async with Coordinator.open(make_config(home, fleet), workers, work_tools(Home(root=home))) as octet:
        yield octet


def _need(number: int) -> frozenset[str]:
    return frozenset({f"c-{number}"})


async def _fill(octet: Coordinator, found: Leases) -> None:
    while await _round(octet, found):
        pass


async def _round(octet: Coordinator, found: Leases, *, counts: bool = True) -> bool:
    """Take one round; counting its statements takes longer than some of them."""
    statements: list[str] = []
    original, decided = octet.tasks.briefs.assign, list[float]()

    def assign(tx: Tx, task: TaskId, choice: Choice) -> object:
        decided.append(time.perf_counter())
        return original(tx, task, choice)

    def work(tx: Tx) -> bool:
        tx.connection.set_trace_callback(statements.append if counts else None)
        began = time.perf_counter()
        try:
            return octet.dispatch.assigner.assign_ready(tx)
        finally:
            tx.connection.set_trace_callback(None)
            found.decide_ms += [(at - began) * 1000 for at in decided[:1]]

    octet.tasks.briefs.assign = assign  # pyright: ignore[reportAttributeAccessIssue] - it notes when it is called
    try:
        return await octet.store.write(work)
    finally:
        octet.tasks.briefs.assign = original
        found.statements += [len(statements)] if counts else []


def _multiply(database: Path, queued: int, demands: int) -> None:
    """Add more ready tasks like the first one, in turn of each demand."""
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        like = dict(connection.execute("SELECT * FROM tasks WHERE number = 1").fetchone())
        rows = (
            {
                **like,
                "number": number,
                "rank": like["rank"] + number * SHARE_MS,
                "needs": json.dumps(sorted(_need(number % demands))),
            }
            for number in range(2, queued + 1)
        )
        named = ", ".join(f":{name}" for name in like)
        connection.executemany(f"INSERT INTO tasks ({', '.join(like)}) VALUES ({named})", rows)
        connection.commit()


def _remember(database: Path, agents: int) -> None:
    """Give each agent 100 attempts behind it, of which each fifth failed."""
    ended = [(task, f"A-{task % agents}", task, "failed" if task % 5 == 0 else "done") for task in range(agents * 100)]
    with closing(sqlite3.connect(database)) as connection:
        connection.executemany(
            "INSERT INTO attempts (task, fence, agent, category, began_ms, ended_ms, outcome, known_by)"
            " VALUES (-?, 1, ?, '', 0, ?, ?, 'octet')",
            ended,
        )
        connection.commit()
