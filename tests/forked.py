"""Octet's processes for a test, forked from one that has imported Octet: a start costs its work, not its imports.

Each is a process of its own with its own files, environment and signals. Tests of the program as people start it, of
its command line or of its start-up time, start `python -m bot` instead.
"""

from __future__ import annotations

import asyncio
import fcntl
import importlib
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any

LAZY = ("bot.cli.agent_commands", "encodings.idna", "encodings.utf_8_sig", "ipaddress", "tempfile")
"""What the agents' verbs import when they need it."""
PRELOADED = [
    "bot.__main__",
    "bot.cli.commands",
    "bot.app",
    "bot.web.app",
    "bot.discord.client",
    "tests.forked",
    "tests.quick_routes",
]


class Forked:
    """One run of Octet, with what tests use of asyncio.subprocess.Process."""

    def __init__(self, process: Any, stdout: asyncio.StreamReader, stderr: asyncio.StreamReader) -> None:
        """Take over a started process and the reading ends of its pipes."""
        self._process = process
        self.stdout, self.stderr = stdout, stderr

    @property
    def pid(self) -> int:
        """The process's id."""
        return int(self._process.pid)

    @property
    def returncode(self) -> int | None:
        """The exit code, a negative signal number, or None while it runs."""
        return self._process.exitcode

    def send_signal(self, signal_number: int) -> None:
        """Send a signal to a process that still runs."""
        if self.returncode is None:
            os.kill(self.pid, signal_number)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    async def wait(self) -> int:
        """Wait for its end and return the exit code."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        self._process.join()
        return int(self._process.exitcode)

    async def communicate(self) -> tuple[bytes, bytes]:
        """Read both pipes to their ends and wait for the process's end."""
        out, err = await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self.wait()
        return out, err


async def start(
    words: Sequence[str],
    *,
    environ: Mapping[str, str],
    cwd: Path,
    text: bytes = b"",
    files: tuple[int, int] | None = None,
    account: int | None = None,
) -> Forked:
    """Run `octet` with these words and this standard input; both its outputs come through pipes.

    `files` limits how many it may open: the limit that holds, and the one to which it may raise that. `account` is the
    id of a user and group under whom it runs: only root can ask for that.
    """
    given, (out, out_end), (err, err_end) = os.memfd_create("text"), os.pipe(), os.pipe()
    os.write(given, text)
    os.lseek(given, 0, os.SEEK_SET)
    process = _start(words, environ, cwd, [given, out_end, err_end], files=files, account=account)
    for handle in (given, out_end, err_end):
        os.close(handle)
    return Forked(process, await _reader(out), await _reader(err))


class AtTerminal:
    """One run of Octet that has a terminal of its own, with what tests use of subprocess.Popen."""

    def __init__(self, words: Sequence[str], *, environ: Mapping[str, str], cwd: Path, slave: int) -> None:
        """Run `octet` with these words, and the terminal `slave` as its own."""
        self._process = _start(words, environ, cwd, [slave] * 3, is_at_terminal=True)
        self.pid = int(self._process.pid)

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """Wait for its end and return the exit code. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("octet", timeout)
        return int(self._process.exitcode)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()


def _start(words: Sequence[str], environ: Mapping[str, str], cwd: Path, handles: list[int], **rest: Any) -> Any:
    passed = [DupFd(handle) for handle in handles]
    process: Any = _server().Process(
        target=_run,
        args=(list(words), dict(environ), str(cwd), passed),
        kwargs=rest,
        daemon=True,
    )
    process.start()
    return process


async def _reader(handle: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(handle, "rb", buffering=0)
    )
    return reader


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _run(
    words: list[str],
    environ: dict[str, str],
    cwd: str,
    handles: list[Any],
    *,
    is_at_terminal: bool = False,
    files: tuple[int, int] | None = None,
    account: int | None = None,
) -> None:
    """Become `octet`: in the new process, before anything of it has begun."""
    if is_at_terminal:
        os.setsid()
    for number, passed in enumerate(handles):
        handle = passed.detach()
        os.dup2(handle, number)
        os.close(handle)
    if is_at_terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode, closefd=False) for number, mode in enumerate("rww"))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may have switched it off
    if files is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, files)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(cwd)
    sys.argv = ["octet", *words]
    from bot.__main__ import main

    if account is not None:
        for name in LAZY:  # the other account may not be allowed to read this checkout, nor its Python
            importlib.import_module(name)
        os.setgroups([])
        os.setresgid(account, account, account)
        os.setresuid(account, account, account)
    sys.exit(main())
