"""What would wait for ever: a desk that never comes up, and rows that no step leads on from."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from core.agents.model import AgentState, Lane
from core.desks import service
from core.desks.model import DeskNow, DeskState
from core.desks.service import STARTS_WITHIN_S
from core.dispatch.assigner import Assigner
from core.notices.model import DISCORD, NoticeKind
from core.tasks.model import TaskId, TaskState
from tests.builders import ADA, make_desk, make_new_task, make_window_agent, open_coordinator
from tests.core.dispatch.test_loop import reach, running, window_house
from tests.core.supervision.test_roster import agent
from tests.fakes.clock import FakeClock
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane

FIRST = TaskId("T-1")


async def test_a_desk_that_starts_for_ever_is_a_reason_after_a_minute(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with (
        open_coordinator(
            tmp_path,
            agents=[make_window_agent()],
            desks=[make_desk("agent-1")],
            lanes={(Lane.WINDOW, "main"): lane},
            workers={"main": FakeDeskWorker()},
            clock=clock,
        ) as octet,
        running(octet),
    ):
        await octet.tasks.new(make_new_task(), by=ADA)
        await octet.store.ping()
        assert octet.desks.late_at_s() == octet.clock.monotonic_s() + 60
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.READY
        clock.advance(60)
        await octet.tasks.new(make_new_task(), by=ADA)  # dispatch looks again
        waiting = await reach(octet, FIRST, TaskState.WAITING, "desk")
        assert waiting.note == "Agent-1: desk main is unavailable (it has been starting for more than a minute)"
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        await reach(octet, FIRST, TaskState.WORKING)
        assert octet.desks.late_at_s() is None


async def test_dispatch_wakes_by_itself_when_a_desk_starts_for_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "STARTS_WITHIN_S", 0.2)
    async with (
        open_coordinator(
            tmp_path,
            agents=[make_window_agent()],
            desks=[make_desk("agent-1")],
            lanes={(Lane.WINDOW, "main"): FakeLane()},
            workers={"main": FakeDeskWorker()},
        ) as octet,
        running(octet),
    ):
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WAITING, "desk")


async def test_a_desk_that_becomes_late_just_after_dispatch_looked_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, rest = FakeClock(), Assigner._rest  # pyright: ignore[reportPrivateUsage] - the moment before it

    async def rest_later(assigner: Assigner, *limit: float | None) -> None:
        if not assigner._news.is_set():  # pyright: ignore[reportPrivateUsage] - else it looks again anyhow
            clock.advance(STARTS_WITHIN_S)
        await rest(assigner, *limit)

    monkeypatch.setattr(Assigner, "_rest", rest_later)
    async with open_coordinator(
        tmp_path,
        agents=[make_window_agent()],
        desks=[make_desk("agent-1")],
        lanes={(Lane.WINDOW, "main"): FakeLane()},
        workers={"main": FakeDeskWorker()},
        clock=clock,
    ) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        async with running(octet):
            await reach(octet, FIRST, TaskState.WAITING, "desk")


async def test_a_task_on_its_way_by_no_delivery_is_parked_at_the_start_and_frees_its_agent(tmp_path: Path) -> None:
    lane = FakeLane()
    lane.gate.clear()
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.DELIVERING)
        broken = text("UPDATE deliveries SET state = 'failed'")
        await octet.store.write(lambda tx: tx.execute(broken) and None)
    async with window_house(tmp_path, FakeLane()) as octet:
        assert (await reach(octet, FIRST, TaskState.PARKED, "lost")).note == (
            "nothing is being delivered to Agent-1 any more"
        )
        assert await agent(octet) == (AgentState.IDLE, None, None)
        assert any(notice.kind is NoticeKind.CARD for notice in await octet.notices.on(DISCORD).due())
        await octet.tasks.retry(FIRST, by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)


async def test_an_agent_with_a_task_that_ended_is_free_after_the_start(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        broken = text("UPDATE tasks SET state = 'done', deadline_ms = NULL")
        await octet.store.write(lambda tx: tx.execute(broken) and None)
    async with window_house(tmp_path, FakeLane()) as octet:
        assert await agent(octet) == (AgentState.IDLE, None, None)
