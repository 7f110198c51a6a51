"""A locked screen is told once while work waits for it, again only after it was open, and not twice by a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.agents.model import Agent, Lane
from core.coordinator import Coordinator
from core.deliveries.model import Reason
from core.fleet.model import NeedKind
from core.notices.model import DISCORD, NoticeKind, NoticePost, Place
from core.security.model import HUB
from core.tasks.model import TaskId, TaskState
from tests.builders import ADA, make_agent, make_new_task, refuses
from tests.core.dispatch.test_loop import reach, until, window_house
from tests.fakes.clock import RunningClock
from tests.fakes.lane import FakeLane, bounced

FIRST = TaskId("T-1")
PLACE = Place(channel="77", guild="7")


def behind_a_lock() -> FakeLane:
    return FakeLane(*[bounced(Reason.LOCKED)] * 10_000)


async def told(octet: Coordinator) -> list[NoticePost]:
    return [one for one in await octet.notices.on(DISCORD).due(200) if one.kind is NoticeKind.LOCKED]


async def is_told(octet: Coordinator, *, times: int = 1) -> list[NoticePost]:
    async def there() -> bool:
        return len(await told(octet)) >= times

    await until(there, octet)
    return await told(octet)


async def lock(octet: Coordinator, *, is_locked: bool = True) -> None:
    await octet.dispatch.desk_locked("main", is_locked=is_locked)


async def test_a_lock_is_told_where_the_oldest_waiting_task_was_asked_for_with_how_much_waits(tmp_path: Path) -> None:
    async with window_house(tmp_path, behind_a_lock(), agents=2) as octet:
        await octet.tasks.new(make_new_task(place=PLACE), by=ADA)
        await octet.tasks.new(make_new_task("And the bees"), by=ADA)
        for task in (FIRST, TaskId("T-2")):
            await reach(octet, task, TaskState.WAITING, "window")
        await lock(octet)
        [notice] = await is_told(octet)
        assert (notice.place, notice.task) == (PLACE, "")
        seen = await octet.screen_locks.show(notice.subject)
        assert (seen.desk, seen.waiting, seen.over_ms) == ("main", 2, None)
        [need] = [one for one in (await octet.fleet.needs_me(by=HUB)).shown if one.desk == "main"]
        assert (need.kind, "locked" in need.what) == (NeedKind.DESK, True)


async def test_a_lock_of_which_nobody_need_know_is_told_when_something_comes_to_wait(tmp_path: Path) -> None:
    async with window_house(tmp_path, behind_a_lock()) as octet:
        await lock(octet)
        assert await told(octet) == []
        assert (await octet.fleet.needs_me(by=HUB)).total == 0
        await octet.tasks.new(make_new_task(), by=ADA)
        assert len(await is_told(octet)) == 1


async def test_the_same_lock_is_told_once_however_often_workers_see_it_and_over_a_restart(tmp_path: Path) -> None:
    async with window_house(tmp_path, behind_a_lock()) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await lock(octet)
        [first] = await is_told(octet)
        await octet.notices.on(DISCORD).posted(first.id, channel="77", message="m", revision=first.revision)
        await lock(octet)
    async with window_house(tmp_path, behind_a_lock()) as octet:
        await lock(octet)
        await octet.tasks.new(make_new_task("And the bees"), by=ADA)
        assert await told(octet) == []
        assert len(await octet.screen_locks.list_open()) == 1
        await lock(octet, is_locked=False)
        [edited] = await told(octet)
        assert (edited.id, edited.posted_message) == (first.id, "m"), "the message is edited; none is new"
        assert (await octet.screen_locks.show(edited.subject)).over_ms is not None
        assert await octet.screen_locks.list_open() == ()


async def test_once_it_was_open_the_next_lock_is_told_anew(tmp_path: Path) -> None:
    async with window_house(tmp_path, behind_a_lock()) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await lock(octet)
        assert len(await is_told(octet)) == 1
        await lock(octet, is_locked=False)
        await lock(octet)
        first, second = await is_told(octet, times=2)
        assert first.subject != second.subject


async def test_a_lock_that_was_never_told_goes_without_a_word(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        await lock(octet, is_locked=False)
        await lock(octet)
        await lock(octet, is_locked=False)
        assert await told(octet) == []
        with refuses("screen_lock_not_found"):
            await octet.screen_locks.show("01NOSUCHLOCK")


async def test_the_lock_of_a_desk_at_which_nobody_works_any_more_is_over(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(), clock=RunningClock()) as octet:
        await octet.dispatch.desk_locked("gone", is_locked=True)
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert await told(octet) == []


@pytest.mark.parametrize(
    "after",
    [
        make_agent("Agent-1"),
        make_agent("Agent-1", lane=Lane.TERMINAL, desk="main", window="agent-1"),
    ],
    ids=["the agent is elsewhere", "the desk has panes now"],
)
async def test_a_lock_of_which_no_worker_will_tell_that_it_is_over_ends_by_itself(tmp_path: Path, after: Agent) -> None:
    async with window_house(tmp_path, behind_a_lock()) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await lock(octet)
        [notice] = await is_told(octet)
        octet.agents.set_agents([after])
        await octet.dispatch.follow_config([after], {}, [(Lane.WINDOW, "main")])

        async def is_over() -> bool:
            return (await octet.screen_locks.show(notice.subject)).over_ms is not None

        await until(is_over, octet)
        assert not [one for one in (await octet.fleet.needs_me(by=HUB)).shown if "locked" in one.what]
