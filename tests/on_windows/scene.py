"""A home with one agent in one window, Octet's command line for it, and its hands."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from automation.desktop.worker.lane import DeskWorkerClient
from bot.cli.temporary_worker import temporary_worker
from core.config.desks import read_desks
from core.config.settings import environment
from core.deliveries.model import DeliveryId, DeliveryRequest, Outcome, Result
from core.desks.model import Shown, WindowStatus
from core.profiles.model import Activity
from tests.on_windows.stage import Chat, NotSeen, until

TRIES = 12
"""What something passing keeps out is tried again, as dispatch does it."""
AGAIN_S = 1.0
LOOKS = 120
LOOK_S = 0.25
Seen = TypeVar("Seen")


async def look_until(look: Callable[[], Awaitable[Seen]], holds: Callable[[Seen], bool], what: str) -> Seen:
    """Look until it holds. Raises NotSeen."""
    seen: Seen | None = None
    for _ in range(LOOKS):
        if holds(seen := await look()):
            return seen
        await asyncio.sleep(LOOK_S)  # no event: each look asks Windows anew
    raise NotSeen(f"{what}; at last: {seen}")


@dataclass(slots=True, kw_only=True)
class Scene:
    """A home with one agent in one window, and, once that is connected, its hands."""

    home: Path
    window: Chat
    client: DeskWorkerClient | None = None
    number: int = 0

    @property
    def worker(self) -> DeskWorkerClient:
        assert self.client is not None
        return self.client

    async def order(self, text: str = "", **what: Any) -> Outcome:
        """Carry out an order in the window, tried again while something passing is in the way."""
        self.number += 1
        order = DeliveryRequest(
            delivery=DeliveryId(f"W{self.number}"),
            fence=0,
            agent="Agent-1",
            desk="main",
            window="agent-1",
            text=text,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            **what,
        )
        for fence in range(1, TRIES + 1):
            outcome = await self.worker.deliver(replace(order, fence=fence), Granting())
            if outcome.result not in {Result.BOUNCED, Result.NOT_ARRIVED}:
                return outcome
            await asyncio.sleep(AGAIN_S)  # as dispatch waits before it tries again
        raise NotSeen(f"an outcome of “{text}”")

    async def asks(self) -> Shown:
        """Wait for the dialog that the window shows."""
        return await self._shows(lambda shown: shown.activity is Activity.NEEDS_INPUT and bool(shown.mark), "a dialog")

    async def rests(self) -> None:
        """Return when its agent is seen to rest."""
        await self._shows(lambda shown: shown.activity is Activity.IDLE, "an agent at rest")

    async def _shows(self, holds: Callable[[Shown], bool], what: str) -> Shown:
        return await look_until(lambda: self.worker.shows("agent-1"), holds, what)

    async def unusable(self) -> str:
        """Return why the window cannot be used, once it is seen that it cannot."""
        return str((await look_until(self._look, lambda seen: not seen.usable, "a window that cannot be used")).reason)

    async def usable(self) -> None:
        """Return when it is seen that the window can be used: its program has drawn it."""
        await look_until(self._look, lambda seen: seen.usable, "a window that can be used")

    async def _look(self) -> WindowStatus:
        (status,) = await self.worker.look()
        return status

    async def pushed(self, right: int, down: int) -> None:
        """Drag the window by so much, as a person does."""
        x, y, *_ = self.window.place()
        self.window.push(right, down)
        await until(lambda: self.window.place()[:2] == (x + right, y + down), "it was moved")

    def said(self) -> str:
        return self.window.heard()[-1] if self.window.heard() else ""


class Granting:
    """There is no journal here: each state may be entered."""

    async def staging(self, *, drafts: tuple[str, ...] = ()) -> None: ...

    async def staged(self, *, sha256: str, drafts: tuple[str, ...] = ()) -> None: ...

    async def submitting(self) -> None: ...


async def octet(*words: str) -> str:
    """Return what Octet's command line says to this; raise an AssertionError where it fails."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate(b"")
    text = said.decode("utf-8", "replace")
    assert process.returncode == 0, text
    return text


@asynccontextmanager
async def connected(scene: Scene, *, follow: bool = False) -> AsyncGenerator[None]:
    """Run the scene's hands, by what its home says, for the length of the block."""
    files = read_desks(scene.home, [])
    desk = next(desk for desk in files.desks if desk.name == "main")
    desk = replace(desk, user_activity=replace(desk.user_activity, idle_s=0.2))
    profiles = {
        window.profile: replace(files.profiles[window.profile], follow_moved_window=follow) for window in desk.windows
    }
    anchors = scene.home / "anchors" / "main"
    async with temporary_worker(desk, environment(), anchors=anchors, profiles=profiles) as scene.client:
        yield
