"""A desk worker of the command line's own, for as long as a command looks at a display and types on it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.desks.model import Desk, DeskState, DeskUnavailable
from core.desks.ports import DeskNews

if TYPE_CHECKING:
    from automation.desktop.worker.lane import DeskWorkerClient
    from core.home import Home

READY_S = 60.0


@dataclass(slots=True)
class _Listener(DeskNews):
    """Record the worker's state."""

    changed: asyncio.Event = field(default_factory=asyncio.Event)
    state: DeskState = DeskState.STARTING
    why: str = ""

    async def desk_changed(self, desk: str, state: DeskState, reason: str) -> None:
        self.state, self.why = state, reason
        self.changed.set()

    async def drafts(self, desk: str) -> Mapping[str, tuple[str, ...]]:
        return {}


@asynccontextmanager
async def temporary_worker(home: Home, desk: Desk, environ: Mapping[str, str]) -> AsyncGenerator[DeskWorkerClient]:
    """Start a worker on the desk's display that knows no window yet. Raises DeskUnavailable with the reason, also while
    another Octet works there."""
    from automation.desktop.worker.lane import DeskWorkerClient
    from automation.desktop.worker.supervisor import WorkerSupervisor
    from bot import runfile
    from core.kit.clock import SystemClock
    from core.kit.supervise import supervise

    listener = _Listener()
    hands = DeskWorkerClient(
        WorkerSupervisor(
            desk,
            {},
            argv=[sys.executable, "-m", "bot", "desk", "run", "--desk", desk.name],
            environ=environ,
            anchors=home.anchors / desk.name,
            locks=runfile.pointer_folders(environ)[-1] / "displays",
            news=lambda: listener,
            leftovers=listener,
            clock=SystemClock(),
        )
    )
    async with asyncio.TaskGroup() as group:
        running = supervise(group, f"hands of {desk.name}", hands.run())
        try:
            await _ready(listener, desk)
            yield hands
        finally:
            running.cancel()


async def _ready(listener: _Listener, desk: Desk) -> None:
    try:
        async with asyncio.timeout(READY_S):
            while listener.state is not DeskState.READY:
                await listener.changed.wait()
                listener.changed.clear()
                if listener.state is DeskState.UNAVAILABLE and "lock" not in listener.why:
                    break
    except TimeoutError:
        pass
    if listener.state is not DeskState.READY:
        why = listener.why or "its worker did not come up"
        if "lock" in listener.why:
            why = f"another Octet works on {desk.display} now; stop that one first, or calibrate from there"
        raise DeskUnavailable(id=desk.name, why=why)
