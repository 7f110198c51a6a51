"""Agents follow what their windows show: nothing is given to one that asks, and what moves in a window is a sign."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.agents.model import AgentState
from core.coordinator import Coordinator
from core.desks.model import Shown
from core.profiles.model import Activity
from core.tasks.model import TaskId, TaskState
from tests.builders import ADA, make_new_task
from tests.core.dispatch.test_loop import reach, window_house
from tests.core.duty.test_roster import agent
from tests.core.duty.test_silence import HOUR_S, begin, pass_time
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane

FIRST, SECOND = TaskId("T-1"), TaskId("T-2")


async def shows(octet: Coordinator, activity: Activity, mark: str = "") -> None:
    await octet.dispatch.window_shows("main", Shown(window="agent-1", activity=activity, mark=mark))


async def becomes(octet: Coordinator, state: AgentState, reason: str = "", task: str | None = "T-1") -> None:
    async with asyncio.timeout(10):
        while await agent(octet) != (state, reason, task):  # noqa: ASYNC110 each round asks anew
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("activity", "state", "why"),
    [
        (Activity.NEEDS_INPUT, AgentState.NEEDS_INPUT, ""),
        (Activity.ERROR, AgentState.NEEDS_INPUT, "its window shows an error"),
        (Activity.LIMITED, AgentState.LIMITED, "its window shows that a limit is reached"),
    ],
)
async def test_an_agent_at_work_stands_still_with_its_window_and_goes_on_with_it(
    tmp_path: Path, activity: Activity, state: AgentState, why: str
) -> None:
    async with window_house(tmp_path, FakeLane(), clock=FakeClock()) as octet:
        await begin(octet)
        await becomes(octet, AgentState.BUSY)
        await shows(octet, activity, "a")
        await becomes(octet, state, why)
        task = (await octet.tasks.show(FIRST, by=ADA)).task
        assert (task.state, task.note) == (TaskState.WORKING if why else TaskState.BLOCKED, why), "its card says so"
        await shows(octet, Activity.UNKNOWN)
        await shows(octet, activity, "b")
        await shows(octet, Activity.BUSY)
        await becomes(octet, AgentState.BUSY)
        async with asyncio.timeout(10):
            while (await octet.tasks.show(FIRST, by=ADA)).task.note:  # noqa: ASYNC110 each round asks anew
                await asyncio.sleep(0.01)
        moves = [entry.data["now"] for entry in await octet.journal.of("agent:Agent-1") if entry.name == "AgentMoved"]
        assert moves[-2:] == [state.value, "busy"]
        noted = [
            entry.data["activity"] for entry in await octet.journal.of("desk:main") if entry.name == "WindowShowed"
        ]
        assert noted == [activity.value, "unknown", activity.value, "busy"], "once for each change"


async def test_a_free_agent_whose_window_asks_is_given_nothing_until_it_rests(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane, clock=FakeClock()) as octet:
        await shows(octet, Activity.LIMITED)
        await becomes(octet, AgentState.LIMITED, "its window shows that a limit is reached", None)
        await shows(octet, Activity.NEEDS_INPUT)
        await becomes(octet, AgentState.NEEDS_INPUT, "its window waits for an answer", None)
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.READY)
        assert lane.orders == []
        await shows(octet, Activity.IDLE)
        await reach(octet, FIRST, TaskState.WORKING)


async def test_a_person_s_word_stands_whatever_the_window_shows(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(), clock=FakeClock()) as octet:
        await begin(octet)
        await shows(octet, Activity.NEEDS_INPUT)
        await becomes(octet, AgentState.NEEDS_INPUT)
        await octet.roster.drain("Agent-1", by=ADA)
        await becomes(octet, AgentState.DRAINING, "by Ada")
        await shows(octet, Activity.ERROR)
        await shows(octet, Activity.BUSY)
        await becomes(octet, AgentState.DRAINING, "by Ada")
        await octet.tasks.cancel(FIRST, by=ADA)
        await becomes(octet, AgentState.PAUSED, "by Ada", None)


async def test_a_task_that_ends_while_its_window_asks_frees_its_agent_only_when_that_goes_on(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(), clock=FakeClock()) as octet:
        await begin(octet)
        await shows(octet, Activity.NEEDS_INPUT)
        await becomes(octet, AgentState.NEEDS_INPUT)
        await octet.tasks.cancel(FIRST, by=ADA)
        await becomes(octet, AgentState.NEEDS_INPUT, "its window waits for an answer", None)
        await shows(octet, Activity.IDLE)
        await becomes(octet, AgentState.IDLE, "", None)


async def test_a_window_in_which_something_goes_on_is_a_sign_and_hides_nothing_the_agent_said(tmp_path: Path) -> None:
    clock = FakeClock()
    async with window_house(tmp_path, FakeLane(), clock=clock) as octet:
        await begin(octet)
        await pass_time(octet, clock, HOUR_S - 1)
        await octet.dispatch.window_stirred("main", "agent-1")
        await pass_time(octet, clock, HOUR_S - 1)
        task = (await octet.tasks.show(FIRST, by=ADA)).task
        assert (task.state, task.sign) == (TaskState.WORKING, "its window changed")
        await octet.dispatch.window_stirred("main", "elsewhere")
        await pass_time(octet, clock, 2)
        await reach(octet, FIRST, TaskState.PARKED, "silent")
        await octet.dispatch.window_stirred("main", "agent-1")
        await reach(octet, FIRST, TaskState.PARKED, "silent")
