"""Connecting windows while Octet runs, for its owner from afar: windows by their numbers on a picture, where one writes
by a place of a grid, a draft in the window, then the files are written and taken over."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.calibration.model import Connected, FoundWindow, NotMeasured, NotTried, Point
from core.calibration.ports import Scout
from core.calibration.service import Calibration, Wanted, window_name
from core.config import Config
from core.desks.model import Desk, DisplayPictured, WindowNotFound, WindowNotSeen
from core.dispatch.rooms import DispatchRooms
from core.kit.problems import ConfigWrong
from core.profiles.model import Box
from core.security.model import Actor, Permission, require
from core.store.engine import Tx
from core.upkeep.model import (
    Joined,
    LookFirst,
    NameAgent,
    NoSuchNumber,
    NoSuchPlace,
    NotConnected,
    NumberedWindow,
    Pointing,
    Reloaded,
    Surveyed,
    WindowCalibrated,
    WrittenWindow,
)
from core.upkeep.pointing import ByClicks
from core.upkeep.ports import Crew, Reloads

WHOLE_GRID = (6, 8)
"""Columns and rows over a window."""
FINE_GRID = (4, 4)
"""The same over one of their places."""
DEEPEST = 4
LASTS_S = 1800.0
"""So long the numbers of a picture count."""


@dataclass(slots=True)
class _Session:
    calibration: Calibration
    numbers: dict[int, int]
    """By number, the window."""
    since_s: float


class Calibrate:
    """One home's displays. What was looked at is kept in memory only: after a restart it is looked at again."""

    def __init__(self, config: Config, *, rooms: DispatchRooms, crew: Crew, reload: Reloads) -> None:
        self._home = config.home
        self._rooms = rooms
        self._crew = crew
        self._reload = reload
        self._sessions: dict[str, _Session] = {}
        self._writing = asyncio.Lock()

    async def look(self, desk: str, *, by: Actor) -> Surveyed:
        """All windows of the desk's display with numbers, and a picture that shows them: of all that is to be seen
        there, for the owner alone. Raises DeskNotFound or DeskUnavailable."""
        require(by, Permission.DESK_SEE)
        found = self._rooms.desks.find(desk)
        scout = self._crew.scout(found.name)
        calibration = Calibration(home=self._home, scout=scout)
        proposals = calibration.proposals(await calibration.look())
        numbers = dict(enumerate(proposals, start=1))
        self._sessions[desk] = _Session(
            calibration=calibration,
            numbers={number: one.window.id for number, one in numbers.items()},
            since_s=self._rooms.clock.monotonic_s(),
        )
        boxes = {number: one.window.box for number, one in numbers.items()}
        png = await asyncio.to_thread(self._crew.numbered, await scout.whole_picture(), None, boxes)
        await self._rooms.store.write(lambda tx: self._rooms.journal.append(tx, DisplayPictured(desk=desk), by=by.id))
        return Surveyed(
            desk=desk,
            windows=tuple(
                NumberedWindow(
                    number=number,
                    title=one.window.title,
                    kind=one.window.kind,
                    box=one.window.box,
                    profiles=one.profiles,
                    agent=self._agent_of(found, one.window),
                )
                for number, one in numbers.items()
            ),
            png=png,
        )

    async def connect(
        self,
        desk: str,
        number: int,
        *,
        agent: str = "",
        profile: str = "",
        place: str = "",
        point: Point | None = None,
        by: Actor,
    ) -> Joined | Pointing:
        """Measure this window, try a draft in it, write it into config/ and take that over. Where nothing tells where
        one writes in it, and no place was named, or that did not do: a picture with numbered places to choose from.
        Instead of such a `place`, a `point` of the screen will do.

        Raises LookFirst, NoSuchNumber, NoSuchPlace, NameAgent, and what the calibration does.
        """
        require(by, Permission.DESK_SEE)
        described = self._rooms.desks.find(desk)
        session = self._session(desk)
        found = await self._found(session, number)
        who = agent or self._agent_of(described, found)
        if not who:
            raise NameAgent(number=number)
        proposals = session.calibration.proposals(await session.calibration.look())
        fitting = [name for one in proposals if one.window.id == found.id for name in one.profiles]
        part = place_of(found.box, place)
        wanted = Wanted(
            window=found.id,
            profile=profile or next(iter(fitting), ""),
            name=self._window_name(desk, who),
            agent=who,
            point=_middle(part) if place else point,
        )
        title = session.calibration.tell_apart([wanted])[found.id]
        try:
            connected = await session.calibration.connect(wanted, title)
        except (NotMeasured, NotTried) as trouble:
            return await self._point(desk, number, part, place, why=trouble.message)
        return await self._join(described, session, connected, by)

    async def recalibrate(self, desk: str, window: str, *, by: Actor) -> Joined:
        """Connect this window of the desk anew, where its title is found now. Raises DeskNotFound,
        WindowNotFound, WindowNotSeen, and what the calibration does."""
        require(by, Permission.DESK_SEE)
        described = self._rooms.desks.find(desk)
        known = next((one for one in described.windows if one.name == window), None)
        agents = self._rooms.agents.at(desk, window)
        if known is None or not agents:
            raise WindowNotFound(id=window[:40], desk=desk)
        calibration = Calibration(home=self._home, scout=self._crew.scout(desk))
        found = [one for one in (await calibration.look()).windows if re.search(known.title, one.title)]
        found = [one for one in found if one.box == known.box] or found
        if len(found) != 1:
            raise WindowNotSeen(id=window, why="several have its title" if found else "no window has its title")
        wanted = Wanted(window=found[0].id, profile=known.kind, name=window, agent=agents[0].name, point=None)
        connected = await calibration.connect(wanted, calibration.tell_apart([wanted])[found[0].id])
        session = _Session(calibration=calibration, numbers={}, since_s=0.0)
        return await self._join(described, session, connected, by)

    def scout(self, desk: str, *, by: Actor) -> Scout:
        """The eyes and hands that Octet has on the desk's display, for the command line at this machine, which asks,
        measures and tries by them, and writes what came of it itself. Raises DeskNotFound or DeskWithoutHands."""
        require(by, Permission.DESK_SEE)
        return self._crew.scout(self._rooms.desks.find(desk).name)

    def by_clicks(self, desk: str, *, by: Actor) -> ByClicks:
        """A page on which the owner shows where one writes in each window; each is connected at once. Raises
        DeskNotFound."""
        require(by, Permission.DESK_SEE)
        return ByClicks(
            self._rooms.desks.find(desk).name,
            ways=self,
            agents=self._rooms.agents.all,
            profiles=lambda: self._reload.profiles,
            by=by,
        )

    async def picture(self, desk: str, *, by: Actor) -> bytes:
        """All that is to be seen on the desk's display. Raises DeskNotFound, DeskWithoutHands or DeskUnavailable."""
        png = await self.scout(desk, by=by).whole_picture()
        await self._rooms.store.write(lambda tx: self._rooms.journal.append(tx, DisplayPictured(desk=desk), by=by.id))
        return png

    async def written(self, desk: str, windows: Sequence[WrittenWindow], *, by: Actor) -> Reloaded:
        """Take over what the command line has written about these windows. Raises what `Upkeep.reload` does."""
        require(by, Permission.DESK_SEE)
        reloaded = await self._reload.run(by=by, desks={desk})
        self._sessions.pop(desk, None)  # its worker is another one now
        events = [
            WindowCalibrated(desk=desk, window=one.window, agent=one.agent, profile=one.profile) for one in windows
        ]

        def note(tx: Tx) -> None:
            for event in events:
                self._rooms.journal.append(tx, event, by=by.id)

        await self._rooms.store.write(note)
        return reloaded

    async def _join(self, desk: Desk, session: _Session, connected: Connected, by: Actor) -> Joined:
        display = "" if desk.virtual is not None else desk.display
        async with self._writing:
            try:
                changed = await asyncio.to_thread(session.calibration.write, desk.name, display, [connected])
            except ConfigWrong as wrong:
                raise NotConnected(wrong) from wrong
        event = WindowCalibrated(
            desk=desk.name, window=connected.window.name, agent=connected.agent, profile=connected.window.profile
        )
        await self._rooms.store.write(lambda tx: self._rooms.journal.append(tx, event, by=by.id))
        reloaded = await self._reload.run(by=by, desks={desk.name})
        self._sessions.pop(desk.name, None)  # its worker is another one now
        return Joined(
            desk=desk.name,
            window=connected.window.name,
            agent=connected.agent,
            profile=connected.window.profile,
            read_by=connected.tried.read_by,
            files=tuple(str(file) for file in changed.files),
            reloaded=reloaded,
        )

    async def _point(self, desk: str, number: int, part: Box, place: str, *, why: str) -> Pointing:
        """The window, or the place of it that did not do, with a grid over it."""
        picture = await self._crew.scout(desk).whole_picture()
        places = dict(enumerate(cells(part, FINE_GRID if place else WHOLE_GRID), start=1))
        png = await asyncio.to_thread(self._crew.numbered, picture, part, places)
        return Pointing(desk=desk, number=number, within=place, places=len(places), why=why, png=png)

    def _session(self, desk: str) -> _Session:
        session = self._sessions.get(desk)
        if session is None or self._rooms.clock.monotonic_s() - session.since_s > LASTS_S:
            raise LookFirst(id=desk)
        return session

    async def _found(self, session: _Session, number: int) -> FoundWindow:
        survey = await session.calibration.look()
        window = session.numbers.get(number)
        found = next((one for one in survey.windows if one.id == window), None)
        if found is None:
            raise NoSuchNumber(number=number, most=len(session.numbers))
        return found

    def _agent_of(self, desk: Desk, found: FoundWindow) -> str:
        """Whose window it is by the present config; empty for nobody's."""
        for window in desk.windows:
            if window.box == found.box and re.search(window.title, found.title):
                agents = self._rooms.agents.at(desk.name, window.name)
                return str(agents[0].name) if agents else ""
        return ""

    def _window_name(self, desk: str, agent: str) -> str:
        """As the desk calls the agent's window already, else after the agent."""
        known = self._rooms.agents.named(agent)
        if known is not None and known.desk == desk and known.window:
            return known.window
        return window_name(agent)


def place_of(window: Box, place: str) -> Box:
    """The part of the window that `37`, or `37-4` for a place within that one, names. Raises NoSuchPlace."""
    part, grid = window, WHOLE_GRID
    words = place.split("-") if place else []
    if len(words) > DEEPEST:
        raise NoSuchPlace(place=place[:20])
    for word in words:
        listed = cells(part, grid)
        if not (word.isascii() and word.isdigit() and 1 <= int(word) <= len(listed)):
            raise NoSuchPlace(place=place[:20])
        part, grid = listed[int(word) - 1], FINE_GRID
    return part


def cells(part: Box, grid: tuple[int, int]) -> list[Box]:
    """The places of a grid over this part of the screen, row by row."""
    columns, rows = grid
    found: list[Box] = []
    for row in range(rows):
        top, bottom = (part.y + part.height * n // rows for n in (row, row + 1))
        for column in range(columns):
            left, right = (part.x + part.width * n // columns for n in (column, column + 1))
            found.append(Box(x=left, y=top, width=max(1, right - left), height=max(1, bottom - top)))
    return found


def _middle(part: Box) -> tuple[int, int]:
    return part.x + part.width // 2, part.y + part.height // 2
