"""No statement becomes slower as the history grows: SQLite's plan of each is read, and its steps are counted."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from sqlalchemy import CompoundSelect, Delete, Insert, Integer, LargeBinary, Select, Table, Update, create_engine
from sqlalchemy.dialects import sqlite

import core
from core.deliveries import _store as delivery_store
from core.deliveries.model import OPEN_STATES
from core.notices import _store as notice_store
from core.store.tables import metadata
from core.tasks import _store as task_store
from core.tasks.model import ENDED

Statement = Select | CompoundSelect | Update | Delete

EXCEPTIONS = {
    "agents.ALL": "the agents of every config this home had: about 100 rows",
    "desks.ALL": "the desks of every config this home had: about 10 rows",
    "fleet.ALL": "one live board per channel: about 10 rows",
    "notices.CHOICES": "once per start: the people who chose how Octet reaches them, about 100 rows",
    "security.BINDINGS": "who has a role: about 100 rows",
    "security.KEYS": "the API keys: about 100 rows",
    "security.LOG_INS": "the browsers that are logged in, of 30 days at most: about 100 rows",
    "journal.LAST": "1 row, from the end of the table",
    "tasks.COUNTS": "every task, once per start and in an index alone: 100,000 rows take 10 ms",
    "tasks.REQUIREMENTS": "the open tasks, in an index alone: 10,000 rows take 10 ms",
    "tasks.RECENT_ATTEMPTS": "1,000 rows at most, from the end of the table",
    "tasks.IN_STATES": "tasks that agents have, one per agent: about 100 rows",
}
"""Statements that may read all rows of something, or sort them, and how many these are."""
OPEN_ONLY = {
    "ix_workspaces_kept",
    "ix_check_runs_open",
    "ix_deliveries_acts",
    "ix_deliveries_drafts",
    "ix_deliveries_open",
    "ix_inbox_held",
    "ix_inbox_unread",
    "ix_locks_open",
    "ix_messages_attached",
    "ix_questions_open",
    "ix_standstills_open",
    "ix_tasks_attached",
    "ix_tasks_held",
    "ix_tasks_turn",
    "ix_traces_stopped",
}
"""Partial indexes that hold only what has not ended, or whose texts and files have not expired."""
HISTORY: dict[str, Sequence[object]] = {
    "tasks.state": sorted(state.value for state in ENDED),
    "tasks.deadline_ms": [None],
    "deliveries.state": ["delivered", "refused", "cancelled"],
    "deliveries.act": [None, "press"],
    "deliveries.drafts": ["[]"],
    "messages.attachments": ["[]"],
    "tasks.attachments": ["[]"],
    "messages.kind": ["task", "reply", "message"],
    "notice_posts.route": ["discord"],
    "notice_posts.state": ["sent", "dropped"],
    "notices.kind": ["card", "words", "answer", "undelivered"],
    "standstills.ending": ["gone"],
    "inbox.seq": [1],
    "questions.state": ["answered"],
    "traces.stopped_by": ["discord:1"],
    "locks.over_ms": [1],
    "boards.state": ["given_up"],
}
"""What has ended looks like this, one row after the other; other columns hold a value of their own in each row, or
nothing in every third."""
ASKED: dict[str, object] = {
    "states__0": "queued",
    "states__1": "unknown",
    "asked": '[["", null, "[]"]]',
    "full": "[]",
    "size": 20,
    "size_of_batch": 20,
    "since": 1_000_000,
    "before": 0,
    "now": 0,
    "looked": 0,
    "on_route": "discord",
    "tries": 0,
}
"""What statements are asked with; other values name something that is not there."""


def statements() -> dict[str, Statement]:
    """Every statement of every `_store`, by its package and name."""
    found: dict[str, Statement] = {}
    for module in stores():
        package = module.__name__.split(".")[-2]
        for name, value in vars(module).items():
            statement = value(2) if name == "newest_in" else value
            if isinstance(statement, Statement) and not isinstance(statement, Insert) and not name.startswith("_"):
                found[f"{package}.{name}"] = statement
    return found


def stores() -> Iterator[ModuleType]:
    for module in pkgutil.walk_packages(core.__path__, "core."):
        if module.name.endswith("._store"):
            yield importlib.import_module(module.name)


def compiled(statement: Statement) -> tuple[str, list[str], Mapping[str, Any]]:
    """Return the statement as SQLite reads it, with two values in each list; the names of its values, in order; those
    that are written in the statement itself."""
    said = statement.compile(dialect=sqlite.dialect(paramstyle="named"))
    sql = re.sub(r"\(__\[POSTCOMPILE_(\w+)\]\)", r"(:\1__0, :\1__1)", str(said))
    sql = re.sub(r"__\[POSTCOMPILE_(\w+)\]", r":\1", sql)
    return sql, re.findall(r":(\w+)", sql), said.params


def database(rows: int) -> sqlite3.Connection:
    """Make the present schema with this many rows in each table, all ended, without ANALYZE, as in a home."""
    engine = create_engine("sqlite://")
    list(stores())
    metadata.create_all(engine)
    connection = engine.raw_connection().driver_connection
    assert isinstance(connection, sqlite3.Connection)
    for table in metadata.sorted_tables:
        marks = ", ".join("?" * len(table.columns))
        connection.executemany(f"INSERT INTO {table.name} VALUES ({marks})", past(table, rows))
    return connection


def past(table: Table, rows: int) -> Iterator[tuple[object, ...]]:
    for number in range(1, rows + 1):
        row: list[object] = []
        for column in table.columns:
            known = HISTORY.get(f"{table.name}.{column.name}")
            if known is not None:
                row.append(known[number % len(known)])
            elif column.nullable and number % 3 == 0:
                row.append(None)
            elif isinstance(column.type, Integer):
                row.append(number)
            else:
                row.append(b"x" if isinstance(column.type, LargeBinary) else f"{column.name} {number}")
        yield tuple(row)


def plan(connection: sqlite3.Connection, statement: Statement) -> list[str]:
    sql, names, _ = compiled(statement)
    return [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", dict.fromkeys(names, 1))]


def complaints(connection: sqlite3.Connection, statement: Statement) -> list[str]:
    """Return what of a statement's plan takes longer the more rows have ended."""
    steps = plan(connection, statement)
    tables = "|".join(metadata.tables)
    reads = [step for step in steps if re.match(rf"(SCAN|SEARCH) ({tables}|card|earlier)\b", step)]
    free = [step for step in reads if not any(index in step for index in OPEN_ONLY)]
    scans = [step for step in free if step.startswith("SCAN")]
    # An equality names one task, message, desk and so on; one with a state alone names all that ever ended so.
    unbounded = [step for step in free if not re.search(r"\((?!state)\w+=\?|state=\? AND \w+=\?", step)]
    if scans or not unbounded or is_of_open(statement):
        return scans
    return [step for step in steps if "TEMP B-TREE" in step]


_OPEN = (delivery_store._IS_OPEN, notice_store._WAITS, task_store._HELD)


def is_of_open(statement: Statement) -> bool:
    """Whether the statement itself names the states of what has not ended."""
    return any(str(condition) in str(statement) for condition in _OPEN)


def test_the_open_deliveries_of_the_statements_are_those_of_the_model() -> None:
    assert set(re.findall(r"'(\w+)'", str(delivery_store._IS_OPEN))) == {state.value for state in OPEN_STATES}


def test_no_statement_reads_or_sorts_a_whole_table() -> None:
    connection = database(0)
    wrong = {name: said for name, one in statements().items() if (said := complaints(connection, one))}
    assert wrong.keys() == EXCEPTIONS.keys(), {name: said for name, said in wrong.items() if name not in EXCEPTIONS}
    assert len(EXCEPTIONS) <= 12


def steps_taken(connection: sqlite3.Connection, statement: Statement) -> int:
    """How many instructions of SQLite's virtual machine the statement takes."""
    sql, names, own = compiled(statement)
    values = {one: "nothing" if own.get(one) is None else own[one] for one in names} | {
        one: ASKED[one] for one in names if one in ASKED
    }
    count = itertools.count()
    connection.set_progress_handler(lambda: next(count) < 0, 1)
    connection.execute("SAVEPOINT try")
    connection.execute(sql, values).fetchall()
    connection.execute("ROLLBACK TO try")
    connection.set_progress_handler(None, 0)
    return next(count)


def test_what_has_ended_costs_no_statement_a_step() -> None:
    short, long = database(100), database(1_000)
    taken = {
        name: (steps_taken(short, one), steps_taken(long, one))
        for name, one in statements().items()
        if name not in EXCEPTIONS
    }
    assert {name: steps for name, steps in taken.items() if steps[1] > steps[0] + 20} == {}
