"""A person shows by clicks on a picture where one writes, and each window is connected at once, while Octet runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from core.agents.model import Agent
from core.calibration.model import Board, Numbered, Point, Understood
from core.desks.model import DeskUnavailable
from core.security.model import Actor
from core.upkeep.model import Joined, NumberedWindow, Pointing, Surveyed
from core.upkeep.ports import Connects

ASKS = "Click at the middle of the empty composer of each agent, one after the other."


class ByClicks:
    """One page (calibration.ports.Pointing) of the one person who asked for it: each act is by them."""

    def __init__(
        self,
        desk: str,
        *,
        ways: Connects,
        agents: Callable[[], Sequence[Agent]],
        profiles: Callable[[], Sequence[str]],
        by: Actor,
    ) -> None:
        self._desk = desk
        self._ways = ways
        self._agents = agents
        self._profiles = profiles
        self._by = by
        self._surveyed: Surveyed | None = None
        self._pictures = 0
        self._said: list[str] = []
        self._one_at_a_time = asyncio.Lock()

    async def board(self) -> Board:
        """All windows; any of them may be clicked at."""
        asks = ASKS
        if not self._one_at_a_time.locked():  # else what was seen before one is connected does
            try:
                await self._look()
            except DeskUnavailable as trouble:  # most often its worker is just starting, by what was written
                asks = trouble.message
        windows = self._surveyed.windows if self._surveyed else ()
        return Board(
            desk=self._desk,
            asks=asks,
            windows=tuple(
                Numbered(
                    number=one.number,
                    title=one.title,
                    kind=one.kind,
                    agent=self._whose(one),
                    box=one.box,
                    is_wanted=False,
                )
                for one in windows
            ),
            said=tuple(self._said),
            picture=self._pictures,
            agents=tuple(str(agent.name) for agent in self._agents()),
            profiles=tuple(self._profiles()),
        )

    async def picture(self) -> bytes:
        """The display as it was when it was looked at last."""
        return (await self._look()).png

    async def click(self, at: Point, *, agent: str, profile: str) -> Understood:
        """Connect the window under this place; by whatever fails, nothing is written."""
        async with self._one_at_a_time:
            surveyed = await self._look()
            found = _under(surveyed, at)
            if found is None:
                return Understood(text="No window is there. Click into one that has a number.", is_good=False)
            who = agent or self._whose(found)
            which = f"window {found.number}, “{found.title or found.kind}”"
            said = await self._ways.connect(self._desk, found.number, agent=who, profile=profile, point=at, by=self._by)
            if isinstance(said, Pointing):
                text = f"{who} is not connected ({which}): {said.why}"
            else:
                text = f"{said.agent} has {which} now; a draft was staged, read back ({said.read_by}) and deleted."
                self._surveyed = None  # the numbers are others now
            self._said.append(text)
            return Understood(text=text, is_good=isinstance(said, Joined))

    async def _look(self) -> Surveyed:
        if self._surveyed is None:
            self._surveyed = await self._ways.look(self._desk, by=self._by)
            self._pictures += 1
        return self._surveyed

    def _whose(self, window: NumberedWindow) -> str:
        """Whose window it is; else who has none yet, the first in their order."""
        if window.agent:
            return window.agent
        agents = self._agents()
        free = (str(agent.name) for agent in agents if agent.window is None)
        return next(free, f"Agent-{len(agents) + 1}")


def _under(surveyed: Surveyed, at: Point) -> NumberedWindow | None:
    there = [one for one in surveyed.windows if one.box.holds(*at)]
    return min(there, key=lambda one: one.box.width * one.box.height, default=None)
