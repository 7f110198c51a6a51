"""The timeline: the attempts of all agents, and each gap with what the journal says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.fleet import timeline
from core.fleet.model import Gap, Timeline
from core.tasks.model import AgentTrouble, AttemptOutcome, TaskId, TaskState
from tests.builders import ADA, make_new_task
from tests.core.dispatch.test_loop import code_in, reach, window_house
from tests.fakes.clock import RunningClock
from tests.fakes.lane import FakeLane

FIRST = TaskId("T-1")
MINUTE_MS = 60_000


def minutes(found: Timeline, gap: Gap) -> int | None:
    return None if gap.until_ms is None else round((gap.until_ms - gap.since_ms) / MINUTE_MS)


async def test_it_shows_an_attempt_and_why_agents_did_not_go_on(tmp_path: Path) -> None:
    lane, clock = FakeLane(), RunningClock()
    async with window_house(tmp_path, lane, agents=2, clock=clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        code, ask = code_in(lane.submitted[0]), octet.tasks.accept_answer
        await ask("T-1", code, "Which birds?", final=False, key="a", trouble=AgentTrouble.BLOCKED)
        clock.advance(120)
        await octet.tasks.record_progress("T-1", code, "counting all of them")
        await octet.availability.pause("Agent-2", by=ADA)
        clock.advance(1)
        await octet.desks.stop("main", by=ADA)
        clock.advance(180)
        await octet.desks.release("main", by=ADA)
        await octet.tasks.done(FIRST, "Twelve", by=ADA)

        found = await octet.fleet.timeline(1, by=ADA)
        (shown,) = found.attempts
        assert (shown.title, shown.attempt.agent, shown.attempt.outcome) == (
            "Count the birds",
            "Agent-1",
            AttemptOutcome.DONE,
        )
        assert [(one.agents, one.task, one.desk, one.state, minutes(found, one)) for one in found.gaps] == [
            (("Agent-1",), "T-1", "", "blocked", 2),
            (("Agent-2",), "", "", "paused", None),
            (("Agent-1", "Agent-2"), "", "main", "stopped", 3),
        ]


async def test_what_was_so_before_begins_with_the_timeline(tmp_path: Path) -> None:
    clock = RunningClock()
    async with window_house(tmp_path, FakeLane(), agents=2, clock=clock) as octet:
        await octet.availability.pause("Agent-1", by=ADA)
        await octet.availability.pause("Agent-2", by=ADA)
        await octet.desks.hold("main", by=ADA)
        clock.advance(2 * 3600)
        await octet.availability.resume("Agent-2", by=ADA)
        found = await octet.fleet.timeline(1, by=ADA)
        seen = {(one.agents, one.state, one.since_ms == found.since_ms, one.until_ms is None) for one in found.gaps}
        assert seen >= {
            (("Agent-1",), "paused", True, True),
            (("Agent-2",), "paused", True, False),
            (("Agent-1", "Agent-2"), "held", True, True),
        }


async def test_it_begins_no_earlier_than_octet_knows_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "_ROWS", 1)
    clock = RunningClock()
    async with window_house(tmp_path, FakeLane(), clock=clock) as octet:
        await octet.availability.pause("Agent-1", by=ADA)
        before_ms = clock.now_ms()
        clock.advance(60)
        await octet.availability.resume("Agent-1", by=ADA)
        found = await octet.fleet.timeline(1, by=ADA)
        assert found.since_ms > before_ms
