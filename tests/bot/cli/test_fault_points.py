"""`octet run` killed at each fault point of its start and of its end: the next start is ready, and nothing is lost."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.answer_spool import SpooledAnswer, spool_answer
from bot.runfile import Run, running
from core.kit import faults
from tests import forked
from tests.forked import Forked
from tests.house import NO_TLS, code_in
from tests.long_forms import mostly_long
from tests.pace import patience

pytestmark = pytest.mark.timeout(300)  # each test starts Octet several times
REPOSITORY = Path(__file__).parents[3]
LIMIT_S = patience(60.0)
AGENTS = '[[agents]]\nname = "Dry"\nrole = "waits"\ncapabilities = ["code"]\nlane = "dryrun"\n'


@dataclass
class Account:
    """A home, and the folder of tickets that its Octet looks into."""

    place: Path
    environ: dict[str, str] = field(default_factory=dict[str, str])
    """More environment variables for its Octet."""

    @property
    def home(self) -> Path:
        return self.place / "home"

    @property
    def tickets(self) -> Path:
        return self.place / "tickets"

    def ticket(self, point: str) -> None:
        (self.tickets / point).write_text("kill")

    async def start(self, *words: str, tickets: Path | None = None) -> Forked:
        return await forked.start(
            words,
            cwd=self.place,
            environ={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(REPOSITORY),
                "HOME": str(self.place),
                "OCTET_HOME": str(self.home),
                "OCTET_HTTP__PORT": "0",
                "OCTET_FAULT_POINTS": str(tickets or self.tickets),
                **self.environ,
            },
        )

    async def is_killed(self) -> None:
        """Run Octet until a ticket ends it."""
        async with asyncio.timeout(LIMIT_S):
            child = await self.start("run")
            _, err = await child.communicate()
        assert child.returncode == -signal.SIGKILL, err.decode()

    @asynccontextmanager
    async def running(self, *, ends: int = 0) -> AsyncGenerator[Run]:
        """`octet run` from its first word that it is ready until SIGTERM; how it ends then."""
        child = await self.start("run")
        try:
            async with asyncio.timeout(LIMIT_S):
                while b"Octet is ready" not in (line := await child.stdout.readline()):
                    assert line, (await child.communicate())[1].decode()
            run = await asyncio.to_thread(running, self.home)
            assert run is not None
            yield run
            child.send_signal(signal.SIGTERM)
            async with asyncio.timeout(LIMIT_S):
                _, err = await child.communicate()
            assert child.returncode == ends, err.decode()
            assert "FAULT_POINTS_ARMED" in err.decode()
        finally:
            if child.returncode is None:
                child.kill()
                await child.communicate()


@pytest.fixture
def account(tmp_path: Path) -> Account:
    account = Account(tmp_path)
    shutil.copytree(REPOSITORY / "config", account.home / "config")
    (account.home / "config" / "agents.toml").write_text(AGENTS)
    account.tickets.mkdir(mode=0o700)
    return account


async def ask(run: Run, method: str, path: str, **rest: object) -> dict[str, Any]:
    address = f"http://{run.address}:{run.port}/api/v2"
    async with httpx.AsyncClient(verify=NO_TLS, base_url=address, timeout=LIMIT_S) as client:
        answer = await client.request(method, path, headers={"Authorization": f"Bearer {run.token}"}, json=rest or None)
        answer.raise_for_status()
        return answer.json()


async def is_shown(run: Run, task: str) -> str:
    """Return the task's prompt, once the dry-run lane has shown it."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            found = await ask(run, "GET", f"/tasks/{task}")
            if found["task"]["state"] == "waiting":
                return str(found["prompt"])
            await asyncio.sleep(0.05)  # another process: HTTP tells of no change


@pytest.mark.parametrize("point", mostly_long(faults.START))
async def test_a_first_start_that_is_killed_is_made_good_by_the_next(account: Account, point: str) -> None:
    account.ticket(point)
    await account.is_killed()
    async with account.running() as run:
        await ask(run, "POST", "/tasks", brief="Count the birds")
        await is_shown(run, "T-1")
    verify = await account.start("audit", "verify")
    assert (await verify.communicate(), verify.returncode)[1] == 0


async def test_one_kill_after_the_other_at_each_point_of_later_starts_loses_nothing(account: Account) -> None:
    async with account.running() as run:
        await ask(run, "POST", "/tasks", brief="Count the birds")
        code = code_in(await is_shown(run, "T-1"))
        await ask(run, "POST", "/tasks", brief="Count the bees")
    await asyncio.to_thread(
        spool_answer,
        account.home,
        SpooledAnswer(task="T-1", code=code, text="There were seven.", final=True, key="abc"),
    )
    answers = faults.START.index("start.answers")
    for point in (*faults.START[:answers], *faults.ANSWERS, *faults.START[answers:]):
        if point != "start.schema":
            account.ticket(point)
            await account.is_killed()
    async with account.running() as run:
        done = await ask(run, "GET", "/tasks/T-1")
        assert (done["task"]["state"], len(done["answers"])) == ("done", 1)
        assert await is_shown(run, "T-2")


@pytest.mark.parametrize("point", mostly_long(point for point in faults.STOP if point != "stop.drained"))
async def test_an_end_that_is_killed_loses_nothing(account: Account, point: str) -> None:
    account.ticket(point)
    async with account.running(ends=-signal.SIGKILL) as run:
        await ask(run, "POST", "/tasks", brief="Count the birds")
    async with account.running() as run:
        assert (await ask(run, "GET", "/tasks/T-1"))["task"]["title"] == "Count the birds"


async def test_a_folder_that_others_may_write_in_is_refused_before_anything_is_made(account: Account) -> None:
    account.tickets.chmod(0o777)
    async with asyncio.timeout(LIMIT_S):
        child = await account.start("run")
        _, err = await child.communicate()
    assert child.returncode == 78
    assert "OCTET_FAULT_POINTS" in err.decode()
    assert "others may write in" in err.decode()
    assert not (account.home / "octet.db").exists()
