"""The loop under kill -9, with real windows: nothing lost, doubled or guessed; and two loops that fail at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import kills
from tests.long_forms import mostly_long

pytestmark = [pytest.mark.display, pytest.mark.timeout(1800)]
SHORT = [
    kills.Kill(point=points[number % len(points)], victim=kills.VICTIMS[number % 3], moment=moment)
    for number, (moment, points) in enumerate(kills.MOMENTS.items())
]
"""Each moment once, each victim twice; `make bench NAME=kills` runs hundreds."""


@pytest.mark.parametrize("rounds", mostly_long([1, 5]))
async def test_kills_in_each_of_the_worst_moments_lose_double_and_guess_nothing(tmp_path: Path, rounds: int) -> None:
    outcome = await kills.measure(tmp_path, SHORT * rounds)
    kills.tell(0.0, "octet", outcome)
    assert outcome.violations == []
    assert (outcome.never_passed, outcome.wrong_moments) == ([], [])
    assert [outcome.kills[moment] for moment in kills.MOMENTS] == [rounds] * len(kills.MOMENTS)
    assert [outcome.victims[victim] for victim in kills.VICTIMS] == [2 * rounds] * 3
    assert outcome.share_busy > 0.9, "there was not enough work"
    assert outcome.settled_by_looking, "no kill left anything to be found out: this test has shown little"


async def test_where_a_window_cannot_tell_a_person_is_asked_and_their_word_settles_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kills, "SILENT_S", 2.0)  # harm would come with the next look at the window, within a second
    at_enter = [kills.Kill(point="worker.key-pressed", victim=kills.COORDINATOR)]
    outcome = await kills.measure(tmp_path, at_enter, is_answered=False, only="Agent-5", shown=kills.is_helped)
    kills.tell(0.0, "a terminal", outcome)
    assert outcome.violations == []
    assert (outcome.unknown, outcome.helped) == (1, {"unknown, arrived": 1})


@pytest.mark.parametrize("variant", mostly_long(kills.CONTROLS))
async def test_a_loop_that_guesses_is_found_out_by_the_same_kills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variant: str
) -> None:
    monkeypatch.setattr(kills, "SILENT_S", 0.5)  # the harm is waited for before
    outcome = await kills.control(tmp_path, variant, count=1)
    kills.tell(0.0, variant, outcome)
    assert [line for line in outcome.violations if line.startswith(kills.CONTROLS[variant].breaks)]
