"""A real `octet run` whose disk or whose database is taken away and given back: it refuses, says so, and goes on."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.runfile import Run, running
from tests import forked
from tests.bot.cli.test_run import Account, make_account, until_waiting
from tests.forked import Forked
from tests.house import NO_TLS, code_in
from tests.pace import patience

pytestmark = pytest.mark.timeout(300)
WITHIN_S = patience(60)
HOLD = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
for line in sys.argv[2:]:
    other.execute(line)
print("held", flush=True)
sys.stdin.read()
"""


@dataclass
class Living:
    """An Octet under way, what it writes to its console, and its HTTP face."""

    account: Account
    run: Run
    process: Forked | asyncio.subprocess.Process
    http: httpx.AsyncClient
    console: bytearray = field(default_factory=bytearray)

    async def ready(self) -> tuple[int, list[str]]:
        answer = await self.http.get("/readyz")
        return answer.status_code, answer.json()["problems"]

    async def new(self, brief: str) -> httpx.Response:
        return await self.http.post("/api/v2/tasks", json={"brief": brief})

    async def titles(self) -> set[str]:
        return {
            one["title"]
            for one in (await self.http.get("/api/v2/tasks", params={"limit": 200, "state": "all"})).json()["items"]
        }

    def said(self, event: str) -> int:
        return self.console.decode().count(event)


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return make_account(tmp_path)


@asynccontextmanager
async def living(
    account: Account, *, stderr: int | None = None, files: tuple[int, int] | None = None
) -> AsyncGenerator[Living]:
    """`octet run` until SIGTERM, which must end it well. `files` are its limits of open files."""
    if stderr is None:
        process = await forked.start(["run"], environ=account.environ, cwd=account.place / "person", files=files)
    else:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run"),
            cwd=account.place / "person",
            env=account.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )
    console = bytearray()

    async def read(stream: asyncio.StreamReader | None) -> None:
        while stream is not None and (line := await stream.readline()):
            console.extend(line)

    async with asyncio.TaskGroup() as group:
        readers = [group.create_task(read(stream)) for stream in (process.stdout, process.stderr)]
        try:
            await until(lambda: is_said(console, b"Octet is ready"))
            run = running(account.home)
            assert run is not None
            headers = {"Authorization": f"Bearer {run.token}"}
            url = f"http://{run.address}:{run.port}"
            async with httpx.AsyncClient(verify=NO_TLS, base_url=url, headers=headers, timeout=WITHIN_S) as http:
                yield Living(account=account, run=run, process=process, http=http, console=console)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(60):
                await process.wait()
            for reader in readers:
                await reader
    assert process.returncode == 0, console.decode()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again until it is so; a wish from outside the process has no event to wait for."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.05)  # as said


async def is_said(console: bytearray, words: bytes) -> bool:
    return words in console


@asynccontextmanager
async def held(database: Path, *lines: str) -> AsyncGenerator[None]:
    """Another program that holds the database for the length of the block."""
    holder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLD, str(database), *(lines or ("BEGIN IMMEDIATE",))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    try:
        async with asyncio.timeout(60):
            assert await holder.stdout.readline() == b"held\n"
        yield
    finally:
        holder.stdin.close()
        await holder.wait()


@asynccontextmanager
async def no_room_in_files(octet: Living) -> AsyncGenerator[None]:
    """No file that this Octet writes may grow or change beyond its first byte: the system refuses each write."""
    limits: Any = resource.prlimit(octet.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(octet.process.pid, resource.RLIMIT_FSIZE, (1, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(octet.process.pid, resource.RLIMIT_FSIZE, limits)


async def is_refused(octet: Living, code: str, words: str) -> None:
    """Every face says so, in one sentence each."""
    answer = await octet.new("Not now")
    assert (answer.status_code, answer.json()["code"]) == (503, code)
    assert words in answer.json()["detail"]
    status, problems = await octet.ready()
    assert (status, len(problems)) == (503, 1)
    assert words in problems[0]
    said = await octet.account.octet("task", "new", "Nor now")
    assert said[0] == 75
    assert words in said[2]
    assert len(said[2].splitlines()) == 1


async def goes_on(octet: Living, before: set[str]) -> None:
    """Ready again by itself, with everything that was acknowledged and nothing that was refused."""
    await until(lambda: is_ready(octet))
    assert (await octet.new("Now")).status_code == 201
    assert await octet.titles() == before | {"Now"}
    assert octet.said("store_unavailable") == 1
    assert octet.said("store_recovered") == 1
    assert octet.said("Traceback") == 0


async def is_ready(octet: Living) -> bool:
    return (await octet.ready())[0] == 200


async def test_a_disk_that_fails_every_write_is_told_and_the_work_goes_on_when_it_takes_them_again(
    account: Account,
) -> None:
    async with living(account) as octet:
        assert (await octet.new("Count the birds")).status_code == 201
        code = code_in((await until_waiting(account, octet.run, "T-1"))["prompt"])
        answer = account.place / "person" / "answer.md"
        answer.write_text("There were seven.")
        async with no_room_in_files(octet):
            await is_refused(octet, "store_unavailable", "disk I/O error")
            said = await account.octet("done", "T-1", "--code", code, "--file", "answer.md", "--wait", "0.2")
            assert said[0] == 75
            assert "disk I/O error" in said[2]
            assert "Octet reads it as soon as it can" in said[2]
            assert len(list((account.home / "answers").iterdir())) == 1
        await goes_on(octet, {"Count the birds"})
        await until(lambda: _is_done(account))
        assert "There were seven." in (await account.octet("task", "show", "T-1"))[1]
        await until(lambda: _is_empty(account.home / "answers"))
    assert (await account.octet("audit", "verify"))[0] == 0


async def _is_done(account: Account) -> bool:
    return (await account.task("T-1"))["state"] == "done"


async def _is_empty(folder: Path) -> bool:
    return await asyncio.to_thread(lambda: not list(folder.iterdir()))


async def test_a_database_that_another_program_locks_is_told_and_used_again_when_it_is_let_go(
    account: Account,
) -> None:
    async with living(account) as octet:
        assert (await octet.new("Count the birds")).status_code == 201
        await until_waiting(account, octet.run, "T-1")
        async with held(account.home / "octet.db"):
            await is_refused(octet, "store_locked", "Another program")
        await goes_on(octet, {"Count the birds"})
    assert (await account.octet("audit", "verify"))[0] == 0


async def test_a_database_locked_at_the_start_is_one_sentence_and_75_and_nothing_is_changed(
    account: Account,
) -> None:
    async with living(account) as octet:
        assert (await octet.new("Count the birds")).status_code == 201
    async with held(account.home / "octet.db", "PRAGMA locking_mode=EXCLUSIVE", "BEGIN EXCLUSIVE"):
        code, out, err = await account.octet("run")
        assert (code, out, len(err.splitlines())) == (75, "", 1)
        assert "Another program" in err
    async with living(account) as octet:
        assert await octet.titles() == {"Count the birds"}


@pytest.mark.parametrize("file", ["octet.lock", "run.json", "codes.key"])
async def test_a_home_that_takes_no_file_is_one_sentence_and_75(
    account: Account,
    file: str,
) -> None:
    (account.home / file / "in the way").mkdir(parents=True)
    code, _, err = await account.octet("run")
    said = [line for line in err.strip().splitlines() if "journal_head_made" not in line]  # true of a new home
    assert (code, len(said)) == (75, 1), err
    assert file in err
    assert "cannot use" in err


async def test_a_console_on_a_full_disk_does_not_end_it(account: Account) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        async with living(account, stderr=full) as octet:
            async with no_room_in_files(octet):
                assert (await octet.new("Not now")).status_code == 503
            await until(lambda: is_ready(octet))
            assert (await octet.new("Now")).status_code == 201
    finally:
        os.close(full)


async def test_damage_that_the_work_meets_ends_it_with_one_sentence_and_78_and_so_does_the_next_start(
    account: Account,
) -> None:
    async with living(account) as octet:
        for number in range(40):
            assert (await octet.new(f"{number} " + "x" * 9_000)).status_code == 201
    path = account.home / "octet.db"
    data = bytearray(path.read_bytes())
    for page in range(len(data) // 4096 // 2, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(data)
    for _ in range(2):
        code, _, err = await account.octet("run")
        assert (code, len(err.strip().splitlines())) == (78, 1), err
        assert "is damaged" in err
    assert path.read_bytes() == bytes(data)
