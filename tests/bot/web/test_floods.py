"""A real `octet run` that may open 1,024 files, and a program without a token that keeps 1,100 connections open."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import Generator
from pathlib import Path

import pytest

from bot.runfile import Run
from tests.bot.cli.test_run import make_account, until_waiting
from tests.bot.test_storage_faults import is_said, living, until
from tests.house import code_in
from tests.pace import patience

pytestmark = pytest.mark.timeout(120)
CROWD = 1100
FILES = (512, 1024)
POST = b"POST /api/v2/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n"


@pytest.fixture
def own_files() -> Generator[None]:
    """Let this process open as many connections as the attack needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard == resource.RLIM_INFINITY or hard > CROWD + 500, f"the tests need more open files than {hard}"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CROWD + 500), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def crowd(run: Run, sent: bytes, count: int) -> list[socket.socket]:
    """Open connections without a token one after another, and send the same on each."""
    clients = list[socket.socket]()
    for _ in range(count):
        clients.append(socket.create_connection((run.address, run.port), timeout=patience(60)))
        with contextlib.suppress(ConnectionError):  # Octet may have closed this one already
            clients[-1].sendall(sent)
    return clients


async def test_a_crowd_of_connections_stops_neither_agents_nor_the_operator(tmp_path: Path, own_files: None) -> None:
    answer = tmp_path / "answer.md"
    answer.write_text("Seven.")
    async with living(make_account(tmp_path), files=FILES) as octet:
        assert resource.prlimit(octet.process.pid, resource.RLIMIT_NOFILE) == (1024, 1024)
        attacks = (
            (b"", CROWD),
            (b"GET /livez HTTP/1.1\r\nHost: loc", CROWD),
            (POST + b"\r\n" + b"x" * 50_000, 150),
            (POST + b"Expect: 100-continue\r\n\r\n", 150),
        )
        for number, (sent, count) in enumerate(attacks, start=1):
            await octet.new("Count the birds")
            task = f"T-{number}"
            code = code_in((await until_waiting(octet.account, octet.run, task))["prompt"])
            clients = await asyncio.to_thread(crowd, octet.run, sent, count)
            assert (await octet.http.get("/api/v2/tasks")).status_code == 200
            said = await octet.account.octet("done", task, "--code", code, "--file", str(answer))
            assert said[0] == 0, said
            assert (await octet.account.task(task))["state"] == "done"
            assert len(os.listdir(f"/proc/{octet.process.pid}/fd")) < 200  # noqa: PTH208 - of numbers only
            for client in clients:
                client.close()
        assert len(octet.console) < 5000, octet.console.decode()


async def test_octet_goes_on_when_it_may_open_files_again(tmp_path: Path) -> None:
    async with living(make_account(tmp_path)) as octet:
        limits = resource.prlimit(octet.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(octet.process.pid, resource.RLIMIT_NOFILE, (1, limits[1]))
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(octet.http.get("/livez"))
            await until(lambda: is_said(octet.console, b"accept_failed"))
            resource.prlimit(octet.process.pid, resource.RLIMIT_NOFILE, limits)
        assert asked.result().json() == {"alive": True}
        assert (octet.said("accept_failed"), octet.said("Traceback")) == (1, 0)
