"""What a reload needs from the owner of the desks' workers: bot/desk_workers.py."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from core.agents.model import Route
from core.calibration.service import Displays
from core.config.loader import Config
from core.deliveries.ports import LanePort
from core.desks.ports import Hands
from core.maintenance.model import Reloaded
from core.security.model import Actor


class Reloads(Protocol):
    """Who reads config/ anew; made when there is a crew to follow it."""

    async def run(self, *, by: Actor, desks: Collection[str] = ()) -> Reloaded: ...  # see `Maintenance.reload`


class Crew(Displays, Protocol):
    """The hands of all desks at work."""

    # By their desks' names, as they are now.
    @property
    def hands(self) -> Mapping[str, Hands]: ...
    # The desks whose hands are of no use under this config, or that have none yet.
    def desks_to_restart(self, config: Config) -> frozenset[str]: ...
    # End the hands of these desks, in an orderly way, and make those that the config wants, not yet at work.
    async def replace(self, config: Config, desks: Collection[str]) -> None: ...
    def start_missing(self) -> None: ...  # let new hands begin
    # How the config's agents are reached by the present hands.
    def lanes(self, config: Config) -> Mapping[Route, LanePort]: ...
