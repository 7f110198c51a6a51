"""What the benchmark `delivery` counts as a delivery is one, and its parts are parts of the whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.measure.bare import text_of
from bench.measure.course import Timed, course
from core.desks.model import Desk
from tests.display import VirtualDisplay, virtual_display
from tests.fakes.desk import ROOT, TK, open_tk


def test_the_commit_inside_a_stage_is_counted_once() -> None:
    timed = Timed(whole_ms=50, stages_ms={"preflight": 5, "submit": 20}, commits_ms=12, submit_commit_ms=8)
    shares = timed.shares_ms()
    assert (shares["submit"], shares["commits"], shares["pipe and rest"]) == (12, 12, 21)
    assert sum(shares.values()) == timed.whole_ms


def test_a_text_has_as_many_characters_as_asked() -> None:
    assert [len(text_of(count)) for count in (10, 2_000, 20_000)] == [10, 2_000, 20_000]


@pytest.mark.display
async def test_what_it_times_really_arrived(tmp_path: Path) -> None:
    with virtual_display(tmp_path / "display") as display:
        agent = open_tk(display, "agent-1", 10, 10)
        desk = Desk(name="desk", display=display.name, windows=(agent.window,))
        async with course(tmp_path / "home", [desk], {"tk": TK}, _environ(display)) as deliveries:
            timed = await deliveries.deliver("desk-agent-1", text_of(2_000))
    assert len(agent.heard) == 1
    assert text_of(2_000).strip() in agent.heard[0]
    shares = timed.shares_ms()
    assert min(shares.values()) >= 0
    assert sum(shares.values()) == pytest.approx(timed.whole_ms)


def _environ(display: VirtualDisplay) -> dict[str, str]:
    return {**os.environ, "DISPLAY": display.name, "PYTHONPATH": str(ROOT)}
