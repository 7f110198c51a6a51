"""Days in virtual time, by seeds: no task is lost or on two agents, the order is kept, and each moves or says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.agents.service import Agents
from core.tasks.dependencies import Dependencies
from core.tasks.repository import TaskRepository
from tests.core.dispatch.days import pass_days, without_fences
from tests.long_forms import mostly_long

SEEDS, HOURS = range(20), 24


@pytest.mark.parametrize("seed", mostly_long(SEEDS, kept=5))
def test_nothing_is_lost_or_given_twice_or_stuck_while_agents_die_and_lie_and_octet_restarts(
    seed: int, tmp_path: Path
) -> None:
    said = pass_days(seed, tmp_path, hours=HOURS)
    assert said["counts"], "agents worked"


def test_without_fences_a_lie_counts_and_is_found(tmp_path: Path) -> None:
    with without_fences():
        assert is_found_broken(tmp_path)


@pytest.mark.parametrize(
    ("owner", "rule", "forgotten"),
    [
        (Dependencies, "why_held", lambda *_, **__: None),
        (TaskRepository, "_next_rank", lambda *_: 1),
        (Agents, "limit", lambda *_, **__: None),
    ],
)
def test_a_forgotten_rule_is_found(
    owner: object, rule: str, forgotten: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, rule, forgotten)
    assert is_found_broken(tmp_path)


def is_found_broken(home: Path) -> bool:
    """Return whether the reference finds it in one of these days."""
    for seed in SEEDS:
        try:
            pass_days(seed, home / str(seed), hours=HOURS)
        except ExceptionGroup as found:
            return found.subgroup(AssertionError) is not None
    return False
