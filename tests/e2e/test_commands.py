"""Commands while the coordinator is killed: what was acknowledged is there, and there once. See also bench/commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import commands

WANTED = 20
CONTROL = 15
EACH = 5
"""After so many commands the next kill: before a task is committed, after it, and at a random instant."""


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "EACH", EACH)


@pytest.mark.timeout(600)
async def test_every_acknowledged_command_is_there_once_whatever_kills_fall_between(tmp_path: Path) -> None:
    asked = await commands.measure(tmp_path, WANTED)
    print(f"{asked.seconds:.1f} s, tries {dict(asked.tries)}, kills {dict(asked.kills)}, starts {asked.starts_s}")
    assert len(asked.acknowledged) == WANTED
    assert (asked.lost, asked.doubled) == ([], [])
    assert not [point for point in asked.kills if point.startswith("nobody came")]
    assert asked.kills.total() >= WANTED // EACH - 1
    assert min(asked.tries.values()) >= WANTED // 2
    assert asked.tries.total() > WANTED, "no kill fell between a command and its answer: this test has shown nothing"


@pytest.mark.timeout(600)
async def test_an_octet_that_knows_no_command_again_is_found_out(tmp_path: Path) -> None:
    asked = await commands.measure(tmp_path, CONTROL, module=commands.KEYLESS)
    assert asked.doubled
