"""The machine is kept awake while work waits at a desk whose owner allows it, and let go at once after it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Collection
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from automation.desktop.power import inhibitors, keep_awake
from automation.desktop.power.inhibitors import MacInhibitor, NotInhibited, WindowsInhibitor
from automation.desktop.power.keep_awake import HELD, KeepAwake, find_inhibitor
from core.kit.supervise import supervise
from core.store.errors import StoreUnavailable
from tests.sandbox.desktop.eyes import until


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

    def __init__(self) -> None:
        self.hold = FakeHold()
        self.work: set[str] = set()
        self.is_store_away = False
        self.told: list[tuple[str, str]] = []
        self.looked = asyncio.Semaphore(0)
        self.allowed = ["left", "right"]
        self.awake = KeepAwake(
            lambda: self.allowed,
            work_at=self._work_at,
            hold=self.hold,
            told=lambda desk, note: self.told.append((desk, note)),
        )

    async def _work_at(self, desks: Collection[str]) -> frozenset[str]:
        self.looked.release()
        if self.is_store_away:
            raise StoreUnavailable(why="the disk is away")
        return frozenset(self.work & set(desks))


async def test_it_is_held_while_work_waits_anywhere_and_told_at_the_desk_it_waits_at() -> None:
    scene = Scene()
    await scene.awake.look()
    assert (scene.hold.acts, scene.told) == ([], [])
    scene.work = {"left", "elsewhere"}
    await scene.awake.look()
    await scene.awake.look()
    assert (scene.hold.acts, scene.told) == (["take"], [("left", HELD)])
    scene.work = {"right"}
    await scene.awake.look()
    assert scene.hold.acts == ["take"]
    assert sorted(scene.told[1:]) == [("left", ""), ("right", HELD)]
    scene.work = set()
    await scene.awake.look()
    assert scene.hold.acts == ["take", "give"]
    assert scene.told[-1] == ("right", "")


async def test_a_desk_whose_owner_takes_it_back_lets_the_machine_sleep() -> None:
    scene = Scene()
    scene.work = {"left"}
    await scene.awake.look()
    scene.allowed = ["right"]
    await scene.awake.look()
    assert scene.hold.acts == ["take", "give"]
    assert scene.told == [("left", HELD), ("left", "")]


async def test_a_refusal_is_said_once_and_the_desk_says_why() -> None:
    scene = Scene()
    scene.work, scene.hold.why = {"left"}, "polkit refuses"
    with capture_logs() as lines:
        await scene.awake.look()
        await scene.awake.look()
    assert [line["event"] for line in lines] == ["keep_awake_failed"]
    assert scene.told == [("left", "this machine may fall asleep: polkit refuses")]
    assert scene.hold.acts == ["take"], "not asked again and again"
    scene.work = set()
    await scene.awake.look()
    scene.work, scene.hold.why = {"left"}, ""
    await scene.awake.look()
    assert scene.told[-1] == ("left", HELD)


async def test_while_the_database_cannot_be_read_what_was_so_stays_so() -> None:
    scene = Scene()
    scene.work = {"left"}
    await scene.awake.look()
    scene.is_store_away = True
    await scene.awake.look()
    assert (scene.hold.acts, scene.told) == (["take"], [("left", HELD)])
    scene.is_store_away, scene.work = False, set()
    await scene.awake.look()
    assert scene.hold.acts == ["take", "give"]


async def test_a_hold_that_was_lost_is_taken_again() -> None:
    scene = Scene()
    scene.work = {"left"}
    await scene.awake.look()
    scene.hold.held = False
    await scene.awake.look()
    assert scene.hold.acts == ["take", "take"]


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


async def test_windows_is_asked_by_one_thread_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    asked: list[tuple[int, int]] = []
    hold = WindowsInhibitor(lambda flags: asked.append((flags, threading.get_ident())) or 1)
    await hold.take()
    await hold.take()
    assert hold.is_held()
    await hold.give()
    await hold.give()
    assert not hold.is_held()
    assert [flags for flags, _ in asked] == [0x80000001, 0x80000000]
    assert len({thread for _, thread in asked}) == 1
    with pytest.raises(NotInhibited, match="Windows refuses"):
        await WindowsInhibitor(lambda _: 0).take()
    with pytest.raises(NotInhibited):  # here there is no Windows to ask
        await WindowsInhibitor().take()


async def test_macos_is_kept_awake_by_a_child_that_watches_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "caffeinate"
    program.write_text(f'#!/bin/sh\necho "$@" > "{tmp_path}/asked"\nexec sleep 60\n')
    program.chmod(0o755)
    hold = MacInhibitor(str(program))
    await hold.take()
    await hold.take()
    assert hold.is_held()
    asked = tmp_path / "asked"
    await until(lambda: asked.exists() and asked.read_text() == f"-i -w {os.getpid()}\n")
    await hold.give()
    await hold.give()
    assert not hold.is_held()
    monkeypatch.setattr(inhibitors, "_SETTLES_S", 60)
    with pytest.raises(NotInhibited, match="exit code 1"):
        await MacInhibitor("/bin/false").take()
    with pytest.raises(NotInhibited, match="cannot be started"):
        await MacInhibitor(str(tmp_path / "none")).take()


def test_each_system_has_its_own_and_an_unknown_one_none() -> None:
    assert type(find_inhibitor("win32")) is WindowsInhibitor
    assert type(find_inhibitor("darwin")) is MacInhibitor
    assert find_inhibitor("plan9") is None
    assert find_inhibitor(sys.platform) is not None
