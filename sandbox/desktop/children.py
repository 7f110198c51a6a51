"""Child processes that cannot outlive their parent: each has a separate group, ends with it, and is waited for."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_END_LIMIT_S = 2.0
_ROOT = Path(__file__).resolve().parents[2]


def adopt_orphans() -> None:
    """Adopt the orphans of our children from now on, so that no process is left."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Children:
    """Starts programs and ends them; each has a log in `folder`. `spare` is a pid not to end."""

    def __init__(self, folder: Path, *, spare: int) -> None:
        self._folder = folder
        self._spare = spare
        self._running: dict[str, asyncio.subprocess.Process] = {}

    async def start(
        self, name: str, words: Sequence[str], *, env: Mapping[str, str], talks: bool = False
    ) -> asyncio.subprocess.Process:
        """Start a program. It gets SIGTERM when we die; `talks` gives its standard output to the caller."""
        with (self._folder / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                "setpriv",
                "--pdeathsig",
                "TERM",
                *words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else log,
                stderr=log,
                env=dict(env),
                cwd=_ROOT,
                start_new_session=True,
            )
        self._running[name] = process
        return process

    def has_ended(self, name: str) -> bool:
        process = self._running.get(name)
        return process is None or process.returncode is not None

    async def wait(self, name: str) -> int:
        return await self._running[name].wait()

    def complaint(self, name: str) -> str:
        try:
            lines = (self._folder / f"{name}.log").read_text("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return ""
        return "; ".join(line.strip() for line in lines[-3:] if line.strip())

    async def end(self, name: str) -> None:
        """Ask the program to end, force it after two seconds, and return when it is gone."""
        process = self._running.get(name)
        if process is None:
            return
        _signal_group(process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(_END_LIMIT_S):
                await process.wait()
        except TimeoutError:
            _signal_group(process.pid, signal.SIGKILL)
            await process.wait()
        self._running.pop(name, None)
        self._reap()

    async def end_strays(self) -> None:
        """End the adopted orphans too."""
        deadline = asyncio.get_running_loop().time() + _END_LIMIT_S
        sign = signal.SIGTERM
        while strays := self._reap():
            if asyncio.get_running_loop().time() > deadline:
                sign = signal.SIGKILL
            for pid in strays:
                with suppress(ProcessLookupError):
                    os.kill(pid, sign)
            await asyncio.sleep(0.02)

    def _reap(self) -> list[int]:
        """Reap dead orphans; return the pids of living ones."""
        ours = {process.pid for process in self._running.values() if process.returncode is None}
        ours.add(self._spare)
        living: list[int] = []
        for task in Path("/proc/self/task").iterdir():
            try:
                pids = (task / "children").read_text().split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            living += [pid for pid in map(int, pids) if pid not in ours and not _is_gone(pid)]
        return living


def _is_gone(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _signal_group(pid: int, sign: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, sign)
