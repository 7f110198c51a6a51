"""The workers of all desks, and the desks' virtual displays, in one task group. A reload replaces the workers of
changed desks; the others continue."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from automation.acp.lane import AcpLane
from automation.acp.messages import AcpAgent
from automation.desktop.displays.display_status import DisplayStatus
from automation.desktop.worker.lane import DeskWorkerClient
from automation.desktop.worker.supervisor import WorkerSetup, WorkerSupervisor
from automation.dryrun.lane import DryRunLane
from automation.llm.lane import ModelLane
from bot import runfile
from core.agents.model import Agent, Lane, Program, Route
from core.calibration.ports import DisplayProbe
from core.config.loader import Config
from core.config.program_environ import program_environ, write_program_environs
from core.deliveries.ports import LanePort, TurnNews
from core.desks.learned import Learned
from core.desks.model import Desk, Virtual
from core.desks.ports import DeskNews, Leftovers
from core.kit.clock import SystemClock
from core.kit.supervise import supervise
from core.profiles.model import Box, Driven
from core.reasons import Reason
from core.remedies import refused

if TYPE_CHECKING:
    from automation.desktop.displays.virtual_display import VirtualDisplay


def make_worker(
    desk: Desk,
    profiles: Mapping[str, Driven],
    environ: Mapping[str, str],
    *,
    folder: Path,
    news: Callable[[], DeskNews],
    leftovers: Leftovers,
    learned: Learned | None = None,
    options: Sequence[str] = (),
) -> DeskWorkerClient:
    """Make the worker of a desk; start nothing. On one display it takes turns with those of other homes."""
    run = [sys.executable, "-m", "bot", "desk", "run", "--desk", desk.name]
    setup = WorkerSetup(
        argv=[*run, *desk.kind.worker, *options],
        environment=environ,
        anchors=folder,
        locks=runfile.pointer_folders(environ)[-1] / "displays",
        clock=SystemClock(),
    )
    return DeskWorkerClient(WorkerSupervisor(desk, profiles, setup, news=news, leftovers=leftovers, learned=learned))


def make_acp_agent(config: Config, agent: Agent, environ: Mapping[str, str]) -> AcpAgent:
    """Describe an agent with lane `acp` for its worker. `environ` is that of the worker."""
    program = config.programs[agent.program] if agent.program else Program(command=agent.command)
    root = config.home.root.resolve()
    own = {**program.environment, **program_environ(config, agent.name)}
    binary = shutil.which(program.binary, path=environ.get("PATH")) if program.binary else None
    if binary is not None and program.binary_variable not in environ:
        own[program.binary_variable] = binary
    return AcpAgent(
        name=agent.name,
        program=program,
        variables=own,
        folder=str(root / Path(agent.folder or ".").expanduser()),
        state=str(config.home.acp.resolve() / agent.name),
        mode=agent.mode or "",
        options=agent.options,
        begins_fresh=agent.conversation == "fresh",
    )


class DeskWorkerPool:
    """Every desk that an agent works at, and the worker of all ACP agents. `run` must be running."""

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        *,
        news: Callable[[], DeskNews],
        leftovers: Leftovers,
        turns: Callable[[], TurnNews] = TurnNews,
    ) -> None:
        """`environ` is that of the workers and of the programs on their displays. `news` and `turns` return the
        listeners to the desks and to agents' turns, which exist once `run` does."""
        self._config, self._environ, self._news, self._leftovers = config, environ, news, leftovers
        self._models: dict[str, ModelLane] = {}
        self._turns = turns
        self._acp = AcpLane([sys.executable, "-m", "bot", "acp", "run"], environ, news=turns)
        # The workers by their desks' names; others keep this very mapping.
        self.workers: dict[str, DeskWorkerClient] = dict(self._make_workers(config))
        self._statuses: dict[str, DisplayStatus] = {}  # of each virtual display, for later workers
        self._work: dict[str, asyncio.Task[None]] = {}
        # The task that keeps or follows a virtual display, and the display's description when the task began.
        self._shown: dict[str, tuple[Virtual | None, asyncio.Task[None]]] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            self.start_missing()
            supervise(group, "acp", self._acp.run())
            await asyncio.Event().wait()

    def start_missing(self) -> None:
        group = self._group
        if group is None:
            return  # `run` starts them
        write_program_environs(self._config, runfile.octet_command())
        for name, worker in self.workers.items():
            if name not in self._work:
                self._work[name] = supervise(group, f"desk {name}", worker.run())
                if name in self._statuses:
                    worker.note_display_status(self._statuses[name])
        for desk in self._config.desks:
            if desk.virtual is None or desk.name not in self.workers or desk.name in self._shown:
                continue
            if sys.platform in {"win32", "darwin"}:
                self._report_status(desk.name, DisplayStatus(reason=Reason.NO_X11))
                continue
            display = self._make_display(desk.name, desk.virtual)
            work = display.keep() if self._config.settings.displays.start else display.follow()
            self._shown[desk.name] = desk.virtual, supervise(group, f"display {desk.name}", work)

    def desks_to_restart(self, config: Config) -> frozenset[str]:
        """Return the desks whose workers do not fit this config, or that have none yet."""
        wanted = self._make_workers(config)
        return frozenset(
            name
            for name in {*self.workers, *wanted}
            if name not in wanted or name not in self.workers or wanted[name].terms != self.workers[name].terms
        )

    async def replace(self, config: Config, desks: Collection[str]) -> None:
        """End the workers of these desks in an orderly way, and make those that the config wants. A virtual display
        stays up, with its programs, unless its own description changed."""
        wanted, described = self._make_workers(config), {desk.name: desk.virtual for desk in config.desks}
        ended = [self._work.pop(name) for name in desks if name in self._work]
        others = [name for name, (virtual, _) in self._shown.items() if virtual != described.get(name)]
        ended += [self._shown.pop(name)[1] for name in others]
        for task in ended:
            task.cancel()
        if ended:
            await asyncio.wait(ended)
        for name in desks:
            if name in wanted:
                self.workers[name] = wanted[name]
            else:
                self.workers.pop(name, None)
            if name not in self._shown:
                self._statuses.pop(name, None)
        self._config = config

    def probe(self, desk: str) -> DisplayProbe:
        """Return the worker of this desk's display. Raises desk_without_worker where no agent works at it."""
        if desk not in self.workers:
            raise refused("desk_without_worker", id=desk)
        return self.workers[desk]

    def number_places(self, png: bytes, part: Box | None, places: Mapping[int, Box]) -> bytes:
        """Draw numbered places on the picture of a display, or on this part of it, enlarged."""
        from automation.desktop.calibration.numbered_picture import number_places

        return number_places(png, part, places)

    def find_process(self) -> int | None:
        """Return the id of a worker's process; None while none runs."""
        return next(filter(None, (one.worker_pid for one in (*self.workers.values(), self._acp))), None)

    def _report_status(self, desk: str, status: DisplayStatus) -> None:
        self._statuses[desk] = status
        if desk in self.workers:
            self.workers[desk].note_display_status(status)

    def lanes(self, config: Config) -> Mapping[Route, LanePort]:
        """Return a lane for each route that an agent uses. Agents with the same model share one."""
        dry_run = DryRunLane()
        self._acp.use(
            [make_acp_agent(config, agent, self._environ) for agent in config.agents if agent.lane is Lane.ACP]
        )
        lanes: dict[Route, LanePort] = {}
        for agent in config.agents:
            if agent.lane is Lane.DRYRUN:
                lanes[agent.route] = dry_run
            elif agent.lane is Lane.ACP:
                lanes[agent.route] = self._acp
            elif agent.model is not None:
                model = config.models[agent.model]
                if agent.model not in self._models or self._models[agent.model].model != model:
                    self._models[agent.model] = ModelLane(model, self._turns)
                lanes[agent.route] = self._models[agent.model]
            elif agent.desk is not None and agent.desk in self.workers:
                lanes[agent.route] = self.workers[agent.desk]
        return lanes

    def _make_workers(self, config: Config) -> Mapping[str, DeskWorkerClient]:
        """Make a worker for every desk that an agent works at; a desk without agents needs none. Starts nothing."""
        return {
            desk.name: make_worker(
                desk,
                config.profiles_at(desk),
                self._environ,
                folder=desk.kind.folder(config.home) / desk.name,
                news=self._news,
                leftovers=self._leftovers,
                learned=Learned(config.home),
            )
            for desk in config.used_desks()
        }

    def _make_display(self, desk: str, virtual: Virtual) -> VirtualDisplay:
        from automation.desktop.displays.state_dir import DisplayStateDir
        from automation.desktop.displays.virtual_display import VirtualDisplay

        home = self._config.home
        folder, tell = DisplayStateDir(home.displays, desk), partial(self._report_status, desk)
        return VirtualDisplay(virtual, folder=folder, home=home.root, environ=self._environ, tell=tell)
