"""A database of the first schema, with rows in every table, is brought to the present one: all of it is still true."""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from core.agents.model import AgentState
from core.deliveries.model import Outcome, Reason, Result
from core.security.codes import TaskCodes
from core.security.model import OPERATOR
from core.store import schema
from core.store.upgrade import upgrade_file
from core.tasks.model import TaskId, TaskState
from core.verdicts.model import Decision
from tests.builders import make_estate
from tests.core.dispatch.test_loop import reach, window_house
from tests.fakes.lane import FakeLane

KEY = b"k" * 32
CODES = TaskCodes(home_id="k3v9x2", key=KEY)
T = 1_700_000_000_000


def task(number: int, state: str, agent: str | None, **changes: object) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(("reason", "note"), "")
    row |= {"number": number, "title": "Birds", "brief": "Count the birds", "source": "member", "state": state}
    row |= {"priority": 2, "needs": "[]", "wanted": None, "agent": agent, "attempt": 1, "requester": "discord:3"}
    row |= {"requester_name": "Carol", "place_channel": "7", "place_guild": "8", "idempotency_key": f"discord:{number}"}
    return {**row, "created_ms": T, "changed_ms": T, **changes}


def message(name: str, number: int, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {"in_reply_to": None, "supersedes": None, "idempotency_key": None}
    row |= {"id": name, "kind": "task", "sender": "hub", "recipient": f"agent:Agent-{number}", "thread": f"T-{number}"}
    row |= {"task": f"T-{number}", "priority": 2, "not_before_ms": None, "expires_at_ms": None, "requires": "none"}
    row |= {"trace": f"T-{number}", "hop": 0, "source": "member", "marker": "", "body": "Count the birds"}
    return {**row, "final": 0, "late": 0, "created_ms": T, **changes}


def delivery(number: int, state: str) -> dict[str, object]:
    row: dict[str, object] = {
        "id": f"01HZZZZZZZZZZZZZZZZZZZZZZ{number}",
        "message": f"01HZZZZZZZZZZZZZZZZZZZZZM{number}",
        "task": f"T-{number}",
    }
    row |= {"agent": f"Agent-{number}", "desk": "main", "window": f"agent-{number}", "state": state, "reason": ""}
    row |= {
        "note": "",
        "assurance": "receipt" if state == "delivered" else None,
        "fence": 0 if state == "queued" else 1,
    }
    row |= {"bounces": 0, "bounced_since_ms": None, "not_before_ms": 0, "priority": 2, "sha256": "ab", "timings": "{}"}
    return {**row, "created_ms": T, "changed_ms": T}


def card(number: int) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(("message", "text", "error"), "")
    row |= {"id": number, "kind": "card", "task": f"T-{number}", "place_channel": "7", "place_guild": "8"}
    row |= {"state": "sent", "revision": 1, "sent_revision": 1, "posted_channel": "7", "posted_message": "99"}
    return {**row, "thread": f"10{number}", "attempts": 0, "not_before_ms": 0, "created_ms": T}


def code(number: int) -> dict[str, object]:
    name = hashlib.sha256(CODES.code(f"T-{number}", 1).encode()).hexdigest()
    return {"hash": name, "task": f"T-{number}", "attempt": 1}


def agent(number: int, state: str, task: str | None = None) -> dict[str, object]:
    return {"name": f"Agent-{number}", "state": state, "reason": "", "task": task, "since_ms": T}


def first_entry() -> dict[str, object]:
    """A row of the journal with its right place in the chain."""
    data = json.dumps({"delivery": "x"}, separators=(",", ":"))
    fields: list[object] = [1, T, "DeliveryMoved", "delivery:x", "hub", data]
    chained = json.dumps(["0" * 64, *fields], separators=(",", ":"))
    link = hmac.new(KEY, chained.encode(), hashlib.sha256).hexdigest()
    return dict(zip(("seq", "at_ms", "name", "subject", "actor", "data", "hash"), [*fields, link], strict=True))


ROWS: dict[str, list[dict[str, object]]] = {
    "facts": [{"name": "home_id", "value": "k3v9x2"}],
    "people": [{"id": "discord:3", "name": "Carol", "role": "member", "since_ms": T}],
    "desks": [{"name": "main", "wish": "open", "actor": "operator", "since_ms": T}],
    "agents": [agent(1, "busy", "T-1"), agent(2, "held", "T-2"), agent(3, "busy", "T-3"), agent(4, "busy", "T-4")],
    "tasks": [
        task(1, "working", "Agent-1"),
        task(2, "parked", "Agent-2", reason="delivery unknown", note="nobody saw it"),
        task(3, "delivering", "Agent-3"),
        task(4, "assigned", "Agent-4"),
        task(5, "done", "Agent-1"),
    ],
    "messages": [
        *(message(f"01HZZZZZZZZZZZZZZZZZZZZZM{number}", number) for number in range(1, 6)),
        message(
            "01HZZZZZZZZZZZZZZZZZZZZZM6",
            5,
            kind="reply",
            sender="agent:Agent-1",
            recipient="hub",
            source="agent",
            body="Six.",
            final=1,
        ),
    ],
    "deliveries": [
        delivery(1, "delivered"),
        delivery(2, "unknown"),
        delivery(3, "submitting"),
        delivery(4, "queued"),
        delivery(5, "delivered"),
    ],
    "task_codes": [code(number) for number in range(1, 6)],
    "notices": [card(number) for number in range(1, 6)],
    "journal": [first_entry()],
}


def make_first_schema(path: Path) -> None:
    """A file as an Octet of the first schema left it, in the middle of its work."""
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for table, rows in ROWS.items():
            for row in rows:
                marks = ", ".join("?" * len(row))
                statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"
                connection.exec_driver_sql(statement, tuple(row.values()))
    engine.dispose()


def rows_of(path: Path, table: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid")]


def tables_of(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return {name for (name,) in found} - {"alembic_version"}


def test_every_row_of_the_first_schema_stands_as_it_stood(tmp_path: Path) -> None:
    path = tmp_path / "octet.db"
    make_first_schema(path)
    assert tables_of(path) == set(ROWS), "every table of the first schema has rows here"
    assert upgrade_file(path) == ("0001", schema.HEAD)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    for table, rows in ROWS.items():
        renamed = [
            {"fence" if (table, name) == ("task_codes", "attempt") else name: row[name] for name in row} for row in rows
        ]
        kept = [{name: row[name] for name in renamed[0]} for row in rows_of(path, table)]
        assert kept == renamed, table
    assert [row["fence"] for row in rows_of(path, "tasks")] == [1] * 5, "a code that was given out stays right"


async def test_octet_goes_on_with_what_an_octet_of_the_first_schema_left(tmp_path: Path) -> None:
    estate = make_estate(tmp_path, [])
    make_first_schema(estate.database)
    for key in (estate.audit_key, estate.codes_key):
        key.write_text(KEY.hex())
        key.chmod(0o600)
    upgrade_file(estate.database)
    lane = FakeLane()
    lane.settlements = [Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="nothing to be seen")]
    async with window_house(tmp_path, lane, agents=4) as octet:
        assert (await reach(octet, TaskId("T-4"), TaskState.WORKING)).agent == "Agent-4"
        assert (await octet.tasks.show(TaskId("T-1"), by=OPERATOR)).task.quiet_at_ms is not None, (
            "nobody waits for ever"
        )
        await octet.tasks.report("T-1", CODES.code("T-1", 1), "Seven.", final=True, key="a")
        assert (await octet.tasks.show(TaskId("T-1"), by=OPERATOR)).task.state is TaskState.DONE
        await octet.unknowns.resolve("T-2", Decision.ARRIVED, by=OPERATOR)
        await octet.tasks.report("T-2", CODES.code("T-2", 1), "Eight.", final=True, key="a")
        held = await reach(octet, TaskId("T-3"), TaskState.PARKED, "delivery unknown")
        assert "cannot be made again as it was" in held.note, "its prompt had other words then: nothing is concluded"
        assert (await octet.agents.show("Agent-3", by=OPERATOR)).state is AgentState.HELD
        await octet.unknowns.resolve("T-3", Decision.SEND_AGAIN, by=OPERATOR)
        await reach(octet, TaskId("T-3"), TaskState.WORKING)
        (answer,) = (await octet.tasks.show(TaskId("T-5"), by=OPERATOR)).answers
        assert answer.body == "Six."
        assert await octet.journal.verify() > 1
        assert [order.agent for order in lane.orders] == ["Agent-4", "Agent-3"]
