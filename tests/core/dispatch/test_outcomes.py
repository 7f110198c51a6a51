"""Outcomes at the edges: ended tasks, disks that refuse, lanes that break their promise, retries, a changed config."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from core.agents.model import Agent, AgentState, Lane, Route
from core.coordinator import Coordinator
from core.deliveries.model import Assurance, DeliveryId, DeliveryRequest, DeliveryState, Outcome, Reason, Result
from core.deliveries.ports import LanePort, Progress
from core.desks.model import DeskNow, DeskState
from core.retry_policy import RetryPolicy
from core.settings.model import DispatchSettings
from core.store.engine import Tx
from core.store.errors import StoreUnavailable
from core.tasks.model import TaskId, TaskState
from tests.builders import ADA, list_tasks, make_agent, make_desk, make_new_task, make_window_agent, open_coordinator
from tests.core.dispatch.test_loop import code_in, reach, running, until, window_house
from tests.fakes.clock import FakeClock
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import ARRIVES, FakeLane, bounced, refused

NOT_ARRIVED = Outcome(result=Result.NOT_ARRIVED, reason=Reason.FOCUS_TAKEN, note="Enter was not pressed")
UNKNOWN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN)
STOPPED = Outcome(result=Result.STOPPED)
FAILED = Outcome(result=Result.FAILED, note="no desk")
FIRST = TaskId("T-1")


class AsksThenWaits(FakeLane):
    """Has Enter granted, waits for the test, then says what the test says."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        self.orders.append(order)
        await progress.staging()
        await progress.staged(sha256=order.sha256)
        await progress.submitting()
        self.asked.set()
        await self.go_on.wait()
        return self.outcome


def dry(lane: FakeLane) -> dict[Route, LanePort]:
    return {(Lane.DRYRUN, None): lane}


async def states(octet: Coordinator, task: TaskId = FIRST) -> list[str]:
    return [delivery.state.value for delivery in (await octet.tasks.show(task, by=ADA)).deliveries]


def delivery_ends(octet: Coordinator, *ends: str) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return await states(octet) == list(ends)

    return check


@pytest.mark.parametrize(
    ("outcome", "end"),
    [
        (ARRIVES, "delivered"),
        (UNKNOWN, "cancelled"),
        (NOT_ARRIVED, "cancelled"),
        (bounced(), "cancelled"),
        (refused(), "cancelled"),
        (STOPPED, "cancelled"),
        (FAILED, "cancelled"),
    ],
    ids=lambda value: value.result.value if isinstance(value, Outcome) else "",
)
async def test_a_task_cancelled_while_enter_is_pressed_is_never_tried_again(
    tmp_path: Path, outcome: Outcome, end: str
) -> None:
    lane = AsksThenWaits(outcome)
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await lane.asked.wait()
        await octet.tasks.cancel(FIRST, by=ADA)
        assert await states(octet) == ["submitting"], "what is being pressed cannot be called back"
        lane.go_on.set()
        await until(delivery_ends(octet, end), octet)
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.CANCELLED
        assert (await octet.agents.show("Agent-1", by=ADA)).state is AgentState.IDLE
        await octet.tasks.new(make_new_task("the next"), by=ADA)
        await reach(octet, TaskId("T-2"), *after(outcome))
        assert len([order for order in lane.orders if "T-1" in order.text]) == 1


class EndsWithTheAnswer(AsksThenWaits):
    async def give_up(self, delivery: DeliveryId, *, answered: bool = False) -> None:
        await super().give_up(delivery, answered=answered)
        self.go_on.set()


async def test_an_answer_ends_the_watch_and_the_next_delivery_of_that_desk_begins(tmp_path: Path) -> None:
    lane = EndsWithTheAnswer(Outcome(result=Result.DELIVERED, assurance=Assurance.ANSWERED, note="an answer came"))
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await lane.asked.wait()
        await octet.tasks.new(make_new_task("the next"), by=ADA)
        await octet.tasks.accept_answer("T-1", code_in(lane.orders[0].text), "Seven.", final=True, key="a")
        await reach(octet, TaskId("T-2"), TaskState.WORKING)
        assert lane.answered == [lane.orders[0].delivery], "and nothing that a lane has proven"
        assert lane.stopped == []
        (first,) = (await octet.tasks.show(FIRST, by=ADA)).deliveries
        assert (first.state, first.assurance) == (DeliveryState.DELIVERED, Assurance.ANSWERED)


def after(outcome: Outcome) -> tuple[TaskState, str | None]:
    """Where a task stands whose lane said this after Enter was granted."""
    if outcome is ARRIVES:
        return TaskState.WORKING, None
    return (TaskState.DELIVERING, None) if outcome is NOT_ARRIVED else (TaskState.PARKED, "delivery_unknown")


@pytest.mark.parametrize("outcome", [bounced(), refused(), STOPPED, FAILED], ids=lambda one: one.result.value)
async def test_a_lane_that_denies_the_enter_it_was_granted_is_not_asked_again(tmp_path: Path, outcome: Outcome) -> None:
    lane = AsksThenWaits(outcome)
    lane.go_on.set()
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        held = await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
        assert "after Enter was granted" in held.note
        assert await states(octet) == ["unknown"]
        assert len(lane.orders) == 1


async def test_enter_seen_not_to_arrive_is_tried_again_but_not_for_ever(tmp_path: Path) -> None:
    lane = FakeLane(*[NOT_ARRIVED] * 4)
    policy = RetryPolicy(first_pause_ms=1, longest_pause_ms=1, settings=DispatchSettings(max_retries=4))
    async with window_house(tmp_path, lane, policy=policy) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        held = await reach(octet, FIRST, TaskState.WAITING, "window")
        assert "focus taken" in held.note
        assert len(lane.orders) == 4
        assert await states(octet) == ["refused"]


async def test_a_lane_that_says_arrived_without_asking_for_enter_is_neither_believed_nor_asked_again(
    tmp_path: Path,
) -> None:
    class Liar(FakeLane):
        async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
            self.orders.append(order)
            return ARRIVES

    lane = Liar()
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        failed = await reach(octet, FIRST, TaskState.FAILED, "internal_error")
        assert "without having asked" in failed.note
        assert len(lane.orders) == 1


async def test_a_lane_that_breaks_before_enter_is_tried_again_and_after_enter_is_unknown(tmp_path: Path) -> None:
    class Breaking(FakeLane):
        async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
            self.orders.append(order)
            await progress.staging()
            if len(self.orders) == 1:
                raise RuntimeError
            await progress.staged(sha256=order.sha256)
            await progress.submitting()
            raise RuntimeError

    lane = Breaking()
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
        assert len(lane.orders) == 2


async def test_a_disk_that_refuses_for_a_while_loses_no_outcome_and_does_not_end_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.store.engine._BUSY_MS", 1)
    monkeypatch.setattr("core.tasks.quarantine.STORE_PAUSE_S", 0.02)
    lane = AsksThenWaits(ARRIVES)
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await lane.asked.wait()
        with closing(sqlite3.connect(tmp_path / "octet.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            lane.go_on.set()
            for _ in range(5):
                with pytest.raises(StoreUnavailable):
                    await octet.store.ping()
            await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
            with pytest.raises(StoreUnavailable):
                await octet.store.ping()
            other.execute("ROLLBACK")
        await reach(octet, FIRST, TaskState.WORKING)
        await octet.tasks.cancel(FIRST, by=ADA)
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, TaskId("T-2"), TaskState.WORKING)


async def test_a_stopped_desk_leaves_its_task_waiting_with_the_reason_until_it_is_released(tmp_path: Path) -> None:
    lane = FakeLane(STOPPED)
    lane.gate.clear()
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await until(delivery_ends(octet, "staging"), octet)
        await octet.desks.stop("main", by=ADA)
        lane.gate.set()
        held = await reach(octet, FIRST, TaskState.WAITING, "hold")
        assert "stopped" in held.note
        assert await states(octet) == ["superseded"]
        await octet.desks.release("main", by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert len(lane.submitted) == 1


async def test_prompts_that_queue_behind_another_say_so_when_their_desk_is_held(tmp_path: Path) -> None:
    lane = AsksThenWaits(ARRIVES)
    async with window_house(tmp_path, lane, agents=2) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await lane.asked.wait()
        second = await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, second.id, TaskState.ASSIGNED)
        await octet.desks.hold("main", by=ADA)
        await reach(octet, second.id, TaskState.WAITING, "hold")
        lane.go_on.set()
        await reach(octet, FIRST, TaskState.WORKING)
        await octet.desks.release("main", by=ADA)
        await reach(octet, second.id, TaskState.WORKING)


async def test_no_number_of_urgent_tasks_for_a_busy_agent_keeps_another_agent_idle(tmp_path: Path) -> None:
    lane = FakeLane()
    async with open_coordinator(
        tmp_path,
        agents=[make_agent("Agent-1", can="python"), make_agent("Agent-2")],
        lanes={(Lane.DRYRUN, None): lane},
    ) as octet:
        for number in range(250):
            needs, wanted = (frozenset({"python"}), None) if number % 2 else (frozenset(), "Agent-1")
            await octet.tasks.new(make_new_task(priority=0, needs=needs, agent=wanted), by=ADA)
        last = await octet.tasks.new(make_new_task(priority=4), by=ADA)
        async with running(octet):
            await reach(octet, last.id, TaskState.WORKING)
            assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.WORKING


async def test_every_one_of_many_tasks_says_why_it_waits(tmp_path: Path) -> None:
    async with open_coordinator(
        tmp_path,
        agents=[make_window_agent()],
        desks=[make_desk("agent-1")],
        lanes={(Lane.WINDOW, "main"): FakeLane()},
        workers={"main": FakeDeskWorker()},
    ) as octet:
        for _ in range(230):
            await octet.tasks.new(make_new_task(), by=ADA)
        async with running(octet):
            await reach(octet, FIRST, TaskState.READY)  # the desk is only starting
            await octet.dispatch.desk_changed("main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "no display"))
            await reach(octet, TaskId("T-230"), TaskState.WAITING, "desk")
            ready = await list_tasks(octet, by=ADA, state=("ready",))
            assert ready == ()
            await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
            await reach(octet, FIRST, TaskState.WORKING)
            await reach(octet, TaskId("T-230"), TaskState.READY)


GONE: list[tuple[str, list[Agent]]] = [
    ("gone", [make_agent("Agent-2")]),
    ("less able", [make_agent("Agent-1"), make_agent("Agent-2")]),
]


@pytest.mark.parametrize(("what", "agents"), GONE, ids=[what for what, _ in GONE])
async def test_a_task_for_an_agent_that_the_config_lost_says_so_and_goes_on_when_it_is_back(
    tmp_path: Path, what: str, agents: list[Agent]
) -> None:
    before = [make_agent("Agent-1", can="python"), make_agent("Agent-2")]
    async with open_coordinator(tmp_path, agents=before, lanes={}) as octet:
        task = await octet.tasks.new(make_new_task(agent="Agent-1", needs=frozenset({"python"})), by=ADA)
    lane = FakeLane()
    lanes = dry(lane)
    async with open_coordinator(tmp_path, agents=agents, lanes=lanes) as octet, running(octet):
        held = await reach(octet, task.id, TaskState.WAITING, "agent")
        assert "Agent-1" in held.note
    async with open_coordinator(tmp_path, agents=before, lanes=lanes) as octet, running(octet):
        await reach(octet, task.id, TaskState.WORKING)


async def test_a_working_task_whose_agent_left_the_config_can_be_shown_answered_and_cancelled(tmp_path: Path) -> None:
    both = [make_agent("Agent-1"), make_agent("Agent-2")]
    lane = FakeLane()
    lanes = dry(lane)
    async with open_coordinator(tmp_path, agents=both, lanes=lanes) as octet, running(octet):
        for number in (1, 2):
            await octet.tasks.new(make_new_task(), by=ADA)
            await reach(octet, TaskId(f"T-{number}"), TaskState.WORKING)
    async with open_coordinator(tmp_path, agents=[make_agent("Agent-3")], lanes=lanes) as octet, running(octet):
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.WORKING
        code = lane.orders[0].text.split("--code ")[1].split()[0]
        await octet.tasks.accept_answer("T-1", code, "Seven.", final=True, key="a")
        await octet.tasks.cancel(TaskId("T-2"), by=ADA)
    async with open_coordinator(tmp_path, agents=both, lanes=lanes) as octet:
        assert [status.state for status in await octet.agents.list(by=ADA)] == [AgentState.IDLE] * 2


def test_pauses_grow_from_20_ms_to_a_second() -> None:
    policy = RetryPolicy()
    assert [policy.retry_delay_ms(bounces) for bounces in (0, 1, 2, 5, 6, 39)] == [20, 40, 80, 640, 1_000, 1_000]


async def test_a_window_that_is_covered_for_five_seconds_is_refused_and_a_taken_focus_is_not(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_coordinator(
        tmp_path,
        agents=[make_agent()],
        lanes={(Lane.DRYRUN, None): FakeLane()},
        clock=clock,
    ) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await octet.store.write(octet.dispatch.assigner.assign_ready)

        async def bounce(reason: Reason) -> str:
            def attempt(tx: Tx) -> str:
                (queued,) = octet.deliveries.find_queued(tx, ["Agent-1"])
                leased = octet.deliveries.lease(tx, queued.id, sha256="")
                octet.dispatch._outcomes.apply_outcome(tx, leased.id, leased.fence, bounced(reason))
                return octet.deliveries.find(tx, leased.id).state.value

            return await octet.store.write(attempt)

        octet_task = await octet.store.write(lambda tx: octet.tasks.repository.move(tx, "T-1", TaskState.DELIVERING))
        assert octet_task.state is TaskState.DELIVERING
        assert await bounce(Reason.COVERED) == "queued"
        clock.advance(4.9)
        assert await bounce(Reason.COVERED) == "queued"
        clock.advance(0.2)
        assert await bounce(Reason.FOCUS_TAKEN) == "queued"
        assert await bounce(Reason.COVERED) == "refused"
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.WAITING


async def test_two_desks_work_at_once_and_each_on_one_prompt_at_a_time(tmp_path: Path) -> None:
    lanes = {name: AsksThenWaits(ARRIVES) for name in ("left", "right")}
    agents = [
        make_agent(f"{name}-{number}", lane=Lane.WINDOW, desk=name, window=f"w{number}")
        for name in lanes
        for number in (1, 2)
    ]
    async with open_coordinator(
        tmp_path,
        agents=agents,
        desks=[make_desk("w1", "w2", name=name) for name in lanes],
        lanes={(Lane.WINDOW, name): lane for name, lane in lanes.items()},
        workers={name: FakeDeskWorker(name) for name in lanes},
    ) as octet:
        for name in lanes:
            await octet.dispatch.desk_changed(name, DeskNow(DeskState.READY))
        async with running(octet), asyncio.timeout(60):
            for _ in range(4):
                await octet.tasks.new(make_new_task(), by=ADA)
            for lane in lanes.values():
                await lane.asked.wait()
            await reach(octet, TaskId("T-4"), TaskState.ASSIGNED)
            assert [len(lane.orders) for lane in lanes.values()] == [1, 1]
            for lane in lanes.values():
                lane.go_on.set()
            for number in range(1, 5):
                await reach(octet, TaskId(f"T-{number}"), TaskState.WORKING)
