"""What a desk has to tell reaches a listener whose store was away: in its order, and only what is still true."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from automation.desktop.worker.desk_events import MOST, DeskEvents
from automation.desktop.worker.messages import WindowShows, WindowUsable
from automation.desktop.worker.supervisor import WorkerSetup, WorkerSupervisor, WorkerTimeouts
from core.desks.model import Desk, DeskNow, DeskState, LearnedFact, Shown, WindowStatus
from core.desks.ports import DeskNews
from core.kit.clock import SystemClock
from core.profiles.model import Activity
from core.reasons import Reason
from tests.fakes.desk import Leftovers, StoreGone


@dataclass(slots=True)
class Listener(DeskNews):
    """Whom the news are told; `refusals` times its store is not there."""

    refusals: int = 0
    heard: list[str] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    refused: asyncio.Event = field(default_factory=asyncio.Event)

    async def desk_changed(self, desk: str, now: DeskNow) -> None:
        await self._hear(f"desk {now.state.value} {now.note}")

    async def desk_waits(self, desk: str, why: Reason | None) -> None:
        await self._hear(f"waits {why}")

    async def desk_locked(self, desk: str, *, is_locked: bool) -> None:
        await self._hear("locked" if is_locked else "unlocked")

    async def desk_stopped(self, desk: str, how: str) -> None:
        await self._hear(f"stopped by {how}")

    async def window_usable(self, desk: str, window: str) -> None:
        await self._hear(window)

    async def window_seen(self, desk: str, status: WindowStatus) -> None:
        await self._hear(f"{status.name} {status.reason}")

    async def window_shows(self, desk: str, shown: Shown) -> None:
        await self._hear(f"{shown.window} shows {shown.activity.value}")

    async def window_stirred(self, desk: str, window: str) -> None:
        await self._hear(f"{window} stirred")

    async def window_learned(self, fact: LearnedFact) -> None:
        await self._hear(f"{fact.window} learned")

    async def _hear(self, what: str) -> None:
        if self.refusals:
            self.refusals -= 1
            self.refused.set()
            raise StoreGone
        self.heard.append(what)
        if what == "the last":
            self.came.set()


async def test_that_a_window_was_usable_is_not_told_after_a_newer_draft_was_left_there() -> None:
    listener = Listener(refusals=3)
    link = WorkerSupervisor(
        Desk(name="main", display=":0", windows=()),
        {},
        WorkerSetup(
            argv=(),
            environment={},
            anchors=Path(),
            locks=Path(),
            clock=SystemClock(),
            limits=WorkerTimeouts(first_pause_s=0.001),
        ),
        news=lambda: listener,
        leftovers=Leftovers(),
    )
    tidings = link.events
    for window in ("left", "right", "of a worker that ended"):
        tidings.hear(WindowUsable(window=window))
    task = asyncio.ensure_future(tidings.run())
    async with asyncio.timeout(60):
        await listener.refused.wait()  # it is being told, and cannot be taken
        tidings.no_longer_usable("left")
        tidings.no_longer_usable("right")
        link.open_talk("D1", 1, window="of a worker that ended")
        link.mark_lost()
        tidings.hear(WindowUsable(window="right"))
        tidings.hear(WindowUsable(window="the last"))
        await listener.came.wait()
    task.cancel()
    assert listener.heard == ["right", "the last"]


async def test_of_what_a_window_showed_while_nobody_could_hear_it_only_the_last_is_told() -> None:
    listener = Listener(refusals=2)
    tidings = DeskEvents("main", lambda: listener, pause_s=0.001)
    tidings.hear(WindowShows(shown=Shown(window="left", activity=Activity.BUSY)))
    task = asyncio.ensure_future(tidings.run())
    async with asyncio.timeout(60):
        await listener.refused.wait()
        tidings.hear(WindowShows(shown=Shown(window="left", activity=Activity.NEEDS_INPUT, mark="1")))
        tidings.hear(WindowShows(shown=Shown(window="right", activity=Activity.IDLE)))
        tidings.hear(WindowShows(shown=Shown(window="left", activity=Activity.NEEDS_INPUT, mark="2")))
        tidings.hear(WindowUsable(window="the last"))
        await listener.came.wait()
    task.cancel()
    assert listener.heard == ["right shows idle", "left shows needs_input", "the last"]


@pytest.mark.parametrize("news", [3, MOST * 4])
async def test_of_however_many_news_the_last_about_each_thing_is_told(news: int) -> None:
    listener = Listener(refusals=2)
    tidings = DeskEvents("main", lambda: listener, pause_s=0.001)
    for number in range(news):
        tidings.desk(DeskNow(DeskState.READY, note=f"{number}"))
        tidings.hear(WindowUsable(window=f"window {number % 2}"))
    tidings.hear(WindowUsable(window="the last"))
    task = asyncio.ensure_future(tidings.run())
    async with asyncio.timeout(60):
        await listener.came.wait()
    task.cancel()
    assert f"desk ready {news - 1}" in listener.heard
    assert {"window 0", "window 1", "the last"} <= set(listener.heard)
    assert len(listener.heard) <= MOST + 1
