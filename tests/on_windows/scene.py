"""A home with one agent in one window, Octet's command line for it, and its hands."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.on_windows.stage import Chat, NotSeen, until

TRIES = 12
"""What something passing keeps out is tried again, as dispatch does it."""
AGAIN_S = 1.0
LOOKS = 120
LOOK_S = 0.25
READY_S = 60.0


@dataclass(slots=True, kw_only=True)
class Scene:
    """A home with one agent in one window, and, once that is connected, its hands."""

    home: Path
    window: Chat
    hands: Any = None
    number: int = 0

    async def order(self, text: str = "", **what: Any) -> Any:
        """Carry out an order in the window, tried again while something passing is in the way."""
        from core.deliveries.model import DeliveryId, DeliveryRequest, Result

        self.number += 1
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        outcome: Any = None
        for fence in range(1, TRIES + 1):
            order = DeliveryRequest(
                delivery=DeliveryId(f"W{self.number}"),
                fence=fence,
                agent="Agent-1",
                desk="main",
                window="agent-1",
                text=text,
                sha256=sha256,
                **what,
            )
            outcome = await self.hands.deliver(order, Granting())
            if outcome.result not in {Result.BOUNCED, Result.NOT_ARRIVED}:
                return outcome
            await asyncio.sleep(AGAIN_S)
        return outcome

    async def asks(self) -> Any:
        """Wait for the dialog that the window shows."""
        from core.profiles.model import Activity

        return await self._shows(lambda shown: shown.activity is Activity.NEEDS_INPUT and bool(shown.mark), "a dialog")

    async def rests(self) -> None:
        """Return when its agent is seen to rest."""
        from core.profiles.model import Activity

        await self._shows(lambda shown: shown.activity is Activity.IDLE, "an agent at rest")

    async def unusable(self) -> str:
        """Why the window cannot be used, once it is seen that it cannot."""
        for _ in range(LOOKS):
            (status,) = await self.hands.look()
            if not status.usable:
                return str(status.reason)
            await asyncio.sleep(LOOK_S)
        raise NotSeen("a window that cannot be used")

    async def usable(self) -> None:
        """Return when it is seen that the window can be used: its program has drawn it."""
        status: Any = None
        for _ in range(LOOKS):
            (status,) = await self.hands.look()
            if status.usable:
                return
            await asyncio.sleep(LOOK_S)
        raise NotSeen(f"a window that can be used: {status.reason}")

    async def pushed(self, right: int, down: int) -> None:
        """Somebody drags the window by so much."""
        x, y, *_ = self.window.stands()
        self.window.push(right, down)
        await until(lambda: self.window.stands()[:2] == (x + right, y + down), "it was moved")

    async def _shows(self, holds: Callable[[Any], bool], what: str) -> Any:
        shown: Any = None
        for _ in range(LOOKS):
            shown = await self.hands.shows("agent-1")
            if holds(shown):
                return shown
            await asyncio.sleep(LOOK_S)
        raise NotSeen(f"{what}; it shows {shown.activity.value} ({shown.note})")

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
    from automation.desktop.worker.lane import DeskWorkerClient
    from automation.desktop.worker.supervisor import WorkerSetup, WorkerSupervisor
    from bot.cli.temporary_worker import DeskRecorder
    from bot.runfile import pointer_folders
    from core.config.desks import read_desks
    from core.config.settings import environment
    from core.desks.model import DeskState
    from core.kit.clock import SystemClock
    from core.kit.supervise import supervise

    files, news = read_desks(scene.home, []), DeskRecorder()
    desk = next(desk for desk in files.desks if desk.name == "main")
    profiles = {
        window.profile: replace(files.profiles[window.profile], follow_moved_window=follow) for window in desk.windows
    }
    scene.hands = DeskWorkerClient(
        WorkerSupervisor(
            replace(desk, user_activity=replace(desk.user_activity, idle_s=0.2)),
            profiles,
            WorkerSetup(
                argv=[sys.executable, "-m", "bot", "desk", "run", "--desk", "main"],
                environment=environment(),
                anchors=scene.home / "anchors" / "main",
                locks=pointer_folders(environment())[-1] / "displays",
                clock=SystemClock(),
            ),
            news=lambda: news,
            leftovers=news.drafts,
        )
    )
    async with asyncio.TaskGroup() as group:
        work = supervise(group, "hands of the scene", scene.hands.run())
        try:
            async with asyncio.timeout(READY_S):
                while news.now.state is not DeskState.READY:
                    news.changed.clear()
                    await news.changed.wait()
            yield
        finally:
            work.cancel()
