"""One row for each lease of a task: who had it, how that ended, and how Octet knows."""

from __future__ import annotations

from pathlib import Path

from core.coordinator import Coordinator
from core.deliveries.model import Outcome, Reason, Result
from core.retry_policy import RetryPolicy
from core.settings.model import DispatchSettings
from core.tasks.model import AttemptOutcome, KnownBy, TaskId, TaskState
from tests.builders import ADA, make_new_task
from tests.core.dispatch.test_loop import code_in, reach, window_house
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane, refused

FIRST = TaskId("T-1")
TEXT_REFUSED = Outcome(result=Result.REFUSED, reason=Reason.TEXT_REFUSED)
ONE_REFUSAL = RetryPolicy(first_pause_ms=1, longest_pause_ms=2, settings=DispatchSettings(max_rejections_per_hour=1))


async def ends(octet: Coordinator) -> list[tuple[str, AttemptOutcome | None, KnownBy | None]]:
    view = await octet.tasks.show(FIRST, by=ADA)
    assert all((one.ended_ms is None) == (one.outcome is None) for one in view.attempts)
    return [(one.agent, one.outcome, one.known_by) for one in view.attempts]


async def test_an_attempt_lasts_from_the_lease_to_the_agents_own_answer(tmp_path: Path) -> None:
    lane = FakeLane(TEXT_REFUSED)
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.FAILED, "text_refused")
        failed = ("Agent-1", AttemptOutcome.FAILED, KnownBy.OCTET)
        assert await ends(octet) == [failed]
        await octet.tasks.retry(FIRST, by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert await ends(octet) == [failed, ("Agent-1", None, None)]
        await octet.tasks.accept_answer("T-1", code_in(lane.submitted[-1]), "Seven.", final=True, key="a")
        assert await ends(octet) == [failed, ("Agent-1", AttemptOutcome.DONE, KnownBy.AGENT)]


async def test_a_prompt_that_never_arrived_is_no_failure_of_its_agent(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(refused()), patience=ONE_REFUSAL) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.PARKED, "window_refused")
        assert await ends(octet) == [("Agent-1", None, None)], "a user may still decide about it"
        await octet.tasks.retry(FIRST, by=ADA)
        assert (await ends(octet))[0] == ("Agent-1", AttemptOutcome.RETURNED, KnownBy.OCTET)


async def test_a_silent_agent_loses_its_task_as_a_failure(tmp_path: Path) -> None:
    clock = FakeClock()
    async with window_house(tmp_path, FakeLane(), clock=clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        clock.advance(24 * 3600)
        await octet.dispatch.silence.check_all()
        await reach(octet, FIRST, TaskState.PARKED, "silent")
        assert await ends(octet) == [("Agent-1", None, None)], "it may still answer"
        await octet.tasks.retry(FIRST, by=ADA)
        assert (await ends(octet))[0] == ("Agent-1", AttemptOutcome.SILENT, KnownBy.OCTET)


async def test_a_user_ends_an_attempt_and_an_undone_cancel_continues_or_begins_another(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        await octet.tasks.cancel(FIRST, by=ADA)
        cancelled = ("Agent-1", AttemptOutcome.CANCELLED, KnownBy.USER)
        assert await ends(octet) == [cancelled]
        await octet.tasks.undo(FIRST, by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert await ends(octet) == [cancelled, ("Agent-1", None, None)]
        await octet.tasks.done(FIRST, "Seven.", by=ADA)
        assert await ends(octet) == [cancelled, ("Agent-1", AttemptOutcome.DONE, KnownBy.USER)]
