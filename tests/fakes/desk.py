"""A real desk for tests: two kinds of windows, their profiles, hands with a real worker, and who listens to them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from automation.desktop.window_info import WindowInfo
from automation.desktop.worker.connection import WorkerTimeouts
from automation.desktop.worker.lane import DeskWorkerClient
from automation.desktop.worker.supervisor import WorkerSetup, WorkerSupervisor
from core.deliveries.model import DeliveryId, DeliveryRequest, Outcome, Reason, Result
from core.deliveries.ports import LanePort, Progress
from core.desks.learned import Learned
from core.desks.model import (
    Desk,
    DeskNow,
    DeskState,
    LearnedFact,
    Shown,
    UserActivityPolicy,
    Virtual,
    Window,
    WindowStatus,
)
from core.desks.ports import DeskNews
from core.kit.clock import SystemClock
from core.kit.errors import Unavailable
from core.profiles.model import (
    Box,
    Composer,
    Confirm,
    Driven,
    Newline,
    Normalise,
    Profile,
    Readback,
    Selection,
    StateSigns,
    Transcript,
)
from tests.display import LIMIT_S, VirtualDisplay
from tests.fakes import term_window, tk_window
from tests.fakes.window_log import WindowLog

ROOT = Path(__file__).parents[2]
BOTH = frozenset({Confirm.COMPOSER_EMPTY, Confirm.BUSY_SEEN})
WORKER = "import sys; from automation.desktop.x11.worker import run; sys.exit(run(sys.argv[1]))"

PATIENT = WorkerTimeouts(silence_s=60.0, seized_s=60.0, obey_s=30.0)
"""On a busy machine a worker pauses for seconds: it is ended for that only where a test is about it."""

PORTABLE = "import sys; from automation.desktop.macos.worker import run; sys.exit(run(sys.argv[1]))"
"""The worker of platforms without X11. No setting chooses it where there is X11: tests start it by hand."""

TK = Profile(
    name="tk",
    match_class="Octetchat",
    composer=Composer(box=Box(x=4, y=204, width=390, height=92), background="#ffffff"),
    anchor=Box(x=0, y=0, width=330, height=30),
    paste="ctrl+v",
    selection=Selection.CLIPBOARD,
    submit="enter",
    newline=Newline.KEEP,
    readback=(Readback.COPY,),
    normalise=Normalise.RAW,
    max_chars=50_000,
    clear=("ctrl+a", "backspace"),
    busy=StateSigns(box=Box(x=345, y=5, width=50, height=20), colour=tk_window.LAMP_ON),
    confirm=BOTH,
)
SAYS = replace(TK, transcript=Transcript(box=Box(x=0, y=30, width=400, height=170), complete=True))
"""The same window, its transcript read too."""
CELL_W, CELL_H, BORDER = 6, 13, 2
TERM = Profile(
    name="term",
    match_class="Octetterm",
    composer=Composer(
        box=Box(x=BORDER, y=BORDER + CELL_H * (term_window.COMPOSER_ROW - 1), width=CELL_W * 60, height=CELL_H * 13),
        background="#101010",
    ),
    anchor=Box(x=BORDER, y=BORDER, width=CELL_W * 30, height=CELL_H),
    paste="shift+insert",
    selection=Selection.PRIMARY,
    submit="enter",
    newline=Newline.KEEP,
    readback=(Readback.PIXELS,),
    normalise=Normalise.RAW,
    max_chars=20_000,
    clear=("ctrl+u",),
    busy=StateSigns(box=Box(x=BORDER, y=BORDER + CELL_H * 2, width=CELL_W * 20, height=CELL_H), colour="#d08000"),
    confirm=BOTH,
    paste_timeout_ms=800,
)
PROFILES = {profile.name: profile for profile in (TK, TERM)}


@dataclass(slots=True)
class Agent:
    """One agent's window on the display, and what it was really given."""

    name: str
    window: Window
    seen: WindowInfo
    log: Path

    @property
    def heard(self) -> list[str]:
        """Every text that was submitted in the window, oldest first."""
        return WindowLog(self.log).texts()

    def rests(self) -> None:
        """End the work that a Tk window is at, however long it would have gone on."""
        self.log.with_suffix(".rests").touch()


def open_tk(
    display: VirtualDisplay, name: str, x: int, y: int, *, busy_ms: int = 300, title: str = "", second: str = ""
) -> Agent:
    """Open a Tk chat window at x, y; `second` is the title of another window of the same program."""
    log = display.folder / f"{name}.heard"
    script = ROOT / "tests/fakes/tk_window.py"
    display.start_python(
        script, title or f"{name} — workspace", str(log), str(x), str(y), str(busy_ms), *filter(None, [second])
    )
    return opened(display, name, "tk", title=title)


def open_term(
    display: VirtualDisplay, name: str, x: int, y: int, *, busy_s: float = 0.3, is_plain: bool = False
) -> Agent:
    """Open an xterm with the terminal agent at x, y; a plain one has no bracketed paste."""
    log = display.folder / f"{name}.heard"
    script = ROOT / "tests/fakes/term_window.py"
    look = ("-fn", "6x13", "-b", str(BORDER), "+sb", "-bg", "#101010", "-fg", "#e0e0e0", "-cr", "#e0e0e0", "-bw", "0")
    where = ("-title", name, "-class", "Octetterm", "-geometry", f"60x20+{x}+{y}")
    mode = ["plain"] if is_plain else []
    display.start("xterm", *look, *where, "-e", sys.executable, str(script), name, str(log), str(busy_s), *mode)
    return opened(display, name, "term")


_BROUGHT: dict[str, Path] = {}
"""By the names of the windows that were opened last, the files that are there while a text is brought to them."""


def opened(
    display: VirtualDisplay, name: str, profile: str, *, title: str = "", at: tuple[int, int] | None = None
) -> Agent:
    """Wait for a window that was just opened, and move it to this place."""
    log = display.folder / f"{name}.heard"
    _BROUGHT[name] = log.with_suffix(".brought")
    seen = display.window(f"^{title or name}")
    if at is not None:
        display.place(seen.id, *at)
        seen = display.window(f"^{name}")
    return Agent(
        name=name, window=Window(name=name, profile=profile, title=f"^{name}", box=seen.box), seen=seen, log=log
    )


@dataclass(slots=True)
class News(DeskNews):
    """Remembers what the hands told."""

    states: list[DeskNow] = field(default_factory=list)
    usable: list[str] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    waits: list[Reason | None] = field(default_factory=list)
    locks: list[bool] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
    stirred: list[str] = field(default_factory=list)
    seen: list[WindowStatus] = field(default_factory=list)
    facts: list[LearnedFact] = field(default_factory=list)
    learned: Learned | None = None
    """Where facts are kept."""
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def _keep(self, kept: list[Any], told: Any) -> None:
        async with self.came:
            kept.append(told)
            self.came.notify_all()

    async def desk_changed(self, desk: str, now: DeskNow) -> None:
        await self._keep(self.states, now)

    async def desk_waits(self, desk: str, why: Reason | None) -> None:
        await self._keep(self.waits, why)

    async def desk_locked(self, desk: str, *, is_locked: bool) -> None:
        await self._keep(self.locks, is_locked)

    async def desk_stopped(self, desk: str, how: str) -> None:
        await self._keep(self.stops, how)

    async def window_usable(self, desk: str, window: str) -> None:
        await self._keep(self.usable, window)

    async def window_seen(self, desk: str, status: WindowStatus) -> None:
        await self._keep(self.seen, status)

    async def window_shows(self, desk: str, shown: Shown) -> None:
        await self._keep(self.shown, shown)

    async def window_stirred(self, desk: str, window: str) -> None:
        await self._keep(self.stirred, window)

    async def window_learned(self, fact: LearnedFact) -> None:
        if self.learned is not None:
            self.learned.keep(fact)
        await self._keep(self.facts, fact)

    async def until(self, holds: Callable[[], bool], limit_s: float = 60.0) -> None:
        """Wait until what was told makes `holds()` true."""
        async with asyncio.timeout(limit_s), self.came:
            await self.came.wait_for(holds)


class StoreGone(Unavailable):
    """The store is not there."""


@dataclass(slots=True)
class Leftovers:
    """What the journal knows of drafts in the windows; a test says it."""

    marks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    commits: dict[str, Commits] = field(default_factory=dict)
    """By window, where what was committed last is remembered."""
    is_there: bool = True

    async def __call__(self, desk: str) -> Mapping[str, tuple[str, ...]]:
        if not self.is_there:
            raise StoreGone
        kept = {name: tuple(commits.drafts) for name, commits in self.commits.items() if commits.drafts}
        return kept | self.marks


@dataclass(slots=True)
class Commits:
    """A Progress that remembers, and runs what a test wants to happen when a state is committed."""

    steps: list[str] = field(default_factory=list)
    sha256: str = ""
    drafts: list[str] = field(default_factory=list)
    when: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)

    async def staging(self, *, drafts: tuple[str, ...] = ()) -> None:
        self.drafts = [*self.drafts, *drafts]
        await self._step("staging")

    async def staged(self, *, sha256: str, drafts: tuple[str, ...] = ()) -> None:
        self.sha256 = sha256
        self.drafts = [*self.drafts, *drafts]
        await self._step("staged")

    async def submitting(self) -> None:
        await self._step("submitting")

    async def _step(self, name: str) -> None:
        self.steps.append(name)
        if name in self.when:
            await self.when[name]()


def make_order(
    agent: str, text: str, *, desk: str = "desk", delivery: str = "D1", fence: int = 1, begins_task: bool = False
) -> DeliveryRequest:
    return DeliveryRequest(
        delivery=DeliveryId(delivery),
        fence=fence,
        agent=agent,
        desk=desk,
        window=agent,
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        begins_task=begins_task,
    )


PASSES = frozenset(
    {
        Reason.BUSY,
        Reason.CLIPBOARD_TAKEN,
        Reason.DISPLAY_HELD,
        Reason.FOCUS_TAKEN,
        Reason.KEYS_DOWN,
        Reason.LATE,
        Reason.PASTE_NOT_READ,
        Reason.TOO_SLOW,
    }
)
"""What may keep a text out for a moment on any machine that has much to do, whatever a test is about."""


async def deliver(
    lane: LanePort, order: DeliveryRequest, commits: Commits | None = None, *, about: Collection[Reason] = ()
) -> Outcome:
    """Return the outcome, as dispatch would come to it: what bounced for a moment is tried again, with the next fence.
    `commits` knows the last attempt only. A bounce for one of the reasons that the test is `about` is an outcome."""
    commits = commits or Commits()
    seen: list[tuple[Result, Reason | None, str]] = []
    try:
        async with asyncio.timeout(LIMIT_S):
            while True:
                outcome = await lane.deliver(order, commits)
                is_over = outcome.result not in {Result.BOUNCED, Result.NOT_ARRIVED}  # dispatch tries again after both
                if is_over or outcome.reason not in PASSES.difference(about):
                    return outcome
                seen.append((outcome.result, outcome.reason, outcome.note))
                commits.steps.clear()
                order = replace(order, fence=order.fence + 1)
                await asyncio.sleep(0.05)  # what kept it out ends without an event
    except TimeoutError:
        raise AssertionError(f"kept out for {LIMIT_S} s, {len(seen)} times, at last: {seen[-3:]}") from None


def make_client(
    display: str,
    folder: Path,
    windows: tuple[Window, ...],
    news: News,
    *,
    limits: WorkerTimeouts | None = None,
    leftovers: Leftovers | None = None,
    virtual: Virtual | None = None,
    user_activity: UserActivityPolicy | None = None,
    profiles: Sequence[Profile] = (),
    worker: str = WORKER,
    **more: Profile,
) -> DeskWorkerClient:
    """Make hands with a real worker process; not running yet. `profiles` and `more` replace those of their names."""
    desk = Desk(
        name="desk",
        display=display,
        windows=windows,
        virtual=virtual,
        user_activity=user_activity or UserActivityPolicy(),
    )
    known = PROFILES | {profile.name: profile for profile in profiles} | more
    return hands_by(worker, desk, known, folder, news, limits=limits or PATIENT, leftovers=leftovers)


def hands_by(
    worker: str,
    desk: Desk,
    profiles: Mapping[str, Driven],
    folder: Path,
    news: News,
    *,
    limits: WorkerTimeouts | None,
    leftovers: Leftovers | None,
) -> DeskWorkerClient:
    """Make hands on a desk by this code of a worker; not running yet."""
    hidden = {"DISPLAY", "TMUX", "PYTEST_CURRENT_TEST"}
    environ = {name: value for name, value in os.environ.items() if name not in hidden}
    setup = WorkerSetup(
        argv=(sys.executable, "-c", worker, "desk"),
        environment={**environ, "PYTHONPATH": str(ROOT)},
        anchors=folder / "anchors/desk",
        locks=folder / "locks",
        clock=SystemClock(),
        limits=limits or WorkerTimeouts(),
    )
    return DeskWorkerClient(
        WorkerSupervisor(desk, profiles, setup, news=lambda: news, leftovers=leftovers or Leftovers())
    )


class WatchedLane:
    """A desk's lane that tells the windows while it brings them something: they then show that they work at least
    as long as a test may look for it, however late a busy machine makes that."""

    at_once = 1

    def __init__(self, client: DeskWorkerClient) -> None:
        self._client = client
        self.give_up = client.give_up

    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        with _brought(order):
            return await self._client.deliver(order, progress)

    async def settle(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        with _brought(order):
            return await self._client.settle(order, progress)


@contextmanager
def _brought(order: DeliveryRequest) -> Generator[None]:
    path = _BROUGHT.get(order.window or "")
    if path is None or not path.parent.exists():  # of another test
        yield
        return
    new = path.with_suffix(".new")
    new.write_text(f"{order.delivery} {order.fence} {time.monotonic_ns()}", "utf-8")
    new.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


@dataclass(slots=True)
class RunningDesk:
    """Hands that run, their lane, and what they told."""

    client: DeskWorkerClient
    lane: WatchedLane
    news: News


@asynccontextmanager
async def running(client: DeskWorkerClient, news: News, *, wait: bool = True) -> AsyncIterator[RunningDesk]:
    """Run the hands; wait until they are ready."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(client.run())
        try:
            if wait:
                await news.until(lambda: bool(news.states) and news.states[-1][0] is DeskState.READY)
            yield RunningDesk(client=client, lane=WatchedLane(client), news=news)
        finally:
            task.cancel()
