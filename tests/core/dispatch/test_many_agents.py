"""A hundred agents and two hundred distinct demands: one round of dispatch makes a bounded number of statements."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from core.coordinator import Coordinator
from core.security.model import OPERATOR
from core.store.engine import Tx
from core.tasks.model import TaskId
from tests.builders import make_agent, make_new_task, open_coordinator
from tests.fakes.lane import FakeLane

AGENTS, DEMANDS = 100, 200
MOST_STATEMENTS = 400


@asynccontextmanager
async def fleet(home: Path) -> AsyncGenerator[Coordinator]:
    """Open a coordinator with a hundred agents, each of which can do two things of its own and one that all can."""
    agents = [make_agent(f"Agent-{number}", can=f"all one-{number} two-{number}") for number in range(AGENTS)]
    lanes = {agent.route: FakeLane() for agent in agents}
    async with open_coordinator(home, agents=agents, lanes=lanes) as octet:
        yield octet


async def counted_round(octet: Coordinator) -> tuple[int, bool]:
    """Let dispatch take one round; how many statements it made, and whether more is left."""
    statements: list[str] = []

    def work(tx: Tx) -> bool:
        tx.connection.set_trace_callback(statements.append)
        try:
            return octet.dispatch.assigner.assign_ready(tx)
        finally:
            tx.connection.set_trace_callback(None)

    more = await octet.store.write(work)
    return len(statements), more


async def test_a_round_makes_few_statements_however_many_agents_and_demands_there_are(tmp_path: Path) -> None:
    async with fleet(tmp_path) as octet:
        for number in range(DEMANDS):
            need = f"{'one' if number % 2 else 'two'}-{number // 2}"
            await octet.tasks.new(make_new_task(needs=frozenset({need})), by=OPERATOR)
        counts, more = list[int](), True
        while more:
            count, more = await counted_round(octet)
            counts.append(count)
        assert max(counts) < MOST_STATEMENTS, counts
        at_work = [one for one in await octet.agents.list(by=OPERATOR) if one.task]
        assert len(at_work) == AGENTS, "all agents got their tasks all the same"
        assert await octet.tasks.repository.queue.list_ready(limit=DEMANDS), "the others are still there"
        count, _ = await counted_round(octet)
        assert count < 15, "a round that finds no agent free"
        await octet.tasks.cancel(TaskId(at_work[0].task or ""), by=OPERATOR)
        count, _ = await counted_round(octet)
        assert count < 30, "a round that leases one task"
