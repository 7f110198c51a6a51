"""Commands while the coordinator is killed: what was acknowledged is there, and there once. See also bench/commands."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench import commands

WANTED = 20
CONTROL = 12
EACH = 2
"""After so many commands the next kill: ten in all."""


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
    assert len(asked.questions) == len(asked.answers) == WANTED // 6
    assert len(asked.jobs) == 2 * (WANTED // 6), "each has a subtask"
    assert set(asked.ended.values()) == {True, False}, "some were cancelled, and some put back"
    assert asked.tries.total() > WANTED, "no kill fell between a command and its answer: this test has shown nothing"


@pytest.mark.long(short="test_every_acknowledged_command_is_there_once_whatever_kills_fall_between")
@pytest.mark.timeout(7200)
async def test_every_acknowledged_command_is_there_once_after_three_hundred_kills(tmp_path: Path) -> None:
    """Kill two of them side by side: most of the time each is starting."""
    both = await asyncio.gather(*(commands.measure(tmp_path / name, 252) for name in ("one", "other")))
    for asked in both:
        print(f"{asked.seconds:.1f} s, tries {dict(asked.tries)}, kills {dict(asked.kills)}")
    assert [(asked.lost, asked.doubled) for asked in both] == [([], [])] * 2
    assert sum(asked.kills.total() for asked in both) >= 298
    assert sum(len(asked.questions) + len(asked.answers) for asked in both) == 168


@pytest.mark.timeout(600)
async def test_an_octet_that_knows_no_command_again_is_found_out(tmp_path: Path) -> None:
    asked = await commands.measure(tmp_path, CONTROL, module=commands.KEYLESS)
    for what in ("Command", "File", "Question", "Part", "Answer"):  # "File": its messages over MCP
        assert [line for line in asked.doubled if line.startswith(what)], what
