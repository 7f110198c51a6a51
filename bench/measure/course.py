"""Deliveries one after the other through the real thing: a coordinator with its journal on disk, desk workers at the
other end of their pipes, real windows; each timed from the commit of its lease to the commit of its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from automation.desktop.worker.lane import DeskWorkerClient
from automation.desktop.worker.supervisor import WorkerSetup, WorkerSupervisor
from bot.app import work_tools
from core.agents.model import Agent, Lane, Route
from core.coordinator import Coordinator
from core.deliveries.model import DeliveryId, DeliveryMoved, DeliveryRequest, Outcome
from core.deliveries.ports import LanePort, Progress
from core.desks.model import Desk, DeskState
from core.journal.model import Entry
from core.kit.clock import SystemClock
from core.kit.errors import OctetError
from core.kit.priority import hurry
from core.kit.supervise import supervise
from core.profiles.model import Driven
from core.reasons import Reason
from core.security.model import OPERATOR
from core.tasks.model import NewTask, TaskId
from tests.builders import FixedDeskWorkers, make_agent, make_config
from tests.display import VirtualDisplay
from tests.fakes.desk import ROOT

LIMIT_S = 60.0
HEARD_S = 0.02
"""Between two looks whether a program has heard its prompt."""
_CODE = re.compile(r" --code (\S+)")
WORKER_STAGES = ("preflight", "focus", "stage", "readback", "submit", "confirm")


@dataclass(slots=True, kw_only=True)
class Timed:
    """One delivery: how long it took in all, and what of that was where, in milliseconds."""

    whole_ms: float = 0.0
    stages_ms: dict[str, float] = field(default_factory=dict[str, float])
    commits_ms: float = 0.0
    """Inside the three questions to the journal; the one inside `submit` is counted here and not there."""
    submit_commit_ms: float = 0.0
    grant_ms: float = 0.0
    """From the worker's question for Enter to its answer, on the worker's clock; of several the longest."""
    requests: int = 0
    """What the hands asked of the display server, and told it."""
    characters: int = 0
    assurance: str = ""

    def shares_ms(self) -> dict[str, float]:
        """Return the time of the stages, the commits, and the rest: the pipe and the gaps."""
        found = {name: self.stages_ms.get(name, 0.0) for name in WORKER_STAGES}
        found["submit"] = max(0.0, found["submit"] - self.submit_commit_ms)
        found["commits"] = self.commits_ms
        found["pipe and rest"] = max(0.0, self.whole_ms - sum(found.values()))
        return found


class _TimedLane:
    """The lane of one desk, timed."""

    at_once = 1

    def __init__(self, lane: DeskWorkerClient, timed: dict[str, Timed]) -> None:
        self._lane = lane
        self._timed = timed

    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        timed = self._timed.setdefault(order.delivery, Timed())
        watched = _TimedProgress(progress)
        outcome = await self._lane.deliver(order, watched)
        timed.stages_ms = dict(outcome.timings_ms)
        timed.commits_ms, timed.submit_commit_ms = watched.all_ms, watched.submit_ms
        timed.grant_ms = outcome.timings_ms.get("grant", 0.0)
        timed.requests = round(outcome.timings_ms.get("requests", 0))
        timed.characters = len(order.text)
        timed.assurance = f"{outcome.result} {outcome.assurance or outcome.reason}: {outcome.note}"
        return outcome

    async def settle(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        return await self._lane.settle(order, progress)

    async def give_up(self, delivery: DeliveryId, *, answered: bool = False) -> None:
        await self._lane.give_up(delivery, answered=answered)


class _TimedProgress:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.all_ms = self.submit_ms = 0.0

    async def staging(self, *, drafts: tuple[str, ...] = ()) -> None:
        began = time.perf_counter()
        await self._progress.staging(drafts=drafts)
        self.all_ms += (time.perf_counter() - began) * 1000

    async def staged(self, *, sha256: str, drafts: tuple[str, ...] = ()) -> None:
        began = time.perf_counter()
        await self._progress.staged(sha256=sha256, drafts=drafts)
        self.all_ms += (time.perf_counter() - began) * 1000

    async def submitting(self) -> None:
        began = time.perf_counter()
        await self._progress.submitting()
        self.submit_ms += (time.perf_counter() - began) * 1000
        self.all_ms += self.submit_ms


class NotDelivered(Exception):
    """A delivery of the benchmark ended otherwise: what was measured then is no delivery."""


class Course:
    """A coordinator at work. `deliver` gives one prompt to one agent and frees it again."""

    def __init__(self, core: Coordinator, timed: dict[str, Timed]) -> None:
        self._core = core
        self._timed = timed
        self._leased_s: dict[str, float] = {}
        self._ends: dict[str, asyncio.Future[tuple[str, float]]] = {}
        self.late = 0  # attempts that were given up because each go-ahead for Enter came too late
        core.journal.listen(DeliveryMoved, self._heard)

    async def deliver(self, agent: str, text: str) -> Timed:
        """Deliver `text` to `agent` and end its task. Raises NotDelivered with what was seen instead."""
        task, end = await self._begin(agent, text)
        async with asyncio.timeout(LIMIT_S):
            delivery, ended_s = await end
        timed = self._timed.pop(delivery)
        timed.whole_ms = (ended_s - self._leased_s.pop(delivery)) * 1000
        await self._core.tasks.done(task, "done", by=OPERATOR)
        return timed

    async def answered(self, agent: str, text: str, *, heard: Callable[[], Sequence[str]], answer_s: float) -> None:
        """Deliver `text` to `agent`, whose program tells what it `heard`, and answer so long after it did. Raises
        NotDelivered, also where only the answer showed that the text had arrived."""
        before = len(heard())
        task, end = await self._begin(agent, text)
        try:
            async with asyncio.timeout(LIMIT_S):
                while len(heard()) == before and not (end.done() and end.exception()):  # noqa: ASYNC110 a log
                    await asyncio.sleep(HEARD_S)
                if len(heard()) > before:
                    await asyncio.sleep(answer_s)
                    code = _CODE.search(heard()[-1])
                    assert code is not None, "the program heard another text"
                    await self._core.tasks.accept_answer(task, code[1], "done", final=True, key=f"{task}-answer")
                await end
        except (NotDelivered, TimeoutError):
            with contextlib.suppress(OctetError):
                await self._core.tasks.cancel(task, by=OPERATOR)
            raise

    async def _begin(self, agent: str, text: str) -> tuple[TaskId, asyncio.Future[tuple[str, float]]]:
        """Create a new task for this agent, and return the delivery that ends with it."""
        task = (await self._core.tasks.new(NewTask(brief=text, agent=agent), by=OPERATOR)).id
        end = self._ends[task] = asyncio.get_running_loop().create_future()
        return task, end

    def _heard(self, entry: Entry[DeliveryMoved]) -> None:
        delivery, task, now = entry.event.delivery, entry.event.task, entry.event.now
        if now == "leased":
            self._leased_s.setdefault(delivery, time.perf_counter())  # a bounce counts: the prompt waited for it
        self.late += now != "leased" and entry.event.reason is Reason.LATE
        end = self._ends.get(task)
        if end is None or end.done():
            return
        if now == "delivered":
            end.set_result((delivery, time.perf_counter()))
        elif now in {"unknown", "refused", "failed", "cancelled"}:
            end.set_exception(NotDelivered(f"{now}: {entry.event.reason}"))


def client_of(
    desk: Desk,
    *,
    home: Path,
    profiles: Mapping[str, Driven],
    core: Callable[[], Coordinator],
    environ: Mapping[str, str],
    argv: Sequence[str],
) -> DeskWorkerClient:
    """Make a desk's worker client, with a worker as `octet run` starts it, or as `argv` says."""
    return DeskWorkerClient(
        WorkerSupervisor(
            desk,
            profiles,
            WorkerSetup(
                argv=argv or (sys.executable, "-m", "bot", "desk", "run", "--desk", desk.name),
                environment=environ,
                anchors=home / "anchors" / desk.name,
                locks=home / "locks",
                clock=SystemClock(),
            ),
            news=lambda: core().dispatch,
            leftovers=lambda name: core().deliveries.leftover_drafts.left(name),  # noqa: PLW0108 - it exists later
        )
    )


def environ_for(display: VirtualDisplay | None = None) -> dict[str, str]:
    """For a worker: it needs no session bus, the display says where accessibility is."""
    kept = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    return {**kept, "PYTHONPATH": str(ROOT)} | ({"DISPLAY": display.name} if display else {})


@asynccontextmanager
async def course(
    home: Path,
    desks: Sequence[Desk],
    profiles: Mapping[str, Driven],
    environ: Mapping[str, str],
    *,
    argv: Sequence[str] = (),
) -> AsyncGenerator[Course]:
    """Open a coordinator in `home` with an agent per window, named `DESK-WINDOW`, once every desk is ready."""
    hurry()  # as `octet run` does
    client = {
        desk.name: client_of(desk, home=home, profiles=profiles, core=lambda: core, environ=environ, argv=argv)
        for desk in desks
    }
    agents: list[Agent] = [
        make_agent(f"{desk.name}-{window.name}", lane=Lane.WINDOW, desk=desk.name, window=window.name)
        for desk in desks
        for window in desk.windows
    ]
    timed = dict[str, Timed]()
    lanes: dict[Route, LanePort] = {(Lane.WINDOW, name): _TimedLane(pair, timed) for name, pair in client.items()}
    config = make_config(home, agents, desks)
    opened = Coordinator.open(config, FixedDeskWorkers(client, lanes), work_tools(config.home))
    async with opened as core, asyncio.TaskGroup() as group:
        work = [supervise(group, "dispatch", core.dispatch.run())]
        work += [supervise(group, f"desk {pair.desk}", pair.run()) for pair in client.values()]
        async with asyncio.timeout(LIMIT_S):
            while set(core.desks.states().values()) != {DeskState.READY}:  # noqa: ASYNC110 asked anew
                await asyncio.sleep(0.05)
        yield Course(core, timed)
        for one in work:
            one.cancel()
