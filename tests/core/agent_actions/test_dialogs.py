"""Dialogs: told once each, over when they go away, and what they mean for the task."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from core.agent_actions.model import ACTION_TTL_MS
from core.agents.model import AgentState
from core.deliveries.model import DeliveryState, Reason
from core.desks.model import Shown
from core.profiles.model import Act, Activity
from core.tasks.model import TaskId, TaskState
from tests.builders import ADA, make_new_task, refuses
from tests.core.agent_actions.house import ASKS, BUSY, DONE, asked, house, told, until_queued
from tests.core.dispatch.test_loop import code_in, reach
from tests.core.dispatch.test_what_windows_show import becomes
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane


async def test_news_of_another_dialog_ends_the_old_one(tmp_path: Path) -> None:
    async with house(tmp_path, FakeLane()) as octet:
        found = await asked(octet)
        await octet.dispatch.window_shows("main", replace(ASKS, mark="other"))
        with refuses("dialog_closed"):
            await octet.agent_actions.answer_dialog(found.id, Act.APPROVE, by=ADA)
        (now,) = await octet.agent_actions.dialogs.list_open()
        assert now.mark == "other"


async def test_a_dialog_that_goes_away_by_itself_is_over_and_says_so(tmp_path: Path) -> None:
    async with house(tmp_path, FakeLane()) as octet:
        found = await asked(octet)
        await octet.dispatch.window_shows("main", Shown(window="agent-1", activity=Activity.UNKNOWN))
        assert await octet.agent_actions.dialogs.list_open() == (found,)
        await octet.dispatch.window_shows("main", BUSY)
        assert await octet.agent_actions.dialogs.list_open() == ()
        assert await told(octet) == [("T-1", "gone", found.id)]
        with refuses("no_open_dialog"):
            await octet.agent_actions.answer_agent("Agent-1", Act.APPROVE, by=ADA)


async def test_a_dialog_that_goes_away_while_its_answer_waits_is_over_when_the_answer_expires(tmp_path: Path) -> None:
    clock = FakeClock()
    async with house(tmp_path, FakeLane(), clock=clock) as octet:
        await asked(octet)
        await octet.dispatch.desk_waits("main", Reason.PERSON_TYPING)
        answering = asyncio.ensure_future(octet.agent_actions.answer_agent("Agent-1", Act.APPROVE, by=ADA))
        await until_queued(octet)
        await octet.dispatch.window_shows("main", BUSY)
        clock.advance(ACTION_TTL_MS / 1000)
        octet.dispatch.wake()
        assert (await answering).state is DeliveryState.EXPIRED
        assert await octet.agent_actions.dialogs.list_open() == ()
        await reach(octet, TaskId("T-1"), TaskState.WORKING)


@pytest.mark.parametrize("activity", [Activity.ERROR, Activity.LIMITED])
async def test_an_error_or_a_limit_is_told_once_for_a_task(tmp_path: Path, activity: Activity) -> None:
    async with house(tmp_path, FakeLane()) as octet:
        shown = replace(ASKS, activity=activity)
        found = await asked(octet, shown)
        await octet.dispatch.window_shows("main", BUSY)
        await octet.dispatch.window_shows("main", shown)
        assert len(await octet.agent_actions.dialogs.list_open()) == 1
        assert await told(octet) == [("T-1", "gone", found.id)]


async def test_a_question_asked_again_is_told_again(tmp_path: Path) -> None:
    async with house(tmp_path, FakeLane()) as octet:
        await asked(octet)
        await octet.dispatch.window_shows("main", BUSY)
        await octet.dispatch.window_shows("main", ASKS)
        assert [text for _, text, _ in await told(octet)] == ["gone", ""]


async def test_a_window_without_a_task_is_told_too(tmp_path: Path) -> None:
    async with house(tmp_path, FakeLane()) as octet:
        await octet.dispatch.window_shows("main", ASKS)
        (found,) = await octet.agent_actions.dialogs.list_open()
        assert await told(octet) == [("", "", found.id)]
        assert (await octet.agent_actions.show_dialog(found.id, by=ADA)).wakes == ""


async def test_while_its_window_waits_for_an_answer_a_task_is_blocked_and_its_agent_not_silent(tmp_path: Path) -> None:
    lane, clock = FakeLane(), FakeClock()
    async with house(tmp_path, lane, clock=clock) as octet:
        found = await asked(octet)
        task = (await octet.tasks.show(TaskId("T-1"), by=ADA)).task
        assert (task.state, task.reason, task.deadline_ms) == (TaskState.BLOCKED, "approval", None)
        status = await octet.agents.show("Agent-1", by=ADA)
        assert (status.state, status.task) == (AgentState.NEEDS_INPUT, "T-1")
        clock.advance(100_000)
        lane.script.append(DONE)
        await octet.agent_actions.answer_dialog(found.id, Act.APPROVE, by=ADA)
        task = (await octet.tasks.show(TaskId("T-1"), by=ADA)).task
        assert task.state is TaskState.WORKING
        assert task.deadline_ms is not None
        assert task.deadline_ms > clock.now_ms()
        assert (await octet.agents.show("Agent-1", by=ADA)).state is AgentState.BUSY


async def test_a_dialog_that_comes_before_the_prompt_is_confirmed_blocks_the_task_then(tmp_path: Path) -> None:
    lane = FakeLane()
    lane.gate.clear()
    async with house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(agent="Agent-1"), by=ADA)
        await reach(octet, TaskId("T-1"), TaskState.DELIVERING)
        await octet.dispatch.window_shows("main", ASKS)
        lane.gate.set()
        await reach(octet, TaskId("T-1"), TaskState.BLOCKED, "approval")


async def test_an_answer_of_the_agent_or_the_end_of_its_task_ends_the_block(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        await asked(octet)
        await octet.tasks.accept_answer("T-1", code_in(lane.submitted[0]), "Seven.", final=True, key="a")
        assert (await octet.tasks.show(TaskId("T-1"), by=ADA)).task.state is TaskState.DONE
        await becomes(octet, AgentState.NEEDS_INPUT, "approval", None)
        await octet.dispatch.window_shows("main", BUSY)
        await becomes(octet, AgentState.IDLE, None, None)
