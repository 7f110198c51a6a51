"""Starts thieves (sandbox/thieves) beside a display, and ends them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.desk import ROOT

_LIMIT_S = 60.0


@dataclass(slots=True, kw_only=True)
class Thief:
    """A thief that is, or was, at work."""

    words: tuple[str, ...]
    pid: int
    strikes: int = 0


@asynccontextmanager
async def thief(words: Sequence[str], environ: Mapping[str, str], log: Path) -> AsyncGenerator[Thief]:
    """Run a thief within the block; `words` is its command line, its module first."""
    module, *rest = words
    with log.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"sandbox.thieves.{module}", *rest),
            env={**environ, "PYTHONPATH": str(ROOT)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=file,
        )
    assert process.stdout is not None
    assert process.stdin is not None
    found = Thief(words=tuple(words), pid=process.pid)
    try:
        async with asyncio.timeout(_LIMIT_S):
            assert await process.stdout.readline() == b"ready\n", f"{words} did not begin; {log} tells why"
        yield found
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(_LIMIT_S):
                told = await process.stdout.read()
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        found.strikes = json.loads(told)["strikes"] if told else 0
