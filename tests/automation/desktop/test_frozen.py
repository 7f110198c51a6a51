"""A window whose program stands still: before Enter nothing is sent, after it nobody knows; both are said meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.deliveries.model import Outcome, Reason, Result
from core.profiles.model import Profile
from tests.automation.desktop.scenes import TEXT, Scene, scene, soon
from tests.display import VirtualDisplay
from tests.fakes.desk import TERM, TK

pytestmark = pytest.mark.display
LIMIT_MS = 600
"""Of the window's profile: for the paste to land, and for Enter to show."""
both_kinds = pytest.mark.parametrize("kind", [TK, TERM], ids=lambda kind: kind.name)


@asynccontextmanager
async def frozen_at(
    display: VirtualDisplay, folder: Path, kind: Profile, step: str
) -> AsyncIterator[tuple[Scene, Outcome]]:
    """Deliver to a window that is frozen as soon as this step is written down, until the end of the block."""
    profile = replace(kind, paste_timeout_ms=LIMIT_MS, confirm_timeout_ms=LIMIT_MS)
    async with scene(display, folder, profile=profile) as on:
        program, frozen = display.children[-1], asyncio.Event()

        async def freeze() -> None:
            os.kill(program.pid, signal.SIGSTOP)
            frozen.set()

        on.commits.when[step] = freeze
        try:
            outcome = await on.deliver(about={Reason.PASTE_NOT_READ})
            assert frozen.is_set(), "the outcome came while it stood still"
            assert not display.is_anything_down()
            yield on, outcome
        finally:
            os.kill(program.pid, signal.SIGCONT)


@both_kinds
async def test_a_window_that_takes_no_paste_sends_nothing_and_gets_the_text_once_when_it_runs_again(
    display: VirtualDisplay, tmp_path: Path, kind: Profile
) -> None:
    async with frozen_at(display, tmp_path, kind, "staging") as (on, outcome):
        assert outcome.result in {Result.BOUNCED, Result.REFUSED}
        assert outcome.reason is Reason.PASTE_NOT_READ
        assert on.commits.steps == ["staging"]
        on.commits.when.clear()
        os.kill(display.children[-1].pid, signal.SIGCONT)
        await on.desk.news.until(lambda: on.desk.news.usable[-1:] == ["agent-1"])
        assert on.agent.heard == []
        assert (await rested(on, "once")).result is Result.DELIVERED
        assert on.agent.heard == ["once"]


@both_kinds
async def test_a_window_that_shows_nothing_after_enter_is_unknown_and_enter_is_not_pressed_again(
    display: VirtualDisplay, tmp_path: Path, kind: Profile
) -> None:
    async with frozen_at(display, tmp_path, kind, "submitting") as (on, outcome):
        assert (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.NOT_SEEN)
        assert "the composer is not empty" in outcome.note
        assert outcome.draft_left
        os.kill(display.children[-1].pid, signal.SIGCONT)
        await soon(lambda: on.agent.heard == [TEXT], "it had been sent")
        await soon(lambda: not on.is_drafted, "nothing of it is left")
        assert (await rested(on, "next")).result is Result.DELIVERED
        assert on.agent.heard == [TEXT, "next"]


async def rested(on: Scene, text: str) -> Outcome:
    """Deliver as soon as the window is at rest: what it got while it was frozen may still be before it."""
    on.commits.when.clear()
    while (outcome := await on.deliver(text)).result in {Result.BOUNCED, Result.REFUSED}:
        assert not outcome.draft_left
    return outcome
