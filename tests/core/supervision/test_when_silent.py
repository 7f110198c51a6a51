"""What is done about silent agents if the settings say so: they are asked in their window, or lose their task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.agents.model import AgentState
from core.coordinator import Coordinator
from core.deliveries.model import Reason
from core.desks.model import WindowStatus
from core.notices.model import Halt
from core.profiles.model import Activity
from core.reasons import ParkCause
from core.settings.model import DispatchSettings
from core.tasks.model import LeaseRevoked, TaskState
from tests.builders import ADA, entries_of, make_new_task
from tests.core.dispatch.test_loop import QUICK, code_in, reach, until, window_house
from tests.core.supervision.test_roster import agent
from tests.core.supervision.test_silence import FIRST, HOUR_S, SECOND, begin, pass_time, told
from tests.fakes.clock import FakeClock
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane, bounced


def idle(*windows: str, activity: Activity = Activity.IDLE) -> tuple[WindowStatus, ...]:
    return tuple(WindowStatus(name=name, usable=True, activity=activity) for name in windows)


RELEASE = replace(QUICK, settings=DispatchSettings(on_agent_timeout="release"), idle_recheck_s=0)


async def test_a_silent_agent_whose_window_is_seen_idle_loses_its_task_to_another(tmp_path: Path) -> None:
    clock, lane, worker = FakeClock(), FakeLane(), FakeDeskWorker(windows=idle("agent-1", "agent-2"))
    async with window_house(tmp_path, lane, agents=2, policy=RELEASE, clock=clock, worker=worker) as octet:
        await begin(octet)
        await pass_time(octet, clock, HOUR_S)
        task = await reach(octet, FIRST, TaskState.WORKING)
        assert task.agent == "Agent-2"
        assert await agent(octet) == (AgentState.UNKNOWN, "silent", None)
        assert await told(octet) == [Halt(state="ready", reason=ParkCause.SILENT)]
        (need,) = (await octet.fleet.needs_me(by=ADA)).shown
        assert (need.what, "/agent resume" in need.next) == ("Agent-1 is silent", True)
        first, second = (code_in(text) for text in lane.submitted)
        with pytest.raises(LeaseRevoked):
            await octet.tasks.accept_answer("T-1", first, "Seven.", final=True, key="a")
        assert await agent(octet) == (AgentState.IDLE, None, None), "it speaks: it is there"
        await octet.tasks.accept_answer("T-1", second, "Seven.", final=True, key="a")
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.DONE


async def test_a_released_task_waits_for_another_agent_although_its_first_one_is_free_again(tmp_path: Path) -> None:
    clock, lane, worker = FakeClock(), FakeLane(), FakeDeskWorker(windows=idle("agent-1", "agent-2"))
    async with window_house(tmp_path, lane, agents=2, policy=RELEASE, clock=clock, worker=worker) as octet:
        await begin(octet)
        await pass_time(octet, clock, 60)
        await octet.tasks.new(make_new_task(agent="Agent-2"), by=ADA)
        await reach(octet, SECOND, TaskState.WORKING)
        await pass_time(octet, clock, HOUR_S - 60)
        await reach(octet, FIRST, TaskState.READY)
        assert (await octet.availability.resume("Agent-1", by=ADA)).state is AgentState.IDLE
        third = await octet.tasks.new(make_new_task(priority=4), by=ADA)
        assert (await reach(octet, third.id, TaskState.WORKING)).agent == "Agent-1", "who waits holds up nobody else"
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.READY
        await octet.tasks.cancel(SECOND, by=ADA)
        assert (await reach(octet, FIRST, TaskState.WORKING)).agent == "Agent-2"


@pytest.mark.parametrize(
    ("windows", "why"),
    [
        (idle("agent-1", activity=Activity.BUSY), "its window shows that it is busy"),
        (idle("agent-1", activity=Activity.UNKNOWN), "its window shows no sign of being busy or not"),
        (
            (WindowStatus(name="agent-1", usable=False, reason=Reason.COVERED, note="by “a diary”"),),
            "its window is not usable: covered",
        ),
        ((), "its window is not known"),
    ],
)
async def test_what_is_not_seen_idle_is_parked_and_says_so(
    tmp_path: Path, windows: tuple[WindowStatus, ...], why: str
) -> None:
    clock, lane, worker = FakeClock(), FakeLane(), FakeDeskWorker(windows=windows)
    async with window_house(tmp_path, lane, agents=2, policy=RELEASE, clock=clock, worker=worker) as octet:
        await begin(octet)
        await pass_time(octet, clock, HOUR_S)
        note = (await reach(octet, FIRST, TaskState.PARKED, "silent")).note
        assert why in note
        assert "diary" not in note
        assert len(lane.orders) == 1


async def test_a_desk_that_is_held_is_not_seen_and_a_task_that_only_one_can_do_stays(tmp_path: Path) -> None:
    clock, lane, worker = FakeClock(), FakeLane(), FakeDeskWorker(windows=idle("agent-1"))
    async with window_house(tmp_path, lane, policy=RELEASE, clock=clock, worker=worker) as octet:
        await begin(octet)
        await pass_time(octet, clock, HOUR_S)
        assert "no other agent can do it" in (await reach(octet, FIRST, TaskState.PARKED, "silent")).note
        await octet.availability.resume("Agent-1", by=ADA)
        await octet.desks.hold("main", by=ADA)
        await pass_time(octet, clock, HOUR_S)
        assert "desk main is held" in (await reach(octet, FIRST, TaskState.PARKED, "silent")).note


async def test_an_agent_that_speaks_while_its_window_is_looked_at_keeps_its_task(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()

    class Slow(FakeDeskWorker):
        async def look(self) -> tuple[WindowStatus, ...]:
            await octet.tasks.record_progress("T-1", code_in(lane.submitted[0]), "still here")
            return idle("agent-1", "agent-2")

    async with window_house(tmp_path, lane, agents=2, policy=RELEASE, clock=clock, worker=Slow()) as octet:
        await begin(octet)
        await pass_time(octet, clock, HOUR_S)
        task = (await octet.tasks.show(FIRST, by=ADA)).task
        assert (task.state, task.agent, task.progress) == (TaskState.WORKING, "Agent-1", "still here")


NUDGE = replace(QUICK, settings=DispatchSettings(on_agent_timeout="nudge"), idle_recheck_s=0)


async def test_a_silent_agent_whose_window_is_seen_idle_is_asked_once_and_then_its_task_is_parked(
    tmp_path: Path,
) -> None:
    clock, lane, worker = FakeClock(), FakeLane(), FakeDeskWorker(windows=idle("agent-1"))
    async with window_house(tmp_path, lane, policy=NUDGE, clock=clock, worker=worker) as octet:
        await begin(octet)
        await pass_time(octet, clock, HOUR_S)
        await asked(octet, lane)
        assert "heard nothing of T-1 for 60 minutes" in lane.submitted[1]
        assert code_in(lane.submitted[1]) == code_in(lane.submitted[0])
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.WORKING
        await pass_time(octet, clock, HOUR_S)
        note = (await reach(octet, FIRST, TaskState.PARKED, "silent")).note
        assert "asked in its window whether it still works, and no answer" in note
        assert len(lane.submitted) == 2


async def test_an_agent_that_answers_the_question_works_on_and_is_asked_again_another_time(tmp_path: Path) -> None:
    clock, lane, worker = FakeClock(), FakeLane(), FakeDeskWorker(windows=idle("agent-1"))
    async with window_house(tmp_path, lane, policy=NUDGE, clock=clock, worker=worker) as octet:
        await begin(octet)
        for times in (1, 2):
            await pass_time(octet, clock, HOUR_S)
            await asked(octet, lane, times)
            await octet.tasks.record_progress("T-1", code_in(lane.submitted[0]), "still here")
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.WORKING


async def test_a_question_that_is_answered_before_it_is_brought_is_not_brought(tmp_path: Path) -> None:
    clock, lane, worker = FakeClock(), FakeLane(), FakeDeskWorker(windows=idle("agent-1"))
    async with window_house(tmp_path, lane, policy=NUDGE, clock=clock, worker=worker) as octet:
        await begin(octet)
        lane.script.extend([bounced(Reason.BUSY)] * 3)
        await pass_time(octet, clock, HOUR_S)

        async def was_tried() -> bool:
            return len(lane.orders) == 2

        await until(was_tried, octet)
        await octet.tasks.record_progress("T-1", code_in(lane.submitted[0]), "still here")
        asked_by = [row.data["now"] for row in await entries_of(octet.journal, f"delivery:{lane.orders[1].delivery}")]
        assert asked_by[-1] == "cancelled"
        assert await told(octet) == []


async def test_a_question_is_not_brought_to_whoever_is_seen_at_work_first(tmp_path: Path) -> None:
    clock, lane, worker = FakeClock(), FakeLane(), FakeDeskWorker(windows=idle("agent-1"))
    async with window_house(tmp_path, lane, policy=NUDGE, clock=clock, worker=worker) as octet:
        await begin(octet)
        await octet.tasks.record_progress("T-1", code_in(lane.submitted[0]), "reading")
        lane.script.extend([bounced(Reason.BUSY)] * 3)
        await pass_time(octet, clock, HOUR_S)

        async def was_tried() -> bool:
            return len(lane.orders) == 2

        await until(was_tried, octet)
        await octet.dispatch.window_stirred("main", "agent-1")
        moves = [row.data["now"] for row in await entries_of(octet.journal, f"delivery:{lane.orders[1].delivery}")]
        assert moves[-1] == "cancelled"
        lane.script.clear()
        await pass_time(octet, clock, HOUR_S)
        await asked(octet, lane)
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.WORKING, "it is asked anew"


async def test_a_window_that_changes_by_the_question_itself_does_not_answer_it(tmp_path: Path) -> None:
    clock, lane, worker = FakeClock(), FakeLane(), FakeDeskWorker(windows=idle("agent-1"))
    async with window_house(tmp_path, lane, policy=NUDGE, clock=clock, worker=worker) as octet:
        await begin(octet)
        await pass_time(octet, clock, HOUR_S)
        await asked(octet, lane)
        await octet.dispatch.window_stirred("main", "agent-1")
        await pass_time(octet, clock, HOUR_S)
        note = (await reach(octet, FIRST, TaskState.PARKED, "silent")).note
        assert "asked in its window whether it still works, and no answer" in note
        assert len(lane.submitted) == 2, "asked once"


async def test_a_question_that_did_not_arrive_is_not_said_to_have(tmp_path: Path) -> None:
    clock, lane, worker = FakeClock(), FakeLane(), FakeDeskWorker(windows=idle("agent-1"))
    async with window_house(tmp_path, lane, policy=NUDGE, clock=clock, worker=worker) as octet:
        await begin(octet)
        lane.script.extend([bounced(Reason.BUSY)] * 30)
        await pass_time(octet, clock, HOUR_S)
        await pass_time(octet, clock, HOUR_S)
        note = (await reach(octet, FIRST, TaskState.PARKED, "silent")).note
        assert "the question whether it still works has not arrived" in note


async def test_who_is_paused_or_not_seen_idle_is_not_asked(tmp_path: Path) -> None:
    clock, lane, worker = FakeClock(), FakeLane(), FakeDeskWorker(windows=idle("agent-1"))
    async with window_house(tmp_path, lane, policy=NUDGE, clock=clock, worker=worker) as octet:
        await begin(octet)
        await octet.availability.pause("Agent-1", by=ADA)
        await pass_time(octet, clock, HOUR_S)
        assert "not asked: it is paused by Ada" in (await reach(octet, FIRST, TaskState.PARKED, "silent")).note
        for _ in range(2):
            await octet.availability.resume("Agent-1", by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        worker.windows = idle("agent-1", activity=Activity.BUSY)
        await pass_time(octet, clock, HOUR_S)
        note = (await reach(octet, FIRST, TaskState.PARKED, "silent")).note
        assert "not asked: its window shows that it is busy" in note
        assert len(lane.orders) == 1


async def asked(octet: Coordinator, lane: FakeLane, times: int = 1) -> None:
    """Wait until the question is in the window for the n-th time."""

    async def there() -> bool:
        return len(lane.submitted) == 1 + times

    await until(there, octet)
