"""Commands while the coordinator is killed: what was acknowledged is there, and there once. See also bench/commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import commands

WANTED = 26
CONTROL = 15
EACH = 2
"""After so many commands the next kill: about a dozen in all."""


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
    assert min(asked.tries[door] for door in ("HTTP", "Discord", "MCP")) >= WANTED // 2
    assert len(asked.messages) == WANTED // 2
    assert set(asked.ended.values()) == {True, False}, "some were cancelled, and some put back"
    assert asked.tries.total() > WANTED, "no kill fell between a command and its answer: this test has shown nothing"


@pytest.mark.long
@pytest.mark.timeout(7200)
async def test_every_acknowledged_command_is_there_once_after_three_hundred_kills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "EACH", 3)
    asked = await commands.measure(tmp_path, 900)
    assert (asked.lost, asked.doubled) == ([], [])
    assert asked.kills.total() >= 299


@pytest.mark.timeout(600)
async def test_an_octet_that_knows_no_command_again_is_found_out(tmp_path: Path) -> None:
    asked = await commands.measure(tmp_path, CONTROL, module=commands.KEYLESS)
    assert [line for line in asked.doubled if line.startswith("Command")]
    assert [line for line in asked.doubled if line.startswith("File")], "its messages over MCP, too"
