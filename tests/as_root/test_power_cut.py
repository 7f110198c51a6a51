"""The power is cut at random moments, again and again, while a real Octet takes tasks: what it acknowledged is there.

The disk is ext4 in a file; its own ioctl for tests of crashes ends it, so that all that was not synced is gone. The
same with a database that syncs less must lose what was acknowledged: else these cuts would prove nothing.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from bot.runfile import Run, running
from tests.as_root.disks import Cuttable, cuttable
from tests.bot.cli.test_run import REPOSITORY, Account, make_account

CUTS = 24
CUTS_OF_CONTROL = 6
FIRST_FILES = ("octet.lock", "audit.key", "codes.key", "octet.db", "octet.db-wal", "octet.db-reserve", "run.json")
"""In the order in which a first start makes them."""
AT_ONCE = 4
SEED = 7
CARELESS = """
import sys
from core.store import engine
whole = engine._prepare_writer
def careless(connection, record):
    whole(connection, record)
    connection.execute("PRAGMA synchronous=NORMAL")
engine._prepare_writer = careless
from bot.__main__ import main
sys.argv = ["octet", "run"]
sys.exit(main())
"""
WHOLE = ("-m", "bot", "run")


@dataclass
class Machine:
    """One home on one disk, and what its Octet has acknowledged so far."""

    account: Account
    disk: Cuttable
    program: tuple[str, ...]
    taken: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    number: int = 0

    @asynccontextmanager
    async def on(self) -> AsyncGenerator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *self.program),
            cwd=REPOSITORY,
            env=self.account.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.communicate()

    async def ready(self, process: asyncio.subprocess.Process) -> Run:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            said = line = b""
            while b"Octet is ready" not in line:
                line = await process.stdout.readline()
                said += line
                assert line, f"it does not start: {said.decode()}"
        run = running(self.account.home)
        assert run is not None
        return run

    async def work_until_the_cut(self, after_s: float) -> None:
        """Ask for tasks and end some of them, as fast as it goes; in the middle of it the power goes."""
        async with self.on() as process:
            run = await self.ready(process)
            headers = {"Authorization": f"Bearer {run.token}"}
            url = f"http://{run.address}:{run.port}"
            async with httpx.AsyncClient(base_url=url, headers=headers) as http, asyncio.TaskGroup() as group:
                clients = [group.create_task(self._ask(http)) for _ in range(AT_ONCE)]
                await asyncio.sleep(after_s)  # the moment of the cut is what is tried here, not waited for
                self.disk.cut()
                process.send_signal(signal.SIGKILL)
                for client in clients:
                    client.cancel()
            await process.wait()
        self.disk.power_off()
        self.disk.power_on()

    async def _ask(self, http: httpx.AsyncClient) -> None:
        while True:
            self.number += 1
            title = f"No. {self.number}"
            try:
                answer = await http.post("/api/v2/tasks", json={"brief": f"{title}\n" + "x" * 500})
                if answer.status_code != 201:
                    return
                self.taken.add(title)
                task = answer.json()["id"]
                if (await http.post(f"/api/v2/tasks/{task}/cancel")).status_code == 200:
                    self.ended.add(title)
            except httpx.HTTPError:
                return

    def lost(self) -> set[str]:
        """Return what was acknowledged and is gone."""
        with closing(sqlite3.connect(self.account.home / "octet.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            has_tasks = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'tasks'").fetchone()
            # Less syncing may lose even the schema of a first start, and with it everything.
            states = dict(database.execute("SELECT title, state FROM tasks").fetchall()) if has_tasks else {}
        undone = {title for title in self.ended if states.get(title) != "cancelled"}
        return {title for title in self.taken if title not in states} | undone


@asynccontextmanager
async def machine(folder: Path, *program: str) -> AsyncGenerator[Machine]:
    await asyncio.to_thread(folder.mkdir)
    with cuttable(folder, folder / "home") as disk:
        made = Machine(account=make_account(folder), disk=disk, program=program)
        # The configuration is a person's; what they wrote long ago is on the disk.
        disk.power_off()
        disk.power_on()
        yield made


async def cuts(tried: Machine, times: int) -> list[int]:
    """How much was lost by each cut. Each start after one is a start on what the cut has left."""
    chance = random.Random(SEED)
    found: list[int] = []
    for _ in range(times):
        await tried.work_until_the_cut(chance.uniform(0.05, 1.5))
        lost = tried.lost()
        found.append(len(lost))
        tried.taken -= lost  # each cut answers for itself
        tried.ended -= lost
    return found


@pytest.mark.timeout(900)
async def test_no_cut_takes_what_was_acknowledged_and_with_less_syncing_they_do(tmp_path: Path) -> None:
    async with machine(tmp_path / "whole", *WHOLE) as tried:
        found = await cuts(tried, CUTS)
        print(f"{len(tried.taken)} tasks acknowledged, {len(tried.ended)} ends, lost by {CUTS} cuts: {found}")
        assert found == [0] * CUTS
        assert len(tried.taken) > CUTS
        assert (await tried.account.octet("audit", "verify"))[0] == 0
        async with tried.on() as process:
            await tried.ready(process)
    async with machine(tmp_path / "careless", "-c", CARELESS) as tried:
        control = await cuts(tried, CUTS_OF_CONTROL)
        print(f"with synchronous=NORMAL lost by {CUTS_OF_CONTROL} cuts: {control}")
        assert sum(control) > 0, "cuts that take nothing from a database that does not sync prove nothing"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("made", FIRST_FILES)
async def test_a_cut_during_the_very_first_start_leaves_a_home_that_starts(tmp_path: Path, made: str) -> None:
    """Keys, database and run.json are made then: none may be there without what it needs."""
    chance = random.Random(made)
    async with machine(tmp_path / "first", *WHOLE) as tried:
        async with tried.on() as process:
            async with asyncio.timeout(60):
                while True:
                    if (tried.account.home / made).exists():
                        break
                    await asyncio.sleep(0.001)
            await asyncio.sleep(chance.uniform(0, 0.02))  # the moment of the cut is what is tried here
            tried.disk.cut()
            process.send_signal(signal.SIGKILL)
            await process.wait()
        tried.disk.power_off()
        tried.disk.power_on()
        for key in ("audit.key", "codes.key"):
            path = tried.account.home / key
            assert not path.exists() or len(path.read_text()) == 64
        async with tried.on() as process:
            await tried.ready(process)
        assert (await tried.account.octet("audit", "verify"))[0] == 0
