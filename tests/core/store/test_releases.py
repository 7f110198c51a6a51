"""A home made by a release opens in every later Octet: it is upgraded, never refused."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.security.model import OPERATOR
from core.store import schema
from core.store.engine import upgrade_file
from core.tasks.model import TaskId, TaskState
from scripts.release_home import RELEASES, make_home, read_release, write_release
from tests.builders import make_agent, open_coordinator
from tests.core.store.test_upgrade import release

pytestmark = pytest.mark.timeout(120)  # it starts Octet a few times


async def opens(home: Path) -> None:
    async with open_coordinator(home, agents=[make_agent("Agent-1")], lanes={}) as octet:
        assert await octet.journal.verify() > len(("T-1", "T-2", "T-3"))
        shown = await octet.tasks.show(TaskId("T-1"), by=OPERATOR)
        assert (shown.task.state, shown.answers[-1].body) == (TaskState.DONE, "There were seven")
        assert (await octet.tasks.show(TaskId("T-3"), by=OPERATOR)).task.state is TaskState.CANCELLED


async def test_a_home_of_each_release_and_of_this_octet_is_upgraded_and_keeps_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make_one_of_now() -> None:
        make_home(tmp_path / "made")
        write_release(tmp_path / "made", tmp_path / "now")

    await asyncio.to_thread(make_one_of_now)
    release(monkeypatch, tmp_path)
    for found in [*sorted(RELEASES.glob("*/")), tmp_path / "now"]:
        home = tmp_path / f"home of {found.name}"
        read_release(found, home)
        before = schema.version_of(home / "octet.db")
        await opens(home)
        assert schema.version_of(home / "octet.db") == schema.head() != before
        copy = home / f"octet.db.{before}"
        assert (schema.version_of(copy), copy.stat().st_mode & 0o077) == (before, 0)


def test_a_task_that_an_agent_had_gets_the_row_of_its_attempt(tmp_path: Path) -> None:
    (release,) = RELEASES.glob("0.2.0/")
    read_release(release, tmp_path / "home")
    path = tmp_path / "home" / "octet.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        had = connection.execute("UPDATE tasks SET state = 'working', agent = 'Agent-1', fence = 3 WHERE number = 2")
        assert had.rowcount == 1
    upgrade_file(path)
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT task, fence, agent, ended_ms, outcome FROM attempts").fetchall()
    assert found == [(2, 3, "Agent-1", None, "")]


def test_what_waits_keeps_its_order_in_an_upgrade(tmp_path: Path) -> None:
    (found,) = RELEASES.glob("0.2.0/")
    read_release(found, tmp_path / "home")
    path = tmp_path / "home" / "octet.db"
    upgrade_file(path)
    with closing(sqlite3.connect(path)) as connection:
        by_rank = connection.execute("SELECT number FROM tasks ORDER BY rank, number").fetchall()
        assert by_rank == connection.execute("SELECT number FROM tasks ORDER BY priority, number").fetchall()
        assert connection.execute("SELECT min(rank) > 0 FROM tasks").fetchone() == (1,)
