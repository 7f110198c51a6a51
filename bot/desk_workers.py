"""The hands of all desks, and the displays of those that have one of their own, at work in one task group; those of
desks that the config describes otherwise are replaced while the others work on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automation.desktop.displays.display_status import DisplayStatus
from automation.desktop.worker.lane import DeskWorkerClient
from core.agents.model import Route
from core.calibration.ports import DisplayProbe
from core.config.loader import Config
from core.deliveries.ports import LanePort
from core.desks.model import DeskWithoutHands, Virtual
from core.kit.supervise import supervise
from core.profiles.model import Box

if TYPE_CHECKING:
    from automation.desktop.displays.virtual_display import VirtualDisplay


@dataclass(frozen=True, slots=True, kw_only=True)
class Factories:
    """How what a config asks for is made. Making starts nothing."""

    hands: Callable[[Config], Mapping[str, DeskWorkerClient]]
    displays: Callable[[Config, Collection[str], Callable[[str, DisplayStatus], None]], Iterable[VirtualDisplay]]
    """Those of these desks; each tells its desk's name and how it stands."""
    lanes: Callable[[Config, Mapping[str, DeskWorkerClient]], Mapping[Route, LanePort]]


class DeskWorkerPool:
    """Every desk that an agent works at. `run` must be running."""

    def __init__(self, config: Config, makers: Factories) -> None:
        self._makers = makers
        self._config = config
        # By their desks' names; the same mapping for as long as this lives.
        self.hands: dict[str, DeskWorkerClient] = dict(makers.hands(config))
        self._standing: dict[str, DisplayStatus] = {}  # of each desk's own display, for later hands
        self._work: dict[str, asyncio.Task[None]] = {}
        # What keeps, or follows, a desk's own display, and how that was described when it began.
        self._shown: dict[str, tuple[Virtual | None, asyncio.Task[None]]] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            self.start_missing()
            await asyncio.Event().wait()

    def start_missing(self) -> None:
        """Let all begin that do not work yet."""
        group = self._group
        if group is None:
            return  # `run` does
        for name, hands in self.hands.items():
            if name not in self._work:
                self._work[name] = supervise(group, f"desk {name}", hands.run())
                if name in self._standing:
                    hands.stands(self._standing[name])
        keeps, described = self._config.settings.displays.start, _virtual(self._config)
        for display in self._makers.displays(self._config, self.hands.keys(), self._report_status):
            if display.desk not in self._shown:
                work = display.keep() if keeps else display.follow()
                task = supervise(group, f"display {display.desk}", work)
                self._shown[display.desk] = described[display.desk], task

    def desks_to_restart(self, config: Config) -> frozenset[str]:
        """The desks whose hands are of no use under this config, or that have none yet."""
        wanted = self._makers.hands(config)
        return frozenset(
            name
            for name in {*self.hands, *wanted}
            if name not in wanted or name not in self.hands or wanted[name].terms != self.hands[name].terms
        )

    async def replace(self, config: Config, desks: Collection[str]) -> None:
        """End the hands of these desks, in an orderly way, and make those that the config wants. A display of a desk's
        own stays as it is, with the programs on it, unless it is described otherwise itself."""
        wanted, described = self._makers.hands(config), _virtual(config)
        ended = [self._work.pop(name) for name in desks if name in self._work]
        others = [name for name, (virtual, _) in self._shown.items() if virtual != described.get(name)]
        ended += [self._shown.pop(name)[1] for name in others]
        for task in ended:
            task.cancel()
        if ended:
            await asyncio.wait(ended)
        for name in desks:
            if name in wanted:
                self.hands[name] = wanted[name]
            else:
                self.hands.pop(name, None)
            if name not in self._shown:
                self._standing.pop(name, None)
        self._config = config

    def probe(self, desk: str) -> DisplayProbe:
        """Eyes and hands on this desk's display. Raises DeskWithoutHands where no agent works at it."""
        hands = self.hands.get(desk)
        if hands is None:
            raise DeskWithoutHands(id=desk)
        return hands

    def number_places(self, png: bytes, part: Box | None, places: Mapping[int, Box]) -> bytes:
        """Draw numbered places on the picture of a display, or on this part of it, enlarged."""
        from automation.desktop.calibration.numbered_picture import number_places

        return number_places(png, part, places)

    def _report_status(self, desk: str, standing: DisplayStatus) -> None:
        self._standing[desk] = standing
        if desk in self.hands:
            self.hands[desk].stands(standing)

    def lanes(self, config: Config) -> Mapping[Route, LanePort]:
        return self._makers.lanes(config, self.hands)


def _virtual(config: Config) -> dict[str, Virtual | None]:
    return {desk.name: desk.virtual for desk in config.desks}
