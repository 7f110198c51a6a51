"""Windows connected by clicks on a page while Octet runs: each click is one window, by whoever asked for the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.desks.model import DeskNotFound, DeskUnavailable
from core.security.model import NotAllowed
from tests.builders import ADA, CAROL
from tests.core.upkeep.test_reload import place
from tests.fakes.calibrates import JOINED, POINTING, FakeCalibrates
from tests.fakes.scout import FakeScout


async def test_a_click_in_a_window_connects_it_and_octet_works_by_it_at_once(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        scout = at.crew.scouts["one"] = FakeScout("Octetdemo", "Octetdemo")
        page = at.octet.upkeep.calibrate.by_clicks("one", by=ADA)
        board = await page.board()
        assert [(one.number, one.title, one.agent) for one in board.windows] == [
            (1, "chat — apollo", "Agent-3"), (2, "chat — gemini", "Agent-3"),
        ]  # fmt: skip
        assert (board.picture, board.agents, board.profiles) == (1, ("A", "B"), ("demo_tk",))
        assert (await page.picture())[:9] == b"numbered "

        missed = await page.click((500, 100), agent="", profile="demo_tk")
        assert (missed.is_good, missed.text) == (
            False,
            "Agent-3 is not connected (window 2, “chat — gemini”): nothing stands there that one could write into.",
        )
        done = await page.click((500, 350), agent="Vera", profile="demo_tk")
        assert done.is_good, done
        assert done.text == "Vera has window 2, “chat — gemini” now; a draft was staged, read back (copy) and deleted."
        assert scout.points == [(500, 100), (500, 350)]
        assert at.octet.agents.get("Vera").window == "vera"
        after = await page.board()
        assert (after.picture, len(after.said)) == (2, 2), "what was said stays, and the display is looked at anew"
        assert not (await page.click((1500, 850), agent="", profile="")).is_good


async def test_the_page_is_for_the_owner_and_for_desks_there_are(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        at.crew.scouts["one"] = FakeScout("Octetdemo")
        assert len((await at.octet.upkeep.calibrate.by_clicks("one", by=ADA).board()).windows) == 1
        with pytest.raises(NotAllowed):
            at.octet.upkeep.calibrate.by_clicks("one", by=CAROL)
        with pytest.raises(DeskNotFound):
            at.octet.upkeep.calibrate.by_clicks("attic", by=ADA)


async def test_while_its_worker_is_starting_the_page_says_so_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    ways = FakeCalibrates(POINTING, JOINED)
    page = ways.by_clicks("main", by=ADA)
    look = ways.look

    async def starting(desk: str, *, by: object) -> None:
        del by
        raise DeskUnavailable(id=desk, why="it is just starting")

    monkeypatch.setattr(ways, "look", starting)
    assert "it is just starting" in (await page.board()).asks
    monkeypatch.setattr(ways, "look", look)
    board = await page.board()
    assert board.asks.startswith("Click at the middle")
    assert [one.agent for one in board.windows] == ["Window-1", "Agent-2"]
    assert not (await page.click((10, 10), agent="", profile="")).is_good
    assert (await page.click((10, 10), agent="", profile="")).is_good
    assert ways.points == [(10, 10), (10, 10)]
