"""The cost of a round, counted in statements and in SQLite's instructions: it never grows faster than what waits."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from core.agent_messages.model import NewAgentMessage
from core.coordinator import Coordinator
from core.store.engine import Tx
from tests.builders import ADA, courier_of
from tests.core.dispatch.test_long_queue import fleet

FEW, TIMES = 8, 10
_STEPS = 50  # instructions between two calls of SQLite's progress handler


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work asked of SQLite."""

    statements: int
    instructions: int


async def cost_of(octet: Coordinator, work: Callable[[Tx], object]) -> Cost:
    """Carry out the work in a write, and count."""
    statements, ticks = list[str](), list[None]()

    def counted(tx: Tx) -> None:
        connection = cast("sqlite3.Connection", tx._connection.connection.driver_connection)
        connection.set_trace_callback(statements.append)
        connection.set_progress_handler(lambda: ticks.append(None), _STEPS)
        try:
            work(tx)
        finally:
            connection.set_trace_callback(None)
            connection.set_progress_handler(None, 0)

    await octet.store.write(counted)
    return Cost(len(statements), len(ticks) * _STEPS)


async def cost_of_round(octet: Coordinator) -> Cost:
    """Let dispatch take rounds until nothing is left; return what the next one costs."""
    while await octet.store.write(octet.dispatch.assigner.assign_ready):
        pass
    return await cost_of(octet, octet.dispatch.assigner.assign_ready)


def assert_linear(few: Cost, many: Cost) -> None:
    """Allow a tenth on top, for trees that are one page deeper."""
    assert many.statements <= few.statements * TIMES, (few, many)
    assert many.instructions <= few.instructions * TIMES * 1.1, (few, many)


Make = Callable[[Coordinator, int], Awaitable[None]]


async def messages_wait(octet: Coordinator, number: int) -> None:
    for one in range(number):
        await octet.agent_messages.send(NewAgentMessage(text=f"text {one}", agent="Agent-1"), by=ADA)


@asynccontextmanager
async def filled(home: Path, make: Make, number: int) -> AsyncGenerator[Coordinator]:
    async with fleet(home, 1, 2) as octet:
        await make(octet, number)
        yield octet


@pytest.mark.parametrize("make", [messages_wait])
async def test_a_round_costs_at_most_in_proportion_to_what_waits(tmp_path: Path, make: Make) -> None:
    found = list[Cost]()
    for number in (FEW, FEW * TIMES):
        async with filled(tmp_path / str(number), make, number) as octet:
            found.append(await cost_of_round(octet))
    assert_linear(*found)


async def test_a_look_for_the_next_delivery_costs_at_most_in_proportion_to_what_waits(tmp_path: Path) -> None:
    found = list[Cost]()
    for number in (FEW, FEW * TIMES):
        async with filled(tmp_path / str(number), messages_wait, number) as octet:
            take = courier_of(octet)._take
            found.append(await cost_of(octet, lambda tx, take=take: take(tx, "", None)))
    assert_linear(*found)
