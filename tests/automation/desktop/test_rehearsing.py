"""A window tried out for real: a text is staged, read back and cleared, never sent, and what a killed worker left of it
is cleared by the next one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.deliveries.model import Reason, Result
from core.desks.model import InputSource, UserActivityPolicy
from core.profiles.model import Profile
from tests.automation.desktop.scenes import Scene, scene
from tests.display import VirtualDisplay
from tests.fakes.desk import TERM, TK, deliver

pytestmark = pytest.mark.display
LINE = "Octet tries this window out, word abc. It is not sent and goes away by itself."


async def rehearse(on: Scene, line: str = LINE) -> tuple[Result, Reason | None, str]:
    outcome = await deliver(on.desk.lane, replace(on.order(line), is_dry_run=True), on.commits)
    return outcome.result, outcome.reason, outcome.evidence.readback if outcome.evidence else ""


@pytest.mark.parametrize(("profile", "by"), [(TK, "copy"), (TERM, "pixels")], ids=["tk", "term"])
async def test_a_real_window_is_tried_out_and_nothing_is_sent(
    display: VirtualDisplay, tmp_path: Path, profile: Profile, by: str
) -> None:
    async with scene(display, tmp_path, profile=profile) as on:
        assert await rehearse(on) == (Result.REHEARSED, None, by)
        assert not on.is_drafted
        assert on.commits.steps == ["staging", "staged"]
        assert on.agent.heard == []
        assert (await on.deliver("a real one")).result is Result.DELIVERED
        assert on.agent.heard == ["a real one"]


async def test_a_persons_draft_is_left(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path, before="mine") as on:
        assert await rehearse(on) == (Result.REFUSED, Reason.COMPOSER_NOT_EMPTY, "")
        assert on.person_sends() == ["mine"]


async def test_nothing_is_tried_while_somebody_types(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(
        display, tmp_path, user_activity=UserActivityPolicy(idle_s=600.0, input_source=InputSource.OTHERS)
    ) as on:
        display.xdotool("key", "shift")
        await on.desk.news.until(lambda: on.desk.news.waits[-1:] == [Reason.PERSON_TYPING])
        assert await rehearse(on) == (Result.BOUNCED, Reason.PERSON_TYPING, "")
        assert on.commits.steps == []


@pytest.mark.parametrize(
    ("profile", "point"),
    [(TK, "worker.pasted"), (TK, "worker.read-back"), (TK, "worker.staged-granted"), (TERM, "worker.staged-granted")],
    ids=lambda value: value.name if isinstance(value, Profile) else value,
)
async def test_what_a_killed_worker_left_of_it_is_cleared_by_the_next(
    display: VirtualDisplay, tmp_path: Path, profile: Profile, point: str
) -> None:
    async with scene(display, tmp_path, profile=profile) as on:
        on.leftovers.commits[on.agent.name] = on.commits
        (on.faults / point).write_text("kill")
        assert await rehearse(on) == (Result.BOUNCED, Reason.WORKER_LOST, "")
        on.desk.news.usable.clear()
        await on.is_back()
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert not on.is_drafted
        assert on.agent.heard == []
