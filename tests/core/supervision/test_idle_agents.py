"""Agents at work that look idle without an answer: when Octet sees that, what it asks, and what takes it back."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from core.agent_messages.model import NewQuestion
from core.coordinator import Coordinator
from core.deliveries.model import Reason
from core.desks.model import Shown
from core.fleet.model import NeedKind
from core.notices.model import DISCORD, Notice, NoticeKind, Resolution
from core.profiles.model import Activity
from core.reasons import IdleSource, ParkCause
from core.settings.model import DispatchSettings
from core.tasks.model import AgentTrouble, Task, TaskState
from tests.builders import ADA, BEN, CAROL, entries_of, make_new_task, pending, refuses
from tests.core.agent_messages.test_delegation import at_work, create, fleet
from tests.core.agent_messages.test_talk import of
from tests.core.dispatch.test_loop import QUICK, code_in, reach, window_house
from tests.core.dispatch.test_what_windows_show import shows
from tests.core.supervision.test_silence import FIRST, HOUR_S, begin, pass_time
from tests.core.supervision.test_when_silent import asked, idle
from tests.fakes.clock import FakeClock
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane

AFTER_S = 30


async def seen(octet: Coordinator, clock: FakeClock, seconds: float = AFTER_S) -> Task:
    """Time passes; return the task as users see it then."""
    await octet.dispatch.idle.check_all()
    clock.advance(seconds)
    await octet.dispatch.idle.check_all()
    return (await octet.tasks.show(FIRST, by=ADA)).task


async def needs(octet: Coordinator) -> list[NeedKind]:
    return [one.kind for one in (await octet.fleet.needs_me(by=ADA)).shown]


async def messages(octet: Coordinator) -> list[Notice]:
    return [one for one in await pending(octet) if one.kind is NoticeKind.IDLE]


def nudging(home: Path, lane: FakeLane, clock: FakeClock) -> AbstractAsyncContextManager[Coordinator]:
    worker = FakeDeskWorker(windows=idle("agent-1"))
    both = replace(QUICK, settings=DispatchSettings(on_agent_timeout="nudge"), idle_recheck_s=0)
    return window_house(home, lane, policy=both, clock=clock, worker=worker, on_idle="nudge")


async def test_an_agent_that_rests_for_30_seconds_without_an_answer_looks_idle_until_a_sign_of_work(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    async with window_house(tmp_path, FakeLane(), clock=clock) as octet:
        await begin(octet)
        await shows(octet, Activity.BUSY)
        clock.advance(100)
        await shows(octet, Activity.IDLE)
        since_ms = clock.now_ms()
        assert (await seen(octet, clock, AFTER_S - 1)).idle_ms is None
        assert await needs(octet) == []
        task = await seen(octet, clock, 1)
        assert (task.state, task.idle_by, task.idle_ms) == (TaskState.WORKING, IdleSource.SCREEN, since_ms)
        (need,) = (await octet.fleet.needs_me(by=ADA)).shown
        assert (need.kind, need.what) == (NeedKind.IDLE, "Agent-1 looks idle but has not answered")
        assert [(one.task, one.subject, one.detail) for one in await messages(octet)] == [("T-1", "Agent-1", None)]
        (at_work,) = (await octet.fleet.board(by=ADA)).agents
        assert at_work.task is not None
        assert at_work.task.idle_ms == since_ms
        await shows(octet, Activity.BUSY)
        assert (await octet.tasks.show(FIRST, by=ADA)).task.idle_ms is None
        assert await needs(octet) == []
        told = [row.data["source"] for row in await entries_of(octet.journal, "task:T-1") if row.name == "TaskIdle"]
        assert told == ["screen", None]


async def test_one_message_tells_of_it_however_often_the_agent_of_a_lease_rests(tmp_path: Path) -> None:
    clock = FakeClock()
    async with window_house(tmp_path, FakeLane(), clock=clock) as octet:
        await begin(octet)
        await shows(octet, Activity.IDLE)
        await seen(octet, clock)
        (first,) = await messages(octet)
        await octet.notices.on(DISCORD).posted(first.id, channel="1", message="2", revision=first.revision)
        for _ in range(2):
            await shows(octet, Activity.BUSY)
            assert [one.detail for one in await messages(octet)] == [Resolution(how="over")]
            await shows(octet, Activity.IDLE)
            await seen(octet, clock)
            assert [(one.id, one.detail) for one in await messages(octet)] == [(first.id, None)]
        await octet.tasks.retry(FIRST, by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        await seen(octet, clock)
        assert [one.detail for one in await messages(octet)] == [Resolution(how="over"), None], "a new lease, told anew"


@pytest.mark.parametrize("sign", ["progress", "reply", "blocked", "done", "stirred", "stirred again", "dialog"])
async def test_each_sign_of_work_takes_it_back(tmp_path: Path, sign: str) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with window_house(tmp_path, lane, clock=clock) as octet:
        await begin(octet)
        code = code_in(lane.submitted[0])
        if sign == "stirred again":
            await octet.tasks.record_progress("T-1", code, "reading")
        await shows(octet, Activity.IDLE)
        assert (await seen(octet, clock)).idle_ms is not None
        match sign:
            case "progress":
                await octet.tasks.record_progress("T-1", code, "reading")
            case "stirred" | "stirred again":
                await octet.dispatch.window_stirred("main", "agent-1")
            case "dialog":
                await shows(octet, Activity.NEEDS_INPUT, "a")
            case _:
                trouble = AgentTrouble.BLOCKED if sign == "blocked" else None
                await octet.tasks.accept_answer("T-1", code, "…", final=sign == "done", key="a", trouble=trouble)
        assert (await octet.tasks.show(FIRST, by=ADA)).task.idle_ms is None
        assert NeedKind.IDLE not in await needs(octet)
        assert [one.detail for one in await messages(octet)] == [Resolution(how="over")]


async def test_progress_of_an_agent_whose_window_rests_begins_the_time_anew(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with window_house(tmp_path, lane, clock=clock) as octet:
        await begin(octet)
        await shows(octet, Activity.IDLE)
        for _ in range(3):
            assert (await seen(octet, clock, AFTER_S - 1)).idle_ms is None
            await octet.tasks.record_progress("T-1", code_in(lane.submitted[0]), "thinking in the background")
        assert (await seen(octet, clock)).idle_ms is not None


async def test_an_agent_that_waits_for_a_question_or_a_dialog_does_not_look_idle(tmp_path: Path) -> None:
    clock = FakeClock()
    async with window_house(tmp_path, FakeLane(), clock=clock) as octet:
        await begin(octet)
        await shows(octet, Activity.IDLE)
        asked = await octet.questions.ask(NewQuestion(text="Red or blue?", key="a"), of("Agent-1"))
        assert (await seen(octet, clock, HOUR_S / 2)).idle_ms is None
        await octet.questions.answer(f"M-{asked.question.id}", "Red", by=ADA)
        await shows(octet, Activity.NEEDS_INPUT, "a")
        assert (await seen(octet, clock, HOUR_S / 2)).idle_ms is None
        await shows(octet, Activity.IDLE)
        assert (await seen(octet, clock, AFTER_S - 1)).idle_ms is None
        assert (await seen(octet, clock, 1)).idle_ms is not None


async def test_a_chief_that_waits_for_its_subtasks_does_not_look_idle(tmp_path: Path) -> None:
    clock = FakeClock()
    async with fleet(tmp_path, clock=clock) as octet:
        await at_work(octet)
        await octet.dispatch.window_shows("main", Shown(window="chief", activity=Activity.IDLE))
        assert (await seen(octet, clock)).idle_ms is not None
        part = await create(octet)
        assert (await seen(octet, clock, 1)).idle_ms is None
        assert (await seen(octet, clock, HOUR_S / 2)).idle_ms is None
        await octet.delegation.cancel(part.id, of("Chief"))
        assert (await seen(octet, clock)).idle_ms is not None


@pytest.mark.parametrize("verb", ["hold", "stop"])
async def test_an_agent_on_a_held_or_stopped_desk_does_not_look_idle(tmp_path: Path, verb: str) -> None:
    clock = FakeClock()
    async with window_house(tmp_path, FakeLane(), clock=clock) as octet:
        await begin(octet)
        await shows(octet, Activity.IDLE)
        assert (await seen(octet, clock)).idle_ms is not None
        await getattr(octet.desks, verb)("main", by=ADA)
        assert (await seen(octet, clock, 1)).idle_ms is None
        await octet.desks.release("main", by=ADA)
        assert (await seen(octet, clock, 1)).idle_ms is not None


async def test_what_octet_cannot_see_for_a_while_begins_the_time_anew_and_takes_nothing_back(tmp_path: Path) -> None:
    clock = FakeClock()
    async with window_house(tmp_path, FakeLane(), clock=clock) as octet:
        await begin(octet)
        await shows(octet, Activity.IDLE)
        await seen(octet, clock, AFTER_S - 1)
        await shows(octet, Activity.UNKNOWN)
        assert (await seen(octet, clock)).idle_ms is None
        await shows(octet, Activity.IDLE)
        assert (await seen(octet, clock)).idle_ms is not None
        await shows(octet, Activity.UNKNOWN)
        assert (await seen(octet, clock)).idle_ms is not None


async def test_with_on_idle_nudge_the_agent_is_asked_first_and_once_also_over_a_restart(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with nudging(tmp_path, lane, clock) as octet:
        await begin(octet)
        await shows(octet, Activity.IDLE)
        assert (await seen(octet, clock)).idle_ms is None
        await asked(octet, lane)
        assert "heard nothing of T-1 for 30 seconds" in lane.submitted[1]
        assert await messages(octet) == [], "the answer may come without a user"
        assert (await seen(octet, clock)).idle_ms is not None
        await shows(octet, Activity.BUSY)
    async with nudging(tmp_path, lane, clock) as octet:
        await shows(octet, Activity.IDLE)
        assert (await seen(octet, clock)).idle_ms is not None
        await octet.tasks.record_progress("T-1", code_in(lane.submitted[0]), "nearly there")
        assert (await seen(octet, clock)).idle_ms is not None
        assert len(lane.submitted) == 2
        assert len(await messages(octet)) == 1


async def test_a_restart_keeps_what_looks_idle_and_tells_nothing_twice(tmp_path: Path) -> None:
    clock = FakeClock()
    async with window_house(tmp_path, FakeLane(), clock=clock) as octet:
        await begin(octet)
        await shows(octet, Activity.IDLE)
        since_ms = (await seen(octet, clock)).idle_ms
    async with window_house(tmp_path, FakeLane(), clock=clock) as octet:
        assert (await seen(octet, clock, 1)).idle_ms == since_ms
        await shows(octet, Activity.IDLE)
        assert (await seen(octet, clock)).idle_ms == since_ms
        assert [(one.revision, one.detail) for one in await messages(octet)] == [(1, None)]
        await shows(octet, Activity.BUSY)
        assert [one.detail for one in await messages(octet)] == [Resolution(how="over")]


async def test_on_idle_and_on_agent_timeout_ask_one_question_together(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with nudging(tmp_path, lane, clock) as octet:
        await begin(octet)
        await shows(octet, Activity.IDLE)
        await seen(octet, clock)
        await asked(octet, lane)
        await pass_time(octet, clock, HOUR_S)
        task = await reach(octet, FIRST, TaskState.PARKED, ParkCause.SILENT)
        assert "asked in its window whether it still works, and no answer" in task.note
        assert len(lane.submitted) == 2


async def test_a_question_that_a_sign_of_work_overtakes_was_not_asked(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with nudging(tmp_path, lane, clock) as octet:
        await begin(octet)
        await shows(octet, Activity.IDLE)
        await octet.dispatch.desk_waits("main", Reason.PERSON_TYPING)
        await seen(octet, clock)
        await octet.tasks.record_progress("T-1", code_in(lane.submitted[0]), "reading")
        await octet.dispatch.desk_waits("main", None)
        await seen(octet, clock)
        await asked(octet, lane)


async def test_an_agent_that_a_user_paused_is_shown_and_not_asked(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with nudging(tmp_path, lane, clock) as octet:
        await begin(octet)
        await octet.availability.pause("Agent-1", by=ADA)
        await shows(octet, Activity.IDLE)
        assert (await seen(octet, clock)).idle_ms is not None
        assert len(lane.submitted) == 1


async def test_a_user_asks_for_the_answer_of_a_task_that_an_agent_works_on(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with window_house(tmp_path, lane, clock=clock) as octet:
        await octet.tasks.new(make_new_task(), by=CAROL)
        await reach(octet, FIRST, TaskState.WORKING)
        with refuses("not_allowed"):
            await octet.nudges.ask_for_answer(FIRST, by=BEN)
        for times, by in enumerate((CAROL, ADA), start=1):
            await octet.dispatch.desk_waits("main", Reason.PERSON_TYPING)
            await octet.nudges.ask_for_answer(FIRST, by=by)
            with refuses("already_asked"):
                await octet.nudges.ask_for_answer(FIRST, by=ADA)
            await octet.dispatch.desk_waits("main", None)
            await asked(octet, lane, times)
        await octet.tasks.accept_answer("T-1", code_in(lane.submitted[0]), "Seven.", final=True, key="a")
        with refuses("task_not_working"):
            await octet.nudges.ask_for_answer(FIRST, by=ADA)


async def test_another_source_feeds_the_same_sign(tmp_path: Path) -> None:
    clock = FakeClock()
    async with window_house(tmp_path, FakeLane(), clock=clock) as octet:
        await begin(octet)
        octet.dispatch.idle.rests("Agent-1", IdleSource.ACCESSIBILITY)
        since_ms = clock.now_ms()
        task = await seen(octet, clock)
        assert (task.idle_by, task.idle_ms) == (IdleSource.ACCESSIBILITY, since_ms)


async def test_a_clock_that_is_set_forward_makes_no_agent_look_idle(tmp_path: Path) -> None:
    clock = FakeClock()
    async with window_house(tmp_path, FakeLane(), clock=clock) as octet:
        await begin(octet)
        clock.advance(60)
        await shows(octet, Activity.IDLE)
        for by_s in (7200, -7200):
            clock.set_wall(by_s)
            assert (await seen(octet, clock, 1)).idle_ms is None
        assert (await seen(octet, clock)).idle_ms is not None
