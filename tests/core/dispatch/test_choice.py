"""Which agent gets a task, and how Octet says why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from unittest.mock import ANY

from hypothesis import given
from hypothesis import strategies as st

from core.agents.model import AgentState, AgentStatus
from core.dispatch.choice import choose
from core.reasons import ParkCause, Reason
from core.tasks.model import AgentRecord, Choice, QueuedTask, Requirements, TaskId, TaskState
from tests.builders import ADA, entries_of, make_agent, make_new_task, open_coordinator
from tests.fakes.lane import FakeLane

PYTHON = frozenset({"python"})
NEW: Mapping[str, int] = MappingProxyType({})


def make_task(needs: frozenset[str] = PYTHON, *, wanted: str | None = None, avoids: str | None = None) -> QueuedTask:
    requirements = Requirements(wanted=wanted, needs=needs)
    return QueuedTask(id=TaskId("T-1"), number=1, rank=0, requirements=requirements, avoids=avoids, requester="ada")


def make_status(
    name: str, can: str, state: AgentState = AgentState.IDLE, *, reason: Reason | None = None
) -> AgentStatus:
    return AgentStatus(agent=make_agent(name, can=can), state=state, reason=reason, task=None, since_ms=0)


def chosen(
    task: QueuedTask, *statuses: AgentStatus, successes: Mapping[str, int] = NEW, off_duty: frozenset[str] = frozenset()
) -> Choice | None:
    able = {str(status.agent.name): status for status in statuses}
    free = {name for name, status in able.items() if status.state is AgentState.IDLE}
    records = {name: AgentRecord(success=success) for name, success in successes.items()}
    return choose(task, able, records, free=free, on_duty=able.keys() - off_duty, agents=9)


def test_a_higher_level_and_a_better_record_win_and_equal_agents_come_in_the_order_of_the_config() -> None:
    choice = chosen(
        make_task(),
        make_status("Low", "python"),
        make_status("High", "python:3"),
        make_status("Fails", "python:4"),
        make_status("Busy", "python:9", AgentState.BUSY),
        make_status("Rests", "python:9", AgentState.LIMITED, reason=Reason.RATE_LIMITED),
        make_status("Lost", "python:9", AgentState.UNKNOWN),
        successes={"Fails": 6},
    )
    assert choice is not None
    assert [(one.agent, one.score, one.filtered) for one in choice.candidates] == [
        ("High", 50, None),
        ("Fails", 46, None),
        ("Low", 30, None),
        ("Busy", 0, Reason.AGENT_AT_WORK),
        ("Rests", 0, Reason.RATE_LIMITED),
        ("Lost", 0, ParkCause.SILENT),
    ]
    assert (choice.agent, choice.is_named, choice.unable) == ("High", False, 3)
    first = chosen(make_task(), make_status("First", "python"), make_status("Second", "python:1"))
    assert first is not None
    assert first.agent == "First"


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 20)), min_size=1, max_size=12))
def test_levels_filter_no_agent(agents: list[tuple[int, int]]) -> None:
    found = [make_status(f"A-{place}", f"python:{level}") for place, (level, _) in enumerate(agents)]
    choice = chosen(make_task(), *found, successes={f"A-{place}": of for place, (_, of) in enumerate(agents)})
    assert choice is not None
    assert all(one.filtered is None for one in choice.candidates)
    assert len(choice.candidates) + choice.others == len(agents)
    assert choice.candidates[0].score == max(10 * level + of for level, of in agents)


def test_an_agent_that_was_silent_about_the_task_gets_it_only_if_no_other_can() -> None:
    avoids = make_task(avoids="Silent")
    silent, busy = make_status("Silent", "python:9"), make_status("Busy", "python", AgentState.BUSY)
    assert chosen(avoids, silent, busy) is None
    alone = chosen(avoids, silent)
    assert alone is not None
    assert alone.agent == "Silent"
    assert chosen(avoids, silent, busy, off_duty=frozenset({"Busy"})) == replace(alone, candidates=ANY, unable=7)
    both = chosen(avoids, silent, make_status("Free", "python"))
    assert both is not None
    assert [(one.agent, one.filtered) for one in both.candidates] == [("Free", None), ("Silent", Reason.AVOIDED)]


async def test_the_journal_and_the_task_say_why_octet_chose_its_agent_and_a_user_wins(tmp_path: Path) -> None:
    agents = [make_agent("Low", can="python"), make_agent("High", can="python:3"), make_agent("Other", can="go")]
    async with open_coordinator(tmp_path, agents=agents, lanes={a.route: FakeLane() for a in agents}) as octet:
        free = await octet.tasks.new(make_new_task(needs=PYTHON), by=ADA)
        named = await octet.tasks.new(make_new_task(), by=ADA)
        await octet.tasks.assign_to(named.id, "Low", by=ADA)
        await octet.store.write(octet.dispatch.assigner.assign_ready)
        by_score = (await octet.tasks.show(free.id, by=ADA)).task.choice
        by_user = (await octet.tasks.show(named.id, by=ADA)).task.choice
        assert by_score is not None
        assert by_user is not None
        assert (by_score.agent, by_score.unable) == ("High", 1)
        assert [one.agent for one in by_score.candidates] == ["High", "Low"]
        assert (by_user.agent, by_user.is_named, by_user.unable) == ("Low", True, 2)
        (entry,) = [one for one in await entries_of(octet.journal, f"task:{free.id}") if one.name == "TaskAssigned"]
        assert entry.data["choice"] == json.loads(json.dumps(asdict(by_score)))
        await octet.tasks.cancel(free.id, by=ADA)
        await octet.tasks.retry(free.id, by=ADA)
        assert (await octet.tasks.show(free.id, by=ADA)).task.choice is None


async def test_how_tasks_end_is_an_agents_record(tmp_path: Path) -> None:
    agents = [make_agent("A"), make_agent("B")]
    async with open_coordinator(tmp_path, agents=agents, lanes={a.route: FakeLane() for a in agents}) as octet:

        async def end(*, is_failure: bool, reason: Reason = Reason.INTERNAL_ERROR) -> tuple[int, int]:
            task = await octet.tasks.new(make_new_task(agent="A"), by=ADA)
            await octet.store.write(octet.dispatch.assigner.assign_ready)
            repository = octet.tasks.repository
            await octet.store.write(lambda tx: repository.move(tx, task.id, TaskState.DELIVERING))
            if is_failure:
                await octet.store.write(lambda tx: repository.fail(tx, task.id, reason=reason, note=""))
            else:
                await octet.store.write(lambda tx: repository.move(tx, task.id, TaskState.WORKING))
                await octet.tasks.done(task.id, "all of it", by=ADA)
            found = await octet.store.write(lambda tx: repository.attempts.records(tx, {"A": 0, "B": 0}))
            assert found.keys() == {"A"}
            return found["A"].success, found["A"].failures

        assert [await end(is_failure=True) for _ in range(2)] == [(19, 1), (18, 2)]
        assert await end(is_failure=True, reason=Reason.TOO_LONG) == (18, 2), "the text was to blame"
        assert await end(is_failure=False) == (18, 0)
        task = await octet.tasks.new(make_new_task(), by=ADA)
        await octet.store.write(octet.dispatch.assigner.assign_ready)
        assert (await octet.tasks.show(task.id, by=ADA)).task.agent == "B", "its record is better"
