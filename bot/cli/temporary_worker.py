"""A desk worker of the command line, while a command looks at a display and types on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from automation.desktop.worker.lane import DeskWorkerClient
from bot.desk_workers import make_worker
from core.desks.model import NOT_YET, Desk, DeskNow, DeskState, DeskUnavailable
from core.desks.ports import DeskNews
from core.kit.supervise import supervise
from core.profiles.model import Profile
from core.reasons import Reason

READY_S = 60.0


@dataclass(slots=True)
class DeskRecorder(DeskNews):
    """Records the worker's state."""

    now: DeskNow = NOT_YET
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def desk_changed(self, desk: str, now: DeskNow) -> None:
        self.now = now
        self.changed.set()

    async def desk_stopped(self, desk: str, how: str) -> None:
        await self.desk_changed(desk, DeskNow(DeskState.STOPPED, Reason.STOPPED_THERE, f"by {how}"))

    async def drafts(self, desk: str) -> Mapping[str, tuple[str, ...]]:
        """Return none: no earlier worker left a draft here."""
        return {}


@asynccontextmanager
async def temporary_worker(
    desk: Desk,
    environ: Mapping[str, str],
    *,
    anchors: Path,
    profiles: Mapping[str, Profile] | None = None,
    options: tuple[str, ...] = (),
    news: DeskRecorder | None = None,
) -> AsyncGenerator[DeskWorkerClient]:
    """Start a worker on the desk's display. Raises DeskUnavailable, also while another Octet works there."""
    recorder = news or DeskRecorder()
    client = make_worker(
        desk,
        profiles or {},
        environ,
        folder=anchors,
        news=lambda: recorder,
        leftovers=recorder.drafts,
        options=options,
    )
    async with asyncio.TaskGroup() as group:
        running = supervise(group, f"worker of {desk.name}", client.run())
        try:
            await _ready(recorder, desk)
            yield client
        finally:
            running.cancel()


async def _ready(recorder: DeskRecorder, desk: Desk) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(READY_S):
            while recorder.now.state is not DeskState.READY:
                await recorder.changed.wait()
                recorder.changed.clear()
                if recorder.now.state is DeskState.UNAVAILABLE and recorder.now.reason is not Reason.DISPLAY_TAKEN:
                    break
    if recorder.now.state is not DeskState.READY:
        note = recorder.now.note
        if recorder.now.reason is Reason.DISPLAY_TAKEN:
            note = f"{desk.display}; stop that one first, or calibrate from there"
        raise DeskUnavailable(desk.name, recorder.now.reason or Reason.WORKER_STARTING, note)
