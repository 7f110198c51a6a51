"""At which desks work waits or goes on: whatever the machine must stay awake for, and nothing else."""

from __future__ import annotations

from pathlib import Path

from core.deliveries.model import Outcome, Reason, Result
from core.tasks.model import TaskId, TaskState
from tests.builders import ADA, make_new_task
from tests.core.dispatch.test_loop import reach, window_house
from tests.fakes.lane import FakeLane, refused

FIRST = TaskId("T-1")
UNKNOWN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box was empty")
BOTH = ("main", "other")


async def test_work_is_there_from_the_first_word_to_the_answer(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        assert await octet.fleet.work_at(BOTH) == frozenset()
        await octet.tasks.new(make_new_task(), by=ADA)
        assert await octet.fleet.work_at(BOTH) == {"main"}
        await reach(octet, FIRST, TaskState.WORKING)
        assert await octet.fleet.work_at(BOTH) == {"main"}
        assert await octet.fleet.work_at(()) == frozenset()
        await octet.tasks.done(FIRST, "counted", by=ADA)
        assert await octet.fleet.work_at(BOTH) == frozenset()


async def test_a_task_that_waits_for_a_window_is_work_and_one_that_is_parked_is_not(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(refused(Reason.CLOSED), UNKNOWN)) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WAITING, "window")
        assert await octet.fleet.work_at(BOTH) == {"main"}
        await octet.dispatch.window_usable("main", "agent-1")
        await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
        assert await octet.fleet.work_at(BOTH) == frozenset()
