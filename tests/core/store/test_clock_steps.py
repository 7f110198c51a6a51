"""The store sees that the machine's clock was set, before it writes anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert, text

from core.kit.clock import SteadyClock
from core.security import _store as security
from core.store.engine import Store, Tx
from core.store.errors import StoreFull
from tests.fakes.clock import FakeClock

ADD = insert(security.facts)
COUNT = text("SELECT count(*) AS n FROM facts")


async def test_a_step_is_seen_once_before_the_next_write_and_less_than_a_second_is_none(tmp_path: Path) -> None:
    machine, seen = FakeClock(), list[object]()
    clock = SteadyClock(machine)
    async with Store.open(tmp_path / "octet.db") as store:
        store.follow_clock(clock, lambda _tx, by_ms: seen.append(by_ms))
        for by_s in (0.9, 3599.1, 0.0, -7200.0):
            machine.set_wall(by_s)
            machine.advance(60)
            before_ms = clock.now_ms()
            await store.write(lambda _tx: seen.append("write"))
            assert clock.now_ms() - before_ms in {0, 3_600_000, -7_200_000}
    assert seen == ["write", 3_600_000, "write", "write", -7_200_000, "write"]


async def test_a_shift_that_the_disk_refuses_leaves_nothing_and_is_done_before_a_later_write(tmp_path: Path) -> None:
    machine, shifts, is_full, news = FakeClock(), list[int](), True, list[str]()
    clock = SteadyClock(machine)

    def shift(tx: Tx, by_ms: int) -> None:
        tx.execute(ADD, {"name": str(clock.now_ms()), "value": ""})
        tx.after_commit(lambda: news.append("shifted"))
        if is_full:
            raise StoreFull(why="full")
        shifts.append(by_ms)

    async with Store.open(tmp_path / "octet.db") as store:
        store.follow_clock(clock, shift)
        machine.set_wall(-3600)
        with pytest.raises(StoreFull):
            await store.write(lambda tx: tx.execute(ADD, {"name": "refused", "value": ""}))
        assert (await store.fetch(COUNT))[0].n == 0
        assert clock.now_ms() == machine.now_ms() + 3_600_000, "it agrees with the rows, which were not shifted"
        is_full = False
        await store.ping()
        assert (shifts, (await store.fetch(COUNT))[0].n, news) == ([-3_600_000], 1, ["shifted"])
        assert clock.now_ms() == machine.now_ms()
