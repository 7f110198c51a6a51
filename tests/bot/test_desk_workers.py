"""The workers of all desks while the config changes: which end, and who hears how a desk's own display stands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from automation.desktop.displays.display_status import DisplayStatus
from bot.desk_workers import DeskWorkerPool
from core.config.loader import Config, load
from core.desks.model import Virtual
from core.desks.ports import DeskNews
from core.home import Home
from core.kit.supervise import supervise
from core.reasons import Reason
from tests.core.maintenance.test_reload import PROFILE, agent, write

UP = DisplayStatus(display=":7", xauthority="/nowhere")
DOWN = DisplayStatus(reason=Reason.DISPLAY_ENDED)


@dataclass
class RememberingWorker:
    """Workers that only remember how they were told that their display stands."""

    terms: object
    stood: list[DisplayStatus] = field(default_factory=list[DisplayStatus])
    is_at_work: bool = False
    began: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        self.is_at_work = True
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.is_at_work = False

    def note_display_status(self, standing: DisplayStatus) -> None:
        self.stood.append(standing)


@dataclass
class Display:
    """A display that says how it stands when the test has it do so."""

    desk: str
    tell: Callable[[str, DisplayStatus], None]
    began: asyncio.Event = field(default_factory=asyncio.Event)

    is_kept: bool = False

    async def keep(self) -> None:
        self.is_kept = True
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.is_kept = False

    follow = keep


@dataclass
class Stage:
    """Desk workers with such workers; `displays` are all that were made, the newest last."""

    root: Path
    workers: DeskWorkerPool = field(init=False)
    displays: list[Display] = field(default_factory=list[Display])
    made: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        stage = self

        class Pool(DeskWorkerPool):
            def _make_workers(self, config: Config) -> Mapping[str, Any]:
                used = {one.desk for one in config.agents}
                return {desk.name: RememberingWorker(terms=desk) for desk in config.desks if desk.name in used}

            def _make_display(self, desk: str, virtual: Virtual) -> Any:
                made = Display(desk=desk, tell=self._report_status)
                stage.displays.append(made)
                stage.made.set()
                return made

        async def leftovers(desk: str) -> dict[str, tuple[str, ...]]:
            raise AssertionError(desk)

        self.workers = Pool(self.config(), {}, news=DeskNews, leftovers=leftovers)

    def config(self, *, size: str = "1280x800", has_agent: bool = True) -> Config:
        write(self.root, "octet.toml", "")
        write(self.root, "profiles/demo_tk.toml", PROFILE)
        desk = (
            f'[virtual]\nsize = "{size}"\nprogram = ["xterm"]\n\n'
            '[[windows]]\nname = "agent"\nprofile = "demo_tk"\ntitle = "agent"\n'
            "box = { x = 0, y = 0, width = 386, height = 413 }\n"
        )
        write(self.root, "desks/own.toml", desk)
        write(self.root, "agents.toml", agent("A", "own", "agent") if has_agent else agent("A"))
        return load(Home(root=self.root))

    def worker(self) -> RememberingWorker:
        return cast("RememberingWorker", self.workers.workers["own"])

    async def follow(self, config: Config) -> None:
        await self.workers.replace(config, self.workers.desks_to_restart(config))
        self.workers.start_missing()
        await self.begun()

    async def begun(self) -> None:
        """Until all workers are at work, within a limit."""
        async with asyncio.timeout(60):
            for worker in self.workers.workers.values():
                await cast("RememberingWorker", worker).began.wait()
            await self.displays[0].began.wait()


@asynccontextmanager
async def stage(root: Path) -> AsyncGenerator[Stage]:
    at = Stage(root)
    async with asyncio.TaskGroup() as group:
        work = supervise(group, "desks", at.workers.run())
        async with asyncio.timeout(60):
            await at.made.wait()
        await at.begun()
        yield at
        work.cancel()


async def test_hands_that_come_back_to_a_display_that_stayed_are_told_how_it_stands_and_hear_of_it(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as at:
        (display,) = at.displays
        display.tell(display.desk, UP)
        assert at.worker().stood == [UP]
        await at.follow(at.config(has_agent=False))
        assert at.workers.workers == {}
        display.tell(display.desk, UP)  # nobody is there who could be told
        await at.follow(at.config())
        assert at.worker().stood == [UP]
        display.tell(display.desk, DOWN)
        assert at.worker().stood == [UP, DOWN]


async def test_a_display_that_is_described_otherwise_begins_anew_and_tells_the_new_hands(tmp_path: Path) -> None:
    async with stage(tmp_path) as at:
        at.displays[0].tell(at.displays[0].desk, UP)
        before = at.worker()
        await at.follow(at.config(size="800x600"))
        assert not before.is_at_work
        assert at.worker().stood == [], "the new display has not said anything yet"
        at.displays[-1].tell(at.displays[-1].desk, DOWN)
        assert at.worker().stood == [DOWN]


async def test_a_display_that_changed_while_nobody_worked_there_does_not_stay_as_it_was(tmp_path: Path) -> None:
    async with stage(tmp_path) as at:
        at.displays[0].tell(at.displays[0].desk, UP)
        await at.follow(at.config(has_agent=False))
        assert at.displays[0].is_kept, "it stays, with the programs on it"
        await at.follow(at.config(size="800x600", has_agent=False))
        assert not at.displays[0].is_kept
        await at.follow(at.config(size="800x600"))
        assert at.worker().stood == [], "the new display has not said anything yet"


async def test_hands_that_are_described_as_before_work_on(tmp_path: Path) -> None:
    async with stage(tmp_path) as at:
        before = at.worker()
        config = at.config()
        assert at.workers.desks_to_restart(config) == frozenset()
        await at.follow(config)
        assert at.worker() is before
        assert before.is_at_work
