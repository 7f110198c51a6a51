"""Programs that Octet starts, on a virtual display or as agents: each leads a process group, bears a mark, and does not
outlive its keeper."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from core.kit.errors import Unavailable
from core.kit.process_start import start_time

log = structlog.get_logger(__name__)

MARK = "OCTET_STARTED_FOR"
"""The variable that marks every process started on a virtual display, or for an agent, however deep."""
SHORT_LINE = 65_536  # bytes; a program that we do not read from writes no longer line
END_S = 3.0  # after SIGTERM; then programs are killed
MOST_WORDS = 1_000_000  # bytes of a program's output; its next start begins a longer file again


class NotStarted(Unavailable):
    """Octet cannot start {what}: {why}"""


class ChildProcess:
    """One program. Ends with the process that started it, also when that is killed (where setpriv is there)."""

    def __init__(self, what: str, process: Process) -> None:
        self.what = what
        self.process = process

    @staticmethod
    async def start(
        what: str,
        argv: Sequence[str],
        *,
        environ: Mapping[str, str],
        log: Path,
        directory: Path,
        talks: bool = False,
        listens_up_to: int = 0,
    ) -> ChildProcess:
        """Start it in `directory`; its output goes to the file `log`, or to us if it `talks`. With `listens_up_to` it
        also reads from us, and one line of its output may have so many bytes. Raises NotStarted."""
        if shutil.which(argv[0], path=environ.get("PATH")) is None:
            raise NotStarted(what=what, why=f"there is no program {argv[0]}")
        if not directory.is_dir():  # noqa: ASYNC240 a look at one folder
            raise NotStarted(what=what, why=f"its folder {directory} does not exist")
        setpriv = shutil.which("setpriv")
        tie = [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
        has_much = log.exists() and log.stat().st_size > MOST_WORDS  # noqa: ASYNC240 a look at one file
        try:
            with log.open("wb" if has_much else "ab") as file:
                process = await asyncio.create_subprocess_exec(
                    *tie,
                    *argv,
                    stdin=PIPE if listens_up_to else DEVNULL,
                    stdout=PIPE if talks else file,
                    stderr=file,
                    limit=listens_up_to or SHORT_LINE,
                    env=dict(environ),
                    cwd=directory,
                    start_new_session=True,  # Ctrl-C reaches us first, and we end it in order
                )
        except OSError as trouble:
            raise NotStarted(what=what, why=(trouble.strerror or str(trouble)).lower()) from trouble
        return ChildProcess(what, process)

    async def ended(self) -> str:
        code = await self.process.wait()
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    async def end(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)  # it leads its group
            try:
                async with asyncio.timeout(END_S):
                    await self.process.wait()
                    return
            except TimeoutError:
                log.warning("program_does_not_exit", what=self.what, pid=self.process.pid)


def kill_group(pid: int, started: str) -> None:
    """Kill this group if it is led by the process that started then, and not by a later one with its id."""
    if pid and started and start_time(pid) == started:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def marked(mark: str) -> list[int]:
    """Return all other living processes that were started under this mark."""
    wanted = f"{MARK}={mark}".encode()
    found: list[int] = []
    if not Path("/proc").is_dir():
        return found
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue  # another user's, or gone
    return found


async def sweep(mark: str) -> int:
    """End all processes left under this mark; return how many there were."""
    left = first = await asyncio.to_thread(marked, mark)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        for _ in range(round(END_S / 0.05)):
            if not left:
                return len(first)
            await asyncio.sleep(0.05)
            left = await asyncio.to_thread(marked, mark)
    return len(first)
