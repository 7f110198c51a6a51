"""The home's lock and the commits of a process that is killed."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import text

from core.store.engine import Store
from core.store.lock import home_lock
from tests.builders import refuses

ROOT = Path(__file__).parents[3]
HOLD = """
import sys, threading
from pathlib import Path
from core.store.lock import home_lock
with home_lock(Path(sys.argv[1])):
    print("held", flush=True)
    threading.Event().wait()
"""
COMMIT = """
import asyncio, sys
from pathlib import Path
from sqlalchemy import text
from core.store.engine import Store
ADD = text("INSERT INTO facts VALUES (:name, :value)")
async def main():
    async with Store.open(Path(sys.argv[1])) as store:
        number = int(sys.argv[2])
        while True:
            await store.write(lambda tx: tx.execute(ADD, {"name": str(number), "value": "x" * 500}) and None)
            print(number, flush=True)
            number += 1
asyncio.run(main())
"""


@asynccontextmanager
async def child(program: str, *arguments: str) -> AsyncGenerator[Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, *arguments, stdout=PIPE, cwd=ROOT)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        return (await process.stdout.readline()).decode().strip()


async def test_a_second_octet_on_the_same_home_is_refused_until_the_first_is_gone_even_by_kill(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    async with child(HOLD, str(path)) as holder:
        assert await line(holder) == "held"
        with refuses("already_running", match=tmp_path.name), home_lock(path):
            raise AssertionError("two hold it")
        holder.send_signal(signal.SIGKILL)
        await holder.wait()
        with home_lock(path):
            pass
    with home_lock(path):
        pass


async def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "octet.db"
    acknowledged = {0}
    for _ in range(3):
        async with child(COMMIT, str(path), str(max(acknowledged) + 1_000)) as writer:
            acknowledged |= {int(await line(writer)) for _ in range(60)}
            writer.send_signal(signal.SIGKILL)
            await writer.wait()
            assert writer.stdout is not None
            acknowledged |= {int(number) for number in (await writer.stdout.read()).decode().split()}
        async with Store.open(path) as store:
            kept = {int(row.name) for row in await store.fetch(text("SELECT name FROM facts"))}
        assert acknowledged - kept == {0}
        assert await verdict(path) == "ok"


async def verdict(path: Path) -> str:
    async with Store.open(path) as store:
        return str((await store.fetch(text("PRAGMA integrity_check")))[0][0])
