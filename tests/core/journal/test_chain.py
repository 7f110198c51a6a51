"""The journal's chain: it verifies, and every kind of tampering is found. It carries no bodies."""

from __future__ import annotations

import asyncio
import importlib
import json
import pkgutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from string import Formatter

import pytest
from structlog.testing import capture_logs

import core
from core.journal.model import Entry, Event, TailMissing
from core.journal.service import Journal
from core.kit.clock import SystemClock
from core.store.engine import Store, Tx
from tests.builders import make_agent, open_coordinator, refuses

KEY = b"k" * 32


@dataclass(frozen=True, slots=True, kw_only=True)
class BirdSeen(Event):
    SUBJECT = "bird:{0.bird}"
    bird: int


async def make_journal(path: Path, birds: int = 5) -> None:
    async with Store.open(path) as store:
        journal = Journal(store=store, key=KEY, clock=SystemClock())
        for bird in range(birds):
            await store.write(lambda tx, bird=bird: journal.append(tx, BirdSeen(bird=bird * birds), by="hub"))


async def verify(path: Path, key: bytes = KEY) -> int:
    async with Store.open(path) as store:
        return await Journal(store=store, key=key, clock=SystemClock()).verify()


def tamper(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


async def test_an_untouched_journal_verifies(tmp_path: Path) -> None:
    await make_journal(tmp_path / "octet.db")
    assert await verify(tmp_path / "octet.db") == 5


@pytest.mark.parametrize(
    ("statements", "row"),
    [
        (["UPDATE journal SET data = '{\"bird\":9}' WHERE seq = 3"], 3),
        (["UPDATE journal SET actor = 'person:eve' WHERE seq = 2"], 2),
        (["UPDATE journal SET at_ms = at_ms + 1 WHERE seq = 5"], 5),
        (["UPDATE journal SET name = 'BirdHeard' WHERE seq = 1"], 1),
        (["UPDATE journal SET subject = 'bird:7' WHERE seq = 4"], 4),
        (["DELETE FROM journal WHERE seq = 3"], 3),
        (["DELETE FROM journal WHERE seq = 1"], 1),
        (["DELETE FROM journal WHERE seq = 3", "UPDATE journal SET seq = seq - 1 WHERE seq > 3"], 3),
        (
            [
                "UPDATE journal SET seq = 99 WHERE seq = 2",
                "UPDATE journal SET seq = 2 WHERE seq = 3",
                "UPDATE journal SET seq = 3 WHERE seq = 99",
            ],
            2,
        ),
        (["INSERT INTO journal SELECT 6, at_ms, name, subject, actor, data, hash FROM journal WHERE seq = 5"], 6),
        (
            [
                "UPDATE journal SET seq = seq + 100 WHERE seq > 2",
                "INSERT INTO journal SELECT 3, at_ms, name, subject, actor, data, hash FROM journal WHERE seq = 2",
                "UPDATE journal SET seq = seq - 99 WHERE seq > 100",
            ],
            3,
        ),
    ],
    ids=[
        "data",
        "actor",
        "time",
        "name",
        "subject",
        "removed",
        "first removed",
        "closed up",
        "swapped",
        "added",
        "put in",
    ],
)
async def test_tampering_is_found_at_its_row(tmp_path: Path, statements: list[str], row: int) -> None:
    path = tmp_path / "octet.db"
    await make_journal(path)
    tamper(path, *statements)
    with refuses("chain_broken") as broken:
        await verify(path)
    assert broken.value.details["seq"] == row


async def test_a_row_of_another_history_with_the_same_key_is_found(tmp_path: Path) -> None:
    """As from an older backup: the row is signed, but it does not follow from the one before it."""
    path, other = tmp_path / "octet.db", tmp_path / "other.db"
    await make_journal(path)
    await make_journal(other, birds=6)
    tamper(other, "DELETE FROM journal WHERE seq < 4")
    tamper(
        path,
        f"ATTACH '{other}' AS other",
        "DELETE FROM main.journal WHERE seq >= 4",
        "INSERT INTO main.journal SELECT * FROM other.journal",
    )
    with refuses("chain_broken") as broken:
        await verify(path)
    assert broken.value.details["seq"] == 4


class Wrote(Exception):
    """The head was written; the test goes on."""


async def keep_head(path: Path, *, key: bytes = KEY) -> list[str]:
    """Keep the head until it rests for the first time, or gives up; what was logged."""

    async def rest(_: float) -> None:
        raise Wrote

    with capture_logs() as lines:
        async with Store.open(path) as store:
            with suppress(Wrote):
                await Journal(store=store, key=key, clock=SystemClock()).keep_head(rest)
    return [line["event"] for line in lines]


@pytest.mark.parametrize("kept", [0, 4])
async def test_rows_removed_from_the_end_are_detected(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "octet.db"
    await make_journal(path)
    assert await keep_head(path) == ["journal_head_made"]
    assert await verify(path) == 5
    tamper(path, f"DELETE FROM journal WHERE seq > {kept}")
    for _ in range(2):
        with pytest.raises(TailMissing):
            await verify(path)
        assert await keep_head(path) == ["journal_tail_missing"], "each start says so and keeps the proof"
        await make_journal(path)  # rows that take the places of the removed ones hide nothing
    (tmp_path / "journal.head").unlink()
    assert await keep_head(path) == ["journal_head_made"], "a restored backup is accepted by a user"
    assert await verify(path) == kept + 10


async def test_a_head_that_is_older_than_the_database_is_no_fault(tmp_path: Path) -> None:
    """As after a crash between a commit and the next writing of the head."""
    path = tmp_path / "octet.db"
    await make_journal(path)
    await keep_head(path)
    await make_journal(path)
    assert await verify(path) == 10
    assert await keep_head(path) == []
    tamper(path, "DELETE FROM journal WHERE seq = 10")
    with pytest.raises(TailMissing):
        await verify(path)


async def test_a_head_cannot_be_forged_without_the_key(tmp_path: Path) -> None:
    path, head = tmp_path / "octet.db", tmp_path / "journal.head"
    await make_journal(path, birds=4)
    assert await keep_head(path, key=b"x" * 32) == ["journal_head_made"]
    others = head.read_bytes()
    async with Store.open(path) as store:
        journal = Journal(store=store, key=KEY, clock=SystemClock())
        for forged in (others, b"", b"[]", b"[4]", b"{}", b"\xff", b'[4, "x", "y"]', b'["4", "x", "\\u00e4"]'):
            head.write_bytes(forged)
            with pytest.raises(TailMissing):
                await journal.verify()
    assert await keep_head(path) == ["journal_tail_missing"]


async def test_the_head_is_written_once_for_many_rows_and_once_more_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    monkeypatch.setattr("core.journal.service.write_private", lambda _, text: written.append(json.loads(text)[0]))
    resting, go_on = asyncio.Event(), asyncio.Event()

    async def rest(_: float) -> None:
        resting.set()
        await go_on.wait()
        go_on.clear()

    async with Store.open(tmp_path / "octet.db") as store:
        journal = Journal(store=store, key=KEY, clock=SystemClock())

        async def see(birds: int) -> None:
            for bird in range(birds):
                await store.write(lambda tx, bird=bird: journal.append(tx, BirdSeen(bird=bird), by="hub"))

        await see(1)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            keeping = group.create_task(journal.keep_head(rest))
            await resting.wait()
            assert written == [1]
            await see(20)
            resting.clear()
            go_on.set()
            await resting.wait()
            assert written == [1, 21]
            await see(5)
            keeping.cancel()
        assert written == [1, 21, 26]


async def test_another_key_does_not_verify(tmp_path: Path) -> None:
    await make_journal(tmp_path / "octet.db")
    with refuses("chain_broken"):
        await verify(tmp_path / "octet.db", key=b"x" * 32)


async def test_several_events_of_one_transaction_are_chained_and_a_rollback_breaks_nothing(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "octet.db") as store:
        journal = Journal(store=store, key=KEY, clock=SystemClock())

        def three(tx: Tx) -> None:
            for bird in range(3):
                journal.append(tx, BirdSeen(bird=bird), by="hub")

        def fails(tx: Tx) -> None:
            three(tx)
            raise LookupError

        await store.write(three)
        with pytest.raises(LookupError):
            await store.write(fails)
        await store.write(three)
        assert await journal.verify() == 6


async def test_a_listener_that_fails_keeps_no_other_from_hearing(tmp_path: Path) -> None:
    heard: list[int] = []

    def fails(_: Entry[Event]) -> None:
        raise ValueError

    async with Store.open(tmp_path / "octet.db") as store:
        journal = Journal(store=store, key=KEY, clock=SystemClock())
        journal.listen(Event, fails)
        journal.listen(Event, lambda entry: heard.append(entry.seq))
        await store.write(lambda tx: journal.append(tx, BirdSeen(bird=1), by="hub"))
    assert heard == [1]


async def test_listeners_hear_in_order_after_the_commit_and_never_of_a_rollback(tmp_path: Path) -> None:
    heard: list[tuple[str, int]] = []
    async with Store.open(tmp_path / "octet.db") as store:
        journal = Journal(store=store, key=KEY, clock=SystemClock())

        def listener(name: str, entry: Entry[Event]) -> None:
            heard.append((name, entry.seq))

        journal.listen(Event, lambda entry: listener("first", entry))
        journal.listen(Event, lambda entry: listener("second", entry))

        def two(tx: Tx) -> None:
            journal.append(tx, BirdSeen(bird=1), by="hub")
            journal.append(tx, BirdSeen(bird=2), by="hub")
            assert heard == []

        def fails(tx: Tx) -> None:
            journal.append(tx, BirdSeen(bird=3), by="hub")
            raise LookupError

        await store.write(two)
        with pytest.raises(LookupError):
            await store.write(fails)
        await store.ping()
    assert heard == [("first", 1), ("second", 1), ("first", 2), ("second", 2)]


async def test_octet_does_not_start_without_the_key_of_its_journal(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}):
        pass
    (tmp_path / "audit.key").unlink()
    with refuses("audit_key_missing"):
        async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}):
            raise AssertionError("it opened")
    assert not (tmp_path / "audit.key").exists(), "a new key would hide that the old one is gone"


async def test_a_first_start_that_ended_before_its_database_was_made_can_be_repeated(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}):
        pass
    for path in sorted(tmp_path.glob("octet.db*")):  # noqa: ASYNC240 - a handful of files
        path.unlink()
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        assert await octet.journal.verify() == 0


def test_every_event_names_its_subject_by_its_own_fields() -> None:
    for module in pkgutil.walk_packages(core.__path__, "core."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)
    todo, seen = list(Event.__subclasses__()), 0
    while todo:
        event = todo.pop()
        todo += event.__subclasses__()
        seen += 1
        named = {name.removeprefix("0.") for _, name, _, _ in Formatter().parse(event.SUBJECT) if name}
        assert named <= {field.name for field in fields(event)}, event
    assert seen > 20
