"""One row for each lease of a task: who had it, how that ended, and how Octet knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert

from core.coordinator import Coordinator
from core.deliveries.model import Outcome, Reason, Result
from core.reasons import ParkCause
from core.retry_policy import RetryPolicy
from core.settings.model import DispatchSettings
from core.store.engine import Store
from core.tasks import _store
from core.tasks.attempts import Attempts
from core.tasks.model import AgentRecord, AttemptOutcome, KnownBy, TaskId, TaskState
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
        returned = ("Agent-1", AttemptOutcome.RETURNED, KnownBy.OCTET)
        assert await ends(octet) == [returned], "the agent never got this text"
        await octet.tasks.retry(FIRST, by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert await ends(octet) == [returned, ("Agent-1", None, None)]
        await octet.tasks.accept_answer("T-1", code_in(lane.submitted[-1]), "Seven.", final=True, key="a")
        assert await ends(octet) == [returned, ("Agent-1", AttemptOutcome.DONE, KnownBy.AGENT)]


async def test_a_prompt_that_never_arrived_is_no_failure_of_its_agent(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(refused()), policy=ONE_REFUSAL) as octet:
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


async def test_an_end_that_is_undone_while_the_agent_works_on_does_not_end_the_attempt(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        await octet.tasks.cancel(FIRST, by=ADA)
        await octet.store.write(lambda tx: octet.tasks.repository.move(tx, FIRST, TaskState.WORKING, by=ADA))
        assert await ends(octet) == [("Agent-1", None, None)]
        await octet.tasks.cancel(FIRST, by=ADA)
        assert await ends(octet) == [("Agent-1", AttemptOutcome.CANCELLED, KnownBy.USER)]


async def test_a_cancel_before_the_answer_to_the_agents_question_is_no_plain_cancel(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        repository = octet.tasks.repository
        await octet.store.write(lambda tx: repository.block(tx, repository.find(tx, FIRST)))
        await octet.tasks.cancel(FIRST, by=ADA)
        assert await ends(octet) == [("Agent-1", AttemptOutcome.BLOCKED, KnownBy.USER)]


async def test_a_user_takes_a_parked_task_from_its_agent_by_a_retry(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        park = octet.tasks.repository.suspend
        await octet.store.write(lambda tx: park(tx, FIRST, TaskState.PARKED, reason=ParkCause.LOST, note=""))
        await octet.tasks.retry(FIRST, by=ADA)
        assert (await ends(octet))[0] == ("Agent-1", AttemptOutcome.RETRIED, KnownBy.USER)


@pytest.mark.parametrize(
    ("ends", "since_ms", "record"),
    [
        (["done"], 0, AgentRecord(success=20, failures=0, last_ms=1)),
        (["done", "failed", "silent", "blocked", "retried"], 0, AgentRecord(success=16, failures=4, last_ms=5)),
        (["failed", "returned", "cancelled", "expired"], 0, AgentRecord(success=19, failures=1, last_ms=1)),
        (["failed", "wrong"], 0, AgentRecord(success=18, failures=0, last_ms=2)),
        (["failed", "failed", "failed"], 2, AgentRecord(success=17, failures=1, last_ms=3)),
        (["failed"] * 30 + ["done"] * 19, 0, AgentRecord(success=19, failures=0, last_ms=49)),
        (["failed"] * 30, 0, AgentRecord(success=0, failures=20, last_ms=30)),
    ],
)
async def test_an_agents_record_is_what_its_last_attempts_count_as(
    tmp_path: Path, ends: list[str], since_ms: int, record: AgentRecord
) -> None:
    row = {"agent": "A", "category": "", "began_ms": 0, "known_by": "octet"}
    rows = [
        {**row, "task": number, "fence": 1, "ended_ms": number, "is_disowned": how == "wrong"}
        | {"outcome": "done" if how == "wrong" else how}
        for number, how in enumerate(ends, 1)
    ]
    async with Store.open(tmp_path / "octet.db") as store:
        await store.write(lambda tx: tx.execute(insert(_store.attempts), rows))
        found = await store.write(lambda tx: Attempts(store).records(tx, {"A": since_ms, "New": 0}))
    assert found == {"A": record}
