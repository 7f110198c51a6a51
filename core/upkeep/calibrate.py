"""Calibrations of a running Octet, for its owner: one for each desk, in memory only, its result taken over at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from core.calibration.model import Connected
from core.calibration.questions import BeingCalibrated, LookFirst, Step, Wishes
from core.calibration.service import Calibration
from core.calibration.session import Session
from core.config.loader import Config
from core.desks.model import DisplayPictured
from core.dispatch.rooms import DispatchRooms
from core.journal.model import Event
from core.profiles.model import Box
from core.security.model import Actor, Permission, require
from core.store.engine import Tx
from core.upkeep.model import WindowCalibrated
from core.upkeep.ports import Crew, Reloads

LASTS_S = 1800.0
"""So long a calibration waits for an answer."""


class Calibrate:
    """One home's displays. A restart of Octet ends every calibration."""

    def __init__(self, config: Config, *, rooms: DispatchRooms, crew: Crew, reload: Reloads) -> None:
        self._home = config.home
        self._rooms = rooms
        self._crew = crew
        self._reload = reload
        self._sessions: dict[str, tuple[Session, float]] = {}

    async def start(self, desk: str, wishes: Wishes | None = None, *, by: Actor) -> Step:
        """Look at the desk's display, and ask. Raises DeskNotFound, DeskWithoutHands, DeskUnavailable, NoSuchWindow or
        BeingCalibrated."""
        require(by, Permission.DESK_SEE)
        found = self._rooms.desks.find(desk)
        if desk in self._sessions and (await self._sessions[desk][0].step()).now is None:
            raise BeingCalibrated(id=desk)

        async def note(events: Sequence[Event]) -> None:
            def work(tx: Tx) -> None:
                for event in events:
                    self._rooms.journal.append(tx, event, by=by.id)

            await self._rooms.store.write(work)

        async def draw(png: bytes, part: Box | None, places: Mapping[int, Box]) -> bytes:
            await note([DisplayPictured(desk=desk)])
            return await asyncio.to_thread(self._crew.numbered, png, part, places)

        async def take_over(connected: Sequence[Connected]) -> None:
            await note(
                [
                    WindowCalibrated(desk=desk, window=one.window.name, agent=one.agent, profile=one.window.profile)
                    for one in connected
                ]
            )
            await self._reload.run(by=by, desks={desk})

        session = Session(
            Calibration(home=self._home, scout=self._crew.scout(found.name)),
            desk=desk,
            display="" if found.virtual is not None else found.display,
            wishes=wishes or Wishes(),
            draw=draw,
            take_over=take_over,
        )
        step = await session.start()
        self._sessions[desk] = session, self._rooms.clock.monotonic_s()
        return step

    def open(self, desk: str, *, by: Actor) -> Session:
        """Find the calibration of this desk that is open. Raises LookFirst."""
        require(by, Permission.DESK_SEE)
        session, since_s = self._sessions.get(desk, (None, 0.0))
        if session is None or self._rooms.clock.monotonic_s() - since_s > LASTS_S:
            raise LookFirst(id=desk)
        return session
