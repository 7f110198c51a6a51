"""A coordinator with its world, and what may be done to either; the stories are told by test_anything_may_happen.py."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine, invariant

from core.agent_actions.service import ActionRequested
from core.agent_messages.model import AgentMessageView
from core.agents.model import Agent, Lane, Route
from core.coordinator import Coordinator
from core.deliveries.model import DeliveryState, Outcome, Reason, Result
from core.deliveries.ports import LanePort
from core.desks.model import DeskNow, DeskState
from core.dispatch.model import Decision
from core.journal.model import Entry, Event
from core.kit.errors import OctetError
from core.kit.ids import MessageId
from core.profiles.model import TooLong
from core.retry_policy import RetryPolicy
from core.settings.model import DispatchSettings
from core.store import engine
from core.store.engine import Tx
from core.store.errors import StoreFull
from core.tasks.model import Task, TaskChanges, TaskId, TaskState
from tests.builders import ADA, list_tasks, longest, make_agent, make_desk, make_window_agent, open_coordinator
from tests.core.promises import Promises, what_is_open
from tests.core.puppet import PuppetLane, PuppetWorker
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane

ALL = "interrupt approve deny new_chat"
DRY = Outcome(result=Result.SENT, reason=Reason.DRY_RUN)
AGENTS = [
    make_window_agent("Left", window="left", allowed_actions=ALL),
    make_window_agent("Right", window="right", can="python", allowed_actions=ALL),
    make_agent("Dry"),
]
POLICY = RetryPolicy(
    first_pause_ms=0,
    longest_pause_ms=0,
    idle_recheck_s=0,
    settings=DispatchSettings(max_retries=3, max_rejections_per_hour=2, recovery_timeout_s=1),
    recovery_pause_s=0,
)
LONGEST = {"Left": longest(900, then=TooLong.SPLIT)}
BRIEF = "Count the birds"
LONG = "Count all the birds in the garden, and write each of their names down.\n" * 20
FAULTS = ("store", "clock back", "clock ahead", "lane breaks", "desk away", "locked", "dialog", "covered", "killed")
ROUNDS = 40
"""How often everybody does their part before a story has no end."""


class AnyWorld(RuleBasedStateMachine):
    """One coordinator and its world. After each move the promises are looked at; at the end everything must end."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = FakeClock()
        self.worker = PuppetWorker()
        self.lane = PuppetLane(self.clock, self.worker)
        self.desk = DeskState.STARTING
        self.is_locked = False
        self.agents: list[Agent] = AGENTS
        self.tasks = 0
        self.marks = 0
        self.policy = POLICY
        self.said: list[MessageId] = []
        self.sent_again: set[str] = set()
        self.asking: set[asyncio.Task[object]] = set()
        self.writes_refused = 0
        self.is_sound = False
        """Whether all promises held after the last step: only then does the story have an end worth looking at."""

    async def _start(self) -> None:
        self.stack = AsyncExitStack()
        self.octet: Coordinator = await self.stack.enter_async_context(
            open_coordinator(
                Path(self.folder.name),
                agents=self.agents,
                desks=[make_desk("left", "right")],
                lanes=self._lanes(),
                workers={"main": self.worker},
                policy=self.policy,
                clock=self.clock,
                longest_prompts=LONGEST,
            )
        )
        self.octet.journal.listen(ActionRequested, self._hear)
        store = self.octet.store
        write, together = store._transact, store._commit_together

        def transact(*args: object, **options: object) -> object:
            if self.writes_refused:
                self.writes_refused -= 1
                raise StoreFull(why="the test says so")
            return write(*args, **options)  # pyright: ignore[reportArgumentType] - the same arguments

        def commit_together() -> Iterable[Any]:
            return list(filter(None, [store._take()])) if self.writes_refused else together()

        store._commit_together = commit_together
        store._transact = transact  # pyright: ignore[reportAttributeAccessIssue] - for this test only
        await self.octet.dispatch.desk_changed("main", DeskNow(self.desk, Reason.NO_DISPLAY, "as it was"))
        await self._windows_tell()
        await self.octet.store.examination.wait()  # dispatch does not begin before
        self.dispatch = asyncio.get_running_loop().create_task(self.octet.dispatch.run())
        await self._settle()

    def _lanes(self) -> dict[Route, LanePort]:
        return {(Lane.WINDOW, "main"): self.lane, (Lane.DRYRUN, None): FakeLane(*[DRY] * 200)}

    def _hear(self, entry: Entry[ActionRequested]) -> None:
        self.lane.asked_s[entry.event.delivery] = self.clock.monotonic_s()

    async def _windows_tell(self) -> None:
        """Report what a desk's worker reports when it begins."""
        for window in self.worker.dialogs:
            await self.octet.dispatch.window_shows("main", self.worker.what_shows(window))
        await self.octet.dispatch.desk_locked("main", is_locked=self.is_locked)

    async def _end(self) -> None:
        self.writes_refused = 0
        for task in (self.dispatch, *self.asking):
            task.cancel()
        await asyncio.gather(self.dispatch, *self.asking, return_exceptions=True)
        self.asking.clear()
        await self.stack.aclose()

    def _configure(self, *, with_right: bool) -> None:
        self.agents = [agent for agent in AGENTS if with_right or agent.name != "Right"]

    async def _reload(self, words: list[str]) -> None:
        octet, lanes = self.octet, self._lanes()
        await octet.agents.register_agents(self.agents)
        routes = octet.dispatch.workers.find_changed(self.agents, ())
        ends = asyncio.ensure_future(octet.dispatch.workers.retire(routes))
        while not ends.done():
            if self.lane.order is not None and self.lane.words.empty():
                self.lane.go(*words, "stopped", "lost")  # what is under way ends, in one way or another
            await asyncio.sleep(0)
        await octet.dispatch.follow_config(self.agents, lanes, routes)
        await self._windows_tell()

    def teardown(self) -> None:
        try:
            if self.is_sound:
                self.all_that_was_asked_for_ends()
        finally:
            if hasattr(self, "octet"):
                self.runner.run(self._end())
            self.runner.close()
            self.folder.cleanup()

    async def _settle(self) -> None:
        """Until nothing more is written by itself."""
        heard: list[object] = []
        self.octet.journal.listen(Event, heard.append)
        store, quiet = self.octet.store, 0
        while quiet < 2 or self.writes_refused:
            heard.clear()
            for _ in range(2):
                with contextlib.suppress(StoreFull):
                    await store.ping()
                await store.until_back()
                for _ in range(8):
                    await asyncio.sleep(0)
                heard += ["a read"] * (engine._READERS - store._reading._value)
                for _ in range(engine._READERS):  # reads have threads of their own, as slow as the machine
                    await store._reading.acquire()
                for _ in range(engine._READERS):
                    store._reading.release()
            assert not self.dispatch.done(), "dispatch ended"
            quiet = 0 if heard else quiet + 1
        for asked in [one for one in self.asking if one.done()]:
            self.asking.remove(asked)
            assert isinstance(asked.exception(), OctetError | None)

    async def _resolve(self, task: TaskId, decision: Decision) -> None:
        """Decide about a delivery; one that arrived and is sent again is pressed twice by a user's word."""
        sent = [one for one in await self.octet.deliveries.list_for_task(task) if one.state is DeliveryState.UNKNOWN]
        await self.octet.unknowns.resolve(task, decision, by=ADA)
        if decision is Decision.ARRIVED:
            self.lane.claimed.add(task)
        if decision is Decision.SEND_AGAIN:
            self.sent_again.update((self.lane.codes.get(task, ""), *(one.id for one in sent)))

    def _settle_words(self, tx: Tx, *, may_be_dropped: bool) -> None:
        """Look at the windows as a user, and say what is so."""
        for delivery in self.octet.deliveries.open_texts(tx):
            if delivery.state is DeliveryState.UNKNOWN and not delivery.is_brief:
                again = DeliveryState.CANCELLED if may_be_dropped else DeliveryState.QUEUED
                to = DeliveryState.DELIVERED if delivery.id in self.lane.arrived else again
                self.octet.deliveries.step(tx, delivery, to)

    def _begin(self, act: Callable[[], Coroutine[object, object, object]]) -> None:
        """Begin an act whose end a user awaits while everything else continues."""

        async def begin() -> None:
            self.asking.add(asyncio.get_running_loop().create_task(act()))

        self._try(begin)

    async def _dialog(self, window: str, *, asks: bool = True) -> None:
        self.marks += 1
        self.worker.dialogs[window] = f"mark {self.marks}" if asks else ""
        self.worker.busy.discard(window)
        await self._tell(lambda: self.octet.dispatch.window_shows("main", self.worker.what_shows(window)))

    async def _works(self, window: str) -> None:
        self.worker.dialogs[window] = ""
        self.worker.busy.add(window)
        await self._tell(lambda: self.octet.dispatch.window_shows("main", self.worker.what_shows(window)))

    async def _tell(self, news: Callable[[], Awaitable[None]]) -> None:
        """Report a worker's news again until Octet takes them."""
        while True:
            try:
                return await news()
            except StoreFull:
                await asyncio.sleep(0)

    async def _wakes(self) -> None:
        self.octet.dispatch.wake()  # it waits by the loop's time, which does not pass here
        await self.octet.dispatch.silence.check_all()
        await self.octet.dispatch.idle.check_all()

    async def _desk_becomes(self, state: DeskState) -> None:
        self.desk = state
        await self.octet.dispatch.desk_changed("main", DeskNow(state, Reason.NO_DISPLAY, "so it is"))
        if state is DeskState.READY:  # a new worker has begun
            await self._tell(self._windows_tell)

    async def _screen(self, *, is_locked: bool) -> None:
        self.is_locked = is_locked
        await self._tell(lambda: self.octet.dispatch.desk_locked("main", is_locked=is_locked))

    async def _fault(self, fault: str, window: str, times: int) -> None:
        match fault:
            case "store":
                self.writes_refused = times
            case "clock back" | "clock ahead":
                self.clock.set_wall(-7200 if fault == "clock back" else 7200)
                await self._wakes()
            case "lane breaks":
                self.lane.go(*["on"] * times, "break")
            case "covered":
                self.lane.go(*["on"] * times, "refused")
            case "desk away":
                await self._desk_becomes(DeskState.UNAVAILABLE)
            case "locked":
                await self._screen(is_locked=True)
            case "dialog":
                await self._dialog(window)
            case _:  # it is killed when both have begun
                return

    def _try(self, act: Callable[[], Awaitable[object]] | None) -> None:
        self.is_sound = False

        async def do() -> None:
            if act is not None:
                with contextlib.suppress(OctetError):
                    await act()
            await self._settle()

        self.runner.run(do())

    def _say(self, act: Callable[[], Awaitable[AgentMessageView]]) -> None:
        async def say() -> None:
            self.said.append((await act()).message.id)

        self._try(say)

    def _pick(self, which: int) -> TaskId:
        return TaskId(f"T-{1 + which % max(1, self.tasks)}")

    @invariant()
    def promises_hold(self) -> None:
        if hasattr(self, "octet"):
            self.is_sound = False
            promises = Promises(
                octet=self.octet,
                lane=self.lane,
                agents=self.agents,
                said=self.said,
                sent_again=self.sent_again,
                policy=self.policy,
                is_locked=self.is_locked,
            )
            self.tasks = self.runner.run(promises.look())
            self.is_sound = True

    def all_that_was_asked_for_ends(self) -> None:
        """Nothing hinders any more, and people and agents do their part."""
        self._configure(with_right=True)
        self._try(lambda: self._reload(["stopped"]))
        self._try(self._clear_away)
        left: list[str] = []
        for _ in range(ROUNDS):
            self.clock.advance(2)
            self._try(self._do_your_part)
            for _ in range(ROUNDS):
                if self.lane.order is None:
                    break
                self.lane.go("on", "on", "on", "arrived")
                self._try(None)
            self.promises_hold()
            left = self.runner.run(what_is_open(self.octet, self.said))
            if not left:
                return
        raise AssertionError(f"these come to no end: {left}")

    async def _clear_away(self) -> None:
        octet = self.octet
        await octet.dispatch.desk_waits("main", None)
        await octet.desks.release("main", by=ADA)
        await self._desk_becomes(DeskState.READY)
        await self._screen(is_locked=False)
        for window in self.worker.dialogs:
            await self._dialog(window, asks=False)
            await octet.dispatch.window_usable("main", window)

    async def _do_your_part(self) -> None:
        octet = self.octet
        octet.dispatch.wake()
        await octet.store.write(lambda tx: self._settle_words(tx, may_be_dropped=False))
        for agent in self.agents:
            await octet.availability.resume(agent.name, by=ADA)
        for task in await list_tasks(octet, by=ADA, limit=1_000):
            with contextlib.suppress(OctetError):
                if task.state in {TaskState.WORKING, TaskState.BLOCKED} or task.reason == "dry_run":
                    await octet.tasks.done(task.id, "Seven.", by=ADA)
                elif (task.state, task.reason) == (TaskState.PARKED, "delivery_unknown"):
                    await self._resolve(task.id, Decision.SEND_AGAIN)
                elif task.state is TaskState.PARKED:
                    await octet.tasks.retry(task.id, by=ADA)
                elif task.reason == "not_before":
                    await octet.tasks.edit(task.id, TaskChanges(not_before_ms=0), by=ADA)
                elif task.reason in {"pick", "dependency_failed"}:
                    await self._decide_about_parts(task)

    async def _decide_about_parts(self, task: Task) -> None:
        """Pick an answer, or do without what failed; a task with no answer at all is given up."""
        tasks = self.octet.tasks
        parts = [part for part in (await tasks.show(task.id, by=ADA)).parts if part.state is TaskState.DONE]
        failed = [one for one in await tasks.repository.dependencies.list_for_task(task.id) if one.has_failed]
        for one in failed:
            await tasks.depend(task.id, one.needs, None, by=ADA)
        if not failed and parts:
            await self.octet.task_parts.pick(parts[0].id, by=ADA)
        elif not failed:
            await tasks.cancel(task.id, by=ADA)
