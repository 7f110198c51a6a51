"""Whatever happens to acts in whatever order: each is pressed once at most, for just what was shown, and each ends."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.agent_actions.model import NOTHING_PRESSED, ActionResult
from core.agents.model import AgentState, Lane
from core.coordinator import Coordinator
from core.deliveries.model import DeliveryRequest, DeliveryState, Outcome, Reason, Result
from core.deliveries.ports import Progress
from core.desks.model import DeskNow, DeskState, Shown
from core.kit.errors import Conflict, OctetError
from core.profiles.model import Act, Activity
from core.tasks.model import TaskState
from tests.builders import ADA, list_tasks, make_desk, make_new_task, make_window_agent, open_coordinator
from tests.core.dispatch.test_loop import QUICK, running
from tests.fakes.desk_worker import FakeDeskWorker

DIALOGS = ("", "one", "two")
"""What may stand in the window; the empty one is none."""
STEPS = st.one_of(
    st.tuples(st.just("shows"), st.sampled_from(DIALOGS)),
    st.tuples(st.just("turns, untold"), st.sampled_from(DIALOGS)),
    st.tuples(st.just("press"), st.sampled_from([Act.APPROVE, Act.DENY])),
    st.tuples(st.just("press old"), st.sampled_from([Act.APPROVE, Act.DENY])),
    st.tuples(st.just("interrupt"), st.just("")),
    st.tuples(st.just("next attempt"), st.sampled_from(["bounces", "asks and bounces", "stops", "is lost", "fails"])),
    st.tuples(st.just("restart"), st.just("")),
)


class Window:
    """A window, a lane into it, and what was really pressed there."""

    at_once = 1

    def __init__(self) -> None:
        self.dialog = ""
        self.attempts: list[str] = []
        self.pressed: Counter[str] = Counter()
        self.wrong: list[str] = []

    def shown(self) -> Shown:
        if not self.dialog:
            return Shown(window="agent-1", activity=Activity.BUSY)
        answers = (Act.APPROVE, Act.DENY)
        return Shown(window="agent-1", activity=Activity.NEEDS_INPUT, mark=self.dialog, answers=answers)

    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        if order.act is None:
            await progress.staging()
            await progress.staged(sha256=order.sha256)
            await progress.submitting()
            return Outcome(result=Result.DELIVERED)
        try:
            return await self._act(order, progress)
        except Conflict:
            return Outcome(result=Result.STOPPED)

    async def _act(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        how = self.attempts.pop(0) if self.attempts else ""
        if how in {"bounces", "stops", "fails"}:
            result = {"bounces": Result.BOUNCED, "stops": Result.STOPPED, "fails": Result.FAILED}[how]
            return Outcome(result=result, reason=Reason.FOCUS_TAKEN)
        if order.act is not Act.INTERRUPT and order.expected_dialog != self.dialog:
            return Outcome(result=Result.REFUSED, reason=Reason.CHANGED)
        await progress.submitting()
        if how == "asks and bounces":
            return Outcome(result=Result.NOT_ARRIVED, reason=Reason.LATE)
        self.pressed[order.delivery] += 1
        if order.act is not Act.INTERRUPT:
            if order.expected_dialog != self.dialog:
                self.wrong.append(order.delivery)
            self.dialog = ""
        if how == "is lost":
            return Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST)
        return Outcome(result=Result.DELIVERED, note="it went on")

    async def settle(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        raise AssertionError("nobody looks for an act")

    async def give_up(self, delivery: str, *, answered: bool = False) -> None:
        del delivery, answered


class Hands(FakeDeskWorker):
    """Sees the window as it is."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self._it = window

    async def shows(self, window: str) -> Shown:
        return replace(self._it.shown(), window=window)


class Play:
    """One story."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.window = Window()
        self.octet: Coordinator | None = None
        self.ended: list[ActionResult] = []
        self.first = ""
        """A standstill that was told at some time."""
        self._stack = AsyncExitStack()

    async def start(self) -> Coordinator:
        self._stack = AsyncExitStack()
        octet = await self._stack.enter_async_context(
            open_coordinator(
                self.home,
                agents=[make_window_agent("Agent-1", allowed_actions="interrupt approve deny")],
                desks=[make_desk("agent-1")],
                lanes={(Lane.WINDOW, "main"): self.window},
                workers={"main": Hands(self.window)},
                policy=QUICK,
            )
        )
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        await self._stack.enter_async_context(running(octet))
        self.octet = octet
        return octet

    async def stop(self) -> None:
        await self._stack.aclose()

    async def tell(self, call: Callable[[], Awaitable[ActionResult]]) -> None:
        try:
            self.ended.append(await call())
        except OctetError:
            pass  # refused, and nothing was pressed: looked at below

    async def do(self, octet: Coordinator, step: str, what: str) -> Coordinator:
        match step:
            case "shows":
                self.window.dialog = what
                await octet.dispatch.window_shows("main", self.window.shown())
            case "turns, untold":
                self.window.dialog = what
            case "press":
                for one in await octet.agent_actions.dialogs.list_open():
                    self.first = self.first or one.id
                    await self.tell(lambda one=one: octet.agent_actions.answer_dialog(one.id, Act(what), by=ADA))
            case "press old" if self.first:
                await self.tell(lambda: octet.agent_actions.answer_dialog(self.first, Act(what), by=ADA))
            case "interrupt":
                await self.tell(lambda: octet.agent_actions.interrupt("Agent-1", by=ADA))
            case "next attempt":
                self.window.attempts.append(what)
            case "restart":
                await self.stop()
                octet = await self.start()
                await octet.dispatch.window_shows("main", self.window.shown())
            case _:
                pass
        return octet


async def play(home: Path, steps: list[tuple[str, str]]) -> None:
    story = Play(home)
    octet = await story.start()
    try:
        await octet.tasks.new(make_new_task(), by=ADA)
        async with asyncio.timeout(60):
            for step, what in steps:
                octet = await story.do(octet, step, what)
            await octet.dispatch.window_shows("main", story.window.shown())
        await look(octet, story)
    finally:
        await story.stop()


async def look(octet: Coordinator, story: Play) -> None:
    """Check what must hold at the end of every story."""
    window = story.window
    assert max(window.pressed.values(), default=0) <= 1, "pressed twice"
    assert window.wrong == [], "pressed for another dialog than the one that was shown"
    for one in story.ended:
        was_pressed = window.pressed[one.delivery.id] == 1
        if one.state is DeliveryState.DELIVERED:
            assert was_pressed
        elif one.state in NOTHING_PRESSED:
            assert not was_pressed
        else:
            assert one.state is DeliveryState.UNKNOWN
    standing = await octet.agent_actions.dialogs.list_open()
    assert [one.mark for one in standing] == ([window.dialog] if window.dialog else [])
    assert all(one.press is None for one in standing), "an act that is over keeps its buttons from working"
    (task,) = await list_tasks(octet, by=ADA)
    state = (await octet.agents.show("Agent-1", by=ADA)).state
    if window.dialog and task.state in {TaskState.WORKING, TaskState.BLOCKED}:
        assert (task.state, state) == (TaskState.BLOCKED, AgentState.NEEDS_INPUT)
    elif task.state in {TaskState.WORKING, TaskState.BLOCKED}:
        assert (task.state, state) == (TaskState.WORKING, AgentState.BUSY)


def run(steps: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder), steps))


@pytest.mark.timeout(900)
@settings(max_examples=max(8, settings().max_examples // 4))
@given(st.lists(STEPS, max_size=8))
def test_in_any_order_each_act_is_pressed_once_at_most_and_for_what_was_shown(steps: list[tuple[str, str]]) -> None:
    run(steps)


@pytest.mark.parametrize(
    ("verb", "story"),
    [
        ("set_press", [("shows", "one"), ("next attempt", "stops"), ("press", Act.APPROVE)]),
    ],
)
def test_a_rule_that_is_forgotten_is_found(
    monkeypatch: pytest.MonkeyPatch, verb: str, story: list[tuple[str, str]]
) -> None:
    """An act that ended without a press would keep its dialog for itself for good."""
    from core.agent_actions.dialogs import AgentDialogs

    right = AgentDialogs.set_press
    monkeypatch.setattr(
        AgentDialogs, verb, lambda self, tx, now, press: right(self, tx, now, press) if press is not None else None
    )
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        run(story)


def test_an_act_begun_again_after_it_was_lost_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule that matters most: what may have been pressed is never pressed again."""
    from core.dispatch.outcomes import Outcomes

    right = Outcomes._act_outcome

    def again(self: Outcomes, tx: object, delivery: object, outcome: Outcome) -> None:
        if outcome.result is Result.UNKNOWN:
            outcome = replace(outcome, result=Result.NOT_ARRIVED)
        right(self, tx, delivery, outcome)  # pyright: ignore[reportArgumentType] - handed on as they came

    monkeypatch.setattr(Outcomes, "_act_outcome", again)
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        run([("next attempt", "is lost"), ("interrupt", "")])
