"""Commands while the coordinator is killed again and again: what was acknowledged is there, and there once."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import commands

WANTED = 60


@pytest.mark.timeout(600)
async def test_every_acknowledged_command_is_there_once_whatever_kills_fall_between(tmp_path: Path) -> None:
    asked = await commands.measure(tmp_path, WANTED)
    print(f"{asked.seconds:.1f} s, tries {dict(asked.tries)}, kills {dict(asked.kills)}, starts {asked.starts_s}")
    assert len(asked.acknowledged) == WANTED
    assert (asked.lost, asked.doubled) == ([], [])
    assert not [point for point in asked.kills if point.startswith("nobody came")]
    assert asked.kills.total() >= WANTED // commands.EACH - 2
    assert min(asked.tries.values()) >= WANTED // 2
    assert asked.tries.total() > WANTED, "no kill fell between a command and its answer: this test has shown nothing"


@pytest.mark.timeout(600)
async def test_an_octet_that_knows_no_command_again_is_found_out(tmp_path: Path) -> None:
    asked = await commands.measure(tmp_path, commands.CONTROL_N, module=commands.KEYLESS)
    assert asked.doubled
