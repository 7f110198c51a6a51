"""A home made by a release opens in every later Octet: it is upgraded, never refused."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest

from core.notices.model import (
    DISCORD,
    AgentReport,
    AgentReports,
    BlockedWindow,
    Digest,
    EndCause,
    Halt,
    NoticeDetail,
    NoticeKind,
    Place,
    Resolution,
    Undelivered,
    UserAct,
)
from core.notices.service import Notices
from core.reasons import ParkCause, Reason, WaitReason
from core.security.model import OPERATOR
from core.store import schema
from core.store.engine import Store, upgrade_file
from core.tasks.model import TaskId, TaskState
from scripts.release_home import RELEASES, make_home, read_release, write_release
from tests.builders import make_agent, open_coordinator
from tests.core.store.test_upgrade import release
from tests.fakes.clock import FakeClock

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


BLOCKED = BlockedWindow(desk="main", window="left", agent="Left", reason=Reason.COVERED, seen="Mail", since_ms=5)
TOLD: tuple[tuple[str, str, str, NoticeDetail | None], ...] = (
    ("card", "", "", None),
    ("answer", "", "", None),
    ("held", "waiting: window", "", Halt(state="waiting", reason=WaitReason.WINDOW)),
    ("held", "parked: delivery_unknown", "d:1", Halt(state="parked", reason=ParkCause.DELIVERY_UNKNOWN)),
    ("held", "again by discord:1", "d:2", Resolution(how="again", by="discord:1")),
    ("ended", "", "", None),
    ("ended", "agent_failed", "", EndCause(reason=Reason.AGENT_FAILED)),
    ("ended", "Ada dropped it: Octet did not know", "", EndCause(reason=Reason.DROPPED, by="Ada")),
    ("undelivered", "Left: queued: ", "", Undelivered(agent="Left", state="queued")),
    (
        "undelivered",
        "Left: unknown: not_seen",
        "d:3",
        Undelivered(agent="Left", state="unknown", reason=Reason.NOT_SEEN),
    ),
    ("undelivered", "arrived by operator", "d:4", Resolution(how="arrived", by="operator")),
    ("in_doubt", "", "d:5", None),
    ("in_doubt", "dropped by discord:1", "d:6", Resolution(how="dropped", by="discord:1")),
    ("needs_answer", "", "D1", None),
    ("needs_answer", "gone", "D2", Resolution(how="gone")),
    ("locked", "over", "L1", Resolution(how="over")),
    ("report", "cancelled by operator", "", UserAct(act="cancelled", by="operator")),
    ("summary", "12 T-1 T-2", "", Digest(number=12, newest=("T-1", "T-2"))),
    ("digest", "1 T-7", "", Digest(number=1, newest=("T-7",))),
    ("blocked", json.dumps(asdict(BLOCKED)), BLOCKED.key, BLOCKED),
    (
        "progress",
        '1700000000 "reads" by: all\n1700000060 done',
        "",
        AgentReports(
            agent="Agent-3",
            reports=(
                AgentReport(at_ms=1_700_000_000_000, text='"reads" by: all'),
                AgentReport(at_ms=1_700_000_060_000, text="done"),
            ),
        ),
    ),
)
"""Kind, text and question of notices as 0.2.0 stored them, and what each says."""


async def test_an_upgrade_loses_no_notice_and_none_of_what_it_says(tmp_path: Path) -> None:
    (found,) = RELEASES.glob("0.2.0/")
    read_release(found, tmp_path / "home")
    path = tmp_path / "home" / "octet.db"
    row = "INSERT INTO notices VALUES (NULL, ?, 'T-1', ?, ?, '7', '1', 'pending', 2, '7', 'm', '99', 1, 5, 'why', 3, ?)"
    with closing(sqlite3.connect(path)) as connection, connection:
        before = connection.execute("SELECT count(*) FROM notices").fetchone()[0]
        for number, (kind, text, about, _) in enumerate(TOLD):
            connection.execute(row, (kind, f"Agent-3 {number}", text, about))
    upgrade_file(path)
    async with Store.open(path) as store:
        notices = Notices(store=store, clock=FakeClock())
        for number, (kind, _, about, detail) in enumerate(TOLD):
            (one,) = await store.write(
                lambda tx, kind=kind, of=f"Agent-3 {number}": notices.find(tx, NoticeKind(kind), subject=of)
            )
            assert (one.kind, one.about, one.detail, one.place) == (kind, about, detail, Place(channel="7", guild="1"))
        assert await notices.newest_id() == before + len(TOLD)
        asked = (await notices.on(DISCORD).posts_about(["d:1"]))["d:1"]
        assert (asked.state, asked.posted_revision, asked.posted_channel, asked.posted_message) == (
            "pending",
            2,
            "7",
            "m",
        )
        assert (asked.attempts, asked.not_before_ms, asked.since_ms, asked.error) == (1, 5, 3, "why")
