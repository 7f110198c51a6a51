"""One story in two worlds at once: the real rooms, and the rules that they are held against (rules.py)."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from core.agent_messages.model import NewAgentMessage
from core.agents.model import Lane
from core.coordinator import Coordinator
from core.deliveries import _store
from core.deliveries.model import Assurance, DeliveryRequest, Outcome, Reason, Result
from core.desks.model import DeskNow, DeskState
from core.dispatch.delivery_worker import DeliveryWorker, _Attempt
from core.dispatch.model import Decision
from core.kit.errors import OctetError
from core.retry_policy import RetryPolicy
from core.settings.model import DispatchSettings
from core.store.engine import Store
from core.tasks import answers
from core.tasks.model import PRIORITY_STEP_MS, OnFailure, TaskId
from tests.builders import ADA, courier_of, make_agent, make_desk, make_new_task, open_coordinator
from tests.core.rules import BOUNCES, DEATHS, ENDED, REFUSALS, Delivery, No, Rules, Task
from tests.fakes.clock import FakeClock
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane

POLICY = RetryPolicy(
    first_pause_ms=0,
    longest_pause_ms=0,
    settings=DispatchSettings.model_construct(
        max_retries=BOUNCES,
        max_rejections_per_hour=REFUSALS,
        retry_window_s=10**9,
        agent_timeout_s=60,
        recovery_timeout_s=10**9,
    ),
    max_worker_losses=DEATHS,
    rejection_window_ms=10**12,
    recovery_pause_s=0,
)
answers.REPORT_EVERY_S = 0.0  # its clock is the story's: no report of progress waits for the machine's
NAMES = ("Left", "Right")
NONE = frozenset[int]()
OUTCOMES = {
    "delivered": Outcome(result=Result.DELIVERED, assurance=Assurance.RECEIPT),
    "bounced": Outcome(result=Result.BOUNCED, reason=Reason.FOCUS_TAKEN),
    "refused": Outcome(result=Result.REFUSED, reason=Reason.CLOSED),
    "stopped": Outcome(result=Result.STOPPED),
    "failed": Outcome(result=Result.FAILED),
    "not_arrived": Outcome(result=Result.NOT_ARRIVED),
    "unknown": Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN),
    "lost": Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST),
}


HOW_FAR = st.sampled_from([0, 1, 2, 3, 3, 3])
TO_WHAT_END = st.sampled_from([None, None, "delivered", "refused", *sorted(OUTCOMES)])


@dataclass(slots=True, eq=False)
class Hold:
    """A lane's hold on a delivery, in both worlds. It may be long out of date."""

    order: DeliveryRequest
    attempt: _Attempt
    courier: DeliveryWorker
    task: Task
    delivery: Delivery
    fence: int


class BothWorlds(RuleBasedStateMachine):
    """One move in both worlds, then one look at both."""

    empty: Path
    """A home whose database was made already: that takes longer than a whole story."""

    def __init__(self) -> None:
        super().__init__()
        self.reference = Rules()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = FakeClock()
        self.holds: list[Hold] = []
        self.at_work: dict[str, Hold] = {}
        self.codes: list[tuple[Task, str, int]] = []
        self.answers = 0

    @initialize()
    def start(self) -> None:
        self._run(self._start())
        self._dispatch()

    async def _start(self) -> None:
        shutil.copytree(self.empty, self.folder.name, dirs_exist_ok=True)
        self.stack = AsyncExitStack()
        self.octet: Coordinator = await self.stack.enter_async_context(
            open_coordinator(
                Path(self.folder.name),
                agents=[make_agent(name, lane=Lane.WINDOW, desk=name.lower(), window="one") for name in NAMES],
                desks=[make_desk("one", name=name.lower()) for name in NAMES],
                lanes={(Lane.WINDOW, name.lower()): FakeLane() for name in NAMES},
                workers={name.lower(): FakeDeskWorker(name.lower()) for name in NAMES},
                policy=POLICY,
                clock=self.clock,
            )
        )
        _in_this_thread(self.octet.store)
        # The rules know no scores and no turns: an agent that failed stays as good, and the older task goes first.
        vars(self.octet.tasks.repository.attempts)["records"] = lambda *_: {}
        vars(self.octet.tasks.repository)["_next_rank"] = lambda _, __, priority: priority * PRIORITY_STEP_MS
        for name in NAMES:
            await self.octet.dispatch.desk_changed(name.lower(), DeskNow(DeskState.READY))

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self._run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()

    @rule(steps=st.sampled_from([None, 0, 1, 2, 3]))
    def restart(self, steps: int | None) -> None:
        """Restart: a new process takes the rows of an old one, whose workers are gone; new ones may begin at once."""
        self.at_work.clear()
        self._run(self.octet.dispatch.load())
        self.reference.restart()
        self._dispatch()
        self.both_say_the_same()
        if steps is not None:
            for name in NAMES:
                self.deliver(name, steps, None)

    @precondition(lambda self: sum(task.state not in ENDED for task in self.reference.tasks) < 4)
    @rule(
        wanted=st.sampled_from([None, None, *NAMES]),
        priority=st.integers(0, 4),
        after=st.sets(st.integers(0, 9), max_size=2),
        policy=st.sampled_from(OnFailure),
    )
    def ask(
        self, wanted: str | None, priority: int, after: frozenset[int] = NONE, policy: OnFailure = OnFailure.WAIT
    ) -> None:
        places = sorted({one % len(self.reference.tasks) for one in after}) if self.reference.tasks else []
        first = frozenset(TaskId(f"T-{place + 1}") for place in places)
        asked = make_new_task(agent=wanted, priority=priority, after=first, on_failure=policy)
        links = dict.fromkeys(places, policy.value)
        self._both(lambda: self.octet.tasks.new(asked, by=ADA), lambda: self.reference.ask(wanted, priority, links))

    @precondition(lambda self: sum(task.state not in ENDED for task in self.reference.tasks) < 3)
    @rule(priority=st.integers(0, 4))
    def ask_best_of(self, priority: int) -> None:
        asked = make_new_task(priority=priority, best_of=2)
        self._both(lambda: self.octet.tasks.new(asked, by=ADA), lambda: self.reference.ask_best_of(priority))

    @precondition(lambda self: 0 < len(self.reference.tasks) < 12)
    @rule(which=st.integers(0, 9), parts=st.integers(1, 2))
    def split(self, which: int, parts: int) -> None:
        task = self._held(which)
        text = "\n".join(["Count the birds"] * parts)
        self._both(
            lambda: self.octet.task_parts.split(self._id(task), text, by=ADA), lambda: self.reference.split(task, parts)
        )

    @precondition(lambda self: len(self.reference.tasks) > 1)
    @rule(which=st.integers(0, 9), other=st.integers(0, 9), policy=st.sampled_from([*OnFailure, None]))
    def depend(self, which: int, other: int, policy: OnFailure | None) -> None:
        task, first = self._held(which), self.reference.tasks[other % len(self.reference.tasks)]
        self._both(
            lambda: self.octet.tasks.depend(self._id(task), self._id(first), policy, by=ADA),
            lambda: self.reference.depend(task, first, policy.value if policy else None),
        )

    def _held(self, which: int) -> Task:
        """Return a task, better one that has not begun."""
        among = [task for task in self.reference.tasks if task.has_not_begun] or self.reference.tasks
        return among[which % len(among)]

    @rule(steps=HOW_FAR, seen=TO_WHAT_END, comes_back=st.booleans())
    def deliver_left(self, steps: int, seen: str | None, comes_back: bool) -> None:  # noqa: FBT001 - it is drawn
        self.deliver("Left", steps, seen, comes_back=comes_back)

    @rule(steps=HOW_FAR, seen=TO_WHAT_END, comes_back=st.booleans())
    def deliver_right(self, steps: int, seen: str | None, comes_back: bool) -> None:  # noqa: FBT001 - it is drawn
        self.deliver("Right", steps, seen, comes_back=comes_back)

    def deliver(self, name: str, steps: int, seen: str | None = None, *, comes_back: bool = False) -> None:
        """Continue this desk's delivery, or begin the next one; perhaps to its end."""
        hold = self.at_work.get(name) or self._lease(name)
        if hold is None:
            return
        for _ in range(steps):
            self._ask_for_next(hold)
        if seen is not None:
            self._says(hold, seen)
            del self.at_work[name]
        if comes_back:
            self._window_comes_back(name)

    @precondition(lambda self: bool(self.holds))
    @rule(which=st.integers(0, 2))
    def old_holder_asks(self, which: int) -> None:
        """One whose lease is over asks for the next state of what it once had."""
        if hold := self._old(which):
            self._ask_for_next(hold)

    @precondition(lambda self: bool(self.holds))
    @rule(which=st.integers(0, 2), seen=st.sampled_from(sorted(OUTCOMES)))
    def old_holder_says(self, which: int, seen: str) -> None:
        """One whose lease is over says how it went."""
        if hold := self._old(which):
            self._says(hold, seen)

    def _old(self, which: int) -> Hold | None:
        old = [hold for hold in self.holds if hold not in self.at_work.values()]
        old = [hold for hold in old if hold.task.open is hold.delivery] or old
        return old[-1 - which % len(old)] if old else None

    def _lease(self, name: str) -> Hold | None:
        courier = courier_of(self.octet, name)
        work = self._run(courier._next())
        for _ in range(9):
            if work.order is not None or work.pause_s != 0:
                break
            work = self._run(courier._next())
        taken = self.reference.take(name)
        assert (work.order is None) == (taken is None)
        if work.order is None or taken is None:
            return None
        order, (task, delivery) = work.order, taken
        courier._came_back.clear()
        assert order.fence == delivery.fence
        assert work.settles == (delivery.state == "submitting")
        hold = Hold(
            order, _Attempt(courier._services, courier._outcomes, order), courier, task, delivery, delivery.fence
        )
        self.holds.append(hold)
        self.at_work[name] = hold
        self.codes.append((task, order.text.split("--code ")[1].split()[0], task.lease))
        return hold

    def _ask_for_next(self, hold: Hold) -> None:
        to = {"leased": "staging", "staging": "staged"}.get(hold.delivery.state, "submitting")
        ask = {
            "staging": hold.attempt.staging,
            "staged": lambda: hold.attempt.staged(sha256=""),
            "submitting": hold.attempt.submitting,
        }[to]
        self._both(ask, lambda: self.reference.step(hold.task, hold.delivery, hold.fence, to))

    def _says(self, hold: Hold, seen: str) -> None:
        self._both(
            lambda: hold.courier._write_down(hold.order, OUTCOMES[seen]),
            lambda: self.reference.outcome(hold.task, hold.delivery, hold.fence, seen),
        )

    @rule(name=st.sampled_from(NAMES))
    def window_is_usable(self, name: str) -> None:
        self._window_comes_back(name)

    def _window_comes_back(self, name: str) -> None:
        self._both(lambda: self.octet.dispatch.window_usable(name.lower(), "one"), lambda: self.reference.usable(name))

    @precondition(lambda self: bool(self.codes))
    @rule(which=st.integers(0, 3), final=st.booleans())
    def answer(self, which: int, final: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        task, code, lease = self._code(which)
        self.answers += 1
        self._both(
            lambda: self.octet.tasks.accept_answer(self._id(task), code, "Seven.", final=final, key=str(self.answers)),
            lambda: self.reference.answer(task, lease, final=final),
        )

    @precondition(lambda self: bool(self.reference.tasks))
    @rule(verb=st.sampled_from(["done", "cancel", "retry", "retry", "retry", "pick"]), which=st.integers(0, 9))
    def person(self, verb: str, which: int) -> None:
        task = self.reference.tasks[which % len(self.reference.tasks)]
        ask: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
            "done": lambda: self.octet.tasks.done(self._id(task), "By hand.", by=ADA),
            "cancel": lambda: self.octet.tasks.cancel(self._id(task), by=ADA),
            "retry": lambda: self.octet.tasks.retry(self._id(task), by=ADA),
            "pick": lambda: self.octet.task_parts.pick(self._id(task), by=ADA),
        }
        self._both(ask[verb], lambda: getattr(self.reference, verb)(task))

    @precondition(lambda self: any(task.state == "done" for task in self.reference.tasks))
    @rule(which=st.integers(0, 9))
    def follow_up(self, which: int) -> None:
        done = [task for task in self.reference.tasks if task.state == "done"]
        more = NewAgentMessage(text="And the cats?", task=self._id(task := done[which % len(done)]))
        self._both(lambda: self.octet.agent_messages.send(more, by=ADA), lambda: self.reference.follow_up(task))

    @precondition(lambda self: bool(self.reference.tasks))
    @rule(which=st.integers(0, 9), name=st.sampled_from(NAMES))
    def assign_to(self, which: int, name: str) -> None:
        task = self.reference.tasks[which % len(self.reference.tasks)]
        self._both(
            lambda: self.octet.tasks.assign_to(self._id(task), name, by=ADA),
            lambda: self.reference.assign_to(task, name),
        )

    @precondition(lambda self: bool(self.reference.tasks))
    @rule(which=st.integers(0, 9), decision=st.sampled_from(Decision))
    def decide(self, which: int, decision: Decision) -> None:
        """Say as a user what became of a delivery that was not seen to arrive."""
        unknown = [task for task in self.reference.tasks if task.open and task.open.state == "unknown"]
        among = unknown or self.reference.tasks
        task = among[which % len(among)]
        self._both(
            lambda: self.octet.unknowns.resolve(self._id(task), decision, by=ADA),
            lambda: self.reference.decide(task, decision.value),
        )

    @rule()
    def nobody_gives_a_sign(self) -> None:
        self.clock.advance(POLICY.agent_timeout_ms / 1000)
        self._both(self.octet.dispatch.silence.check_all, self.reference.silence)

    @precondition(lambda self: bool(self.codes))
    @rule(which=st.integers(0, 3))
    def progress(self, which: int) -> None:
        task, code, lease = self._code(which)
        self._both(
            lambda: self.octet.tasks.record_progress(self._id(task), code, "At it."),
            lambda: self.reference.answer(task, lease, final=False),
        )

    def _code(self, which: int) -> tuple[Task, str, int]:
        """Return a code that was issued, better one of a task that can be answered."""
        asked = [code for code in self.codes if code[0].is_asked] or self.codes
        return asked[-1 - which % len(asked)]

    @invariant()
    def both_say_the_same(self) -> None:
        if hasattr(self, "octet"):
            real, ruled = self._real(), self._ruled()
            assert real == ruled, f"the rooms: {real}\nthe rules: {ruled}"

    def _real(self) -> object:
        def look(tx: Any) -> object:
            ledger = self.octet.tasks.repository
            tasks = [ledger.find(tx, self._id(task)) for task in self.reference.tasks]
            rows = {task.id: tx.execute(_store.OF_TASK, {"of_task": task.id}) for task in tasks}
            by_task = {task: [_store.delivery_of(row) for row in found] for task, found in rows.items()}
            return (
                [(t.state.value, _reason(t.state.value, t.reason or ""), t.agent, t.attempt, t.fence) for t in tasks],
                [[(d.agent, d.state.value, d.fence) for d in by_task[t.id]] for t in tasks],
                [(s.state.value, s.task) for s in (self.octet.agents.status(tx, name) for name in NAMES)],
            )

        return self._run(self.octet.store.write(look))

    def _ruled(self) -> object:
        tasks, agents = self.reference.tasks, self.reference.agents.values()
        return (
            [(t.state, t.reason, t.agent, t.attempt, t.lease) for t in tasks],
            [[(d.agent, d.state, d.fence) for d in t.deliveries] for t in tasks],
            [(a.state, self._id(a.task) if a.task else None) for a in agents],
        )

    def _both(self, real: Callable[[], Coroutine[Any, Any, object]], ruled: Callable[[], object]) -> None:
        """One move in both worlds: either both allow it or none does."""
        refused = ""
        try:
            self._run(real())
        except OctetError as error:
            refused = error.message
        try:
            ruled()
        except No:
            assert refused, "the rules do not allow it"
        else:
            assert not refused, refused
        self.reference.follow()
        self._dispatch()
        self.both_say_the_same()

    def _dispatch(self) -> None:
        while self._run(self.octet.store.write(self.octet.dispatch.assigner.assign_ready)):
            pass
        self.reference.dispatch()

    def _id(self, task: Task) -> TaskId:
        return TaskId(f"T-{1 + next(place for place, known in enumerate(self.reference.tasks) if known is task)}")

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)


def _reason(state: str, reason: str | None) -> str | None:
    return reason if state in {"waiting", "parked"} else None


def _in_this_thread(store: Store) -> None:
    """Write without the hop to another thread: thousands of moves in seconds."""

    def at_once(work: Callable[[], object]) -> asyncio.Future[object]:
        done = asyncio.get_running_loop().create_future()
        done.set_result(work())
        return done

    store._writer.dispose()
    store._in_thread = at_once  # pyright: ignore[reportAttributeAccessIssue] - for this test only
