"""Whether all is well: what that means, what is only passing, and who may see it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.coordinator import Coordinator
from core.desks.model import DeskNow, DeskState
from core.fleet.health import GRACE_S
from core.fleet.model import Part, Wellness
from core.notices.model import DISCORD
from core.reasons import Reason
from core.security.model import HUB, OPERATOR, NotAllowed
from core.store.errors import StoreUnavailable
from core.tasks.model import NewTask
from tests.builders import BEN, make_desk, make_window_agent, open_coordinator
from tests.fakes.clock import FakeClock
from tests.fakes.desk_worker import FakeDeskWorker


@asynccontextmanager
async def a_house(
    home: Path, clock: FakeClock, *, is_discord_connected: Callable[[], bool] | None = None
) -> AsyncGenerator[Coordinator]:
    agent = make_window_agent("Agent-1", window="agent-1")
    workers = {"main": FakeDeskWorker()}
    desks = [make_desk("agent-1")]
    async with open_coordinator(
        home,
        agents=[agent],
        desks=desks,
        lanes={},
        workers=workers,
        clock=clock,
        is_discord_connected=is_discord_connected,
    ) as octet:
        octet.desks.worker_is("main", DeskNow(DeskState.READY))
        yield octet


async def look(octet: Coordinator) -> Wellness:
    return await octet.fleet.health.look(by=HUB)


async def test_a_house_in_order_is_well_and_only_those_who_may_see_the_fleet_hear_so(tmp_path: Path) -> None:
    async with a_house(tmp_path, FakeClock()) as octet:
        now = await look(octet)
        assert (now.is_well, now.troubles, now.ping.is_wanted) == (True, (), False)
        with pytest.raises(NotAllowed, match="role viewer"):
            await octet.fleet.health.look(by=BEN)


async def test_a_desk_that_is_lost_counts_once_it_has_lasted(tmp_path: Path) -> None:
    clock = FakeClock()
    async with a_house(tmp_path, clock) as octet:
        octet.desks.worker_is("main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "its display went away"))
        first = await look(octet)
        [trouble] = first.troubles
        assert (trouble.part, trouble.name, trouble.counts) == (Part.DESK, "main", False)
        assert "its display went away" in trouble.what
        assert "octet doctor" in trouble.next
        assert first.is_well
        clock.advance(GRACE_S)
        later = await look(octet)
        assert (later.is_well, later.troubles[0].since_ms) == (False, trouble.since_ms)
        octet.desks.worker_is("main", DeskNow(DeskState.READY))
        assert (await look(octet)).troubles == ()
        octet.desks.worker_is("main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "again"))
        assert (await look(octet)).is_well


@pytest.mark.parametrize("verb", ["stop", "hold"])
async def test_a_desk_that_a_person_closed_is_a_problem_at_once_but_raises_no_alarm(tmp_path: Path, verb: str) -> None:
    clock = FakeClock()
    async with a_house(tmp_path, clock) as octet:
        await getattr(octet.desks, verb)("main", by=OPERATOR)
        now = await look(octet)
        assert ([one.name for one in now.troubles], now.is_well, now.pings) == (["main"], False, True)
        await octet.tasks.new(NewTask(brief="Count the birds"), by=OPERATOR)
        await octet.tasks.quarantine.write(octet.dispatch.assigner.assign_ready)
        now = await look(octet)
        [trouble] = now.troubles
        assert (trouble.part, trouble.name, trouble.counts) == (Part.DESK, "main", True)
        assert "/desk release" in trouble.next
        assert (now.is_well, now.pings) == (False, True)
        await octet.desks.release("main", by=OPERATOR)
        assert (await look(octet)).is_well


async def test_a_message_that_discord_refused_three_times_is_a_problem_but_raises_no_alarm(tmp_path: Path) -> None:
    clock = FakeClock()
    async with a_house(tmp_path, clock) as octet:
        await octet.tasks.new(NewTask(brief="Count the birds"), by=OPERATOR)
        clock.advance(1)
        [card] = await octet.notices.on(DISCORD).due(limit=1)
        for _ in range(2):
            await octet.notices.on(DISCORD).again(card.id, error="Discord is down", after_s=1)
        assert (await look(octet)).is_well
        await octet.notices.on(DISCORD).again(card.id, error="Discord is down", after_s=1)
        now = await look(octet)
        assert [(one.part, one.name) for one in now.troubles] == [(Part.NOTICE, "T-1")]
        assert (now.is_well, now.pings) == (False, True)


async def test_discord_counts_only_where_there_is_a_token(tmp_path: Path) -> None:
    clock, connected = FakeClock(), [False]
    async with a_house(tmp_path / "without", clock) as octet:
        assert (await look(octet)).troubles == ()
    async with a_house(tmp_path / "with", clock, is_discord_connected=lambda: connected[0]) as octet:
        assert [one.part for one in (await look(octet)).troubles] == [Part.DISCORD]
        clock.advance(GRACE_S)
        assert not (await look(octet)).is_well
        connected[0] = True
        assert (await look(octet)).is_well


async def test_a_database_that_takes_no_writes_counts_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_house(tmp_path, FakeClock()) as octet:

        async def refuse() -> None:
            raise StoreUnavailable(why="the test took it away")

        monkeypatch.setattr(octet.store, "ping", refuse)
        now = await look(octet)
        assert not now.is_well
        assert "the test took it away" in now.troubles[0].what
