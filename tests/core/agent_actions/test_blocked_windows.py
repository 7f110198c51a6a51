"""Windows that cannot be used: in needs-me at once, one notice for each time, and recalibrated by the owner alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.agent_actions.model import NOT_HERE
from core.calibration.model import CalibrationOptions, CalibrationResult, CalibrationStep, PointAt
from core.coordinator import Coordinator
from core.deliveries.model import Reason
from core.desks.model import DeskNow, DeskState, WindowNotSeen, WindowStatus
from core.fleet.model import Need, NeedKind
from core.notices.model import BlockedWindow, Notice
from core.remedies import next_step, sentence
from core.retry_policy import RetryPolicy
from core.security.model import Actor, NotAllowed, Permission, require
from core.settings.model import DispatchSettings
from core.tasks.model import TaskId, TaskState
from tests.builders import (
    ADA,
    CAROL,
    entries_of,
    make_agent,
    make_desk,
    make_new_task,
    make_window_agent,
    open_coordinator,
    pending,
)
from tests.core.dispatch.test_loop import reach, window_house
from tests.fakes.calibrations import FakeCalibrations, FakeReload, reload_by
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane, refused
from tests.long_forms import mostly_long

USABLE = WindowStatus(name="agent-1", usable=True)
ONE_REFUSAL = RetryPolicy(first_pause_ms=1, longest_pause_ms=2, settings=DispatchSettings(max_rejections_per_hour=1))


def blocked(reason: Reason, seen: str = "") -> WindowStatus:
    return WindowStatus(name="agent-1", usable=False, reason=reason, note=seen)


@asynccontextmanager
async def desk(home: Path) -> AsyncGenerator[Coordinator]:
    agents, desks = [make_window_agent()], [make_desk("agent-1", "nobodys")]
    async with open_coordinator(
        home, agents=agents, desks=desks, lanes={}, workers={"main": FakeDeskWorker()}
    ) as octet:
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        yield octet


async def needs(octet: Coordinator) -> list[Need]:
    return list((await octet.fleet.needs_me(by=CAROL)).shown)


async def told(octet: Coordinator) -> list[tuple[Notice, BlockedWindow]]:
    return [(one, one.detail) for one in await pending(octet) if isinstance(one.detail, BlockedWindow)]


@pytest.mark.parametrize("reason", mostly_long(sorted(set(Reason) - NOT_HERE), kept=8))
async def test_a_blocked_window_is_listed_without_any_task_with_reason_time_and_cure(
    tmp_path: Path, reason: Reason
) -> None:
    async with desk(tmp_path) as octet:
        await octet.dispatch.window_seen("main", blocked(reason, "as seen"))
        [need] = await needs(octet)
        assert (need.kind, need.agent, need.desk, need.window) == (NeedKind.WINDOW, "Agent-1", "main", "agent-1")
        assert (need.what, need.seen) == (f"the window of Agent-1 is not usable: {sentence(reason)}", "as seen")
        command = "`/desk calibrate main` (or `octet calibrate main agent-1`)"
        assert need.next.startswith(next_step(reason).replace("`/desk calibrate`", command))
        assert need.next.count(command) == 1, "it says it once"
        assert need.since_ms > 0
        assert (await octet.fleet.board(by=ADA)).needs == 1
        await octet.dispatch.window_seen("main", USABLE)
        assert await needs(octet) == []


async def test_what_passes_or_is_told_otherwise_is_not_listed(tmp_path: Path) -> None:
    async with desk(tmp_path) as octet:
        for reason in NOT_HERE:
            await octet.dispatch.window_seen("main", blocked(reason))
        elsewhere = WindowStatus(name="nobodys", usable=False, reason=Reason.CLOSED)
        await octet.dispatch.window_seen("main", elsewhere)
        assert (await needs(octet), await told(octet)) == ([], [])
        await octet.dispatch.window_seen("main", blocked(Reason.CLOSED))
        await octet.dispatch.window_seen("main", blocked(Reason.LOCKED))
        assert len(await needs(octet)) == 1, "a lock does not bring it back"
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "its worker ended"))
        assert await needs(octet) == [], "nobody sees it now"


async def test_each_time_has_one_notice_which_follows_it_over_a_restart_to_its_end(tmp_path: Path) -> None:
    async with desk(tmp_path) as octet:
        await octet.dispatch.window_seen("main", blocked(Reason.CLOSED))
        await octet.dispatch.window_seen("main", blocked(Reason.CLOSED))
        [(first, now)] = await told(octet)
        assert (first.revision, now.reason, now.over_ms) == (1, Reason.CLOSED, 0)
    async with desk(tmp_path) as octet:
        await octet.dispatch.window_seen("main", blocked(Reason.CLOSED))
        [need] = await needs(octet)
        assert need.since_ms == now.since_ms
        await octet.dispatch.window_seen("main", blocked(Reason.RESIZED, "it is 1×1"))
        [(same, now)] = await told(octet)
        assert (same.id, now.reason, now.seen) == (first.id, Reason.RESIZED, "it is 1×1")
        await octet.dispatch.window_seen("main", USABLE)
        await octet.dispatch.window_seen("main", USABLE)
        [(same, now)] = await told(octet)
        assert (same.id, same.revision) == (first.id, 3)
        assert now.over_ms >= now.since_ms > 0
        await octet.dispatch.window_seen("main", blocked(Reason.CHANGED))
        assert [one.id == first.id for one, _ in await told(octet)] == [True, False]
        names = [(one.name, one.data.get("reason")) for one in await entries_of(octet.journal, "desk:main")]
    assert names == [
        ("WindowBlocked", "closed"),
        ("WindowBlocked", "resized"),
        ("WindowUnblocked", None),
        ("WindowBlocked", "changed"),
    ]


async def test_what_covers_a_window_is_what_was_seen_last(tmp_path: Path) -> None:
    async with desk(tmp_path) as octet:
        for seen in ("by “a diary”", "by “a clock”"):
            await octet.dispatch.window_seen("main", blocked(Reason.COVERED, seen))
        [need] = await needs(octet)
        [(_, now)] = await told(octet)
        assert (need.seen, now.seen) == ("by “a clock”", "by “a clock”")
        names = [one.name for one in await entries_of(octet.journal, "desk:main")]
    assert names == ["WindowBlocked"]


async def test_a_task_that_was_parked_because_of_its_window_is_listed_with_it_alone(tmp_path: Path) -> None:
    lane = FakeLane(refused(Reason.CLOSED))
    async with window_house(tmp_path, lane, policy=ONE_REFUSAL) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, TaskId("T-1"), TaskState.PARKED, "window_refused")
        assert [need.kind for need in await needs(octet)] == [NeedKind.PARKED]
        await octet.dispatch.window_seen("main", blocked(Reason.CLOSED))
        assert [(need.kind, need.task) for need in await needs(octet)] == [(NeedKind.WINDOW, "T-1")]


async def test_a_window_that_no_agent_has_any_more_is_over(tmp_path: Path) -> None:
    async with desk(tmp_path) as octet:
        await octet.dispatch.window_seen("main", blocked(Reason.CLOSED))
        await octet.store.write(lambda tx: octet.agents.set_agents([]))
        await octet.store.write(octet.blocked_windows.end_orphaned)
        assert await needs(octet) == []
        [(_, now)] = await told(octet)
        assert now.over_ms


async def test_a_window_that_left_the_config_while_octet_did_not_run_is_over(tmp_path: Path) -> None:
    async with desk(tmp_path) as octet:
        await octet.dispatch.window_seen("main", blocked(Reason.CLOSED))
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        await octet.store.write(octet.dispatch.assigner.assign_ready)
        [(_, now)] = await told(octet)
    assert now.over_ms


async def test_the_tasks_that_wait_for_a_blocked_window_are_named_with_it(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(refused(Reason.RESIZED)), agents=1) as octet:
        for number in (1, 2):
            await octet.tasks.new(make_new_task(), by=ADA)
            await reach(octet, TaskId(f"T-{number}"), TaskState.WAITING, "window")
        assert [need.kind for need in await needs(octet)] == [NeedKind.WAITING] * 2
        await octet.dispatch.window_seen("main", blocked(Reason.RESIZED, "it is 1×1"))
        [need] = await needs(octet)
        assert (need.kind, need.task, need.more, need.seen) == (NeedKind.WINDOW, "T-1", 1, "it is 1×1")


class Refusing(FakeCalibrations):
    async def start(self, desk: str, options: CalibrationOptions | None = None, *, by: Actor) -> CalibrationStep:
        require(by, Permission.DESK_SEE)
        raise WindowNotSeen(id="agent-1", why="no window has its class and title")


async def test_only_the_owner_recalibrates_and_the_message_says_what_became_of_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as octet:
        await octet.dispatch.window_seen("main", blocked(Reason.CHANGED))
        reload_by(octet, FakeReload(), Refusing(tmp_path))
        with pytest.raises(NotAllowed):
            await octet.maintenance.recalibrate("main", "agent-1", by=CAROL)
        [(_, now)] = await told(octet)
        assert (now.tried_by, now.tried) == ("", "")
        with pytest.raises(WindowNotSeen):
            await octet.maintenance.recalibrate("main", "agent-1", by=ADA)
        [(_, now)] = await told(octet)
        assert now.tried_by == ADA.id
        assert "no window has its class and title" in now.tried
        ways = FakeCalibrations(tmp_path)
        reload_by(octet, FakeReload(), ways)
        assert isinstance((await octet.maintenance.recalibrate("main", "agent-1", by=ADA)).now, PointAt)
        [(_, now)] = await told(octet)
        assert sentence(Reason.NO_COMPOSER) in now.tried
        ways.scout.tells = True
        assert isinstance((await octet.maintenance.recalibrate("main", "agent-1", by=ADA)).now, CalibrationResult)
        [(_, now)] = await told(octet)
        assert (now.tried_by, now.tried, now.over_ms) == (ADA.id, "", 0)


class NotWritten(FakeCalibrations):
    async def start(self, desk: str, options: CalibrationOptions | None = None, *, by: Actor) -> CalibrationStep:
        return CalibrationStep(
            number=1, now=CalibrationResult(desk=desk, code="disk_full", note="the disk is full"), lines=()
        )


async def test_a_window_that_was_measured_but_not_taken_over_says_why(tmp_path: Path) -> None:
    async with desk(tmp_path) as octet:
        await octet.dispatch.window_seen("main", blocked(Reason.CHANGED))
        reload_by(octet, FakeReload(), NotWritten(tmp_path))
        await octet.maintenance.recalibrate("main", "agent-1", by=ADA)
        [(_, now)] = await told(octet)
        assert now.tried == "the disk is full"
