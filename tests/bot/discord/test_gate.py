"""What Discord refuses to the connection or to a channel stops all writers there, not one notice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text as sql

from bot.discord.gate import Blocked
from bot.discord.outbox import Outbox
from core.agents.model import Lane
from core.coordinator import Coordinator
from core.notices.model import NoticeState, Place
from core.store.engine import Row
from core.tasks.model import Task
from tests.bot.discord.shapes import ADA
from tests.builders import make_agent, make_new_task, open_coordinator
from tests.fakes.channels import FakeChannels
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane

CHANNEL = 2001


@dataclass(kw_only=True)
class House:
    """A coordinator, channels in memory, an outbox that works only when the test says so, and one clock for all."""

    coordinator: Coordinator
    channels: FakeChannels
    clock: FakeClock
    outbox: Outbox

    async def ask(self, brief: str = "Count the birds", channel: int = CHANNEL) -> Task:
        place = Place(channel=str(channel), guild="3001")
        return await self.coordinator.tasks.new(make_new_task(brief, place=place), by=ADA)

    async def sweep(self, times: int = 1) -> None:
        """Let the outbox look so many times, and finish what it begins."""
        for _ in range(times):
            async with asyncio.timeout(60), asyncio.TaskGroup() as group:
                await self.outbox._sweep(group)

    async def rows(self) -> list[Row]:
        return list(await self.coordinator.store.fetch(sql("SELECT * FROM notices ORDER BY id")))


@asynccontextmanager
async def house(home: Path) -> AsyncGenerator[House]:
    clock = FakeClock()
    channels = FakeChannels(clock=clock)
    async with open_coordinator(
        home, agents=[make_agent()], lanes={(Lane.DRYRUN, None): FakeLane()}, clock=clock
    ) as coordinator:
        outbox = Outbox(coordinator, channels, clock=clock, default_channel=None)
        yield House(coordinator=coordinator, channels=channels, clock=clock, outbox=outbox)


def banned(after_s: float = 60.0) -> Blocked:
    return Blocked(why="429 0", after_s=after_s)


def always(error: Exception) -> Callable[[str], None]:
    def fault(_verb: str) -> None:
        raise error

    return fault


async def test_a_ban_stops_all_writers_and_then_one_tries_before_the_others(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        for _ in range(30):
            await here.ask()
        here.channels.before = always(banned(60.0))
        await here.sweep(times=20)
        assert len(here.channels.calls) <= 8, "only those that were under way when the ban began"
        before = len(here.channels.calls)
        here.clock.advance(60)
        await here.sweep(times=5)
        assert len(here.channels.calls) == before + 1, "one request shows that the ban goes on"
        here.channels.before = FakeChannels().before
        here.clock.advance(60)
        await here.sweep(times=20)
        assert len(here.channels.threads) == 30
        assert {row.attempts for row in await here.rows()} == {0}, "a ban is no try of a notice"


async def test_a_ban_without_a_length_rests_for_five_minutes(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        await here.ask()
        here.channels.before = always(Blocked(why="429 0"))
        await here.sweep()
        here.clock.advance(299)
        await here.sweep()
        assert len(here.channels.calls) == 1
        here.clock.advance(1)
        await here.sweep()
        assert len(here.channels.calls) == 2
        assert [NoticeState(row.state) for row in await here.rows()] == [NoticeState.PENDING]
