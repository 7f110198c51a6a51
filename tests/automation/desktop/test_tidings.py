"""What a desk has to tell reaches a listener whose store was away: in its order, and only what is still true."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from automation.desktop.worker.connection import WorkerTimeouts
from automation.desktop.worker.desk_events import MOST, DeskEvents
from automation.desktop.worker.messages import WindowShows, WindowUsable
from automation.desktop.worker.supervisor import WorkerSetup, WorkerSupervisor
from core.desks.model import Desk, DeskNow, DeskState, Shown
from core.desks.ports import DeskNews
from core.kit.clock import SystemClock
from core.profiles.model import Activity
from tests.fakes.desk import Leftovers, StoreGone


@dataclass(slots=True)
class Listener(DeskNews):
    """Hears the news; `refusals` times its store is not there."""

    refusals: int = 0
    heard: list[str] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    refused: asyncio.Event = field(default_factory=asyncio.Event)

    async def desk_changed(self, desk: str, now: DeskNow) -> None:
        await self._hear(f"desk {now.state.value} {now.note}")

    async def window_usable(self, desk: str, window: str) -> None:
        await self._hear(window)

    async def window_shows(self, desk: str, shown: Shown) -> None:
        await self._hear(f"{shown.window} shows {shown.activity.value}")

    async def _hear(self, what: str) -> None:
        if self.refusals:
            self.refusals -= 1
            self.refused.set()
            raise StoreGone
        self.heard.append(what)
        if what == "the last":
            self.came.set()


@asynccontextmanager
async def telling(events: DeskEvents, listener: Listener) -> AsyncGenerator[None]:
    """Tell the news; behind the block the last one has come."""
    task = asyncio.ensure_future(events.run())
    async with asyncio.timeout(60):
        if listener.refusals:
            await listener.refused.wait()  # one is being told, and cannot be taken
        yield
        events.hear(WindowUsable(window="the last"))
        await listener.came.wait()
    task.cancel()


async def test_that_a_window_was_usable_is_not_told_after_a_newer_draft_was_left_there() -> None:
    listener = Listener(refusals=3)
    limits = WorkerTimeouts(first_pause_s=0.001)
    link = WorkerSupervisor(
        Desk(name="main", display=":0", windows=()),
        {},
        WorkerSetup(argv=(), environment={}, anchors=Path(), locks=Path(), clock=SystemClock(), limits=limits),
        news=lambda: listener,
        leftovers=Leftovers(),
    )
    for window in ("left", "right", "of a worker that ended"):
        link.events.hear(WindowUsable(window=window))
    async with telling(link.events, listener):
        link.events.no_longer_usable("left")
        link.events.no_longer_usable("right")
        link.open_talk("D1", 1, window="of a worker that ended")
        link.mark_lost()
        link.events.hear(WindowUsable(window="right"))
    assert listener.heard == ["right", "the last"]


async def test_of_what_a_window_showed_while_the_store_was_away_only_the_last_is_told() -> None:
    listener = Listener(refusals=2)
    events = DeskEvents("main", lambda: listener, pause_s=0.001)
    events.hear(WindowShows(shown=Shown(window="left", activity=Activity.BUSY)))
    async with telling(events, listener):
        events.hear(WindowShows(shown=Shown(window="left", activity=Activity.NEEDS_INPUT, mark="1")))
        events.hear(WindowShows(shown=Shown(window="right", activity=Activity.IDLE)))
        events.hear(WindowShows(shown=Shown(window="left", activity=Activity.NEEDS_INPUT, mark="2")))
    assert listener.heard == ["right shows idle", "left shows needs_input", "the last"]


@pytest.mark.parametrize("news", [3, MOST * 4])
async def test_of_however_many_news_the_last_about_each_thing_is_told(news: int) -> None:
    listener = Listener(refusals=2)
    events = DeskEvents("main", lambda: listener, pause_s=0.001)
    for number in range(news):
        events.desk(DeskNow(DeskState.READY, note=f"{number}"))
        events.hear(WindowUsable(window=f"window {number % 2}"))
    async with telling(events, listener):
        pass
    assert f"desk ready {news - 1}" in listener.heard
    assert {"window 0", "window 1", "the last"} <= set(listener.heard)
    assert len(listener.heard) <= MOST + 1
