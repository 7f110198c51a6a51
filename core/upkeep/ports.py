"""What taking a new configuration over needs from whoever owns the desks' workers. bot/crew.py has the real one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from core.config import Config
from core.deliveries.ports import LanePort
from core.desks.ports import Hands
from core.dispatch.rooms import Route
from core.security.model import Actor
from core.upkeep.model import Reloaded


class Reloads(Protocol):
    """Who reads config/ anew; made when there is a crew to follow it."""

    async def run(self, *, by: Actor, desks: Collection[str] = ()) -> Reloaded:
        """See `Upkeep.reload`."""
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

    def lanes(self, config: Config) -> Mapping[Route, LanePort]:
        """How the config's agents are reached by the present hands."""
        ...

    def longest_prompts(self, config: Config) -> Mapping[str, int]:
        """The most characters that the window of each agent takes."""
        ...

    def read_agents(self, config: Config) -> frozenset[str]:
        """Agents whose windows are read for answers."""
        ...
