"""`octet run` as a person starts it: the whole loop on a machine without Discord and without a display."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import stat
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from bot.runfile import Run, running
from tests import forked
from tests.house import NO_TLS, code_in
from tests.pace import patience

pytestmark = pytest.mark.timeout(300)  # each test starts several processes
REPOSITORY = Path(__file__).parents[3]
LIMIT_S = patience(60.0)
AGENTS = """
[[agents]]
name = "Dry"
about = "waits for a person to carry its prompts"
capabilities = ["code"]
lane = "dryrun"
"""


@dataclass
class Account:
    """One account of a machine with a home in it."""

    place: Path

    @property
    def home(self) -> Path:
        return self.place / "home"

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY),
            "HOME": str(self.place / "person"),
            "OCTET_HOME": str(self.home),
            "OCTET_HTTP__PORT": "0",
        }

    async def start(self, *arguments: str, stdin: int = asyncio.subprocess.DEVNULL) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *arguments),
            cwd=self.place / "person",
            env=self.environ,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def octet(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command to its end."""
        child = await forked.start(arguments, environ=self.environ, cwd=self.place / "person")
        try:
            async with asyncio.timeout(LIMIT_S):
                out, err = await child.communicate()
        finally:
            if child.returncode is None:
                child.kill()
                await child.communicate()
        assert child.returncode is not None
        return child.returncode, out.decode(), err.decode()

    async def task(self, task: str) -> dict[str, str]:
        _, out, _ = await self.octet("task", "show", task, "--json")
        return {**json.loads(out)["task"], "prompt": json.loads(out)["prompt"]}

    @asynccontextmanager
    async def running(self, told: list[str] | None = None) -> AsyncGenerator[Run]:
        """`octet run` from its first line that says it is ready, until SIGTERM, which must end it well."""
        child = await self.start("run")
        assert child.stdout is not None
        assert child.stderr is not None
        try:
            async with asyncio.timeout(LIMIT_S):
                said = b""
                while b"Octet is ready" not in said:
                    line = await child.stdout.readline()
                    assert line, (await child.stderr.read()).decode()
                    said += line
            run = await asyncio.to_thread(running, self.home)
            assert run is not None
            yield run
        finally:
            child.send_signal(signal.SIGTERM)
            async with asyncio.timeout(LIMIT_S):
                _, err = await child.communicate()
        assert child.returncode == 0, err.decode()
        if told is not None:
            told.append(err.decode())


def make_account(place: Path) -> Account:
    """Make a home with one agent, whose lane is the dry run."""
    shutil.copytree(REPOSITORY / "config", place / "home" / "config")
    (place / "home" / "config" / "agents.toml").write_text(AGENTS)
    (place / "person").mkdir()
    return Account(place)


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return make_account(tmp_path)


async def until_waiting(account: Account, run: Run, task: str) -> dict[str, str]:
    """Return the task once the dry-run lane has shown its prompt."""
    address = f"http://{run.address}:{run.port}"
    async with asyncio.timeout(LIMIT_S), httpx.AsyncClient(verify=NO_TLS, base_url=address, timeout=LIMIT_S) as client:
        headers = {"Authorization": f"Bearer {run.token}"}
        path = f"/api/v2/tasks/{task}"
        state = ""
        while state != "waiting":
            state = (await client.get(path, headers=headers)).json()["task"]["state"]
            await asyncio.sleep(0.05)  # another process: HTTP tells of no change
    return await account.task(task)


async def test_a_task_goes_round_from_the_command_line_to_the_answer(account: Account) -> None:
    async with account.running() as run:
        address = f"http://{run.address}:{run.port}"
        async with httpx.AsyncClient(verify=NO_TLS, base_url=address, timeout=LIMIT_S) as client:
            headers = {"Authorization": f"Bearer {run.token}"}
            ready = (await client.get("/readyz", headers=headers)).json()
        assert (ready["ready"], ready["discord_connected"]) == (True, False)
        assert (await account.octet("task", "new", "Count the birds"))[0] == 0
        shown = await until_waiting(account, run, "T-1")
        assert shown["reason"] == "dry_run"
        command = re.search(r"^When finished:\s+(.+)$", shown["prompt"], re.MULTILINE)
        assert command is not None
        (account.place / "person" / "answer.md").write_text("There were seven.")
        shell = await asyncio.create_subprocess_shell(
            command[1], cwd=account.place / "person", env={**account.environ, "OCTET_HOME": "/nonexistent"}
        )
        assert await asyncio.wait_for(shell.wait(), LIMIT_S) == 0
        assert (await account.task("T-1"))["state"] == "done"
        assert "There were seven." in (await account.octet("task", "show", "T-1"))[1]


async def test_an_answer_given_while_octet_is_away_is_taken_in_at_its_start(account: Account) -> None:
    async with account.running() as run:
        await account.octet("task", "new", "Count the birds")
        code = code_in((await until_waiting(account, run, "T-1"))["prompt"])
    (account.place / "person" / "answer.md").write_text("Eight, by now.")
    said = await account.octet("done", "T-1", "--code", code, "--file", "answer.md", "--wait", "0")
    assert said[0] == 75
    async with account.running():
        assert (await account.task("T-1"))["state"] == "done"
        assert "Eight, by now." in (await account.octet("task", "show", "T-1"))[1]
    assert list((account.home / "answers").iterdir()) == []


async def test_a_second_octet_on_the_same_home_is_refused_and_harms_nothing(account: Account) -> None:
    async with account.running() as run:
        code, _, err = await account.octet("run")
        assert code == 2
        assert "Another Octet already runs in the home" in err
        assert await asyncio.to_thread(running, account.home) == run


async def test_what_it_writes_is_for_its_owner_and_its_run_file_goes_with_it(account: Account) -> None:
    (account.home / ".env").write_text("OCTET_LOG__LEVEL=info\n")
    (account.home / ".env").chmod(0o644)
    told: list[str] = []
    async with account.running(told):
        assert stat.S_IMODE((account.home / ".env").stat().st_mode) == 0o600
        written = [path for path in account.home.rglob("*") if path.is_file() and "config" not in path.parts]
        assert {path.name for path in written} >= {"run.json", "octet.db", "audit.key", "codes.key"}
        assert {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in written} == {
            path.name: "0o600" for path in written
        }
        code, out, _ = await account.octet("doctor")
        assert code == 0, out
        assert "runs in this home" in out
    assert "other accounts could read" in told[0]
    assert str(account.home / ".env") in told[0]
    assert not (account.home / "run.json").exists()
    assert (await account.octet("task", "list"))[0] == 75
