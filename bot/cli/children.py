"""Child processes that print lines: starts them, reads their lines, and ends them with all of their processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from core.kit.errors import Unavailable
from core.remedies import refused

_START_S = 120
_END_S = 30
LOOK_S = 0.2  # between two looks of what waits
_NEW_GROUP = subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0
"""On Windows a group replaces a session: Ctrl-C does not reach it."""


class ChildEnded(Unavailable):
    """Octet started {what}, which ended too early (exit code {code}). Its last output:
    {words}"""


@dataclass(slots=True, kw_only=True)
class Child:
    """One child process. Its standard error goes to `log`; Octet reads its output line by line."""

    what: str
    process: asyncio.subprocess.Process
    log: Path

    async def first_json(self) -> dict[str, Any]:
        """Read the next line as a JSON object. Raises ChildEnded or child_silent."""
        return cast("dict[str, Any]", json.loads(await self._line()))

    async def line_with(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Read up to the next line in which `pattern` is found. Raises ChildEnded or child_silent."""
        while (found := pattern.search(await self._line())) is None:
            continue
        return found

    async def ended(self) -> None:
        """Wait until it ends, and raise ChildEnded."""
        assert self.process.stdout is not None
        while await self.process.stdout.readline():
            continue
        raise await self._end()

    async def _line(self) -> str:
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(_START_S):
                line = await self.process.stdout.readline()
        except TimeoutError:
            raise refused("child_silent", what=self.what, limit_s=_START_S) from None
        if not line:
            raise await self._end()
        return line.decode(errors="replace").rstrip("\n")

    async def _end(self) -> ChildEnded:
        code = await self.process.wait()
        return ChildEnded(what=self.what, code=code, words=await asyncio.to_thread(last_lines, self.log))


def last_lines(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return "\n".join(text.splitlines()[-15:]) or "no output"


def wait_until(holds: Callable[[], bool], limit_s: float, look_s: float = LOOK_S) -> bool:
    """Look until it holds, or the limit; return whether it holds."""
    end = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > end:
            return False
        threading.Event().wait(look_s)
    return True


@asynccontextmanager
async def child(what: str, argv: Sequence[str], environ: Mapping[str, str], *, log: Path) -> AsyncGenerator[Child]:
    """Run a child for the block, out of reach of Ctrl-C; then end it in order, or kill it if it hangs."""
    with log.open("ab") as words:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=words,
            env=dict(environ),
            start_new_session=True,
            creationflags=_NEW_GROUP,
        )
    try:
        yield Child(what=what, process=process, log=log)
    finally:
        await asyncio.shield(_finish(process))


async def _finish(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if sys.platform != "win32":  # there that would kill it; it ends with its input
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    try:
        async with asyncio.timeout(_END_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
