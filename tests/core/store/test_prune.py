"""Old rows are removed now and then, whatever the store refuses meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from core.store import prune
from core.store.errors import StoreUnavailable


async def test_a_purge_that_the_store_refused_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "FIRST_S", 0)
    monkeypatch.setattr(prune, "_STORE_PAUSE_S", 0)
    tried, done = list[int](), asyncio.Event()

    async def purge() -> None:
        tried.append(len(tried))
        if len(tried) < 3:
            raise StoreUnavailable(why="full")
        done.set()

    async with asyncio.TaskGroup() as group:
        pruning = group.create_task(prune.every_hour(purge))
        async with asyncio.timeout(10):
            await done.wait()
        pruning.cancel()
    assert tried == [0, 1, 2], "after one that went well it rests"
