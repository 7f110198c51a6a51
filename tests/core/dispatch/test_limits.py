"""Limits of accounts and users, and agents that fail often."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from core.agents.model import Agent, AgentState, Lane
from core.coordinator import Coordinator
from core.desks.model import DeskNow, DeskState, Shown
from core.fleet.model import NeedKind
from core.kit.clock import as_datetime
from core.profiles.model import Activity
from core.reasons import Reason, WaitReason
from core.retry_policy import RetryPolicy
from core.settings.model import DispatchSettings
from core.tasks.model import TaskState
from tests.builders import (
    ADA,
    CAROL,
    list_tasks,
    longest,
    make_agent,
    make_desk,
    make_new_task,
    make_window_agent,
    open_coordinator,
)
from tests.fakes.clock import FakeClock
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane

MINUTE_S, HOUR_MS = 60, 3_600_000


@asynccontextmanager
async def fleet(
    home: Path, clock: FakeClock, *agents: Agent, policy: RetryPolicy | None = None
) -> AsyncGenerator[Coordinator]:
    lanes = {agent.route: FakeLane() for agent in agents}
    async with open_coordinator(home, agents=agents, lanes=lanes, clock=clock, policy=policy) as octet:
        yield octet


async def dispatch(octet: Coordinator) -> None:
    while await octet.store.write(octet.dispatch.assigner.assign_ready):
        pass


async def states(octet: Coordinator) -> dict[str, tuple[AgentState, object]]:
    return {str(one.agent.name): (one.state, one.reason) for one in await octet.agents.list(by=ADA)}


async def limit(octet: Coordinator, agent: str, for_ms: int) -> None:
    await octet.store.write(lambda tx: octet.agents.limit(tx, agent, reason=Reason.RATE_LIMITED, for_ms=for_ms))


async def test_a_limit_rests_all_agents_of_its_account_until_it_ends(tmp_path: Path) -> None:
    clock = FakeClock()
    first, second = (replace(make_agent(name), account="team") for name in ("A", "B"))
    async with fleet(tmp_path, clock, first, second, replace(make_agent("C"), account="own")) as octet:
        await limit(octet, "A", 5 * HOUR_MS)
        await dispatch(octet)
        rests = (AgentState.LIMITED, Reason.ACCOUNT_LIMIT)
        assert await states(octet) == {
            "A": (AgentState.LIMITED, Reason.RATE_LIMITED),
            "B": rests,
            "C": (AgentState.IDLE, None),
        }
        assert (await octet.agents.show("B", by=ADA)).until_ms == clock.now_ms() + 5 * HOUR_MS
        await octet.availability.pause("B", by=ADA)
        await octet.availability.resume("B", by=ADA)
        await dispatch(octet)
        assert (await states(octet))["B"] == rests, "a pause does not end the limit"
        clock.advance(5 * 3600 - 1)
        await dispatch(octet)
        assert (await states(octet))["B"] == rests
        clock.advance(1)
        await dispatch(octet)
        assert {state for state, _ in (await states(octet)).values()} == {AgentState.IDLE}


async def test_at_a_limit_a_task_waits_and_says_so_and_goes_on_when_it_ends(tmp_path: Path) -> None:
    clock = FakeClock()
    first, second = (replace(make_agent(name), account="team") for name in ("A", "B"))
    async with fleet(tmp_path, clock, first, second) as octet:
        await limit(octet, "A", HOUR_MS)
        task = await octet.tasks.new(make_new_task(), by=ADA)
        await dispatch(octet)
        now = (await octet.tasks.show(task.id, by=ADA)).task
        assert (now.state, now.reason) == (TaskState.WAITING, WaitReason.QUOTA)
        clock.advance(3600)
        await dispatch(octet)
        assert (await octet.tasks.show(task.id, by=ADA)).task.state is TaskState.ASSIGNED


async def test_a_user_ends_the_limit_of_an_account(tmp_path: Path) -> None:
    first, second = (replace(make_agent(name), account="team") for name in ("A", "B"))
    async with fleet(tmp_path, FakeClock(), first, second) as octet:
        await limit(octet, "A", HOUR_MS)
        await dispatch(octet)
        await octet.availability.resume("B", by=ADA)
        await dispatch(octet)
        assert {state for state, _ in (await states(octet)).values()} == {AgentState.IDLE}


async def test_a_user_has_so_many_tasks_under_way_at_once_as_the_settings_allow(tmp_path: Path) -> None:
    policy = RetryPolicy(settings=DispatchSettings(max_tasks_per_user=2))
    async with fleet(tmp_path, FakeClock(), *map(make_agent, "ABCD"), policy=policy) as octet:
        for _ in range(4):
            await octet.tasks.new(make_new_task(), by=ADA)
        late = await octet.tasks.new(make_new_task(), by=CAROL)
        await dispatch(octet)
        assigned = await list_tasks(octet, by=ADA, state=("assigned",))
        assert [task.id for task in assigned] == [late.id, "T-2", "T-1"]
        await octet.tasks.cancel(assigned[-1].id, by=ADA)
        await dispatch(octet)
        assert (
            await octet.tasks.show((await list_tasks(octet, by=ADA))[2].id, by=ADA)
        ).task.state is TaskState.ASSIGNED


@pytest.mark.parametrize(
    ("failures", "rest_min"), [(0, 0), (2, 0), (3, 5), (4, 10), (5, 20), (8, 160), (9, 240), (99, 240)]
)
def test_an_agent_rests_for_twice_as_long_after_each_further_failure(failures: int, rest_min: int) -> None:
    assert RetryPolicy().rest_ms(failures) == rest_min * 60_000


async def fail(octet: Coordinator) -> None:
    """Give the one agent a task, which fails."""
    task = await octet.tasks.new(make_new_task(), by=ADA)
    await dispatch(octet)
    repository = octet.tasks.repository
    await octet.store.write(lambda tx: repository.move(tx, task.id, TaskState.DELIVERING))
    await octet.store.write(lambda tx: repository.fail(tx, task.id, reason=Reason.INTERNAL_ERROR, note=""))
    await dispatch(octet)


async def test_an_agent_that_fails_often_rests_and_then_gets_one_task_as_a_test(tmp_path: Path) -> None:
    clock = FakeClock()
    async with fleet(tmp_path, clock, make_agent("A")) as octet:
        for _ in range(2):
            await fail(octet)
        assert await states(octet) == {"A": (AgentState.IDLE, None)}
        await fail(octet)
        rests = {"A": (AgentState.LIMITED, Reason.FAILS_OFTEN)}
        assert await states(octet) == rests
        assert [one.kind for one in (await octet.fleet.needs_me(by=ADA)).shown if one.agent == "A"] == [NeedKind.AGENT]
        clock.advance(5 * MINUTE_S)
        await dispatch(octet)
        assert await states(octet) == {"A": (AgentState.IDLE, None)}, "it may get one task"
        await fail(octet)
        clock.advance(5 * MINUTE_S)
        await dispatch(octet)
        assert await states(octet) == rests, "the second rest is twice as long"
        await octet.availability.resume("A", by=ADA)
        await dispatch(octet)
        assert await states(octet) == {"A": (AgentState.IDLE, None)}
        await fail(octet)
        assert await states(octet) == {"A": (AgentState.IDLE, None)}, "its earlier failures are forgiven"


NOON = datetime.fromisoformat("2026-03-05T12:00:00+01:00")


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("You've hit your limit. It resets at 3pm.", timedelta(hours=3)),
        ("5-hour limit reached ∙ resets 11:30am", timedelta(hours=23, minutes=30)),
        ("Usage limit: try again at 15:30", timedelta(hours=3, minutes=30)),
        ("resets 12am", timedelta(hours=12)),
        ("Please try again in 2 hours.", timedelta(hours=2)),
        ("Try again in 1 hour and 20 minutes", timedelta(hours=1, minutes=20)),
        ("rate limit; retry in 45s", timedelta(seconds=45)),
        ("Resets in 3d 4h", timedelta(days=3, hours=4)),
        ("Resets in 2h 5m", timedelta(hours=2, minutes=5)),
    ],
)
def test_a_window_says_when_its_limit_ends(text: str, after: timedelta) -> None:
    assert longest(1000).limit_ends_at(text, NOON) == NOON + after


@pytest.mark.parametrize("text", ["", "You reached your limit.", "in 3 files", "resets at 99:99", "in 2 months"])
def test_a_window_that_does_not_say_when_its_limit_ends_says_nothing(text: str) -> None:
    assert longest(1000).limit_ends_at(text, as_datetime(0)) is None


async def test_a_limit_that_a_window_shows_rests_the_other_agents_of_its_account(tmp_path: Path) -> None:
    clock = FakeClock()
    agents = [replace(make_window_agent(name, window=name.casefold()), account="team") for name in ("A", "B")]
    async with open_coordinator(
        tmp_path,
        agents=agents,
        desks=[make_desk("a", "b")],
        lanes={(Lane.WINDOW, "main"): FakeLane()},
        workers={"main": FakeDeskWorker()},
        longest_prompts={"A": 1000},
        clock=clock,
    ) as octet:
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        text = "Usage limit reached. Try again in 2 hours."
        await octet.dispatch.window_shows("main", Shown(window="a", activity=Activity.LIMITED, mark="m", text=text))
        await dispatch(octet)
        assert await states(octet) == {
            "A": (AgentState.LIMITED, Reason.WINDOW_LIMIT),
            "B": (AgentState.LIMITED, Reason.ACCOUNT_LIMIT),
        }
        task = await octet.tasks.new(make_new_task(), by=ADA)
        await dispatch(octet)
        assert (await octet.tasks.show(task.id, by=ADA)).task.reason is WaitReason.QUOTA
        await octet.tasks.cancel(task.id, by=ADA)
        clock.advance(2 * 3600)
        await dispatch(octet)
        assert (await states(octet))["B"] == (AgentState.IDLE, None)
        assert (await states(octet))["A"] == (AgentState.LIMITED, Reason.WINDOW_LIMIT), "its window still shows it"
