"""What a reload needs from the owner of the desks' workers: bot/desk_workers.py."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from core.agents.model import Route
from core.calibration.service import Displays
from core.config.loader import Config
from core.deliveries.ports import LanePort
from core.desks.ports import DeskWorkerPort
from core.maintenance.model import Reloaded
from core.security.model import Actor


class Reloads(Protocol):
    """Reloads config/."""

    async def __call__(self, *, by: Actor, desks: Collection[str] = ()) -> Reloaded: ...  # see `Maintenance.reload`


class DeskWorkers(Displays, Protocol):
    """The workers of all desks."""

    # The present workers, by desk.
    @property
    def workers(self) -> Mapping[str, DeskWorkerPort]: ...
    # The desks whose workers do not fit this config, or that have none yet.
    def desks_to_restart(self, config: Config) -> frozenset[str]: ...
    # End the workers of these desks, in an orderly way, and make those of the config, without starting them.
    async def replace(self, config: Config, desks: Collection[str]) -> None: ...
    def start_missing(self) -> None: ...  # start the new workers
    # How the present workers reach the config's agents.
    def lanes(self, config: Config) -> Mapping[Route, LanePort]: ...
