"""A home with a long past: tasks that went through the product once, multiplied, the journal's chain whole."""

from __future__ import annotations

import asyncio
import hashlib
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

from bot.app import work_tools
from bot.cli.init.templates import copy_templates
from core.config.loader import load
from core.coordinator import Coordinator
from core.deliveries.model import Assurance, DeliveryId, DeliveryRequest, Outcome, Result
from core.deliveries.ports import Progress
from core.desks.model import DeskNow, DeskState
from core.home import Home
from core.journal.model import Event
from core.journal.service import _START, Journal
from core.kit.ids import Ids
from core.kit.supervise import supervise
from core.notices.model import DISCORD
from core.security.codes import TaskCodes
from core.security.keys import load_key
from core.security.model import OPERATOR
from core.tasks.model import NewTask, TaskState
from tests.builders import FixedDeskWorkers

BRIEF = "Read the module that parses dates and say which of its callers pass a naive one.\n" * 8
ANSWER = "Three callers pass naive dates; each is named below with the line where it happens.\n" * 12
_CHUNK = 500
_TASK = re.compile(r"\bT-\d+\b")
_ULID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")
Table = Mapping[str, Sequence[Mapping[str, Any]]]


class _Arrives:
    """A lane without a window: each prompt arrives, and an answer is given for it."""

    at_once = 8

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        await progress.staging()
        await progress.staged(sha256=order.sha256)
        await progress.submitting()
        self.texts[order.delivery] = order.text
        return Outcome(result=Result.DELIVERED, assurance=Assurance.RECEIPT, timings_ms={"stage": 31.4, "confirm": 9.7})

    async def settle(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        raise AssertionError(order.delivery, progress)

    async def give_up(self, delivery: DeliveryId, *, answered: bool = False) -> None:
        del delivery, answered


async def make(home: Path, *, finished: int, open_tasks: int) -> int:
    """Make a home with this many finished and open tasks; return how many rows its journal has."""
    copy_templates(home / "config")
    place = Home(root=home)
    await _live_once(place)
    return await asyncio.to_thread(_multiply, place, finished, open_tasks)


async def _live_once(home: Home) -> None:
    """T-1 goes all the way to its answer, T-2 stays ready; everything about both is told."""
    config = load(home)
    lane = _Arrives()
    routes = {agent.route: lane for agent in config.agents}
    workers = FixedDeskWorkers(_Hands(config.desks), routes)
    async with Coordinator.open(config, workers, work_tools(config.home)) as core:
        for desk in config.desks:
            await core.dispatch.desk_changed(desk.name, DeskNow(DeskState.READY))
        async with asyncio.TaskGroup() as group:
            dispatch = supervise(group, "dispatch", core.dispatch.run())
            news = asyncio.Event()
            core.journal.listen(Event, lambda _: news.set())
            task = await core.tasks.new(NewTask(brief=BRIEF), by=OPERATOR)
            async with asyncio.timeout(30):
                while (await core.tasks.show(task.id, by=OPERATOR)).task.state is not TaskState.WORKING:
                    await news.wait()
                    news.clear()
            code = re.search(r"--code (\S+)", next(iter(lane.texts.values())))
            assert code is not None
            await core.tasks.accept_answer(task.id, code[1], ANSWER, final=True, key="a" * 64)
            dispatch.cancel()
        await core.tasks.new(NewTask(brief=BRIEF), by=OPERATOR)
        number = 0
        while due := await core.notices.on(DISCORD).due():
            for notice in due:
                number += 1
                await core.notices.on(DISCORD).posted(
                    notice.id, channel="1", message=f"{number}", revision=notice.revision
                )


class _Hands(dict[str, Any]):
    """Hands that nobody asks for anything: they only have to be there."""

    def __init__(self, desks: Sequence[Any]) -> None:
        super().__init__({desk.name: object() for desk in desks})


def _multiply(home: Home, finished: int, open_tasks: int) -> int:
    key, codes_key = load_key(home.audit_key), load_key(home.codes_key)
    with closing(sqlite3.connect(home.db, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous=OFF")
        database.row_factory = sqlite3.Row
        past, waiting = _rows_of(database, "T-1"), _rows_of(database, "T-2")
        home_id = str(database.execute("SELECT value FROM facts WHERE name = 'home_id'").fetchone()[0])
        codes = TaskCodes(home_id=home_id, key=codes_key)
        last = database.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        chain = _Chain(key, seq=last["seq"], link=last["hash"])
        plan = [past] * (finished - 1) + [waiting] * (open_tasks - 1)
        for first in range(0, len(plan), _CHUNK):
            chunk: dict[str, list[tuple[Any, ...]]] = {}
            for number, like in enumerate(plan[first : first + _CHUNK], first + 3):
                _copy(like, number, codes, chain, chunk)
            database.execute("BEGIN")
            for table, rows in chunk.items():
                columns = [name for name in (past if past.get(table) else waiting)[table][0] if name != _OWN.get(table)]
                marks = ", ".join("?" * len(columns))
                database.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
            database.execute("COMMIT")
        _copy_posts(database)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return int(database.execute("SELECT count(*) FROM journal").fetchone()[0])


_OWN = {"notices": "id"}
"""Numbers that the database itself gives."""


def _copy_posts(database: sqlite3.Connection) -> None:
    """Have each copied notice posted as the one that it is like: of a task in the same state, and of the same kind."""
    columns = [row[1] for row in database.execute("PRAGMA table_info(notice_posts)") if row[1] != "notice"]
    own = ", ".join(f"post.{name}" for name in columns)
    database.execute(
        f"INSERT OR IGNORE INTO notice_posts (notice, {', '.join(columns)}) SELECT new.id, {own} FROM notices new "
        "JOIN tasks its ON its.number = CAST(substr(new.task, 3) AS INTEGER) "
        "JOIN tasks task ON task.number <= 2 AND task.state = its.state "
        "JOIN notices old ON old.task = 'T-' || task.number AND old.kind = new.kind "
        "JOIN notice_posts post ON post.notice = old.id"
    )


def _rows_of(database: sqlite3.Connection, task: str) -> Table:
    """All rows about one task."""
    number = int(task.removeprefix("T-"))
    asked = {
        "tasks": ("number = ?", number),
        "messages": ("task = ?", task),
        "deliveries": ("task = ?", task),
        "notices": ("task = ?", task),
        "task_codes": ("task = ?", task),
    }
    found: dict[str, list[Mapping[str, Any]]] = {
        table: [dict(row) for row in database.execute(f"SELECT * FROM {table} WHERE {where}", (value,))]
        for table, (where, value) in asked.items()
    }
    entries = [dict(row) for row in database.execute("SELECT * FROM journal ORDER BY seq")]
    found["journal"] = [entry for entry in entries if task in _TASK.findall(str(entry["subject"]) + entry["data"])]
    return found


class _Chain:
    """The journal's chain, row after row, as the product links it."""

    def __init__(self, key: bytes, *, seq: int, link: str) -> None:
        self._key, self._seq, self._link = key, seq, link
        assert link != _START

    def add(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        self._seq += 1
        fields = {name: entry[name] for name in ("seq", "at_ms", "name", "subject", "actor", "data")}
        fields["seq"] = self._seq
        self._link = Journal._link(cast("Journal", _Keyed(self._key)), self._link, *fields.values())
        return {**fields, "hash": self._link}


class _Keyed:
    def __init__(self, key: bytes) -> None:
        self._key = key


def _copy(like: Table, number: int, codes: TaskCodes, chain: _Chain, into: dict[str, list[tuple[Any, ...]]]) -> None:
    """Return the rows of one more task: other ids, everything else the same."""
    ids = Ids()
    task = f"T-{number}"
    known: dict[str, str] = {}

    def renamed(value: Any) -> Any:
        if not isinstance(value, str) or len(value) > 1_500 or value in {BRIEF, ANSWER}:
            return value
        value = _TASK.sub(task, value)
        return _ULID.sub(lambda found: known.setdefault(found[0], ids.ulid()), value)

    for table, rows in like.items():
        for row in rows:
            copy = {name: renamed(value) for name, value in row.items() if name != _OWN.get(table)}
            if table == "tasks":
                copy["number"] = number
            elif table == "task_codes":
                copy["hash"] = hashlib.sha256(codes.code(task, copy["fence"]).encode()).hexdigest()
            elif table == "journal":
                copy = chain.add(copy)
            into.setdefault(table, []).append(tuple(copy.values()))


def counted(home: Path) -> Iterator[tuple[str, int]]:
    """How many rows each table has."""
    with closing(sqlite3.connect(home / "octet.db")) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            yield table, int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
