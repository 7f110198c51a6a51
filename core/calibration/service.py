"""Calibrations of a running Octet, for its owner: one for each desk, in memory only, its result taken over at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from core.calibration.calibrator import GENERIC, Calibrator
from core.calibration.model import (
    AgentProposal,
    CalibratedWindow,
    CalibrationOptions,
    CalibrationStep,
    WindowCalibrated,
)
from core.calibration.ports import DisplayProbe
from core.calibration.session import CalibrationSession
from core.desks.model import DeskState, DisplayPictured
from core.desks.service import Desks
from core.home import Home
from core.journal.model import Event
from core.journal.service import Journal
from core.profiles.model import Box
from core.remedies import refused
from core.security.model import Actor, Permission, require
from core.store.engine import Store, Tx


class Displays(Protocol):
    """The displays of the desks at work."""

    # See this desk's display and type on it. Raises desk_without_worker if the desk has no worker.
    def probe(self, desk: str) -> DisplayProbe: ...
    # Draw numbered places on the picture of a display, or on this part of it, enlarged.
    def number_places(self, png: bytes, part: Box | None, places: Mapping[int, Box]) -> bytes: ...


class Calibrations:
    """One home's displays. A restart of Octet ends every calibration."""

    def __init__(
        self,
        home: Home,
        displays: Displays,
        reload: Callable[[Actor, str], Awaitable[object]],
        *,
        desks: Desks,
        journal: Journal,
        store: Store,
    ) -> None:
        """`reload` makes the running Octet use what config/ says of this desk now."""
        self._home, self._displays, self._reload = home, displays, reload
        self._desks, self._journal, self._store = desks, journal, store
        self._sessions: dict[str, CalibrationSession] = {}

    async def start(self, desk: str, options: CalibrationOptions | None = None, *, by: Actor) -> CalibrationStep:
        """Survey the desk's display, and ask. Raises as Desks.find, CalibrationSession.start, or calibration_busy."""
        require(by, Permission.DESK_SEE)
        found = self._desks.find(desk)
        if desk in self._sessions and (await self._sessions[desk].step()).now is None:
            raise refused("calibration_busy", id=desk)

        async def draw(png: bytes, part: Box | None, places: Mapping[int, Box]) -> bytes:
            await self._record([DisplayPictured(desk=desk)], by)
            return await asyncio.to_thread(self._displays.number_places, png, part, places)

        async def take_over(connected: Sequence[CalibratedWindow]) -> None:
            events = [
                WindowCalibrated(desk=desk, window=one.window.name, agent=one.agent, profile=one.window.profile)
                for one in connected
            ]
            await self._record(events, by)
            await self._reload(by, desk)

        session = CalibrationSession(
            Calibrator(home=self._home, scout=self._displays.probe(found.name)),
            desk=desk,
            display="" if found.virtual is not None else found.display,
            options=options or CalibrationOptions(),
            draw=draw,
            take_over=take_over,
        )
        step = await session.start()
        self._sessions[desk] = session
        return step

    async def discover(self, *, by: Actor) -> tuple[AgentProposal, ...]:
        """List the windows of all ready desks, and the panes on users' servers, that a profile fits and no agent has.
        Touches and changes nothing: a user accepts a proposal, a window's by a calibration. Raises DeskUnavailable."""
        require(by, Permission.DESK_SEE)
        found: list[AgentProposal] = []
        for desk in (one.desk for one in self._desks.known() if one.state is DeskState.READY):
            calibrator = Calibrator(home=self._home, scout=self._displays.probe(desk.name))
            if desk.kind.has_panes:
                is_users = desk.tmux is not None and desk.tmux.socket  # else all are Octet's own
                panes = await calibrator.scout.panes() if is_users else ()
                found += [
                    AgentProposal(desk=desk.name, title=pane.title, profile=profile, pane=pane.place)
                    for pane, profile in calibrator.pane_proposals(panes)
                ]
                continue
            for window, profiles in calibrator.proposals(await calibrator.scout.survey()):
                is_known = any(re.search(known.title, window.title) for known in desk.windows if known.title)
                if not is_known and profiles and profiles[0] not in GENERIC:
                    found.append(AgentProposal(desk=desk.name, title=window.title, profile=profiles[0]))
        return tuple(found)

    def open(self, desk: str, *, by: Actor) -> CalibrationSession:
        """Find the calibration of this desk that is open. Raises no_open_calibration."""
        require(by, Permission.DESK_SEE)
        if desk not in self._sessions:
            raise refused("no_open_calibration", id=desk)
        return self._sessions[desk]

    async def _record(self, events: Sequence[Event], by: Actor) -> None:
        def work(tx: Tx) -> None:
            for event in events:
                self._journal.append(tx, event, by=by.id)

        await self._store.write(work)
