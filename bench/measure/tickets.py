"""Tickets for Octet's fault points: laid down whole, seen to be taken, taken back when nobody came."""

from __future__ import annotations

import asyncio
from pathlib import Path


class NobodyCame(TimeoutError):
    """A fault point was not passed in time."""


class Tickets:
    """The folder that `OCTET_FAULT_POINTS` names."""

    def __init__(self, folder: Path) -> None:
        """Make the folder, for nobody but us."""
        folder.mkdir(mode=0o700, parents=True)
        self.folder = folder
        self._known: set[str] = set()

    def lay(self, point: str, act: str) -> None:
        """Lay a ticket for `point`; the next process that passes it does `act`."""
        draft = self.folder / f"draft.{point}"
        draft.write_text(act, encoding="utf-8")
        draft.rename(self.folder / point)

    async def taken(self, point: str, *, within_s: float) -> int:
        """Wait until the ticket is taken; the id of the process that took it. Raises NobodyCame when it was not; then
        it lies there no more."""
        ticket = self.folder / point
        try:
            async with asyncio.timeout(within_s):
                while ticket.exists():  # noqa: ASYNC110 - another process takes it
                    await asyncio.sleep(0.005)
        except TimeoutError:
            if self._take_back(point):
                raise NobodyCame(point) from None
        [taken] = {path.name for path in self.folder.glob(f"taken.{point}.*")} - self._known
        self._known.add(taken)
        return int(taken.split(".")[-2])

    def _take_back(self, point: str) -> bool:
        """Whether it still lay there: somebody may have come in the last moment."""
        try:
            (self.folder / point).rename(self.folder / f"back.{point}")
        except FileNotFoundError:
            return False
        return True
