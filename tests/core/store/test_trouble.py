"""What the store does while the disk, or another program, refuses; and damage that is found while it works."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, text

from core.store import integrity_check
from core.store.engine import Store, Tx
from core.store.errors import DatabaseDamaged, StoreDamaged, StoreFull, StoreLocked
from core.store.integrity_check import mark_of

ADD = text("INSERT INTO facts VALUES (:name, :value)")
PAGE = 4096


@contextmanager
def locked(path: Path) -> Generator[sqlite3.Connection]:
    """Another connection holds the file; let go by its ROLLBACK."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


async def fill(path: Path, rows: int = 400) -> None:
    def add(tx: Tx) -> None:
        for number in range(rows):
            tx.execute(ADD, {"name": str(number), "value": "x" * 3_000})

    async with Store.open(path) as store:
        await store.write(add)


def spoil(path: Path) -> None:
    """Damage a page of the data, not the schema's."""
    data = bytearray(path.read_bytes())
    page = len(data) // PAGE // 2
    data[page * PAGE : page * PAGE + 64] = b"\xff" * 64
    path.write_bytes(data)


async def test_what_is_wrong_is_known_until_it_was_seen_to_be_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.store.engine._BUSY_MS", 20)
    monkeypatch.setattr("core.store.engine._PROBE_S", 0.01)
    async with Store.open(tmp_path / "octet.db") as store, asyncio.timeout(60):
        await store.until_back()  # at once: nothing is known to be wrong
        with locked(tmp_path / "octet.db") as other:
            with pytest.raises(StoreLocked):
                await store.write(lambda tx: tx.execute(ADD, {"name": "a", "value": "b"}) and None)
            assert isinstance(store.trouble, StoreLocked)
            async with asyncio.TaskGroup() as group:
                back = [group.create_task(store.until_back()) for _ in range(3)]
                recovered = group.create_task(store.recovery())
                with pytest.raises(StoreLocked):
                    await store.ping()
                assert not any(task.done() for task in (*back, recovered))
                other.execute("ROLLBACK")
        assert store.trouble is None


async def test_who_stands_behind_one_that_waited_in_vain_for_a_lock_is_refused_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.store.engine._BUSY_MS", 300)
    async with Store.open(tmp_path / "octet.db") as store:
        await store.ping()
        said = list[object]()
        event.listen(store._writer, "before_cursor_execute", lambda *given: said.append(given[2]))
        with locked(tmp_path / "octet.db"):
            ends = await asyncio.gather(*(store.ping() for _ in range(100)), return_exceptions=True)
        assert [type(end) for end in ends] == [StoreLocked] * 100
        assert 1 <= said.count("BEGIN IMMEDIATE") < 50, "each of them waited for itself"
        await store.ping()


async def test_a_ping_really_writes(tmp_path: Path) -> None:
    """A transaction that changes nothing succeeds on a full disk."""
    async with Store.open(tmp_path / "octet.db") as store:
        await store.ping()
        before = (tmp_path / "octet.db-wal").read_bytes()
        await store.ping()
        assert (tmp_path / "octet.db-wal").read_bytes() != before


async def test_without_room_for_the_reserve_only_last_words_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_self: object) -> None:
        raise OSError(28, "No space left on device")

    async with Store.open(tmp_path / "octet.db") as store:
        await store.ping()
        assert (tmp_path / "octet.db-reserve").stat().st_size == 2 * 1024 * 1024
        store._reserve.give_up()
        with monkeypatch.context() as full:
            full.setattr("core.store.disk_reserve.Reserve._make", no_room)
            with pytest.raises(StoreFull):
                await store.ping()
            await store.write(lambda tx: tx.execute(ADD, {"name": "last", "value": "word"}) and None, is_last_word=True)
        await store.ping()
        assert (tmp_path / "octet.db-reserve").exists()


async def test_a_large_file_is_read_on_while_it_is_used_and_its_damage_ends_the_work_and_every_later_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "octet.db"
    await fill(path)
    whole = path.read_bytes()
    spoil(path)
    monkeypatch.setattr("core.store.engine.PATIENCE_S", 0.0)
    with pytest.raises(DatabaseDamaged, match=path.name):
        async with Store.open(path) as store, asyncio.timeout(60):
            await store.examination.damage()
    assert mark_of(path).exists()

    def never(_self: object) -> None:
        raise AssertionError("it was begun before the file was read whole")

    monkeypatch.setattr("core.store.integrity_check.Examination.begin", never)
    with pytest.raises(DatabaseDamaged, match=path.name):
        async with Store.open(path):
            raise AssertionError("it opened")
    path.write_bytes(whole)  # a backup is put in its place
    async with Store.open(path) as store:
        await store.examination.wait()
    assert not mark_of(path).exists()


async def test_damage_that_the_work_itself_meets_is_told_and_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "octet.db"
    await fill(path)
    spoil(path)
    monkeypatch.setattr(integrity_check, "_damage", lambda _path: "")
    async with Store.open(path) as store:
        with pytest.raises(StoreDamaged):
            await store.fetch(text("SELECT sum(length(value)) FROM facts"))
        with pytest.raises(DatabaseDamaged):
            await store.examination.damage()
    assert mark_of(path).exists()
    mark_of(path).unlink()
    with pytest.raises(DatabaseDamaged):  # also where it is met before anybody waits for `damage`
        async with Store.open(path) as store:
            await store.fetch(text("SELECT sum(length(value)) FROM facts"))


async def test_a_small_damaged_file_is_not_even_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.store.engine.PATIENCE_S", 60.0)  # small: read whole in time, on a busy machine too
    path = tmp_path / "octet.db"
    await fill(path)
    spoil(path)
    with pytest.raises(DatabaseDamaged, match=path.name):
        async with Store.open(path):
            raise AssertionError("it opened")
