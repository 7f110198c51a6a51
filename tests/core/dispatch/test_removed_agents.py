"""An agent leaves the config while Octet is busy with it: nothing ends, and what it had goes on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from core.agent_messages.model import NewAgentMessage
from core.agents.model import Lane
from core.deliveries.model import DeliveryState
from core.desks.model import WindowStatus
from core.reasons import Reason
from core.remedies import refused
from core.settings.model import DispatchSettings
from core.store.engine import Tx
from core.store.errors import StoreFull
from core.tasks import quarantine
from core.tasks.model import TaskState
from tests.builders import ADA, make_new_task, make_window_agent
from tests.core.dispatch.test_loop import QUICK, reach, window_house
from tests.core.supervision.test_silence import FIRST, HOUR_S, SECOND, begin, pass_time
from tests.core.supervision.test_when_silent import idle
from tests.fakes.clock import FakeClock
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane

ROUTE = (Lane.WINDOW, "main")
OTHER = make_window_agent("Agent-2", window="agent-2")


@pytest.mark.parametrize("on_agent_timeout", ["nudge", "release"])
async def test_a_silent_agent_that_is_removed_while_its_window_is_inspected_has_its_task_parked(
    tmp_path: Path, on_agent_timeout: Literal["nudge", "release"]
) -> None:
    clock, lane = FakeClock(), FakeLane()

    class Removing(FakeDeskWorker):
        async def look(self) -> tuple[WindowStatus, ...]:
            await octet.dispatch.follow_config([OTHER], {ROUTE: lane}, [])
            return idle("agent-1", "agent-2")

    policy = replace(QUICK, settings=DispatchSettings(on_agent_timeout=on_agent_timeout), idle_recheck_s=0)
    async with window_house(tmp_path, lane, agents=2, policy=policy, clock=clock, worker=Removing()) as octet:
        await begin(octet)
        await pass_time(octet, clock, HOUR_S)
        parked = await reach(octet, FIRST, TaskState.PARKED, "silent")
        assert "Agent-1" in parked.note
        await octet.tasks.new(make_new_task(), by=ADA)
        assert (await reach(octet, SECOND, TaskState.WORKING)).agent == "Agent-2", "Octet goes on"


async def test_an_agent_removed_by_a_commit_that_meets_a_full_disk_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane, agents=2) as octet:
        await octet.dispatch.desk_waits("main", Reason.PERSON_TYPING)
        sent = await octet.agent_messages.send(NewAgentMessage(text="Wait", agent="Agent-1"), by=ADA)
        monkeypatch.setattr(quarantine, "STORE_PAUSE_S", 0.0)
        refused, has_room = asyncio.Event(), asyncio.Event()

        async def until_back() -> None:
            refused.set()
            await has_room.wait()

        monkeypatch.setattr(octet.store, "until_back", until_back)

        def fills_up(_: Tx) -> None:
            if not refused.is_set():
                raise StoreFull(why="the disk is full")

        async with asyncio.TaskGroup() as group, asyncio.timeout(60):
            reload = group.create_task(octet.dispatch.follow_config([OTHER], {ROUTE: lane}, [], note=fills_up))
            await refused.wait()
            await octet.store.write(
                octet.dispatch.assigner.assign_ready
            )  # the config is the new one, the rows are the old ones
            has_room.set()
        assert reload.done()
        (delivery,) = await octet.deliveries.list_for_message(sent.message.id)
        assert delivery.state is DeliveryState.CANCELLED


async def test_a_window_that_left_the_config_during_an_act_is_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:

        def gone(*_: Any) -> None:
            raise refused("desk_not_found", id="main")

        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        monkeypatch.setattr(octet.desks, "answering", gone)
        await octet.dispatch._look("main", "agent-1")
