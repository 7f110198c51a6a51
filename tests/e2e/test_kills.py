"""The loop under kill -9, with real windows: nothing lost, doubled or guessed; and two loops that fail at it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bench import kills

pytestmark = [pytest.mark.display, pytest.mark.timeout(420)]
KILLS = 40


async def test_forty_kills_in_the_worst_moments_lose_double_and_guess_nothing(tmp_path: Path) -> None:
    outcome = await kills.measure(tmp_path, kills.plan(KILLS, random.Random(kills.SEED)))
    kills.tell(0.0, "octet", outcome)
    assert outcome.violations == []
    assert (outcome.never_passed, outcome.wrong_moments) == ([], [])
    assert outcome.kills.total() >= KILLS
    assert {moment: outcome.kills[moment] for moment in kills.MOMENTS if outcome.kills[moment] < 3} == {}
    assert all(outcome.victims[victim] for victim in kills.VICTIMS)
    assert outcome.share_busy > 0.9, "there was not enough work"
    assert outcome.settled_by_looking, "no kill left anything to be found out: this test has shown little"


@pytest.mark.parametrize("variant", kills.CONTROLS)
async def test_a_loop_that_guesses_is_found_out_by_the_same_kills(tmp_path: Path, variant: str) -> None:
    outcome = await kills.control(tmp_path, variant)
    kills.tell(0.0, variant, outcome)
    assert [line for line in outcome.violations if line.startswith(kills.CONTROLS[variant].breaks)]
