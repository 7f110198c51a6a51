"""A rehearsal in real windows: what a killed worker left of it is cleared by the next one. (The lane's contract has the
rest: a rehearsal is read back and cleared, and nothing is sent.)"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.deliveries.model import Reason, Result
from core.profiles.model import Profile
from tests.automation.desktop.scenes import Scene, scene
from tests.display import VirtualDisplay
from tests.fakes.desk import TERM, TK, deliver

pytestmark = pytest.mark.display


async def rehearse(on: Scene) -> tuple[Result, Reason | None, str]:
    outcome = await deliver(on.desk.lane, replace(on.order("A line, word abc."), is_dry_run=True), on.commits)
    return outcome.result, outcome.reason, outcome.evidence.readback if outcome.evidence else ""


async def test_a_persons_draft_is_left(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path, before="mine") as on:
        assert await rehearse(on) == (Result.REFUSED, Reason.COMPOSER_NOT_EMPTY, "")
        assert on.person_sends() == ["mine"]


@pytest.mark.parametrize(
    ("profile", "point", "by"),
    [(TK, "worker.pasted", "copy"), (TK, "worker.staged-granted", "copy"), (TERM, "worker.staged-granted", "pixels")],
)
async def test_what_a_killed_worker_left_of_it_is_cleared_by_the_next(
    display: VirtualDisplay, tmp_path: Path, profile: Profile, point: str, by: str
) -> None:
    async with scene(display, tmp_path, profile=profile) as on:
        on.leftovers.commits[on.agent.name] = on.commits
        (on.faults / point).write_text("kill")
        assert await rehearse(on) == (Result.BOUNCED, Reason.WORKER_LOST, "")
        on.desk.news.usable.clear()
        await on.is_back()
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert not on.is_drafted
        assert await rehearse(on) == (Result.REHEARSED, None, by)
        assert on.agent.heard == []
