"""An AcpLane over a real worker and scripted agents of the sandbox, and who listens to their turns."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from automation.acp.lane import AcpLane
from automation.acp.messages import AcpAgent
from core.agents.model import Program
from core.deliveries.model import PermissionAsk, ToolAccess, TurnAct, TurnEnd, TurnText, TurnUsage
from core.deliveries.ports import TurnNews
from core.kit.errors import Unavailable

ROOT = Path(__file__).parents[2]
WORKER = [sys.executable, "-c", "import sys; from automation.acp.worker import run; sys.exit(run())"]
LIMIT_S = 60


class StoreAway(Unavailable):
    """The store is away."""


@dataclass(slots=True)
class Turns(TurnNews):
    """Hears the turns of all agents."""

    texts: list[str] = field(default_factory=list)
    acts: list[TurnAct] = field(default_factory=list)
    usages: list[TurnUsage] = field(default_factory=list)
    asks: list[PermissionAsk] = field(default_factory=list)
    ends: list[TurnEnd] = field(default_factory=list)
    tools: ToolAccess | None = None
    refusals: int = 0
    asked_for_tools: list[str] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def tools_for(self, agent: str) -> ToolAccess | None:
        self.asked_for_tools.append(agent)
        return self.tools

    async def turn_text(self, text: TurnText) -> None:
        self.texts.append(text.text)

    async def turn_act(self, act: TurnAct) -> None:
        self.acts.append(act)

    async def turn_usage(self, usage: TurnUsage) -> None:
        self.usages.append(usage)

    async def permission_asked(self, ask: PermissionAsk) -> None:
        self.asks.append(ask)
        await self._note()

    async def turn_ended(self, end: TurnEnd) -> None:
        if self.refusals:
            self.refusals -= 1
            raise StoreAway
        self.ends.append(end)
        await self._note()

    async def _note(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_S), self.changed:
            await self.changed.wait_for(holds)


@dataclass(slots=True)
class Scripted:
    """One scripted agent: its folder, and what it heard."""

    folder: Path
    agent: AcpAgent

    @property
    def heard(self) -> list[str]:
        return [one["prompt"] for one in self._lines()]

    @property
    def pid(self) -> int:
        """Return the process that heard the last prompt."""
        return self._lines()[-1]["pid"]

    def _lines(self) -> list[Any]:
        file = self.folder / "heard.jsonl"
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def scripted(folder: Path, name: str = "agent-1", faults: str = "", **changes: Any) -> Scripted:
    """Describe a scripted agent of the sandbox, with what is wrong with it."""
    history = folder / name
    command = (sys.executable, "-m", "sandbox.acp", "--name", name, "--history", str(history))
    known = {one.name for one in fields(Program)} & changes.keys()
    agent = AcpAgent(
        name=name,
        program=Program(**{"command": command, **{one: changes.pop(one) for one in known}}),
        variables={"ACP_FAULTS": faults, "PYTHONPATH": str(ROOT)},
        folder=str(folder),
        state=str(folder / "state" / name),
    )
    return Scripted(folder=history, agent=replace(agent, **changes))


@asynccontextmanager
async def serving(*agents: Scripted, news: TurnNews) -> AsyncGenerator[AcpLane]:
    """Run a lane with its worker for these agents."""
    lane = AcpLane(WORKER, {**os.environ, "PYTHONPATH": str(ROOT)}, news=lambda: news)
    lane.use([one.agent for one in agents])
    work = asyncio.ensure_future(lane.run())
    try:
        async with asyncio.timeout(LIMIT_S):
            await lane._ready.wait()
        yield lane
    finally:
        work.cancel()
        await asyncio.wait([work])
        if not work.cancelled():
            work.result()
