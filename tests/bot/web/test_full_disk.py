"""A full disk refuses each kind of write, over HTTP and MCP, whole; with the same key it is done once afterwards."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from core.security.model import OPERATOR
from core.store.engine import Store
from core.store.errors import StoreFull
from core.tasks.model import TaskId, TaskState
from tests.builders import make_new_task
from tests.house import NO_TLS, TOKEN, House, open_house
from tests.pace import patience

ABOUT = ("tasks", "messages", "inbox", "questions", "deliveries")
STATUS = {"to": "Agent-2", "text": "File 1 is read.", "kind": "status", "key": "k"}
QUESTION = {"text": "Which branch?", "key": "k"}
SUBTASK = {"text": "Count the birds", "to": "Agent-3", "key": "k"}
WRITES: dict[str, tuple[str, dict[str, Any]]] = {
    "task": ("/tasks", {"brief": "Count the birds", "agent": "Agent-4"}),
    "task with a file": ("/tasks", {"brief": "Read it", "attach": {"name": "birds.txt", "content": "c2V2ZW4="}}),
    "import": ("/import/tasks", {"text": '{"brief": "Count the birds"}\n{"brief": "Count the trees"}'}),
    "cancel": ("/tasks/T-2/cancel", {}),
    "undo": ("/tasks/T-3/undo", {}),
    "message": ("/replies/messages", STATUS),
    "question": ("/replies/questions", QUESTION),
    "subtask": ("/replies/subtasks", SUBTASK),
    "message over MCP": ("send_message", STATUS),
    "question over MCP": ("ask", QUESTION),
    "subtask over MCP": ("create_subtask", SUBTASK),
}
ONCE = frozenset({"cancel", "undo"})
"""A second one is a conflict: they have no key."""


@contextmanager
def full_disk(store: Store, *, keeps: bool = False) -> Generator[list[str]]:
    """Refuse each commit, as a full disk does, for the length of the block. A broken one `keeps` what it refused."""
    refused = list[str]()

    def refuse(connection: sa.Connection) -> None:
        refused.append("commit")
        if keeps:
            connection.exec_driver_sql("COMMIT")
        full = sqlite3.OperationalError("database or disk is full")
        full.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise full

    event.listen(store._writer, "commit", refuse)
    try:
        yield refused
    finally:
        event.remove(store._writer, "commit", refuse)


def kept_in(house: House) -> dict[str, list[Any]]:
    """Return the rows of all tables that these writes are about, and the stored files."""
    with closing(sqlite3.connect(house.home / "octet.db")) as database:
        files = {"files": [path for path in house.home.glob("attachments/**/*") if path.is_file()]}
        return files | {name: database.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in ABOUT}


def named(said: dict[str, Any]) -> Any:
    """Return what was made: the rest of an answer may have moved on."""
    return next(said[name] for name in ("message", "ticket", "subtask", "tasks", "id") if name in said)


@pytest.mark.parametrize("kind", WRITES)
async def test_a_write_is_refused_whole_on_a_full_disk_and_done_once_when_there_is_room(
    tmp_path: Path, kind: str
) -> None:
    path, body = WRITES[kind]
    is_mcp = not path.startswith("/")
    async with open_house(tmp_path, chief="Agent-1") as house, house.served() as run:
        for agent in ("Agent-1", "Agent-4"):
            await house.core.tasks.new(make_new_task(agent=agent), by=OPERATOR)
        await house.core.tasks.new(make_new_task(agent="Agent-4"), by=OPERATOR)
        await house.until(TaskId("T-1"), TaskState.WORKING)
        await house.until(TaskId("T-2"), TaskState.WORKING)
        await house.core.tasks.cancel(TaskId("T-3"), by=OPERATOR)
        url = f"http://{run.address}:{run.port}"
        async with httpx.AsyncClient(verify=NO_TLS, base_url=url, timeout=patience(60)) as http:
            admin = {"Authorization": f"Bearer {TOKEN}"}
            env = (await http.get("/api/v2/agents/Agent-1/env", headers=admin)).json()
            agent = {"Authorization": f"Bearer {env['OCTET_AGENT_TOKEN']}"}

            async def write() -> tuple[bool, Any]:
                """Return whether it was done, and the answer or the code of the refusal."""
                if is_mcp:
                    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
                    call |= {"params": {"name": path, "arguments": body}}
                    accept = {"Accept": "application/json, text/event-stream"}
                    result = (await http.post("/mcp", json=call, headers=agent | accept)).json()["result"]
                    said = result["structuredContent"]
                    return not result.get("isError"), said["code"] if result.get("isError") else said
                headers = agent if path.startswith("/replies") else admin | {"Idempotency-Key": "k"}
                answer = await http.post(f"/api/v2{path}", json=body, headers=headers)
                return answer.is_success, answer.json() if answer.is_success else answer.json()["code"]

            before = kept_in(house)
            with full_disk(house.core.store) as refused:
                assert await write() == (False, "store_full")
            assert refused
            assert kept_in(house) == before
            is_done, said = await write()
            assert is_done, said
            after = kept_in(house)
            assert after != before
            is_again, repeated = await write()
            assert is_again is (kind not in ONCE)
            assert kind in ONCE or named(repeated) == named(said)
            grown = {name: len(rows) for name, rows in kept_in(house).items()}
            assert grown["tasks"] == {"import": 5}.get(kind, 3 + ("task" in kind))
            assert bool(grown["files"]) is ("file" in kind)  # Octet deletes a second copy later
            assert grown["questions"] == ("question" in kind)
            assert grown["inbox"] >= ("message" in kind)


async def test_a_disk_that_keeps_what_it_refused_is_found_out(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        before = kept_in(house)
        with full_disk(house.core.store, keeps=True), pytest.raises(StoreFull):
            await house.core.tasks.new(make_new_task(), by=OPERATOR)
        assert kept_in(house) != before
