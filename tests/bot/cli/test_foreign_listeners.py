"""Another program listens where Octet listened before: it gets no token, no key, no code and no text."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.answer_spool import FOLDER
from bot.cli import agent_commands, client, commands
from bot.runfile import RUN_FILE, Run, announced, pointer_folders, start_time
from tests.house import TOKEN

CODE = "k3v9x2.ABCDEFGHIJKLMNOPQRSTUVWXYZ"
WORDS = "my secret words"


@dataclasses.dataclass
class Listener:
    """A program that is not Octet, what it answers, and what it was sent."""

    port: int
    answer: bytes = b'{"task": "T-1"}'
    status: str = "200 OK"
    is_echo: bool = False
    heard: bytes = b""


@asynccontextmanager
async def listening() -> AsyncGenerator[Listener]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            body = await reader.readexactly(int(length or 0))
        except asyncio.IncompleteReadError as nothing:
            listener.heard += nothing.partial
        else:
            listener.heard += head + body
            answer = body if listener.is_echo else listener.answer
            writer.write(f"HTTP/1.1 {listener.status}\r\nContent-Length: {len(answer)}\r\n\r\n".encode() + answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        listener = Listener(port=server.sockets[0].getsockname()[1])
        yield listener


@pytest.fixture
def stranger() -> Generator[int]:
    """Return the id of a living process that listens nowhere."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        yield child.pid
    finally:
        child.communicate()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a home whose pointers the commands of this process find."""
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("OCTET_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "words.md").write_text(WORDS)
    return tmp_path / "home"


def leave_run_file(home: Path, *, pid: int, port: int, process_started: str) -> None:
    run = Run(
        pid=pid,
        address="127.0.0.1",
        port=port,
        token=TOKEN,
        home=str(home),
        home_id="k3v9x2",
        version="1.0",
        started_ms=1,
        reply_key="octet-reply..key",
        process_started=process_started,
    )
    with announced(run, pointer_folders(os.environ, "linux")):
        left = (home / RUN_FILE).read_text()
    (home / RUN_FILE).write_text(left)


async def done(home: Path) -> int:
    words = str(home.parent / "words.md")
    command = ["done", "T-1", "--code", CODE, "--wait", "0", "--file", words]
    return await asyncio.to_thread(agent_commands.main, command)


def kept(home: Path) -> list[str]:
    return [json.loads(file.read_text())["text"] for file in (home / FOLDER).glob("*.json")]


@pytest.mark.parametrize("has_id", [True, False], ids=["the process lives", "its id went to another process"])
async def test_a_listener_on_the_old_port_is_sent_no_secret(
    home: Path, stranger: int, capsys: pytest.CaptureFixture[str], *, has_id: bool
) -> None:
    async with listening() as listener:
        started = start_time(stranger)
        leave_run_file(home, pid=stranger, port=listener.port, process_started=started if has_id else started + "0")
        assert await done(home) == 75
        says = ["progress", "T-1", "--code", CODE, "--wait", "0", WORDS]
        assert await asyncio.to_thread(agent_commands.main, ["progress", *says]) == 75
        assert await asyncio.to_thread(commands.main, ["task", "new", WORDS]) == 75
    # Where its process is not Octet's, it may be one that the sandbox numbers anew: it has to prove itself.
    assert listener.heard.count(b"GET /proof/") == (0 if has_id else listener.heard.count(b"HTTP/1.1"))
    for secret in (TOKEN, "octet-reply..key", CODE, WORDS):
        assert secret.encode() not in listener.heard
    assert kept(home) == [WORDS]
    assert "is not running" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        ("200 OK", b"{}"),
        ("200 OK", b"<html>It works!</html>"),
        ("200 OK", b'{"task": "T-2", "state": "done"}'),
        ("200 OK", b'{"task": "T-1"}'),
        ("204 No Content", b""),
        ("302 Found", b""),
        ("404 Not Found", b"<html>Not found</html>"),
        ("401 Unauthorized", b'{"detail": "no"}'),
        ("200 OK", None),
    ],
)
async def test_only_an_answer_that_names_the_task_counts_as_received(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: str, answer: bytes | None
) -> None:
    """As on systems that do not tell who owns a port."""
    monkeypatch.setattr(client, "owns_port", lambda _: True)
    async with listening() as listener:
        listener.status, listener.answer, listener.is_echo = status, answer or b"", answer is None
        leave_run_file(home, pid=os.getpid(), port=listener.port, process_started="")
        assert await done(home) == 75
    said = capsys.readouterr()
    assert said.out == ""
    assert "is not Octet" in said.err
    assert kept(home) == [WORDS]
    assert TOKEN.encode() not in listener.heard


@pytest.mark.parametrize("answer", [b'{"task": "T-1"}', '{"proof": "\u00e9"}'.encode()])
async def test_where_proc_does_not_tell_the_listener_must_prove_that_it_is_octet(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: bytes
) -> None:
    """As on Windows and macOS, and for agents in a sandbox that hides /proc."""
    monkeypatch.setattr(client, "owns_port", lambda _: None)
    async with listening() as listener:
        listener.answer = answer
        leave_run_file(home, pid=os.getpid(), port=listener.port, process_started="")
        assert await done(home) == 75
        assert await asyncio.to_thread(commands.main, ["task", "new", WORDS]) == 75
    assert "is not Octet" in capsys.readouterr().err
    assert listener.heard.count(b"GET /proof/") == 2
    for secret in (TOKEN, "octet-reply..key", CODE, WORDS):
        assert secret.encode() not in listener.heard
    assert kept(home) == [WORDS]


async def test_an_answer_that_names_the_task_is_received(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The control of the test before this one."""
    monkeypatch.setattr(client, "owns_port", lambda _: True)
    async with listening() as listener:
        listener.answer = b'{"task": "T-1", "state": "done"}'
        leave_run_file(home, pid=os.getpid(), port=listener.port, process_started="")
        assert await done(home) == 0
    assert "The task is done." in capsys.readouterr().out
    assert kept(home) == []


async def test_a_command_reads_from_the_response_when_to_ask_again() -> None:
    async with listening() as listener:
        listener.status = "429 Too Many Requests\r\nRetry-After: 12"
        run = Run(
            pid=os.getpid(),
            address="127.0.0.1",
            port=listener.port,
            token=TOKEN,
            home="",
            home_id="k3v9x2",
            version="",
            started_ms=0,
        )
        response = await asyncio.to_thread(client.exchange, run, "GET", "/livez")
    assert (response.status, response.after_s) == (429, 12)
