"""How long users of a coordinator with a long history wait for words, a broadcast, a round, a start and the board."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from automation.dryrun.lane import DryRunLane
from bench.measure.history import _Hands
from bot.app import work_tools
from core.agent_messages.model import NewAgentMessage
from core.agents.model import Agent, AgentName, Lane
from core.coordinator import Coordinator
from core.desks.model import Desk, DeskNow, DeskState, Window
from core.profiles.model import Box
from core.security.model import OPERATOR
from core.tasks.model import TaskId
from tests.builders import FixedDeskWorkers, make_config

AGENTS = 100
SENT = 100
BROADCASTS = 10
ROUNDS = 5
BOARDS = 20
PARKED = 5_000
GONE = 10_000
"""Tasks that wait for an agent which the config has no longer."""


async def words_and_rounds(home: Path) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of each message to one agent, of each broadcast to a hundred, of each round that assigns a hundred
    tasks."""
    async with _fleet(home) as octet:
        rounds = [await _round(octet) for _ in range(ROUNDS)]
        everybody = NewAgentMessage(text="Say in one line how far you are.")
        sent = [await _send(octet, replace(everybody, agent=f"Agent-{number}")) for number in range(1, SENT + 1)]
        broadcasts = [
            await _timed(lambda: octet.agent_messages.broadcast(everybody, by=OPERATOR)) for _ in range(BROADCASTS)
        ]
    return sent, broadcasts, rounds


async def boards(home: Path) -> list[float]:
    """For how many milliseconds the event loop stood still at the longest, in each of several looks at the board."""
    _add(home, PARKED, state="parked", reason="window_refused", cause="covered", note="by a window of Notes")
    async with _fleet(home) as octet:
        stalls = [await _stall(lambda: octet.fleet.board(by=OPERATOR)) for _ in range(BOARDS)]
        assert (await octet.fleet.needs_me(by=OPERATOR)).total >= PARKED
    _take_away(home)
    return stalls


def wait_for_gone_agent(home: Path) -> None:
    """Let many tasks wait for an agent that was removed from the config."""
    _add(home, GONE, state="waiting", reason="desk", note="Gone-1: desk main is unavailable", wanted="Gone-1")


@asynccontextmanager
async def _fleet(home: Path) -> AsyncGenerator[Coordinator]:
    """Open the coordinator of this home with a hundred agents on one desk; no loop runs."""
    names = [f"Agent-{number}" for number in range(1, AGENTS + 1)]
    box = Box(x=0, y=0, width=100, height=100)
    windows = tuple(Window(name=name, profile="demo_tk", title=name, box=box) for name in names)
    desk = Desk(name="hundred", display=":0", windows=windows)
    agents = [
        Agent(
            name=AgentName(name),
            about="worker",
            capabilities=frozenset(),
            lane=Lane.WINDOW,
            desk=desk.name,
            window=name,
        )
        for name in names
    ]
    lanes: dict[Any, Any] = {(Lane.WINDOW, desk.name): DryRunLane()}
    config, workers = make_config(home, agents, [desk]), FixedDeskWorkers(_Hands([desk]), lanes)
    async with Coordinator.open(config, workers, work_tools(config.home)) as octet:
        await octet.store.examination.wait()
        await octet.dispatch.desk_changed(desk.name, DeskNow(DeskState.READY))
        yield octet


async def _round(octet: Coordinator) -> float:
    """One round of dispatch that assigns as many tasks as there are agents; they are free again after it."""
    took = 0.0
    # Waiting tasks go on fifty at a time, so that the first rounds may assign fewer.
    while sum(status.task is not None for status in await octet.agents.list(by=OPERATOR)) < AGENTS:
        took += await _timed(lambda: octet.store.write(octet.dispatch.assigner.assign_ready))
    busy = [status.task for status in await octet.agents.list(by=OPERATOR) if status.task]
    assert len(busy) == AGENTS, busy
    for task in busy:
        await octet.tasks.cancel(TaskId(task), by=OPERATOR)
    return took


async def _send(octet: Coordinator, words: NewAgentMessage) -> float:
    return await _timed(lambda: octet.agent_messages.send(words, by=OPERATOR))


async def _timed(act: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await act()
    return (time.perf_counter() - began) * 1000


async def _stall(act: Callable[[], Awaitable[object]]) -> float:
    """Return the longest time, while `act` runs, in which the event loop runs nothing else."""
    longest, last = 0.0, time.perf_counter()

    async def tick() -> None:
        nonlocal longest, last
        while True:
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now

    async with asyncio.TaskGroup() as group:
        ticking = group.create_task(tick())
        await act()
        await asyncio.sleep(0)
        ticking.cancel()
    return longest * 1000


def _add(home: Path, count: int, **columns: object) -> None:
    """More tasks like the last one of this home, but for these columns."""
    with closing(sqlite3.connect(home / "octet.db")) as database:
        database.row_factory = sqlite3.Row
        like = dict(database.execute("SELECT * FROM tasks ORDER BY number DESC LIMIT 1").fetchone())
        first = like["number"] + 1
        row = {**like, **columns, "idempotency_key": None}
        named = ", ".join(f":{name}" for name in row)
        rows = ({**row, "number": number} for number in range(first, first + count))
        database.executemany(f"INSERT INTO tasks ({', '.join(row)}) VALUES ({named})", rows)
        cards = "SELECT * FROM notices WHERE kind = 'card' AND task = ?"
        card = dict(database.execute(cards, (f"T-{like['number']}",)).fetchone())
        like_card = card.pop("id")
        (newest,) = database.execute("SELECT max(id) FROM notices").fetchone()
        marks = ", ".join(f":{name}" for name in card)
        more = ({**card, "task": f"T-{number}"} for number in range(first, first + count))
        database.executemany(f"INSERT INTO notices ({', '.join(card)}) VALUES ({marks})", more)
        post = dict(database.execute("SELECT * FROM notice_posts WHERE notice = ?", (like_card,)).fetchone())
        named = ", ".join(f":{name}" for name in post if name != "notice")
        database.execute(f"INSERT INTO notice_posts SELECT id, {named} FROM notices WHERE id > {newest}", post)
        database.commit()


def _take_away(home: Path) -> None:
    """End the tasks that were added as parked."""
    with closing(sqlite3.connect(home / "octet.db")) as database:
        database.execute("UPDATE tasks SET state = 'cancelled', reason = '' WHERE state = 'parked'")
        database.commit()
