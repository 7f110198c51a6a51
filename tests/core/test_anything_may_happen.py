"""A real coordinator under anything that may happen, in any order; after each step the promises are looked at."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.agents.model import OFF_DUTY, Agent, AgentState, Lane
from core.coordinator import Coordinator
from core.deliveries.model import (
    OPEN_STATES,
    Assurance,
    DeliveryId,
    DeliveryState,
    Order,
    Outcome,
    Reason,
    Result,
)
from core.deliveries.ports import Progress
from core.desks.model import DeskState, WindowStatus
from core.kit.errors import Conflict, OctetError
from core.messages.model import MessageId
from core.patience import Patience, WhenSilent
from core.profiles.model import Activity
from core.store.engine import Tx
from core.tasks.model import ENDED, TakenBack, Task, TaskEnded, TaskId, TaskState, TooLateToTell
from core.verdicts.model import Decision
from core.words.model import NewWords, WordsView
from tests.builders import ADA, make_agent, make_desk, make_new_task, make_window_agent, open_coordinator
from tests.fakes.clock import RunningClock
from tests.fakes.hands import FakeHands
from tests.fakes.lane import FakeLane

WINDOWS = tuple(WindowStatus(name=name, usable=True, reason="", activity=Activity.IDLE) for name in ("left", "right"))
PATIENCE = Patience(
    first_pause_ms=0, longest_pause_ms=0, idle_rest_s=0, bounces=3, refusals=2, find_out_s=0.01, next_look_s=0
)
DRY = Outcome(result=Result.SENT, reason=Reason.DRY_RUN)
AGENTS = [
    make_window_agent("Left", window="left"),
    make_window_agent("Right", window="right", can="python"),
    make_agent("Dry"),
]
OUTCOMES = {
    "arrived": Outcome(result=Result.DELIVERED, assurance=Assurance.RECEIPT),
    "bounced": Outcome(result=Result.BOUNCED, reason=Reason.FOCUS_TAKEN),
    "refused": Outcome(result=Result.REFUSED, reason=Reason.COVERED),
    "too long": Outcome(result=Result.REFUSED, reason=Reason.TOO_LONG),
    "failed": Outcome(result=Result.FAILED),
    "stopped": Outcome(result=Result.STOPPED),
    "not arrived": Outcome(result=Result.NOT_ARRIVED, reason=Reason.FOCUS_TAKEN),
    "unknown": Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN),
    "lost after the key": Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST),
    "lost before the key": Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST),
}
SETTLED = {
    "arrived": Outcome(result=Result.DELIVERED, assurance=Assurance.EXACT),
    "not arrived": Outcome(result=Result.NOT_ARRIVED, reason=Reason.NOT_SEEN),
    "unknown": Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN),
    "lost": Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST),
}
PRESSED = {"arrived", "unknown", "lost after the key"}
MAY_STAND_OPEN = {DeliveryState.SUBMITTING}


class PuppetLane:
    """Goes on only as far as it is told, and may be told anything; but what it says it saw, it saw."""

    def __init__(self) -> None:
        self.order: Order | None = None
        self.is_looking = False
        self.stage = 0
        self.words: asyncio.Queue[str] = asyncio.Queue()
        self.codes: dict[str, str] = {}
        self.older: list[tuple[str, str]] = []
        """Codes of leases that are over, each with its task."""
        self.began: list[str] = []
        self.pressed: Counter[str] = Counter()
        """How often the prompt of each lease was submitted, and each of the words."""
        self.words_pressed: dict[str, list[DeliveryId]] = {}
        """Of each agent the deliveries of words that were submitted to it, in their order."""

    def press(self, order: Order) -> None:
        self.pressed[submitted_as(order)] += 1
        if not is_brief(order):
            self.words_pressed.setdefault(order.agent, []).append(order.delivery)

    async def deliver(self, order: Order, progress: Progress) -> Outcome:
        assert self.order is None, "two orders at once on one desk"
        self.order, self.stage, self.words = order, 0, asyncio.Queue()
        if is_brief(order):
            if self.codes.get(name_of(order), code_in(order)) != code_in(order):
                self.older.append((name_of(order), self.codes[name_of(order)]))
            self.codes[name_of(order)] = code_in(order)
        self.began.append(name_of(order))
        try:
            while True:
                word = await self.words.get()
                if word == "on" and self.stage < 3:
                    await (progress.staging, lambda: progress.staged(sha256=order.sha256), progress.submitting)[
                        self.stage
                    ]()
                    self.stage += 1
                elif word in OUTCOMES:
                    if self.stage == 3 and word in PRESSED:
                        self.press(order)
                    return OUTCOMES[word]
                elif word == "break":
                    if self.stage == 3:
                        self.press(order)
                    raise RuntimeError("the lane broke")
        except Conflict:
            return OUTCOMES["stopped"]
        finally:
            self.order = None

    async def settle(self, order: Order, progress: Progress) -> Outcome:
        """Sees what is so, or that it cannot see it; asks for Enter again where the draft stands whole."""
        assert self.order is None, "two orders at once on one desk"
        assert not is_brief(order) or self.codes[name_of(order)] in order.text
        self.order, self.is_looking, self.words = order, True, asyncio.Queue()
        try:
            while True:
                word = await self.words.get()
                is_there = self.pressed[submitted_as(order)] > 0
                if word == "on" and not is_there:
                    await progress.submitting()
                    self.press(order)
                    return SETTLED["arrived"]
                if word == "break":
                    raise RuntimeError("the lane broke")
                if word in ("arrived" if is_there else "not arrived", "unknown", "lost"):
                    return SETTLED[word]
        except Conflict:
            return OUTCOMES["stopped"]
        finally:
            self.order, self.is_looking = None, False

    async def stop(self, delivery: DeliveryId) -> None:
        if self.order is not None and not self.is_looking and self.order.delivery == delivery and self.stage < 3:
            self.words.put_nowait("stopped")


def is_brief(order: Order) -> bool:
    return "] hub →" in order.text


def name_of(order: Order) -> str:
    """The task of a brief; the body of words, which is different each time, and who it is for if it is for all."""
    if is_brief(order):
        return order.text.split("· task ")[1].split()[0]
    body = order.text.splitlines()[1]
    return f"{body} to {order.agent}" if order.text.startswith("[BROADCAST]") else body


def submitted_as(order: Order) -> str:
    """What may be submitted once: the prompt of one lease, a person's words to this agent, what the hub says."""
    if is_brief(order):
        return code_in(order)
    return order.delivery if order.text.startswith("[S2A]") else name_of(order)


def code_in(order: Order) -> str:
    return order.text.split("--code ")[1].split()[0]


class AnythingMayHappen(RuleBasedStateMachine):
    """One coordinator, its world, and the moves of everybody in it."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.lane = PuppetLane()
        self.desk = DeskState.STARTING
        self.agents: list[Agent] = AGENTS
        self.tasks = 0
        self.clock = RunningClock()
        self.patience = PATIENCE
        self.said: list[MessageId] = []
        self.sent_again: set[str] = set()

    # the process

    @initialize(when_silent=st.sampled_from([WhenSilent.PARK, WhenSilent.RELEASE]))
    def start(self, when_silent: WhenSilent) -> None:
        self.patience = replace(PATIENCE, when_silent=when_silent)
        self.runner.run(self._start())

    async def _start(self) -> None:
        self.stack = AsyncExitStack()
        self.octet: Coordinator = await self.stack.enter_async_context(
            open_coordinator(
                Path(self.folder.name),
                agents=self.agents,
                desks=[make_desk("left", "right")],
                lanes={(Lane.WINDOW, "main"): self.lane, (Lane.DRYRUN, None): FakeLane(*[DRY] * 200)},
                hands={"main": FakeHands(windows=WINDOWS)},
                patience=self.patience,
                clock=self.clock,
            )
        )
        await self.octet.dispatch.desk_changed("main", self.desk, "as it was")
        await self.octet.store.sound()  # dispatch does not begin before
        self.dispatch = asyncio.get_running_loop().create_task(self.octet.dispatch.run())
        await self._settle()

    async def _end(self) -> None:
        self.dispatch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.dispatch
        await self.stack.aclose()

    @rule(with_right=st.booleans(), was_pressed=st.booleans())
    def restart(self, with_right: bool, was_pressed: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        """The config may have lost or found an agent meanwhile; Enter, once granted, may have been pressed or not."""
        if self.lane.order is not None and not self.lane.is_looking and self.lane.stage == 3 and was_pressed:
            self.lane.press(self.lane.order)
        self.runner.run(self._end())
        self.agents = [agent for agent in AGENTS if with_right or agent.name != "Right"]
        self.runner.run(self._start())

    def teardown(self) -> None:
        if hasattr(self, "octet"):
            self.runner.run(self._end())
        self.runner.close()
        self.folder.cleanup()

    async def _settle(self) -> None:
        """Until nothing more is written by itself."""
        heard: list[object] = []
        self.octet.journal.listen(heard.append)
        quiet = 0
        while quiet < 2:
            heard.clear()
            for _ in range(2):
                await self.octet.store.ping()
                for _ in range(8):
                    await asyncio.sleep(0)
            assert not self.dispatch.done(), "dispatch ended"
            quiet = 0 if heard else quiet + 1

    # the moves

    @rule(
        priority=st.integers(0, 4),
        agent=st.sampled_from([None, None, "Left", "Right", "Dry"]),
        needs=st.sampled_from([frozenset[str](), frozenset({"python"})]),
    )
    def ask(self, priority: int, agent: str | None, needs: frozenset[str]) -> None:
        self._try(lambda: self.octet.tasks.new(make_new_task(priority=priority, agent=agent, needs=needs), by=ADA))

    @rule(which=st.integers(0, 50))
    def cancel(self, which: int) -> None:
        self._try(lambda: self.octet.tasks.cancel(self._pick(which), by=ADA))

    @rule(which=st.integers(0, 50))
    def say_done(self, which: int) -> None:
        self._try(lambda: self.octet.tasks.done(self._pick(which), "Done by hand.", by=ADA))

    @rule(which=st.integers(0, 50))
    def retry(self, which: int) -> None:
        self._try(lambda: self.octet.tasks.retry(self._pick(which), by=ADA))

    @rule(which=st.integers(0, 50), agent=st.sampled_from(["Left", "Right", "Dry"]))
    def assign(self, which: int, agent: str) -> None:
        self._try(lambda: self.octet.tasks.assign_to(self._pick(which), agent, by=ADA))

    @rule(which=st.integers(0, 50), priority=st.integers(0, 4))
    def set_priority(self, which: int, priority: int) -> None:
        self._try(lambda: self.octet.tasks.set_priority(self._pick(which), priority, by=ADA))

    @rule(agent=st.sampled_from([None, None, None, "Left", "Left", "Right", "Dry"]), which=st.integers(0, 50))
    def say(self, agent: str | None, which: int) -> None:
        draft = NewWords(text=f"words {len(self.said)}", agent=agent, task=None if agent else self._pick(which))
        self._say(lambda: self.octet.words.send(draft, by=ADA))

    @rule()
    def broadcast(self) -> None:
        draft = NewWords(text=f"words {len(self.said)}")
        self._say(lambda: self.octet.words.broadcast(draft, by=ADA))

    @precondition(lambda self: bool(self.said))
    @rule(may_be_dropped=st.booleans())
    def settle_unknown_words(self, may_be_dropped: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        """A person looks at the windows and says what is so."""

        def settle(tx: Tx) -> None:
            for delivery in self.octet.deliveries.open_words(tx):
                if delivery.state is DeliveryState.UNKNOWN:
                    arrived = delivery.id in self.lane.words_pressed.get(delivery.agent, [])
                    again = DeliveryState.CANCELLED if may_be_dropped else DeliveryState.QUEUED
                    self.octet.deliveries.step(tx, delivery, DeliveryState.DELIVERED if arrived else again)

        self._try(lambda: self.octet.store.write(settle))

    @rule(verb=st.sampled_from(["pause", "drain", "resume", "resume"]), agent=st.sampled_from(["Left", "Right", "Dry"]))
    def duty(self, verb: str, agent: str) -> None:
        self._try(lambda: getattr(self.octet.roster, verb)(agent, by=ADA))

    @rule(which=st.integers(0, 50), decision=st.sampled_from(list(Decision)))
    def resolve(self, which: int, decision: Decision) -> None:
        """A person may be wrong: what arrived and is sent again is pressed twice by their word."""
        task = self._pick(which)

        async def decide() -> None:
            await self.octet.unknowns.resolve(task, decision, by=ADA)
            if decision is Decision.SEND_AGAIN:
                self.sent_again.add(task)

        self._try(decide)

    @precondition(lambda self: bool(self.lane.codes))
    @rule(which=st.integers(0, 50), final=st.booleans(), key=st.sampled_from("abc"))
    def answer(self, which: int, final: bool, key: str) -> None:  # noqa: FBT001 - hypothesis draws it
        task, code = list(self.lane.codes.items())[which % len(self.lane.codes)]
        self._try(lambda: self.octet.tasks.report(task, code, "Seven.", final=final, key=key))

    @precondition(lambda self: bool(self.lane.codes))
    @rule(which=st.integers(0, 50))
    def progress(self, which: int) -> None:
        task, code = list(self.lane.codes.items())[which % len(self.lane.codes)]
        self._try(lambda: self.octet.tasks.progress(task, code, "tests are running"))

    @precondition(lambda self: bool(self.lane.older))
    @rule(which=st.integers(0, 50), verb=st.sampled_from(["done", "reply", "progress"]))
    def an_earlier_agent_speaks(self, which: int, verb: str) -> None:
        task, code = self.lane.older[which % len(self.lane.older)]

        async def speak() -> None:
            before = (await self.octet.tasks.show(TaskId(task), by=ADA)).task
            if verb == "progress":
                said = self.octet.tasks.progress(task, code, "tests are running")
            else:
                said = self.octet.tasks.report(task, code, "Seven.", final=verb == "done", key="z")
            with pytest.raises((TakenBack, TaskEnded, TooLateToTell)):
                await said
            assert (await self.octet.tasks.show(TaskId(task), by=ADA)).task == before

        self.runner.run(speak())
        self._try(None)

    @rule(seconds=st.sampled_from([1, 1800, 3600, 3601]), set_by=st.sampled_from([0, 0, 7200, -7200]))
    def time_passes(self, seconds: int, set_by: int) -> None:
        self.clock.advance(seconds)
        self.clock.set_wall(set_by)
        self.octet.dispatch.wake()  # it waits by the loop's time, which does not pass here
        self._try(self.octet.dispatch.silence.look)

    @precondition(lambda self: self.lane.order is not None)
    @rule(words=st.lists(st.sampled_from(["on", "on", "on", *OUTCOMES, "lost", "break"]), min_size=1, max_size=4))
    def lane_goes_on(self, words: list[str]) -> None:
        for word in words:
            if self.lane.order is not None:
                self.lane.words.put_nowait(word)
                self._try(None)

    @precondition(lambda self: self.lane.order is not None)
    @rule()
    def lane_arrives(self) -> None:
        for word in ("on", "on", "on", "arrived"):
            self.lane.words.put_nowait(word)
        self._try(None)

    @rule(state=st.sampled_from([DeskState.READY, DeskState.READY, DeskState.UNAVAILABLE, DeskState.STARTING]))
    def desk_becomes(self, state: DeskState) -> None:
        self.desk = state
        self._try(lambda: self.octet.dispatch.desk_changed("main", state, "so it is"))

    @rule(verb=st.sampled_from(["hold", "release", "release", "stop"]))
    def person_at_the_desk(self, verb: str) -> None:
        self._try(lambda: getattr(self.octet.desks, verb)("main", by=ADA))

    @rule(window=st.sampled_from(["left", "right"]))
    def window_comes_back(self, window: str) -> None:
        self._try(lambda: self.octet.dispatch.window_usable("main", window))

    def _try(self, act: object) -> None:
        async def do() -> None:
            if callable(act):
                with contextlib.suppress(OctetError):
                    await act()  # pyright: ignore[reportGeneralTypeIssues] - a coroutine of some verb
            await self._settle()

        self.runner.run(do())

    def _say(self, act: Callable[[], Awaitable[WordsView]]) -> None:
        async def say() -> None:
            self.said.append((await act()).message.id)

        self._try(say)

    def _pick(self, which: int) -> TaskId:
        return TaskId(f"T-{1 + which % max(1, self.tasks)}")

    # the promises

    @invariant()
    def promises_hold(self) -> None:
        if hasattr(self, "octet"):
            self.runner.run(self._look())

    async def _look(self) -> None:
        octet = self.octet
        await octet.journal.verify()
        tasks = {task.id: task for task in await octet.tasks.list(by=ADA, limit=1_000)}
        self.tasks = len(tasks)
        agents = {str(status.agent.name): status for status in await octet.agents.list(by=ADA)}
        for task in tasks.values():
            await self._one_delivery_at_most(task)
            self._moves_or_says_why(task, {name: status.state for name, status in agents.items()})
            if task.state in {TaskState.ASSIGNED, TaskState.DELIVERING, TaskState.WORKING} and task.agent in agents:
                assert agents[task.agent].task == task.id
                assert agents[task.agent].state in {AgentState.BUSY, *OFF_DUTY}
            if task.state is TaskState.PARKED and task.reason == "delivery unknown" and task.agent in agents:
                assert agents[task.agent].state in {AgentState.HELD, *OFF_DUTY}
                assert agents[task.agent].task == task.id
            if task.state is TaskState.PARKED and task.reason == "silent" and task.agent in agents:
                assert agents[task.agent].state in {AgentState.UNKNOWN, *OFF_DUTY}
                assert agents[task.agent].task == task.id
            assert (task.quiet_at_ms is not None) == (task.state is TaskState.WORKING)
        unknown = await self._words_move_or_say_why(tasks)
        for status in agents.values():
            assert status.agent.name not in unknown or status.state is not AgentState.IDLE
            if status.state in {AgentState.BUSY, AgentState.HELD, AgentState.DRAINING} or (
                status.state in {AgentState.PAUSED, AgentState.UNKNOWN} and status.task
            ):
                if status.task is None:
                    assert status.state is AgentState.HELD
                    assert status.agent.name in unknown, "held, and nobody knows what for"
                    continue
                task = tasks[TaskId(status.task)]
                assert task.state not in ENDED
                assert task.agent == status.agent.name
            else:
                assert status.task is None
        once = {task: times for task, times in self.lane.pressed.items() if task not in self.sent_again}
        assert all(times == 1 for times in once.values()), self.lane.pressed
        for agent, came in self.lane.words_pressed.items():
            assert came == sorted(came), f"words to {agent} overtook others"

    async def _one_delivery_at_most(self, task: Task) -> None:
        found = [d.state for d in await self.octet.deliveries.of_task(task.id) if d.state in OPEN_STATES]
        assert len(found) <= 1
        if task.state in ENDED:
            assert set(found) <= MAY_STAND_OPEN
        elif task.state in {TaskState.ASSIGNED, TaskState.DELIVERING}:
            assert len(found) == 1
        elif task.state in {TaskState.WORKING, TaskState.READY, TaskState.WAITING}:
            assert found == []

    async def _words_move_or_say_why(self, tasks: dict[TaskId, Task]) -> set[str]:
        """Every delivery of words; the agents to which some may have come or not."""
        for name in self.said:
            view = await self.octet.words.show(name, by=ADA)
            ended = view.message.task is not None and tasks[TaskId(view.message.task)].state in ENDED
            for one in view.deliveries:
                if ended:
                    assert one.state not in OPEN_STATES or one.state in MAY_STAND_OPEN
                elif one.state is DeliveryState.QUEUED:
                    assert one.reason or self.lane.order is not None, "they wait without a reason"
        under_way = await self.octet.store.write(self.octet.deliveries.open_words)
        return {one.agent for one in under_way if one.state is DeliveryState.UNKNOWN}

    def _moves_or_says_why(self, task: Task, agents: dict[str, AgentState]) -> None:
        if task.state in {TaskState.WAITING, TaskState.PARKED}:
            assert task.reason
        if task.state is TaskState.READY:
            can = [a.name for a in self.agents if task.needs <= a.capabilities and task.wanted in {None, a.name}]
            assert can, "nobody can, and it does not say so"
            away = {AgentState.OFFLINE, AgentState.UNKNOWN, *OFF_DUTY}
            others = [name for name in can if agents[name] not in {AgentState.HELD, *away} and name != task.avoids]
            assert not any(agents[name] is AgentState.IDLE for name in others or can), "an agent is free for it"
            starting = self.octet.desks.state("main")[0] is DeskState.STARTING
            assert starting or any(agents[name] not in away for name in can), "it waits without a reason"


AnythingMayHappen.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestAnythingMayHappen = pytest.mark.timeout(600)(AnythingMayHappen.TestCase)  # hundreds of moves on a real disk
