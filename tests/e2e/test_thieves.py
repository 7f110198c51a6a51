"""Deliveries among thieves: the short form of `bench/adversarial`, and the loop that most people write under one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench import adversarial
from bench.measure import breaches as breaches_module
from bench.measure import letters, typists
from bench.measure.arena import Arena, open_arena
from bench.measure.breaches import breaches
from bench.measure.faults import FAULTS
from bench.measure.typists import kill_while_typing
from core.deliveries.model import Assurance
from tests.long_forms import mostly_long

pytestmark = [pytest.mark.display, pytest.mark.timeout(1800)]
BY_NAME = {fault.name: fault for fault in FAULTS}
SHORT = (
    "focus asked for",
    "covers",
    "windows opened over",
    "moves",
    "closes",
    "lock screen",
    "keyboard grabbed unseen",
)
EACH = 4
KILLS = mostly_long([3, 10])
"""Each victim at least once, each of the ten points in the long form."""


async def test_under_each_fault_texts_arrive_whole_once_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adversarial, "SHORTEST_S", 1.0)
    monkeypatch.setattr(adversarial, "LONGEST_S", 3.0)
    monkeypatch.setattr(adversarial, "AFTERWARDS_S", 90.0)
    async with open_arena(tmp_path / "arena") as arena:
        await bring_some(arena, *SHORT)
        assert await breaches(arena, BY_NAME["closes"]) == []
        await bring_some(arena, "clipboard taken")  # the clipboard is the thief's afterwards
        of_all = replace(BY_NAME["clipboard taken"], may_hide_the_end=True)  # "closes" was among them
        assert await breaches(arena, of_all) == []


async def bring_some(arena: Arena, *faults: str) -> None:
    """Bring a few texts under each of these, all of which arrive; after the Enter into a window that is closed just
    then Octet cannot know it."""
    for name in faults:
        outcome = await adversarial.under(arena, BY_NAME[name], EACH)
        adversarial.tell("octet", outcome)
        told = outcome.ended if BY_NAME[name].may_hide_the_end else outcome.delivered
        assert (outcome.blocked, told) == ([], len(outcome.shots))
        assert outcome.delivered >= len(arena.agents)


async def test_a_program_that_swallows_texts_is_weak_at_most_and_no_untrue_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adversarial, "SHORTEST_S", 0.0)
    monkeypatch.setattr(breaches_module, "_QUIET_S", 0.3)
    async with open_arena(tmp_path / "arena", kinds=("tk", "gtk")) as arena:
        outcome = await adversarial.under(arena, BY_NAME["swallows"], EACH)
        assert await breaches(arena, BY_NAME["swallows"]) == []
        missing = [shot for shot in outcome.shots if shot.text not in shot.agent.heard]
        assert adversarial.swallowed(arena, outcome.shots) == len(missing) >= EACH
        for shot in missing:
            assert shot.outcome is not None
            assert shot.outcome.assurance is Assurance.WEAK
            shot.outcome = replace(shot.outcome, assurance=Assurance.EXACT)
        assert len([line for line in await breaches(arena, BY_NAME["swallows"]) if "I6" in line]) == len(missing)


async def test_the_loop_that_most_people_write_does_harm_while_a_person_types(tmp_path: Path) -> None:
    outcome = await adversarial.measure_naively(tmp_path / "arena", BY_NAME["typing"])
    adversarial.tell("the naive loop", outcome)
    assert adversarial.does_harm(outcome)


@pytest.mark.parametrize("kills", KILLS)
async def test_kills_while_a_person_types_leave_them_keyboard_mouse_and_clipboard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int
) -> None:
    monkeypatch.setattr(typists, "AGAIN_S", 60.0)
    monkeypatch.setattr(typists, "ALIVE_S", 60.0)
    monkeypatch.setattr(typists, "CLICKS", 30)
    monkeypatch.setattr(letters, "ALLOWED_MS", 500.0)
    killed = await kill_while_typing(tmp_path, kills)
    adversarial.tell_kills(killed)
    assert (killed.dead, killed.down, killed.clipboards_lost, killed.violations) == ({}, [], 0, [])
    assert killed.letters_late == 0 < killed.letters_late_in_control
    assert (killed.kills, killed.never_passed) == (kills, [])
    assert killed.typed > kills, "the person hardly typed: this test has shown little"
