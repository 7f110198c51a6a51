"""The writer and the readers: what a commit promises, what a rollback leaves, what a full or locked disk does."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, event, insert, select, text

from core.kit.errors import Unavailable
from core.security import _store as security
from core.store import engine
from core.store.engine import Rows, Store, Tx
from core.store.errors import StoreUnavailable
from tests.pace import patience

COUNT = text("SELECT count(*) AS n FROM facts")
ADD = insert(security.facts)


def fact(name: str, value: str = "") -> dict[str, object]:
    return {"name": name, "value": value}


async def facts(store: Store) -> int:
    return int((await store.fetch(COUNT))[0].n)


async def pragma_of_writer(store: Store, name: str) -> object:
    return await store.write(lambda tx: tx.execute(text(f"PRAGMA {name}")).scalar_one())


async def pragma_of_reader(store: Store, name: str) -> object:
    return (await store.fetch(text(f"PRAGMA {name}")))[0][0]


async def test_the_writer_is_durable_and_alone_checkpoints(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "octet.db") as store:
        assert await pragma_of_writer(store, "journal_mode") == "wal"
        assert await pragma_of_writer(store, "synchronous") == 2, "FULL: a power cut takes nothing acknowledged"
        assert await pragma_of_writer(store, "foreign_keys") == 1
        assert await pragma_of_writer(store, "wal_autocheckpoint") == 4_000
        assert await pragma_of_writer(store, "mmap_size") == 0
        assert await pragma_of_reader(store, "query_only") == 1
        assert await pragma_of_reader(store, "wal_autocheckpoint") == 0
        assert await pragma_of_reader(store, "mmap_size") == 0


async def test_a_reader_cannot_write(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "octet.db") as store:
        with pytest.raises(StoreUnavailable, match="readonly"):
            await store.fetch(text("INSERT INTO facts VALUES ('a', 'b') RETURNING name"))


async def test_what_raises_leaves_nothing_and_makes_no_news(tmp_path: Path) -> None:
    news: list[str] = []

    def half(tx: Tx) -> None:
        tx.execute(ADD, fact("half"))
        tx.after_commit(lambda: news.append("half"))
        raise LookupError

    async with Store.open(tmp_path / "octet.db") as store:
        with pytest.raises(LookupError):
            await store.write(half)
        await store.ping()
        assert (await facts(store), news) == (0, [])


@pytest.mark.parametrize("number", [1, 2])
async def test_a_write_that_runs_out_of_an_iterator_ends_with_an_error(tmp_path: Path, number: int) -> None:
    async with Store.open(tmp_path / "octet.db") as store:
        writes = [store.write(lambda tx: next(iter(tx.execute(select(security.facts)))) and None)] * 1
        writes += [store.write(lambda _: next(iter(()))) for _ in range(number - 1)]
        async with asyncio.timeout(60):
            found = await asyncio.gather(*writes, return_exceptions=True)
        assert [type(one) for one in found] == [RuntimeError] * number
        await store.ping()


async def test_news_is_told_although_the_one_who_waited_was_cancelled(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()
    told = asyncio.Event()

    def slow(tx: Tx) -> None:
        begun.set()
        go_on.wait(patience(60))
        tx.execute(ADD, fact("slow"))
        tx.after_commit(told.set)

    async with Store.open(tmp_path / "octet.db") as store, asyncio.TaskGroup() as group:
        waiting = group.create_task(store.write(slow))
        await asyncio.to_thread(begun.wait, 60)
        waiting.cancel()
        go_on.set()
        async with asyncio.timeout(60):
            await told.wait()
        assert await facts(store) == 1


async def test_what_was_cancelled_before_it_began_is_not_done(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(_tx: Tx) -> None:
        begun.set()
        go_on.wait(patience(60))

    async with Store.open(tmp_path / "octet.db") as store, asyncio.TaskGroup() as group:
        group.create_task(store.write(slow))
        await asyncio.to_thread(begun.wait, 60)
        never = group.create_task(store.write(lambda tx: tx.execute(ADD, fact("never"))))
        await asyncio.sleep(0)
        never.cancel()
        await asyncio.wait({never})
        go_on.set()
        await store.ping()
        assert await facts(store) == 0


async def test_a_compiled_statement_belongs_to_its_transaction_and_knows_its_columns(tmp_path: Path) -> None:
    wanted = select(security.facts).where(security.facts.c.name == bindparam("which")).limit(1)

    def half(tx: Tx) -> None:
        tx.execute(ADD, fact("half"))
        raise LookupError

    async with Store.open(tmp_path / "octet.db") as store:
        with pytest.raises(LookupError):
            await store.write(half)
        assert await facts(store) == 0
        assert await store.write(lambda tx: tx.execute(ADD, fact("whole", "words"))) == []
        (row,) = await store.write(lambda tx: tx.execute(wanted, {"which": "whole"}))
        assert (row.name, row.value) == ("whole", "words")
        assert await store.write(lambda tx: tx.execute(wanted, {"which": "half"})) == []
        with pytest.raises(sqlite3.ProgrammingError):
            await store.write(lambda tx: tx.execute(wanted, {}))
        with pytest.raises(sqlite3.IntegrityError) as wrong:
            await store.write(lambda tx: tx.execute(ADD, fact("whole", "a brief that nobody may log")))
        assert "nobody may log" not in str(wrong.value)


async def test_a_full_disk_is_said_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    def much(tx: Tx) -> None:
        for number in range(200):
            tx.execute(ADD, fact(str(number), "x" * 4_000))

    async with Store.open(tmp_path / "octet.db") as store:
        pages = int(str(await pragma_of_writer(store, "page_count")))
        await pragma_of_writer(store, f"max_page_count={pages + 5}")
        with pytest.raises(StoreUnavailable, match="full"):
            await store.write(much)
        assert await facts(store) == 0
        await pragma_of_writer(store, "max_page_count=100000")
        await store.write(much)
        assert await facts(store) == 200


async def test_a_folder_that_cannot_be_written_is_said_in_our_words(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        async with Store.open(tmp_path / "is not there" / "octet.db"):
            raise AssertionError("it opened")


async def test_readers_who_were_cancelled_do_not_use_up_the_pool(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "octet.db") as store, asyncio.TaskGroup() as group:
        for _ in range(5):
            readers = [group.create_task(store.fetch(COUNT)) for _ in range(20)]
            await asyncio.sleep(0)
            for reader in readers[::2]:
                reader.cancel()
            await asyncio.wait(readers)
        async with asyncio.timeout(60):
            assert await facts(store) == 0


async def test_a_read_under_way_at_the_end_is_refused_and_keeps_no_thread(tmp_path: Path) -> None:
    slow = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT max(i) FROM n"
    )
    async with Store.open(tmp_path / "octet.db") as store:
        reading, given_up = asyncio.ensure_future(store.fetch(slow)), asyncio.ensure_future(store.fetch(slow))
        assert await facts(store) == 0
        given_up.cancel()
        assert await facts(store) == 0
        readers = [one for one in threading.enumerate() if "connection_worker" in one.name]
        assert len(readers) > 1
    for read in (reading, store.fetch(COUNT)):
        with pytest.raises(StoreUnavailable):
            await read
    for reader in readers:
        reader.join(patience(10))
        assert not reader.is_alive()


async def test_a_reader_that_opens_while_the_store_closes_keeps_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_opening, may_open, opened = threading.Event(), threading.Event(), list[threading.Thread]()

    def connect(store: Store, path: str, **given: Any) -> sqlite3.Connection:
        opened.append(threading.current_thread())
        is_opening.set()
        may_open.wait(patience(10))
        return make_reader(store, path, **given)

    make_reader = Store._make_reader
    monkeypatch.setattr(Store, "_make_reader", connect)
    async with Store.open(tmp_path / "octet.db") as store:
        reads = [asyncio.ensure_future(store.fetch(COUNT)) for _ in range(engine._READERS + 1)]
        await asyncio.to_thread(is_opening.wait, patience(10))
    may_open.set()
    for read in reads:
        with pytest.raises(StoreUnavailable):
            await read
    for reader in opened:
        reader.join(patience(10))
        assert not reader.is_alive()


async def test_an_error_of_the_database_does_not_carry_what_was_to_be_written(tmp_path: Path) -> None:
    """Its text ends in the log."""
    async with Store.open(tmp_path / "octet.db") as store:
        await store.write(lambda tx: tx.execute(ADD, fact("a")))
        with pytest.raises(sqlite3.IntegrityError) as wrong:
            await store.write(lambda tx: tx.execute(ADD, fact("a", "a brief that nobody may log")))
        assert "nobody may log" not in str(wrong.value)
        with pytest.raises(StoreUnavailable) as unread:
            await store.fetch(text("SELECT :words FROM nowhere"), {"words": "nobody may log"})
        assert "nobody may log" not in f"{unread.value} {unread.value.__cause__}"


async def test_writes_that_wait_share_one_commit_and_one_that_raises_is_undone_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_TOGETHER_S", 60.0)
    news: list[str] = []

    def add(tx: Tx, name: str) -> str:
        tx.execute(ADD, fact(name))
        tx.after_commit(lambda: news.append(name))
        if name == "bad":
            raise ValueError(name)
        return name

    async with Store.open(tmp_path / "octet.db") as store:
        commits = 0

        def count(_connection: object) -> None:
            nonlocal commits
            commits += 1

        event.listen(store._writer, "commit", count)
        names = ["first", "second", "bad", "third"]
        with writer_held(store):
            waiting = [asyncio.ensure_future(store.write(partial(add, name=name))) for name in names]
            cancelled = asyncio.ensure_future(store.write(partial(add, name="cancelled")))
            await asyncio.sleep(0)
            cancelled.cancel()
            await asyncio.sleep(0)
        found = await asyncio.gather(*waiting, return_exceptions=True)
        await asyncio.sleep(0)  # the news follows the results
        assert [str(one) for one in found] == names
        assert isinstance(found[2], ValueError)
        assert (await facts(store), news, commits) == (3, ["first", "second", "third"], 1)


async def test_an_urgent_write_goes_before_all_that_wait_and_ends_the_shared_commit_with_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_TOGETHER_S", 60.0)
    done: list[str] = []
    async with Store.open(tmp_path / "octet.db") as store:
        event.listen(store._writer, "commit", lambda _: done.append("commit"))
        urgent: list[asyncio.Future[None]] = []

        def add(tx: Tx, name: str) -> None:
            tx.execute(ADD, fact(name))
            done.append(name)
            if name == "second":  # the grant for Enter comes while a commit is shared
                grant, ended = partial(add, name="grant"), loop.create_future()
                store._waiting.appendleft(engine._Write(work=grant, is_last_word=False, goes_first=True, ended=ended))

        loop = asyncio.get_running_loop()
        with writer_held(store):
            waiting = [asyncio.ensure_future(store.write(partial(add, name=name))) for name in ("first", "second")]
            waiting += [asyncio.ensure_future(store.write(partial(add, name="third")))]
            await asyncio.sleep(0)
            urgent.append(asyncio.ensure_future(store.write(partial(add, name="urgent"), goes_first=True)))
            await asyncio.sleep(0)
        await asyncio.gather(*waiting, *urgent)
    assert done == ["urgent", "commit", "first", "second", "grant", "commit", "third", "commit"]


async def test_where_the_shared_commit_is_refused_each_write_meets_its_own_error(tmp_path: Path) -> None:
    def full(tx: Tx) -> None:
        tx.execute(ADD, fact("full"))
        raise sqlite3.OperationalError("disk I/O error")

    async with Store.open(tmp_path / "octet.db") as store:
        with writer_held(store):
            good = asyncio.ensure_future(store.write(lambda tx: tx.execute(ADD, fact("good"))))
            bad = asyncio.ensure_future(store.write(full))
            await asyncio.sleep(0)
        found = await asyncio.gather(good, bad, return_exceptions=True)
        assert [type(one) for one in found] == [Rows, StoreUnavailable]
        assert await facts(store) == 1


async def test_what_would_wait_too_long_is_refused_before_it_begins_an_agents_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_LONGEST_WAIT_S", 60.0)
    async with Store.open(tmp_path / "octet.db") as store:

        def refused() -> list[int]:
            """Say how long an agent and a user are asked to wait, each in seconds; 0: it is not refused."""
            found = list[int]()
            for is_agent in (True, False):
                try:
                    store.admit(is_agent=is_agent)
                    found.append(0)
                except Unavailable as busy:
                    found.append(int(str(busy.details["after_s"])))
            return found

        assert refused() == [0, 0]
        with writer_held(store):
            waiting = [asyncio.ensure_future(store.ping()) for _ in range(10)]
            await asyncio.sleep(0)
            assert refused() == [0, 0]
            store._each_s = 2.0
            assert refused() == [40, 0]
            store._each_s = 5.0
            assert refused() == [100, 100]
            store._each_s = 0.0
            store._waiting[0].asked_s -= 40
            assert [one > 0 for one in refused()] == [True, False], "the writer has been at one work all the time"
        await asyncio.gather(*waiting)
        assert refused() == [0, 0]


@contextmanager
def writer_held(store: Store) -> Generator[None]:
    """Let all writes of the block wait for the writer's thread."""
    gate = threading.Event()
    store._thread.submit(gate.wait, 60)
    try:
        yield
    finally:
        gate.set()
