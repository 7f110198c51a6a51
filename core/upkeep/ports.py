"""What taking a new configuration over needs from whoever owns the desks' workers. bot/crew.py has the real one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from core.calibration.model import Point
from core.calibration.ports import Pointing as ByClick
from core.calibration.ports import Scout
from core.config import Config
from core.deliveries.ports import LanePort
from core.desks.ports import Hands
from core.dispatch.rooms import Route
from core.profiles.model import Box
from core.security.model import Actor
from core.upkeep.model import Joined, Pointing, Reloaded, Surveyed, WrittenWindow


class Reloads(Protocol):
    """Who reads config/ anew; made when there is a crew to follow it."""

    @property
    def profiles(self) -> Sequence[str]:
        """The names of all profiles of the present config."""
        ...

    async def run(self, *, by: Actor, desks: Collection[str] = ()) -> Reloaded:
        """See `Upkeep.reload`."""
        ...


class Connects(Protocol):
    """How windows are looked at and connected one by one."""

    async def look(self, desk: str, *, by: Actor) -> Surveyed:
        """See core.upkeep.calibrate."""
        ...

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
        """See core.upkeep.calibrate."""
        ...


class Calibrates(Connects, Protocol):
    """Who connects windows, by all the ways there are; made when there is a crew."""

    def by_clicks(self, desk: str, *, by: Actor) -> ByClick:
        """See core.upkeep.calibrate."""
        ...

    async def recalibrate(self, desk: str, window: str, *, by: Actor) -> Joined:
        """See core.upkeep.calibrate."""
        ...

    def scout(self, desk: str, *, by: Actor) -> Scout:
        """See core.upkeep.calibrate."""
        ...

    async def picture(self, desk: str, *, by: Actor) -> bytes:
        """See core.upkeep.calibrate."""
        ...

    async def written(self, desk: str, windows: Sequence[WrittenWindow], *, by: Actor) -> Reloaded:
        """See core.upkeep.calibrate."""
        ...


class Crew(Protocol):
    """The hands of all desks at work."""

    @property
    def hands(self) -> Mapping[str, Hands]:
        """By their desks' names, as they are now."""
        ...

    def unlike(self, config: Config) -> frozenset[str]:
        """The desks whose hands are of no use under this config, or that have none yet."""
        ...

    async def replace(self, config: Config, desks: Collection[str]) -> None:
        """End the hands of these desks, in an orderly way, and make those that the config wants, not yet at work."""
        ...

    def start(self) -> None:
        """Let new hands begin."""
        ...

    def scout(self, desk: str) -> Scout:
        """Eyes and hands on this desk's display. Raises DeskWithoutHands where the desk has none."""
        ...

    def numbered(self, png: bytes, part: Box | None, places: Mapping[int, Box]) -> bytes:
        """The picture of a display, or this part of it made larger, with a number on each of these places of it."""
        ...

    def lanes(self, config: Config) -> Mapping[Route, LanePort]:
        """How the config's agents are reached by the present hands."""
        ...
