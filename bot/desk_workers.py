"""The hands of all desks, and the displays of those that have one of their own, at work in one task group; those of
desks that the config describes otherwise are replaced while the others work on."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from automation.desktop.displays.display_status import DisplayStatus
from automation.desktop.worker.lane import DeskWorkerClient
from automation.desktop.worker.supervisor import WorkerSupervisor
from automation.dryrun.lane import DryRunLane
from automation.llm.lane import ModelLane
from bot import runfile
from core.agents.model import Lane, Route
from core.calibration.ports import DisplayProbe
from core.config.loader import Config
from core.deliveries.ports import LanePort
from core.deliveries.service import Deliveries
from core.desks.learned import Learned
from core.desks.model import DeskWithoutHands, Virtual
from core.desks.ports import DeskNews
from core.kit.clock import SystemClock
from core.kit.supervise import supervise
from core.profiles.model import Box
from core.reasons import Reason

if TYPE_CHECKING:
    from automation.desktop.displays.virtual_display import VirtualDisplay


class DeskNewsReceivers:
    """Who takes the desks' news and answers their questions: dispatch and the deliveries, which are made after the
    workers."""

    def __init__(self) -> None:
        self.dispatch = DeskNews()
        self.deliveries: Deliveries | None = None

    async def drafts(self, desk: str) -> Mapping[str, tuple[str, ...]]:
        """What interrupted deliveries may have left in the desk's windows (desks.ports.Leftovers)."""
        return {} if self.deliveries is None else await self.deliveries.leftover_drafts.left(desk)


class DeskWorkerPool:
    """Every desk that an agent works at. `run` must be running."""

    def __init__(self, config: Config, environ: Mapping[str, str]) -> None:
        """`environ` is that of the workers and of the programs on their displays."""
        self.news = DeskNewsReceivers()
        self._config = config
        self._environ = environ
        self._models: dict[str, ModelLane] = {}
        # By their desks' names; the same mapping for as long as this lives.
        self.hands: dict[str, DeskWorkerClient] = dict(self._make_workers(config))
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
        group = self._group
        if group is None:
            return  # `run` does
        for name, hands in self.hands.items():
            if name not in self._work:
                self._work[name] = supervise(group, f"desk {name}", hands.run())
                if name in self._standing:
                    hands.stands(self._standing[name])
        keeps, described = self._config.settings.displays.start, _virtual(self._config)
        for display in self._make_displays(self._config, self.hands.keys()):
            if display.desk not in self._shown:
                work = display.keep() if keeps else display.follow()
                task = supervise(group, f"display {display.desk}", work)
                self._shown[display.desk] = described[display.desk], task

    def desks_to_restart(self, config: Config) -> frozenset[str]:
        """The desks whose hands are of no use under this config, or that have none yet."""
        wanted = self._make_workers(config)
        return frozenset(
            name
            for name in {*self.hands, *wanted}
            if name not in wanted or name not in self.hands or wanted[name].terms != self.hands[name].terms
        )

    async def replace(self, config: Config, desks: Collection[str]) -> None:
        """End the hands of these desks, in an orderly way, and make those that the config wants. A display of a desk's
        own stays as it is, with the programs on it, unless it is described otherwise itself."""
        wanted, described = self._make_workers(config), _virtual(config)
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
        """Return a lane for each route that an agent uses. Agents with the same model share one."""
        dry_run = DryRunLane()
        lanes: dict[Route, LanePort] = {}
        for agent in config.agents:
            if agent.lane is Lane.DRYRUN:
                lanes[agent.route] = dry_run
            elif agent.model is not None:
                model = config.models[agent.model]
                if agent.model not in self._models or self._models[agent.model].model != model:
                    self._models[agent.model] = ModelLane(model)
                lanes[agent.route] = self._models[agent.model]
            elif agent.desk is not None and agent.desk in self.hands:
                lanes[agent.route] = self.hands[agent.desk]
        return lanes

    def _make_workers(self, config: Config) -> Mapping[str, DeskWorkerClient]:
        """Make a worker for every desk that an agent works at; a desk without agents needs none. Starts nothing."""
        locks = runfile.pointer_folders(self._environ)[-1] / "displays"
        run = [sys.executable, "-m", "bot", "desk", "run"]
        return {
            desk.name: DeskWorkerClient(
                WorkerSupervisor(
                    desk,
                    config.panes if desk.tmux is not None else config.profiles,
                    argv=[*run, "--desk", desk.name, *(["--tmux"] if desk.tmux else [])],
                    environ=self._environ,
                    anchors=(config.home.displays if desk.tmux is not None else config.home.anchors) / desk.name,
                    locks=locks,
                    news=lambda: self.news.dispatch,
                    leftovers=self.news,
                    clock=SystemClock(),
                    learned=Learned(config.home),
                )
            )
            for desk in config.used_desks()
        }

    def _make_displays(self, config: Config, desks: Collection[str]) -> Iterator[VirtualDisplay]:
        """Make the displays of those of these desks that have one of their own. Starts nothing."""
        own = [desk for desk in config.desks if desk.virtual is not None and desk.name in desks]
        if own and sys.platform in {"win32", "darwin"}:
            for desk in own:
                self._report_status(desk.name, DisplayStatus(reason=Reason.NO_X11))
            return
        for desk in own:
            from automation.desktop.displays.state_dir import DisplayStateDir
            from automation.desktop.displays.virtual_display import VirtualDisplay

            if desk.virtual is not None:
                yield VirtualDisplay(
                    desk.virtual,
                    folder=DisplayStateDir(config.home.displays, desk.name),
                    home=config.home.root,
                    environ=self._environ,
                    tell=partial(self._report_status, desk.name),
                )


def _virtual(config: Config) -> dict[str, Virtual | None]:
    return {desk.name: desk.virtual for desk in config.desks}
