"""An Octet that is killed and started again: its lives, one after the other, on one home."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bench.measure.octet import Octet, octet
from bench.measure.tickets import Tickets
from bot.cli.children import ChildEnded
from tests.pace import patience

_DEAD_S = 60.0
_ANSWER_S = 10.0
_NOT_NOW = frozenset({409, 503, 507})
"""It is busy with its own end, or somebody was faster."""


@dataclass(slots=True, kw_only=True)
class Lives:
    """One home, and whoever runs in it now."""

    home: Path
    environ: dict[str, str]
    tickets: Tickets
    session: aiohttp.ClientSession
    module: str = "bot"
    octet: Octet | None = None
    """None while it is dead."""
    starts_s: list[float] = field(default_factory=list[float])
    """Seconds from each start to `ready`."""
    _life: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self) -> None:
        """Start Octet, if it is dead; when a ticket kills it while it starts, start it again."""
        if self.octet is not None:
            return
        while self.octet is None:
            self._life = AsyncExitStack()
            try:
                self.octet = await self._life.enter_async_context(octet(self.home, self.environ, module=self.module))
            except ChildEnded as ended:
                await self._life.aclose()
                if ended.details["code"] != -signal.SIGKILL:
                    raise
        self.starts_s.append(self.octet.ready_s)

    async def died(self) -> None:
        """Wait for the end of an Octet that a ticket kills."""
        assert self.octet is not None
        process = self.octet.child.process
        async with asyncio.timeout(_DEAD_S):
            await process.wait()
        self.octet = None
        await self._life.aclose()
        assert process.returncode == -signal.SIGKILL, f"it ended by itself: {process.returncode}"

    async def died_if(self, pid: int) -> None:
        """As `died`, if it is this one that a ticket killed: it may be dead and another one in its place already."""
        if self.octet is not None and self.octet.pid == pid:
            await self.died()

    async def kill(self) -> None:
        """Kill it now, wherever it is."""
        assert self.octet is not None
        self.octet.child.process.kill()
        await self.died()

    async def stop(self) -> None:
        """End it as a service manager would."""
        self.octet = None
        await self._life.aclose()

    async def ask(self, method: str, path: str, **rest: Any) -> Any:
        """Call the HTTP interface as the operator; None when Octet is dead, dies of it, or cannot answer now."""
        if self.octet is None:
            return None
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await self.octet.ask(self.session, method, f"/api/v2{path}", **rest)
        except aiohttp.ClientResponseError as refused:
            if refused.status in _NOT_NOW:
                return None
            raise
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None

    def rows(self, query: str, *values: object) -> list[Any]:
        """Return what the database holds; nothing while Octet is dead and left it so that it cannot be read."""
        try:
            with closing(
                sqlite3.connect(f"file:{self.home / 'octet.db'}?mode=ro", uri=True, timeout=patience(60))
            ) as database:
                return database.execute(query, values).fetchall()
        except sqlite3.OperationalError:
            if self.octet is not None:
                raise
            return []
