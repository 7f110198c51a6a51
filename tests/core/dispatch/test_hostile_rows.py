"""Rows that refer to what is gone, or that nothing can read: Octet starts, works on, and says what it leaves out."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from core.agent_messages.model import NewAgentMessage, NewQuestion
from core.agents.model import Lane
from core.coordinator import Coordinator
from core.desks.model import DeskNow, DeskState
from core.fleet.model import NeedKind, Part
from core.reasons import Reason
from core.security.model import HolderId, Role
from core.settings.model import TalkLimits
from core.store.engine import Tx
from core.tasks.model import TaskId, TaskState
from tests.builders import ADA, list_tasks, make_desk, make_new_task, make_window_agent, open_coordinator
from tests.core.agent_messages.test_talk import of
from tests.core.dispatch.test_loop import QUICK, reach, running
from tests.fakes.clock import FakeClock
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane

HOSTILE, ROUNDS = "\x00[x", 10
MORE = {
    "api_keys": ("bot", "x", "task.read", "discord:7", 1, 2**50, None, None),
    "log_ins": ("0" * 26, "x", "discord:7", "", 1, 2**50, ""),
    "traces": ("M", "hub", 1, 1),
    "standstills": ("0" * 26, "Ann", "main", "ann", "needs_input", "", "[]", "?", None, None, None, "", 1),
    "account_limits": ("work", 2**50),
    "boards": (1, "9", "", "", "stands", "", "discord:7", 1, "fleet", False),
}
"""Rows that work leaves in other tables."""
CASES = {
    "agents": ("state", "task", "reason", "until_ms", "name"),
    "tasks": ("state", "needs", "wanted", "agent", "reason", "priority", "parent", "attachments", "deadline_ms"),
    "attempts": ("agent", "outcome", "task"),
    "dependencies": ("needs", "on_failure"),
    "deliveries": ("state", "agent", "desk", "window", "reason", "cuts", "drafts", "message", "assurance"),
    "messages": ("kind", "sender", "recipient", "evidence", "requires", "trace", "task", "attachments"),
    "inbox": ("agent", "dropped", "message"),
    "questions": ("agent", "task", "choices", "at_due", "state", "asked", "due_ms"),
    "notices": ("kind", "task", "detail"),
    "notice_posts": ("state",),
    "desks": ("name", "mode"),
    "bindings": ("role", "holder"),
    "journal": ("at_ms",),
    "receipts": ("state", "assurance", "timings", "at_ms"),
    "api_keys": ("scopes", "hash", "expires_ms"),
    "log_ins": ("who", "hash", "ends_ms"),
    "traces": ("stopped_by", "allowance", "since_ms"),
    "standstills": ("activity", "ending", "answers", "since_ms", "task"),
    "account_limits": ("account", "until_ms"),
    "boards": ("state", "kind", "since_ms"),
}
NAMED = {
    *("agents.state", "tasks.state", "tasks.needs", "deliveries.cuts", "messages.evidence", "questions.choices"),
    *("desks.mode", "bindings.role", "tasks.attachments", "messages.attachments", "api_keys.expires_ms"),
    "log_ins.ends_ms",
    *("boards.state", "boards.kind", "standstills.activity", "standstills.answers"),
}
"""What Octet cannot read at all; the rest may be harmless."""


@asynccontextmanager
async def house(home: Path, clock: FakeClock, *names: str) -> AsyncGenerator[Coordinator]:
    async with open_coordinator(
        home,
        agents=[replace(make_window_agent(name, window=name.lower()), account="work") for name in names],
        desks=[make_desk(*(name.lower() for name in names))],
        lanes={(Lane.WINDOW, "main"): FakeLane()},
        workers={"main": FakeDeskWorker()},
        policy=QUICK,
        clock=clock,
        talk=TalkLimits(),
    ) as octet:
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        yield octet


async def fill(home: Path, clock: FakeClock) -> None:
    """Make a home with something in each table that rounds read."""
    async with house(home, clock, "Ann", "Bob", "Cid") as octet:
        async with running(octet):
            for agent in ("Ann", "Bob"):
                await octet.tasks.new(make_new_task(agent=agent), by=ADA)
            for task in ("T-1", "T-2"):
                await reach(octet, TaskId(task), TaskState.WORKING)
            await octet.questions.ask(NewQuestion(text="Red?", key="1", minutes=5), of("Ann"))
        await octet.tasks.new(make_new_task(agent="Ann"), by=ADA)
        await octet.tasks.new(make_new_task(after=frozenset({TaskId("T-1")})), by=ADA)
        for agent in ("Ann", "Cid"):
            await octet.agent_messages.send(NewAgentMessage(text="Wait", agent=agent), by=ADA)
        await octet.people.bind(HolderId("discord:7"), Role.OPERATOR, by=ADA)
        await octet.desks.hold("main", by=ADA)
    with closing(sqlite3.connect(home / "octet.db")) as database, database:
        for table, row in MORE.items():
            database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)


@pytest.mark.parametrize("table", CASES)
async def test_no_row_ends_a_start_or_a_round(tmp_path: Path, table: str) -> None:
    clock = FakeClock()
    with capture_logs():  # else most of the time goes into tracebacks
        await check(tmp_path, clock, table)


async def check(folder: Path, clock: FakeClock, table: str) -> None:
    """Start with each column of the table hostile, and let Octet work."""
    await fill(folder / "filled", clock)
    clock.advance(3600)
    for column in CASES[table]:
        home = folder / column
        shutil.copytree(folder / "filled", home)
        with closing(sqlite3.connect(home / "octet.db")) as database, database:
            database.execute(f"UPDATE OR REPLACE {table} SET {column} = ?", (HOSTILE,))
        async with house(home, clock, "Ann", "Bob") as octet:
            await octet.desks.release("main", by=ADA)
            for _ in range(ROUNDS):
                await octet.tasks.quarantine.write(octet.dispatch.assigner.assign_ready)
                for worker in octet.dispatch.workers._by_route.values():
                    await worker._next()
                await octet.dispatch.silence.check_all()
                clock.advance(60)
            await octet.fleet.boards.all()
            clock.set_wall(-3600)
            await octet.store.ping()
            clock.set_wall(3600)
            troubles = (await octet.fleet.health.look(by=ADA)).troubles
            assert troubles or f"{table}.{column}" not in NAMED


async def test_each_start_leaves_the_same_rows_out_and_asks_about_each_once(tmp_path: Path) -> None:
    """A task is parked for good; whatever else Octet cannot read, it finds again at each start."""
    clock = FakeClock()
    await fill(tmp_path, clock)
    with closing(sqlite3.connect(tmp_path / "octet.db")) as database, database:
        database.execute("UPDATE tasks SET labels = 'x' WHERE number = 3")
        database.execute("UPDATE questions SET choices = 'x'")
        question = f"question {database.execute('SELECT id FROM questions').fetchone()[0]}"
    for parked, left_out in ((["T-3"], ["task 3", question]), ([], [question]), ([], [question])):
        with capture_logs() as logged:
            async with house(tmp_path, clock, "Ann", "Bob", "Cid") as octet:
                for _ in range(ROUNDS):
                    await octet.tasks.quarantine.write(octet.dispatch.assigner.assign_ready)
                    assert len(await list_tasks(octet, by=ADA)) == 4
                    assert await octet.questions.list_open() == ()
                needs = (await octet.fleet.needs_me(by=ADA)).shown
                troubles = (await octet.fleet.health.look(by=ADA)).troubles
                again_ms = octet.dispatch.assigner._look_again_ms
        assert [need.task for need in needs if need.kind is NeedKind.PARKED] == ["T-3"]
        assert [one.name for one in troubles if one.part is Part.STORE] == left_out
        assert [one["task"] for one in logged if one["event"] == "row_quarantined"] == parked
        assert [one["what"] for one in logged if one["event"] == "set_aside"] == left_out
        assert again_ms is not None
        assert again_ms > clock.now_ms(), "it looks again later, not at once"


async def test_a_message_that_cannot_be_read_holds_no_other_of_its_route(tmp_path: Path) -> None:
    async with house(tmp_path, FakeClock(), "Ann", "Bob") as octet:
        say = [NewAgentMessage(text="Look", agent=agent) for agent in ("Ann", "Ann", "Bob")]
        sent = [await octet.agent_messages.send(one, by=ADA) for one in say]
        first, *others = (one.deliveries[0].id for one in sent)
        damage = text("UPDATE messages SET kind = 'x' WHERE id = :of").bindparams(of=sent[0].message.id)
        await octet.store.write(lambda tx: tx.execute(damage).rowcount)
        (worker,) = octet.dispatch.workers._by_route.values()
        with capture_logs():
            taken = [(await worker._next()).order for _ in others]
        assert [one.delivery for one in taken if one] == others
        assert (ended := await octet.deliveries.get(first)) is not None
        assert ended.reason is Reason.INTERNAL_ERROR


async def test_a_part_of_a_round_that_fails_is_left_out_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Tx) -> None:
        raise ZeroDivisionError

    async with house(tmp_path, FakeClock(), "Ann", "Bob") as octet:
        monkeypatch.setattr(octet.screen_locks, "notify_waiting", fails)
        with capture_logs() as logged:
            async with running(octet):
                for agent in ("Ann", "Bob"):
                    await octet.tasks.new(make_new_task(agent=agent), by=ADA)
                for task in ("T-1", "T-2"):
                    await reach(octet, TaskId(task), TaskState.WORKING)
        assert [one["what"] for one in logged if one["event"] == "set_aside"] == ["fails"]
        again_ms = octet.dispatch.assigner._look_again_ms
        assert again_ms is not None
        assert 0 < again_ms - octet.clock.now_ms() <= 60_000
        (trouble,) = (await octet.fleet.health.look(by=ADA)).troubles
        assert (trouble.name, trouble.counts) == ("fails", True)
