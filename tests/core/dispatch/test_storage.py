"""A delivery whose steps cannot be written down: not pressed, queued again, and brought once when the disk is back."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.deliveries.model import DeliveryMoved, DeliveryRequest, DeliveryState, Outcome
from core.deliveries.ports import Progress
from core.journal.model import Entry
from core.retry_policy import RetryPolicy
from core.settings.model import DispatchSettings
from core.store.engine import Store, Tx
from core.store.errors import StoreFull, StoreUnavailable
from core.tasks.model import TaskId, TaskState
from tests.builders import ADA, make_new_task
from tests.core.dispatch.test_loop import reach, window_house
from tests.fakes.lane import ARRIVES, FakeLane

FIRST = TaskId("T-1")
STATE = sa.text("SELECT state FROM deliveries")


class LockedAt(FakeLane):
    """Another program locks the database just before this step is to be written down, in the first attempt."""

    def __init__(self, database: Path, step: str) -> None:
        super().__init__()
        self.other = sqlite3.connect(database, isolation_level=None)
        self.step = step
        self.refused = asyncio.Event()

    async def _play(self, order: DeliveryRequest, progress: Progress, outcome: Outcome) -> Outcome:
        steps: dict[str, Callable[[], Awaitable[None]]] = {
            "staging": progress.staging,
            "staged": lambda: progress.staged(sha256=order.sha256),
            "submitting": progress.submitting,
        }
        for name, commit in steps.items():
            if name == self.step and len(self.orders) == 1:
                self.other.execute("BEGIN IMMEDIATE")
            try:
                await commit()
            except StoreUnavailable:
                self.refused.set()
                raise  # its draft is cleared by now
        self.submitted.append(order.text)
        return ARRIVES


@pytest.mark.parametrize("step", ["staging", "staged", "submitting"])
async def test_a_step_that_cannot_be_written_down_is_not_taken_and_the_prompt_arrives_once_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr("core.store.engine._BUSY_MS", 1)
    monkeypatch.setattr("core.store.engine._PROBE_S", 0.02)
    monkeypatch.setattr("core.tasks.quarantine.STORE_PAUSE_S", 0.02)
    # One bounce more would refuse the window: a disk in trouble is no fault of the window's.
    policy = RetryPolicy(settings=DispatchSettings(max_retries=1), longest_pause_ms=1)
    async with window_house(tmp_path, FakeLane(), policy=policy) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)  # the tables are there
        await octet.tasks.cancel(FIRST, by=ADA)
    lane = LockedAt(tmp_path / "octet.db", step)
    with closing(lane.other):
        async with window_house(tmp_path, lane, policy=policy) as octet:
            heard: list[Entry[DeliveryMoved]] = []
            octet.journal.listen(DeliveryMoved, heard.append)
            await octet.tasks.new(make_new_task(), by=ADA)
            async with asyncio.timeout(60):
                await lane.refused.wait()
            for _ in range(3):
                with pytest.raises(StoreUnavailable):
                    await octet.store.ping()
            assert lane.submitted == []
            lane.other.execute("ROLLBACK")
            await reach(octet, TaskId("T-2"), TaskState.WORKING)
            (delivery,) = await octet.deliveries.list_for_task("T-2")
        assert (delivery.state, len(lane.submitted)) == (DeliveryState.DELIVERED, 1)
        states = [entry.event.now for entry in heard]
        assert states.count("queued") == 2
        assert states.count("submitting") == 1
        assert delivery.bounces == 0


class FullDisk:
    """Stands before a store: once the disk is full there is room for last words alone."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.write_to_disk = store.write
        self.is_full = False
        self.refused = 0
        self.news = asyncio.Event()

    async def write(
        self, work: Callable[[Tx], object], *, is_last_word: bool = False, goes_first: bool = False
    ) -> object:
        self.news.set()
        if self.is_full and not is_last_word:
            self.refused += 1
            raise StoreFull(why="the disk is full")
        return await self.write_to_disk(work, is_last_word=is_last_word, goes_first=goes_first)


class BesideAnother(FakeLane):
    """Each step is asked for while another write waits for the writer's thread: it says which state it found."""

    def __init__(self) -> None:
        super().__init__()
        self.store: Store | None = None
        self.found: list[str] = []

    async def _play(self, order: DeliveryRequest, progress: Progress, outcome: Outcome) -> Outcome:
        await self._beside(progress.staging())
        await self._beside(progress.staged(sha256=order.sha256))
        await self._beside(progress.submitting())
        return ARRIVES

    async def _beside(self, step: Coroutine[None, None, None]) -> None:
        store, gate = self.store, threading.Event()
        assert store is not None
        store._thread.submit(gate.wait, 60)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(store.write(lambda tx: self.found.append(tx.execute(STATE).scalar_one())))
                await asyncio.sleep(0)
                group.create_task(step)
                await asyncio.sleep(0)
                gate.set()
        finally:
            gate.set()


async def test_the_grant_for_enter_passes_the_writes_that_wait_and_no_other_step_does(tmp_path: Path) -> None:
    lane = BesideAnother()
    async with window_house(tmp_path, lane) as octet:
        lane.store = octet.store
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
    assert lane.found == ["leased", "staging", "submitting"]


async def test_how_a_delivery_ended_is_written_to_the_room_kept_back_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.tasks.quarantine.STORE_PAUSE_S", 0.001)
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        disk = FullDisk(octet.store)
        monkeypatch.setattr(octet.store, "write", disk.write)

        async def fills_up() -> None:
            disk.is_full = True

        lane.before_the_end = fills_up
        await octet.tasks.new(make_new_task(), by=ADA)
        async with asyncio.timeout(60):
            while disk.refused < 50:
                found = await octet.deliveries.list_for_task("T-1")
                if found and found[0].state is DeliveryState.DELIVERED:
                    break
                await disk.news.wait()
                disk.news.clear()
        assert disk.is_full
        assert disk.refused < 50
