"""The loop under kill -9, with real windows: nothing lost, doubled or guessed; and two loops that fail at it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bench import kills

pytestmark = [pytest.mark.display, pytest.mark.timeout(1800)]
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


async def test_where_a_window_cannot_tell_a_person_is_asked_and_their_word_settles_it(tmp_path: Path) -> None:
    at_enter = [kills.Kill(point="worker.key-pressed", victim=kills.COORDINATOR)]
    outcome = await kills.measure(tmp_path, at_enter, is_answered=False, only="Agent-5", shown=kills.is_helped)
    kills.tell(0.0, "a terminal", outcome)
    assert outcome.violations == []
    assert (outcome.unknown, outcome.helped) == (1, {"unknown, arrived": 1})


@pytest.mark.parametrize("variant", kills.CONTROLS)
async def test_a_loop_that_guesses_is_found_out_by_the_same_kills(tmp_path: Path, variant: str) -> None:
    outcome = await kills.control(tmp_path, variant)
    kills.tell(0.0, variant, outcome)
    assert [line for line in outcome.violations if line.startswith(kills.CONTROLS[variant].breaks)]
