"""What agents show to users who watch them: seldom, once for all of them, and nothing that they may not see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest

from core.desks.model import LiveView
from core.fleet import live_views
from core.fleet.live_views import Viewer
from core.fleet.model import AgentView
from core.security.model import Actor, NotAllowed
from core.tasks.model import TaskState
from tests.builders import ADA, BEN, CAROL, entries_of, make_new_task, refuses
from tests.core.desks.test_desks import SEEN, desk
from tests.core.dispatch.test_loop import reach
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.turn_lane import AGENT, TurnLane, turn_house

FIRST, SECOND = LiveView(mark="1", jpeg=b"one"), LiveView(mark="2", jpeg=b"two")


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_views, "EVERY_S", 0.01)


def as_(*actors: Actor | None) -> Viewer:
    """Make a viewer who is these actors in turn, and then stays the last one."""
    left = list(actors)

    async def who() -> Actor | None:
        return left.pop(0) if len(left) > 1 else left[0]

    return who


def worker_with(view: LiveView | None) -> FakeDeskWorker:
    worker = FakeDeskWorker(windows=(SEEN,))
    worker.live["agent-1"] = view
    return worker


async def test_octet_looks_once_for_all_who_watch_and_not_at_all_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_views, "EVERY_S", 3600.0)
    worker = worker_with(FIRST)
    async with desk(tmp_path, worker) as octet:
        assert worker.looks == []
        viewers = [octet.fleet.live_views.watch("agent-1", as_(ADA)) for _ in range(3)]
        assert [(await anext(one)).jpeg for one in viewers] == [b"one"] * 3
        assert worker.looks == [("agent-1", "")]
        for one in viewers:
            await one.aclose()
        async with aclosing(octet.fleet.live_views.watch("agent-1", as_(ADA))) as again:
            assert (await anext(again)).jpeg == b"one"
        assert worker.looks[1:] == [("agent-1", "")], "what was seen is forgotten with the last viewer"
        names = [(one.name, one.actor) for one in await entries_of(octet.journal, "desk:main")]
        assert names == [("ScreenshotTaken", ADA.id)] * 4, "each viewer's first look"


async def test_a_viewer_gets_what_is_new_and_hears_in_between_that_nothing_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = worker_with(FIRST)
    async with desk(tmp_path, worker) as octet, aclosing(octet.fleet.live_views.watch("agent-1", as_(ADA))) as views:
        first = await anext(views)
        assert (first.agent, first.is_new, first.jpeg) == ("Agent-1", True, b"one")
        monkeypatch.setattr(live_views, "CONFIRMED_MS", 0)
        same = await anext(views)
        assert (same.is_new, same.jpeg, same.at_ms >= first.at_ms) == (False, b"", True)
        monkeypatch.setattr(live_views, "CONFIRMED_MS", 3_600_000)
        worker.live["agent-1"] = SECOND
        assert (await anext(views)).jpeg == b"two"


async def test_a_window_into_which_octet_types_or_that_is_covered_keeps_its_last_picture(tmp_path: Path) -> None:
    worker = worker_with(None)
    async with desk(tmp_path, worker) as octet, aclosing(octet.fleet.live_views.watch("agent-1", as_(ADA))) as views:
        news = asyncio.ensure_future(anext(views))
        for _ in range(3):
            await worker.was_looked_at.acquire()
        assert not news.done(), "while Octet types there is no picture"
        worker.live["agent-1"] = FIRST
        assert (await news).jpeg == b"one"
        del worker.live["agent-1"]
        gone = await anext(views)
        assert (gone.is_new, "it is covered" in gone.why) == (False, True)
        worker.live["agent-1"] = FIRST
        back = await anext(views)
        assert (back.is_new, back.why) == (False, ""), "the picture is the one that the viewer has"


async def test_a_viewer_sees_nothing_without_the_right_to_it_or_once_it_is_taken_away(tmp_path: Path) -> None:
    worker = worker_with(FIRST)
    async with desk(tmp_path, worker) as octet:
        with pytest.raises(NotAllowed):
            await anext(octet.fleet.live_views.watch("agent-1", as_(BEN)))
        with refuses("agent_not_found"):
            await anext(octet.fleet.live_views.watch("Nobody", as_(ADA)))
        assert worker.looks == []
        assert await all_of(octet.fleet.live_views.watch("agent-1", as_(ADA, None))) == ["one"], (
            "then ADA is logged out"
        )
        watched = octet.fleet.live_views.watch("agent-1", as_(ADA, BEN))
        assert (await anext(watched)).jpeg == b"one"
        with pytest.raises(NotAllowed):
            await anext(watched)


async def all_of(views: AsyncGenerator[AgentView]) -> list[str]:
    return [view.jpeg.decode() async for view in views]


async def test_the_text_of_a_pane_hides_codes(tmp_path: Path) -> None:
    code = "k3v9x2.ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    worker = worker_with(LiveView(mark="1", text=f"octet done --code {code[:12]}\n{code[12:]} Done"))
    async with desk(tmp_path, worker) as octet, aclosing(octet.fleet.live_views.watch("agent-1", as_(ADA))) as views:
        assert (await anext(views)).text == "octet done --code … Done"


async def test_an_agent_without_a_window_shows_its_turn_to_all_who_may_read_tasks(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        task = await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, task.id, TaskState.WORKING)
        async with aclosing(octet.fleet.live_views.watch(AGENT, as_(CAROL))) as views:
            assert (await anext(views)).text == ""
            await lane.does("npm test")
            assert (await anext(views)).text == "npm test"
            await lane.writes("I ran\n\n    npm test\n")
            assert (await anext(views)).text == "npm test\n\nI ran\n\n    npm test"
            await lane.writes("It passed.")
            assert (await anext(views)).text == "npm test\n\nIt passed."
