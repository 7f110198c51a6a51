"""The machine is kept awake while work waits at a desk whose owner allows it, and let go at once after it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection

import pytest
from structlog.testing import capture_logs

from automation.desktop.power import keep_awake
from automation.desktop.power.inhibitors import NotInhibited
from automation.desktop.power.keep_awake import HELD, KeepAwake, find_inhibitor
from core.kit.supervise import supervise
from core.store.errors import StoreUnavailable


class FakeHold:
    """Remembers; refuses as long as `why` says something."""

    def __init__(self) -> None:
        self.why = ""
        self.acts: list[str] = []
        self.held = False
        self.was_taken = asyncio.Event()

    async def take(self) -> None:
        self.acts.append("take")
        if self.why:
            raise NotInhibited(why=self.why)
        self.held = True
        self.was_taken.set()

    async def give(self) -> None:
        if self.held:
            self.acts.append("give")
        self.held = False

    def is_held(self) -> bool:
        return self.held


class Scene:
    """Two desks that may keep their machine awake, and work where the test says."""

    def __init__(self, *work: str) -> None:
        self.hold = FakeHold()
        self.work: set[str] = set(work)
        self.is_store_away = False
        self.told: list[tuple[str, str]] = []
        self.looked = asyncio.Semaphore(0)
        self.allowed = ["left", "right"]
        self.awake = KeepAwake(
            lambda: self.allowed,
            work_at=self._work_at,
            hold=self.hold,
            notify=lambda desk, note: self.told.append((desk, note)),
        )

    async def _work_at(self, desks: Collection[str]) -> frozenset[str]:
        self.looked.release()
        if self.is_store_away:
            raise StoreUnavailable(why="the disk is away")
        return frozenset(self.work & set(desks))

    async def look(self, *work: str) -> None:
        self.work = set(work)
        await self.awake.look()


async def test_it_is_held_while_work_waits_anywhere_and_told_at_the_desk_it_waits_at() -> None:
    scene = Scene()
    await scene.look()
    assert (scene.hold.acts, scene.told) == ([], [])
    await scene.look("left", "elsewhere")
    await scene.look("left", "elsewhere")
    assert (scene.hold.acts, scene.told) == (["take"], [("left", HELD)])
    await scene.look("right")
    assert scene.hold.acts == ["take"]
    assert sorted(scene.told[1:]) == [("left", ""), ("right", HELD)]
    await scene.look()
    assert scene.hold.acts == ["take", "give"]
    assert scene.told[-1] == ("right", "")


async def test_a_hold_ends_with_its_owners_permission_is_taken_again_when_lost_and_stays_while_the_store_is_away() -> (
    None
):
    scene = Scene()
    await scene.look("left")
    scene.hold.held = False
    await scene.look("left")
    assert scene.hold.acts == ["take", "take"]
    scene.is_store_away = True
    await scene.look()
    assert scene.told == [("left", HELD)]
    scene.is_store_away, scene.allowed = False, ["right"]
    await scene.look("left")
    assert scene.hold.acts == ["take", "take", "give"]
    assert scene.told == [("left", HELD), ("left", "")]


async def test_a_refusal_is_said_once_and_the_desk_says_why() -> None:
    scene = Scene()
    scene.hold.why = "polkit refuses"
    with capture_logs() as lines:
        await scene.look("left")
        await scene.look("left")
    assert len(lines) == 1
    [(desk, note)] = scene.told
    assert (desk, "polkit refuses" in note) == ("left", True)
    assert scene.hold.acts == ["take"], "not asked again and again"
    await scene.look()
    scene.hold.why = ""
    await scene.look("left")
    assert scene.told[-1] == ("left", HELD)


async def test_it_follows_what_happens_and_lets_go_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep_awake, "REST_S", 0.0)
    scene = Scene()
    async with asyncio.TaskGroup() as group:
        work = supervise(group, "awake", scene.awake.run())
        async with asyncio.timeout(60):
            await scene.looked.acquire()
            scene.work = {"left"}
            scene.awake.recheck_soon()
            await scene.hold.was_taken.wait()
        work.cancel()
    assert scene.hold.acts == ["take", "give"]


def test_only_linux_has_a_way(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_inhibitor() is not None
    monkeypatch.setattr(sys, "platform", "darwin")
    assert find_inhibitor() is None
