"""A window that was moved is written into at its new place, where its profile allows it and it is certainly the one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.deliveries.model import Reason, Result
from tests.automation.desktop.scenes import scene
from tests.display import VirtualDisplay
from tests.fakes.desk import TK

FOLLOWED = replace(TK, follow_moved_window=True)
pytestmark = pytest.mark.display


async def test_a_moved_window_is_followed_with_all_that_is_measured_in_it_and_gets_no_enter_while_it_moves(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, profile=FOLLOWED) as on:
        for text, place in (("one", (50, 50)), ("two", (300, 200)), ("three", (120, 90))):
            display.place(on.agent.seen.id, *place)
            outcome = await on.deliver(text)
            assert outcome.result is Result.DELIVERED, outcome
            assert outcome.evidence is not None
            assert outcome.evidence.target is not None
            assert outcome.evidence.target.place[:2] == place

        async def move() -> None:
            display.place(on.agent.seen.id, 300, 200)

        on.commits.when["staged"] = move
        outcome = await on.deliver("four")
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.MOVED), outcome
        assert on.agent.heard == ["one", "two", "three"]
        on.commits.when.clear()
        assert (await on.deliver("four")).result is Result.DELIVERED
        assert on.agent.heard == ["one", "two", "three", "four"]


async def test_a_window_that_was_never_seen_at_its_place_or_is_covered_is_not_followed(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, profile=FOLLOWED, at=(200, 300)) as on:
        outcome = await on.deliver("one")
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.MOVED), outcome
        display.place(on.agent.seen.id, on.agent.seen.box.x, on.agent.seen.box.y)
        assert (await on.deliver("one")).result is Result.DELIVERED
        display.place(on.agent.seen.id, 200, 300)
        display.lay_over(200, 300, 100, 20, title="paint")
        outcome = await on.deliver("two")
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.COVERED), outcome
        assert on.agent.heard == ["one"]
