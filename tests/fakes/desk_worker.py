"""A desk's worker without a desk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from core.desks.model import Arranged, DeskMode, LiveView, Shown, Transcribed, WindowNotSeen, WindowStatus
from core.profiles.model import Activity


class FakeDeskWorker:
    """Remembers what it was told; its windows are what the test says."""

    def __init__(self, desk: str = "main", windows: tuple[WindowStatus, ...] = ()) -> None:
        self._desk = desk
        self.windows = windows
        self.shown: dict[str, Shown] = {}
        self.told: list[str] = []
        self.arranged: dict[str, Arranged] = {}
        """By window, what arranging it says; the others stand at their places."""
        self.live: dict[str, LiveView | None] = {}
        """By window, what viewers see of it."""
        self.looks: list[tuple[str, str]] = []
        """Each look for viewers: the window, and the mark of what they knew."""
        self.was_looked_at = asyncio.Semaphore(0)
        """Released by each look for viewers."""
        self.said: dict[str, str] = {}
        """By window, its transcript; a window that is not in it cannot be read."""
        self.reads_untouched = True
        """Whether a transcript can be read without touching its window."""
        self.reads: list[str] = []
        self.was_read = asyncio.Semaphore(0)
        """Released by each reading."""

    @property
    def desk(self) -> str:
        return self._desk

    async def set_mode(self, mode: DeskMode) -> None:
        self.told.append(mode.value)

    async def look(self) -> tuple[WindowStatus, ...]:
        return self.windows

    async def examine(self) -> tuple[WindowStatus, ...]:
        return self.windows

    async def arrange(self, windows: Sequence[str]) -> tuple[Arranged, ...]:
        self.told.append("arrange")
        return tuple(self.arranged.get(name, Arranged(window=name)) for name in windows)

    async def picture(self, window: str) -> bytes:
        for status in self.windows:
            if status.name == window and status.usable:
                return b"\x89PNG\r\n\x1a\n"
        raise WindowNotSeen(id=window, why="it is covered")

    async def live_view(self, window: str, *, known: str) -> LiveView | None:
        self.looks.append((window, known))
        self.was_looked_at.release()
        if window not in self.live:
            raise WindowNotSeen(id=window, why="it is covered")
        view = self.live[window]
        return LiveView(mark=known) if view is not None and view.mark == known else view

    async def whole_picture(self) -> bytes:
        self.told.append("picture")
        return b"\x89PNG\r\n\x1a\n"

    async def shows(self, window: str) -> Shown:
        return self.shown.get(window, Shown(window=window, activity=Activity.UNKNOWN))

    async def transcript(self, window: str, *, may_touch: bool = True) -> Transcribed:
        self.reads.append(window)
        self.was_read.release()
        if window not in self.said or not (may_touch or self.reads_untouched):
            raise WindowNotSeen(id=window, why="somebody types")
        return Transcribed(text=self.said[window], by="copy")
