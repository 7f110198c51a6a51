"""Agents follow what their windows show: nothing is given to one that asks, and what moves in a window is a sign."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.agent_messages.model import NewAgentMessage
from core.agents.model import AgentState
from core.coordinator import Coordinator
from core.deliveries.model import DeliveryState, Reason
from core.desks.model import DeskNow, DeskState, Shown
from core.profiles.model import Activity
from core.reasons import TaskActivity
from core.retry_policy import RetryPolicy
from core.tasks.model import UNDO_MS, TaskEnded, TaskId, TaskState
from tests.builders import ADA, entries_of, make_new_task, make_window_agent, open_coordinator, refuses
from tests.core.dispatch.test_loop import reach, until, window_house
from tests.core.supervision.test_roster import agent
from tests.core.supervision.test_silence import HOUR_S, begin, pass_time
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane, bounced, refused

FIRST, SECOND = TaskId("T-1"), TaskId("T-2")
RESTS_LONG = RetryPolicy(first_pause_ms=60_000, longest_pause_ms=60_000)
NEEDS_ANSWER = [
    (Activity.NEEDS_INPUT, AgentState.NEEDS_INPUT, "approval"),
    (Activity.ERROR, AgentState.NEEDS_INPUT, "window_error"),
    (Activity.LIMITED, AgentState.LIMITED, "window_limit"),
]


async def shows(octet: Coordinator, activity: Activity, mark: str = "") -> None:
    await octet.dispatch.window_shows("main", Shown(window="agent-1", activity=activity, mark=mark))


async def becomes(octet: Coordinator, state: AgentState, reason: str | None = None, task: str | None = "T-1") -> None:
    async def is_so() -> bool:
        return await agent(octet) == (state, reason, task)

    await until(is_so, octet)


async def is_in(octet: Coordinator, state: AgentState, name: str = "Agent-1") -> None:
    async def is_so() -> bool:
        return (await agent(octet, name))[0] is state

    await until(is_so, octet)


@pytest.mark.parametrize(
    ("activity", "state", "why"),
    [
        (Activity.NEEDS_INPUT, AgentState.NEEDS_INPUT, None),
        (Activity.ERROR, AgentState.NEEDS_INPUT, "window_error"),
        (Activity.LIMITED, AgentState.LIMITED, "window_limit"),
    ],
)
async def test_an_agent_at_work_stands_still_with_its_window_and_goes_on_with_it(
    tmp_path: Path, activity: Activity, state: AgentState, why: str | None
) -> None:
    async with window_house(tmp_path, FakeLane(), clock=FakeClock()) as octet:
        await begin(octet)
        await becomes(octet, AgentState.BUSY)
        await shows(octet, activity, "a")
        await becomes(octet, state, why)
        task = (await octet.tasks.show(FIRST, by=ADA)).task
        assert task.state is (TaskState.WORKING if why else TaskState.BLOCKED)
        assert task.cause == why, "its card says so"
        await shows(octet, Activity.UNKNOWN)
        await shows(octet, activity, "b")
        await shows(octet, Activity.BUSY)
        await becomes(octet, AgentState.BUSY)
        async with asyncio.timeout(60):
            while (await octet.tasks.show(FIRST, by=ADA)).task.cause:  # noqa: ASYNC110 each round asks anew
                await asyncio.sleep(0.01)
        moves = [
            entry.data["now"]
            for entry in await entries_of(octet.journal, "agent:Agent-1")
            if entry.name == "AgentMoved"
        ]
        assert moves[-2:] == [state.value, "busy"]
        noted = [
            entry.data["activity"]
            for entry in await entries_of(octet.journal, "desk:main")
            if entry.name == "WindowShowed"
        ]
        assert noted == [activity.value, "unknown", activity.value, "busy"], "once for each change"


async def test_a_free_agent_whose_window_asks_is_given_nothing_until_it_rests(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane, clock=FakeClock()) as octet:
        await shows(octet, Activity.LIMITED)
        await becomes(octet, AgentState.LIMITED, "window_limit", None)
        await shows(octet, Activity.NEEDS_INPUT)
        await becomes(octet, AgentState.NEEDS_INPUT, "approval", None)
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
        await octet.availability.drain("Agent-1", by=ADA)
        await becomes(octet, AgentState.DRAINING, "by Ada")
        await shows(octet, Activity.ERROR)
        await shows(octet, Activity.BUSY)
        await becomes(octet, AgentState.DRAINING, "by Ada")
        await octet.tasks.cancel(FIRST, by=ADA)
        await becomes(octet, AgentState.PAUSED, "by Ada")
        await shows(octet, Activity.IDLE)
        await becomes(octet, AgentState.PAUSED, "by Ada", None)


async def test_an_agent_that_works_on_a_cancelled_task_gets_nothing_new_until_its_window_is_idle(
    tmp_path: Path,
) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane, clock=FakeClock()) as octet:
        await begin(octet)
        await shows(octet, Activity.BUSY)
        await octet.tasks.cancel(FIRST, by=ADA)
        await becomes(octet, AgentState.BUSY, Reason.STILL_ON_CANCELLED)
        assert (await octet.tasks.show(FIRST, by=ADA)).left_with == "Agent-1"
        second = await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, second.id, TaskState.READY)
        await shows(octet, Activity.IDLE)
        await reach(octet, second.id, TaskState.WORKING)
        assert (await octet.tasks.show(FIRST, by=ADA)).left_with == ""


async def test_undo_gives_a_task_back_to_the_agent_that_still_works_on_it_with_its_code(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane, clock=FakeClock()) as octet:
        await begin(octet)
        [order] = lane.orders
        code = order.text.split("--code ")[1].split()[0]
        await shows(octet, Activity.BUSY)
        await octet.tasks.cancel(FIRST, by=ADA)
        with pytest.raises(TaskEnded):
            await octet.tasks.accept_answer(FIRST, code, "Seven birds", final=True, key="a")
        back = await octet.tasks.undo(FIRST, by=ADA)
        assert (back.state, back.agent, back.attempt, len(lane.orders)) == (TaskState.WORKING, "Agent-1", 1, 1)
        await becomes(octet, AgentState.BUSY)
        await octet.tasks.accept_answer(FIRST, code, "Seven birds", final=True, key="b")
        await reach(octet, FIRST, TaskState.DONE)


async def test_undo_makes_a_task_ready_whose_agent_has_stopped_and_only_for_a_minute(tmp_path: Path) -> None:
    lane, clock = FakeLane(), FakeClock()
    async with window_house(tmp_path, lane, clock=clock) as octet:
        await begin(octet)
        await octet.tasks.cancel(FIRST, by=ADA)
        back = await octet.tasks.undo(FIRST, by=ADA)
        assert (back.state, back.attempt) == (TaskState.READY, 1)
        await reach(octet, FIRST, TaskState.WORKING)
        assert len(lane.orders) == 2
        await octet.tasks.cancel(FIRST, by=ADA)
        clock.advance(UNDO_MS / 1000)
        with refuses("undo_too_late"):
            await octet.tasks.undo(FIRST, by=ADA)
        assert (await octet.tasks.retry(FIRST, by=ADA)).attempt == 2


async def test_a_task_that_ends_while_its_window_asks_frees_its_agent_only_when_that_goes_on(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(), clock=FakeClock()) as octet:
        await begin(octet)
        await shows(octet, Activity.NEEDS_INPUT)
        await becomes(octet, AgentState.NEEDS_INPUT)
        await octet.tasks.cancel(FIRST, by=ADA)
        await becomes(octet, AgentState.NEEDS_INPUT, "approval", "T-1")
        await shows(octet, Activity.IDLE)
        await becomes(octet, AgentState.IDLE, None, None)


async def test_a_window_in_which_something_goes_on_is_a_sign_and_hides_nothing_the_agent_said(tmp_path: Path) -> None:
    clock = FakeClock()
    async with window_house(tmp_path, FakeLane(), clock=clock) as octet:
        await begin(octet)
        await pass_time(octet, clock, HOUR_S - 1)
        await octet.dispatch.window_stirred("main", "agent-1")
        await pass_time(octet, clock, HOUR_S - 1)
        task = (await octet.tasks.show(FIRST, by=ADA)).task
        assert (task.state, task.activity) == (TaskState.WORKING, TaskActivity.WINDOW_CHANGED)
        await octet.dispatch.window_stirred("main", "elsewhere")
        await pass_time(octet, clock, 2)
        await reach(octet, FIRST, TaskState.PARKED, "silent")
        await octet.dispatch.window_stirred("main", "agent-1")
        await reach(octet, FIRST, TaskState.PARKED, "silent")


@pytest.mark.parametrize(("activity", "state", "why"), NEEDS_ANSWER)
async def test_a_brief_that_is_queued_for_a_window_that_stands_still_waits_when_its_desk_is_lost(
    tmp_path: Path, activity: Activity, state: AgentState, why: str | None
) -> None:
    async with window_house(tmp_path, FakeLane(bounced()), policy=RESTS_LONG, clock=FakeClock()) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)

        async def is_queued_again() -> bool:
            deliveries = (await octet.tasks.show(FIRST, by=ADA)).deliveries
            return [(one.state, one.bounces) for one in deliveries] == [(DeliveryState.QUEUED, 1)]

        await until(is_queued_again, octet)
        await shows(octet, activity)
        await becomes(octet, state, why)
        await octet.dispatch.desk_changed(
            "main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "its display is gone")
        )
        await reach(octet, FIRST, TaskState.WAITING, "desk")
        status = await agent(octet)
        assert (status[0], status[2]) == (AgentState.OFFLINE, None), "it goes to another as soon as one can"


@pytest.mark.parametrize(("activity", "state", "why"), NEEDS_ANSWER)
async def test_a_free_agent_whose_window_stands_still_is_offline_while_its_desk_is_lost(
    tmp_path: Path, activity: Activity, state: AgentState, why: str | None
) -> None:
    async with window_house(tmp_path, FakeLane(), clock=FakeClock()) as octet:
        await shows(octet, activity)
        await becomes(octet, state, why, None)
        await octet.dispatch.desk_changed(
            "main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "its display is gone")
        )
        await is_in(octet, AgentState.OFFLINE)


async def test_a_limit_that_was_shown_while_the_prompt_was_brought_stands_on_the_card_afterwards(
    tmp_path: Path,
) -> None:
    lane = FakeLane()
    lane.gate.clear()
    async with window_house(tmp_path, lane, clock=FakeClock()) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.DELIVERING)
        await shows(octet, Activity.LIMITED)
        await becomes(octet, AgentState.LIMITED, "window_limit")
        lane.gate.set()
        await reach(octet, FIRST, TaskState.WORKING)
        async with asyncio.timeout(60):
            while not (await octet.tasks.show(FIRST, by=ADA)).task.cause:  # noqa: ASYNC110 each round asks anew
                await asyncio.sleep(0.01)
        assert (await octet.tasks.show(FIRST, by=ADA)).task.cause is Reason.WINDOW_LIMIT


async def test_a_task_whose_other_agent_is_only_at_its_limit_stays_ready_when_a_window_is_refused(
    tmp_path: Path,
) -> None:
    lane = FakeLane(refused())
    lane.gate.clear()
    async with window_house(tmp_path, lane, agents=2, clock=FakeClock()) as octet:
        await octet.dispatch.window_shows("main", Shown(window="agent-2", activity=Activity.LIMITED, mark=""))
        await is_in(octet, AgentState.LIMITED, "Agent-2")
        await octet.tasks.new(make_new_task(), by=ADA)
        await is_in(octet, AgentState.OFFLINE)
        moves = [
            entry.data["now"] for entry in await entries_of(octet.journal, "task:T-1") if entry.name == "TaskMoved"
        ]
        assert moves == ["ready", "assigned", "delivering", "ready"], "nobody is told that it waits"


@pytest.mark.parametrize(("activity", "state", "why"), NEEDS_ANSWER)
async def test_a_free_agent_that_stands_still_is_offline_once_its_window_refused_words(
    tmp_path: Path, activity: Activity, state: AgentState, why: str | None
) -> None:
    async with window_house(tmp_path, FakeLane(refused()), clock=FakeClock()) as octet:
        await shows(octet, activity)
        await becomes(octet, state, why, None)
        await octet.agent_messages.send(NewAgentMessage(text="Read the manual.", agent="Agent-1"), by=ADA)
        await becomes(octet, AgentState.OFFLINE, "closed", None)


async def test_a_refused_window_keeps_its_agent_offline_over_an_absence_of_its_desk(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(refused(Reason.CLOSED))) as octet:
        task = await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, task.id, TaskState.WAITING, "window")
        for state in (DeskState.UNAVAILABLE, DeskState.READY):
            await octet.dispatch.desk_changed("main", DeskNow(state))
            await octet.store.write(octet.dispatch.assigner.assign_ready)
            (now,) = await octet.agents.list(by=ADA)
            assert (now.state, now.reason) == (AgentState.OFFLINE, "closed")


async def test_a_task_is_starting_until_dispatch_has_looked_for_an_agent(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_coordinator(tmp_path, agents=[make_window_agent("Agent-1")], lanes={}, clock=clock) as octet:
        await octet.tasks.quarantine.write(octet.dispatch.assigner.assign_ready)
        clock.advance(1)
        task = await octet.tasks.new(make_new_task(), by=ADA)
        assert (await octet.tasks.show(task.id, by=ADA)).is_starting
        await octet.tasks.quarantine.write(octet.dispatch.assigner.assign_ready)
        assert not (await octet.tasks.show(task.id, by=ADA)).is_starting


async def test_an_agent_that_asks_in_the_middle_of_its_work_keeps_its_task_through_cancel_and_undo(
    tmp_path: Path,
) -> None:
    """Otherwise a second agent would ask the same, and a user could approve it twice."""
    async with window_house(tmp_path, FakeLane(), agents=2) as octet:
        await begin(octet)
        await shows(octet, Activity.NEEDS_INPUT, mark="rm")
        await reach(octet, FIRST, TaskState.BLOCKED, "approval")
        await octet.tasks.cancel(FIRST, by=ADA)
        assert (await octet.tasks.show(FIRST, by=ADA)).left_with == "Agent-1"
        await octet.tasks.undo(FIRST, by=ADA)
        task = await reach(octet, FIRST, TaskState.BLOCKED, "approval")
        assert (task.agent, task.attempt, task.fence) == ("Agent-1", 1, 1)
        assert (await agent(octet))[2] == "T-1"
        await shows(octet, Activity.BUSY)
        await reach(octet, FIRST, TaskState.WORKING)
