"""Agents at work that give no sign: when that is seen, what becomes of their tasks, and how they come back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from core.agents.model import AgentState
from core.coordinator import Coordinator
from core.deliveries.model import Outcome, Reason, Result
from core.limits import EmptyText, TextTooLong
from core.notices.model import DISCORD, Halt, NoticeDetail, NoticeKind
from core.reasons import ParkCause, TaskActivity
from core.remedies import sentence
from core.security.model import WrongCode
from core.settings.model import DispatchSettings
from core.tasks import answers
from core.tasks.model import LeaseRevoked, ProgressTooLate, TaskId, TaskState
from tests.builders import ADA, entries_of, make_new_task, pending
from tests.core.dispatch.test_loop import QUICK, code_in, reach, window_house
from tests.core.supervision.test_roster import agent
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane

FIRST, SECOND = TaskId("T-1"), TaskId("T-2")
HOUR_S = 3600
UNKNOWN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN)


async def pass_time(octet: Coordinator, clock: FakeClock, seconds: float) -> None:
    """Time passes, and the watch looks as often as it says it must."""
    while True:
        next_s = await octet.dispatch.silence.check_all()
        if next_s is None or next_s > seconds:
            break
        clock.advance(next_s)
        seconds -= next_s
    clock.advance(seconds)


async def begin(octet: Coordinator) -> None:
    task = await octet.tasks.new(make_new_task(), by=ADA)
    await reach(octet, task.id, TaskState.WORKING)


SILENT = Halt(state="parked", reason=ParkCause.SILENT)


async def told(octet: Coordinator) -> list[NoticeDetail | None]:
    """Return what users read in threads, in order."""
    for notice in await octet.notices.on(DISCORD).due():
        if notice.kind is NoticeKind.CARD:
            await octet.notices.on(DISCORD).posted(notice.id, channel="1", message="2", revision=notice.revision)
    return [notice.detail for notice in await pending(octet) if notice.kind is NoticeKind.HELD]


async def test_a_silent_agent_is_unknown_and_its_task_stands_and_says_so(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with window_house(tmp_path, lane, clock=clock) as octet:
        await begin(octet)
        await pass_time(octet, clock, HOUR_S - 1)
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.WORKING
        await pass_time(octet, clock, 1)
        task = await reach(octet, FIRST, TaskState.PARKED, "silent")
        assert (task.agent, task.note) == ("Agent-1", "no sign of Agent-1 for 60 minutes, since it has the prompt")
        assert await agent(octet) == (AgentState.UNKNOWN, "silent", "T-1")
        assert await told(octet) == [SILENT]
        (need,) = (await octet.fleet.needs_me(by=ADA)).shown
        assert (need.task, "silent for too long" in need.what, need.seen) == (FIRST, True, task.note)
        await octet.tasks.new(make_new_task(), by=ADA)
        waiting = await reach(octet, SECOND, TaskState.WAITING, "hold")
        assert waiting.note == "Agent-1: silent about T-1"
        assert len(lane.orders) == 1, "it gets nothing new"


@pytest.mark.parametrize("verb", ["reply", "progress"])
async def test_each_sign_puts_the_deadline_off_and_the_last_one_is_shown(tmp_path: Path, verb: str) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with window_house(tmp_path, lane, clock=clock) as octet:
        await begin(octet)
        code = code_in(lane.submitted[0])
        for number in range(3):
            await pass_time(octet, clock, HOUR_S - 1)
            if verb == "reply":
                await octet.tasks.accept_answer("T-1", code, f"News {number}", final=False, key=str(number))
            else:
                await octet.tasks.record_progress("T-1", code, f"step {number}\nof 3 ")
        task = (await octet.tasks.show(FIRST, by=ADA)).task
        assert (task.state, task.last_seen_ms) == (TaskState.WORKING, clock.now_ms())
        assert task.last_sign == (sentence(TaskActivity.REPLIED) if verb == "reply" else "step 2 of 3")
        await pass_time(octet, clock, HOUR_S)
        note = (await reach(octet, FIRST, TaskState.PARKED, "silent")).note
        assert note == f"no sign of Agent-1 for 60 minutes; its last word, at 01:13 UTC: {task.last_sign}"


@pytest.mark.parametrize("verb", ["reply", "progress"])
async def test_a_silent_agent_that_speaks_after_all_goes_on_with_a_new_deadline(tmp_path: Path, verb: str) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with window_house(tmp_path, lane, clock=clock) as octet:
        await begin(octet)
        await pass_time(octet, clock, HOUR_S)
        code = code_in(lane.submitted[0])
        if verb == "reply":
            await octet.tasks.accept_answer("T-1", code, "Still here.", final=False, key="a")
        else:
            await octet.tasks.record_progress("T-1", code, "still here")
        await reach(octet, FIRST, TaskState.WORKING)
        assert await agent(octet) == (AgentState.BUSY, None, "T-1")
        await pass_time(octet, clock, HOUR_S - 1)
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.WORKING
        await pass_time(octet, clock, 1)
        await reach(octet, FIRST, TaskState.PARKED, "silent")
        assert await told(octet) == [SILENT] * 2, "told again: it is silent again"


async def test_a_silent_task_tried_again_is_a_new_lease_and_the_first_agent_cannot_end_it(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with window_house(tmp_path, lane, agents=2, clock=clock) as octet:
        await begin(octet)
        await pass_time(octet, clock, HOUR_S)
        await reach(octet, FIRST, TaskState.PARKED, "silent")
        await octet.tasks.assign_to(FIRST, "Agent-2", by=ADA)
        assert await agent(octet) == (AgentState.IDLE, None, None)
        await reach(octet, FIRST, TaskState.WORKING)
        first, second = (code_in(text) for text in lane.submitted)
        with pytest.raises(LeaseRevoked, match="Stop working on it"):
            await octet.tasks.accept_answer("T-1", first, "I have it!", final=True, key="a")
        with pytest.raises(ProgressTooLate, match="taken back from you"):
            await octet.tasks.record_progress("T-1", first, "nearly there")
        view = await octet.tasks.show(FIRST, by=ADA)
        assert (view.task.state, view.task.agent, view.task.activity) == (TaskState.WORKING, "Agent-2", None)
        assert [(words.body, words.late, words.sender) for words in view.answers] == [
            ("I have it!", True, "agent:an earlier agent")
        ]
        await octet.tasks.accept_answer("T-1", second, "So have I.", final=True, key="a")
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.DONE
        with pytest.raises(ProgressTooLate, match="has ended"):
            await octet.tasks.record_progress("T-1", second, "nearly there")


async def test_a_person_who_sees_it_at_work_says_resume(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with window_house(tmp_path, lane, clock=clock) as octet:
        await begin(octet)
        await pass_time(octet, clock, HOUR_S)
        assert (await octet.availability.resume("Agent-1", by=ADA)).state is AgentState.BUSY
        await reach(octet, FIRST, TaskState.WORKING)
        await pass_time(octet, clock, HOUR_S)
        await reach(octet, FIRST, TaskState.PARKED, "silent")
        moves = [row.actor for row in await entries_of(octet.journal, "task:T-1") if row.data.get("was") == "parked"]
        assert moves == [ADA.id]


async def test_a_paused_agent_that_is_silent_stays_paused_and_is_silent_when_resumed(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with window_house(tmp_path, lane, clock=clock) as octet:
        await begin(octet)
        await octet.availability.pause("Agent-1", by=ADA)
        await pass_time(octet, clock, HOUR_S)
        await reach(octet, FIRST, TaskState.PARKED, "silent")
        assert await agent(octet) == (AgentState.PAUSED, "by Ada", "T-1")
        assert (await octet.availability.resume("Agent-1", by=ADA)).state is AgentState.UNKNOWN
        await octet.tasks.accept_answer("T-1", code_in(lane.submitted[0]), "Seven.", final=True, key="a")
        assert await agent(octet) == (AgentState.IDLE, None, None)


async def test_the_watch_wakes_by_itself_at_the_deadline_and_not_by_asking_again_and_again(tmp_path: Path) -> None:
    policy = replace(QUICK, settings=DispatchSettings(agent_timeout_s=0.15))
    async with window_house(tmp_path, FakeLane(), policy=policy) as octet:
        looked: list[float | None] = []
        look = octet.dispatch.silence.check_all

        async def counted() -> float | None:
            looked.append(await look())
            return looked[-1]

        octet.dispatch.silence.check_all = counted
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.PARKED, "silent")
        async with asyncio.timeout(60):
            while looked[-1] is not None:  # noqa: ASYNC110 - nobody works: it sleeps until somebody does
                await asyncio.sleep(0.01)
        assert len(looked) <= 4


async def test_a_clock_that_is_set_parks_nobody_and_keeps_nobody_for_ever(tmp_path: Path) -> None:
    clock = FakeClock()
    async with window_house(tmp_path, FakeLane(), clock=clock, agents=2) as octet:
        await begin(octet)
        for by_s in (2 * HOUR_S, -5 * HOUR_S):
            clock.set_wall(by_s)
            await pass_time(octet, clock, 600)
            assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.WORKING
        clock.set_wall(HOUR_S)
        await begin(octet)
        await pass_time(octet, clock, HOUR_S - 1200)
        await reach(octet, FIRST, TaskState.PARKED, "silent")
        assert (await octet.tasks.show(SECOND, by=ADA)).task.state is TaskState.WORKING
        await pass_time(octet, clock, 1200)
        await reach(octet, SECOND, TaskState.PARKED, "silent")


async def test_a_clock_that_was_set_is_forgotten_by_the_next_start(tmp_path: Path) -> None:
    clock = FakeClock()
    for by_s in (2 * HOUR_S, -2 * HOUR_S):
        home = tmp_path / str(by_s)
        async with window_house(home, FakeLane(), clock=clock) as octet:
            await begin(octet)
            await pass_time(octet, clock, 600)
            clock.set_wall(by_s)
            await pass_time(octet, clock, 600)
            await octet.dispatch.silence.check_all()
            await octet.tasks.new(make_new_task(), by=ADA)  # the journal's last entry
        async with window_house(home, FakeLane(), clock=clock) as octet:
            await pass_time(octet, clock, HOUR_S - 1200 - 1)
            assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.WORKING
            await pass_time(octet, clock, 1)
            await reach(octet, FIRST, TaskState.PARKED, "silent")


async def test_after_a_restart_an_agent_has_a_minute_at_least_wherever_the_clock_was_set_meanwhile(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    for set_by_s in (0, -100 * HOUR_S, 100 * HOUR_S):
        home = tmp_path / str(set_by_s)
        async with window_house(home, FakeLane(), clock=clock) as octet:
            await begin(octet)
            await pass_time(octet, clock, HOUR_S - 10)
            await octet.tasks.new(make_new_task(), by=ADA)
        clock.set_wall(set_by_s)
        async with window_house(home, FakeLane(), clock=clock) as octet:
            await pass_time(octet, clock, 59)
            assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.WORKING
            await pass_time(octet, clock, 1)
            await reach(octet, FIRST, TaskState.PARKED, "silent")


async def test_words_of_progress_are_one_short_line_with_the_right_code(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        await begin(octet)
        code = code_in(lane.submitted[0])
        for text, problem in (("", EmptyText), ("x" * 301, TextTooLong)):
            with pytest.raises(problem):
                await octet.tasks.record_progress("T-1", code, text)
        with pytest.raises(WrongCode):
            await octet.tasks.record_progress("T-1", code[:-1], "tests are running")
        with pytest.raises(ProgressTooLate, match="another task"):
            await octet.tasks.record_progress("T-2", code, "tests are running")
        assert (await octet.tasks.show(FIRST, by=ADA)).task.activity is None


async def test_a_storm_of_progress_is_one_line_and_no_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "REPORT_EVERY_S", 0.01)
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        await begin(octet)
        code = code_in(lane.submitted[0])
        await asyncio.gather(*(octet.tasks.record_progress("T-1", code, f"step {number}") for number in range(50)))
        await octet.tasks.record_progress("T-1", code, "the last step")
        view = await octet.tasks.show(FIRST, by=ADA)
        assert (view.task.progress, view.answers) == ("the last step", ())
        due = await octet.notices.on(DISCORD).due()
        assert [notice.kind for notice in due] == [NoticeKind.CARD]
