"""What was interrupted after Enter had been asked for: somebody looks what became of it, and until then it stands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.agents.model import AgentState, Lane, Route
from core.coordinator import Coordinator
from core.deliveries.model import Assurance, Delivery, DeliveryRequest, DeliveryState, Outcome, Reason, Result
from core.deliveries.ports import LanePort, Progress
from core.desks.model import DeskNow, DeskState
from core.retry_policy import RetryPolicy
from core.settings.model import DispatchSettings
from core.tasks.model import TaskId, TaskState
from tests.builders import ADA, entries_of, make_agent, make_desk, make_new_task, make_window_agent, open_coordinator
from tests.core.dispatch.test_loop import QUICK, code_in, reach, running, until, window_house
from tests.fakes.clock import FakeClock
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane

FIRST = TaskId("T-1")
EXACT = Outcome(result=Result.DELIVERED, assurance=Assurance.EXACT)
NOT_ARRIVED = Outcome(result=Result.NOT_ARRIVED, reason=Reason.NOT_SEEN, note="a whole transcript lacks it")
NOT_SEEN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box is empty")
LOST = Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST, note="its worker ended around Enter")

SOON = RetryPolicy(settings=DispatchSettings(recovery_timeout_s=0.05))


class Dies(FakeLane):
    """Is granted Enter and never comes back: the process ends meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.granted = asyncio.Event()

    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        self.orders.append(order)
        await progress.staging(drafts=("at the start",))
        await progress.staged(sha256=order.sha256, drafts=("whole",))
        await progress.submitting()
        self.granted.set()
        await asyncio.Event().wait()
        return EXACT


class Loses(FakeLane):
    """Its worker is lost after Enter was granted, as often as the script says."""

    def __init__(self, *settlements: Outcome) -> None:
        super().__init__()
        self.settlements = list(settlements)

    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        await super().deliver(order, progress)
        return LOST


class LooksLong(FakeLane):
    """Settles only when the test lets it, after it has asked for Enter once more if the test says so."""

    def __init__(self, outcome: Outcome, *, presses: bool = False) -> None:
        super().__init__()
        self.outcome = outcome
        self.presses = presses
        self.refused: list[str] = []
        self.looking = asyncio.Event()
        self.go_on = asyncio.Event()

    async def settle(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        self.settled.append(order)
        self.looking.set()
        await self.go_on.wait()
        if self.presses:
            await progress.submitting()
            self.submitted.append(order.text)
        return self.outcome


async def interrupted(home: Path, brief: str = "Count the birds") -> DeliveryRequest:
    """Make a home whose only delivery was interrupted after Octet asked for Enter."""
    lane = Dies()
    async with window_house(home, lane) as octet:
        await octet.tasks.new(make_new_task(brief), by=ADA)
        async with asyncio.timeout(60):
            await lane.granted.wait()
    return lane.orders[0]


@asynccontextmanager
async def closed_house(
    home: Path,
    lane: FakeLane,
    policy: RetryPolicy = QUICK,
    *,
    agent_command: str = "octet",
    before: Callable[[Coordinator], Awaitable[None]] | None = None,
) -> AsyncGenerator[Coordinator]:
    """As `window_house`, but the desk has not come up yet. `before` is awaited before anybody dispatches."""
    async with open_coordinator(
        home,
        agents=[make_window_agent()],
        desks=[make_desk("agent-1")],
        lanes={(Lane.WINDOW, "main"): lane},
        workers={"main": FakeDeskWorker()},
        policy=policy,
        agent_command=agent_command,
    ) as octet:
        if before is not None:
            await before(octet)
        async with running(octet):
            yield octet


async def delivery(octet: Coordinator, task: TaskId = FIRST) -> Delivery:
    return (await octet.tasks.show(task, by=ADA)).deliveries[-1]


async def test_after_a_restart_somebody_looks_before_anything_else_and_finds_that_it_arrived(tmp_path: Path) -> None:
    first = await interrupted(tmp_path)
    lane = FakeLane()
    lane.settlements = [EXACT]
    async with window_house(tmp_path, lane) as octet:
        await reach(octet, FIRST, TaskState.WORKING)
        (looked_for,) = lane.settled
        assert looked_for == replace(first, fence=2, drafts=("at the start", "whole"))
        found = await delivery(octet)
        assert (found.state, found.assurance, found.drafts) == (DeliveryState.DELIVERED, Assurance.EXACT, ())
        assert lane.orders == []
        assert (await octet.agents.show("Agent-1", by=ADA)).state is AgentState.BUSY
        names = [entry.name for entry in await entries_of(octet.journal, "delivery:" + found.id)]
        assert names.count("DeliveryRetaken") == 1


async def test_what_is_seen_not_to_have_arrived_is_brought_again_in_the_same_row(tmp_path: Path) -> None:
    await interrupted(tmp_path)
    lane = FakeLane()
    lane.settlements = [NOT_ARRIVED]
    async with window_house(tmp_path, lane) as octet:
        task = await reach(octet, FIRST, TaskState.WORKING)
        assert task.note == ""
        assert len(lane.submitted) == 1
        assert [d.fence for d in (await octet.tasks.show(FIRST, by=ADA)).deliveries] == [3]


async def test_what_nobody_can_see_is_unknown_and_its_agent_is_held(tmp_path: Path) -> None:
    await interrupted(tmp_path)
    lane = FakeLane()
    lane.settlements = [NOT_SEEN]
    async with window_house(tmp_path, lane) as octet:
        held = await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
        assert held.note == "the box is empty"
        assert (await octet.agents.show("Agent-1", by=ADA)).state is AgentState.HELD
        assert lane.submitted == []


async def test_until_the_desk_is_there_the_card_says_why_it_stands_and_nothing_else_is_brought(tmp_path: Path) -> None:
    await interrupted(tmp_path)
    lane = LooksLong(EXACT)
    async with closed_house(tmp_path, lane) as octet:
        task = (await octet.tasks.show(FIRST, by=ADA)).task
        assert task.state is TaskState.DELIVERING
        assert task.note == ("Octet restarted around Enter; Octet checks the window of Agent-1 as soon as it can")
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        async with asyncio.timeout(60):
            await lane.looking.wait()
        await octet.tasks.new(make_new_task("the next"), by=ADA)
        assert lane.orders == []
        lane.go_on.set()
        assert (await reach(octet, FIRST, TaskState.WORKING)).note == ""


async def test_a_desk_that_stays_away_makes_it_unknown_with_the_reason_why_nobody_could_look(tmp_path: Path) -> None:
    await interrupted(tmp_path)
    lane = FakeLane()

    async def goes_away(octet: Coordinator) -> None:
        await octet.dispatch.desk_changed(
            "main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "there is no display :7")
        )

    async with closed_house(tmp_path, lane, SOON, before=goes_away) as octet:
        held = await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
        assert held.note == (
            "Octet restarted around Enter; "
            "Octet could not look since: desk main is unavailable (Octet cannot open its display: there is no display "
            ":7)"
        )
        assert (await delivery(octet)).reason == Reason.RESTARTED
        assert lane.settled == []


async def test_a_held_desk_is_not_looked_at_and_a_person_is_asked_instead(tmp_path: Path) -> None:
    await interrupted(tmp_path)
    lane = FakeLane()

    async def is_held(octet: Coordinator) -> None:
        await octet.desks.hold("main", by=ADA)
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))

    async with closed_house(tmp_path, lane, SOON, before=is_held) as octet:
        held = await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
        assert "desk main is held" in held.note
        assert lane.settled == []


@pytest.mark.parametrize("gone", ["agent", "window", "lane"])
async def test_where_nobody_will_ever_look_it_is_unknown_at_once(tmp_path: Path, gone: str) -> None:
    await interrupted(tmp_path)
    agents = {
        "agent": [make_agent("Agent-9")],
        "window": [make_window_agent(window="agent-2")],
        "lane": [make_window_agent()],
    }
    lanes: dict[Route, LanePort] = {} if gone == "lane" else {(Lane.WINDOW, "main"): FakeLane()}
    async with open_coordinator(
        tmp_path,
        agents=agents[gone],
        desks=[make_desk("agent-1", "agent-2")],
        lanes=lanes,
        workers={"main": FakeDeskWorker()},
    ) as octet:
        task = (await octet.tasks.show(FIRST, by=ADA)).task
        assert (task.state, task.reason) == (TaskState.PARKED, "delivery_unknown")
        words = {"agent": "is no longer in", "window": "has another window", "lane": "nothing serves"}
        assert words[gone] in task.note


async def test_a_prompt_that_reads_otherwise_by_now_is_not_looked_for(tmp_path: Path) -> None:
    """Else its absence would prove that it never arrived."""
    await interrupted(tmp_path)
    lane = FakeLane()
    lane.settlements = [NOT_ARRIVED]
    async with closed_house(tmp_path, lane, agent_command="other-octet") as octet:
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        held = await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
        assert held.note.endswith("Octet cannot build the same prompt again")
        assert lane.settled == lane.orders == []


async def test_a_task_that_was_cancelled_meanwhile_is_not_looked_for(tmp_path: Path) -> None:
    await interrupted(tmp_path)
    lane = FakeLane()
    async with open_coordinator(  # nobody dispatches yet
        tmp_path,
        agents=[make_window_agent()],
        desks=[make_desk("agent-1")],
        lanes={(Lane.WINDOW, "main"): lane},
        workers={"main": FakeDeskWorker()},
    ) as octet:
        await octet.tasks.cancel(FIRST, by=ADA)
        assert (await delivery(octet)).state is DeliveryState.SUBMITTING
    async with window_house(tmp_path, lane) as octet:

        async def is_cancelled() -> bool:
            return (await delivery(octet)).state is DeliveryState.CANCELLED

        await until(is_cancelled, octet)
        assert lane.settled == []
        await octet.tasks.new(make_new_task("the next"), by=ADA)
        await reach(octet, TaskId("T-2"), TaskState.WORKING)


async def test_a_task_cancelled_during_the_look_gets_no_second_enter(tmp_path: Path) -> None:
    await interrupted(tmp_path)
    lane = LooksLong(EXACT, presses=True)
    async with window_house(tmp_path, lane) as octet:
        async with asyncio.timeout(60):
            await lane.looking.wait()
        await octet.tasks.cancel(FIRST, by=ADA)
        lane.go_on.set()

        async def is_cancelled() -> bool:
            return (await delivery(octet)).state is DeliveryState.CANCELLED

        await until(is_cancelled, octet)
        assert lane.submitted == []


async def test_an_answer_during_the_look_settles_it_and_the_late_verdict_is_void(tmp_path: Path) -> None:
    order = await interrupted(tmp_path)
    lane = LooksLong(NOT_ARRIVED)
    async with window_house(tmp_path, lane) as octet:
        async with asyncio.timeout(60):
            await lane.looking.wait()
        await octet.tasks.accept_answer("T-1", code_in(order.text), "Seven.", final=True, key="a")
        lane.go_on.set()
        await octet.tasks.new(make_new_task("the next"), by=ADA)
        await reach(octet, TaskId("T-2"), TaskState.WORKING)
        found = await delivery(octet)
        assert (found.state, found.assurance) == (DeliveryState.DELIVERED, Assurance.ANSWERED)
        assert [text.splitlines()[1] for text in lane.submitted] == ["the next"]


async def test_a_draft_that_stands_there_whole_gets_its_enter_in_the_same_row(tmp_path: Path) -> None:
    await interrupted(tmp_path)
    lane = LooksLong(EXACT, presses=True)
    lane.go_on.set()
    async with window_house(tmp_path, lane) as octet:
        await reach(octet, FIRST, TaskState.WORKING)
        assert len(lane.submitted) == 1


async def test_workers_that_are_lost_over_every_look_end_in_unknown(tmp_path: Path) -> None:
    lane, clock = Loses(*[LOST] * 500), FakeClock()
    policy = RetryPolicy(first_pause_ms=1, settings=DispatchSettings(recovery_timeout_s=0.2), recovery_pause_s=0.05)
    async with window_house(tmp_path, lane, policy=policy, clock=clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        async with asyncio.timeout(60):
            while (await octet.tasks.show(FIRST, by=ADA)).task.state is not TaskState.PARKED:
                clock.advance(0.01 if lane.settled else 0)
                octet.dispatch.wake()
                await octet.store.ping()
        held = await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
        assert held.note.endswith("the desk's worker ended each time it looked")
        assert 2 <= len(lane.settled) <= 6, "it rests between two looks"
        assert (await delivery(octet)).reason == Reason.WORKER_LOST


async def test_a_paused_agents_prompt_is_looked_for_and_goes_to_another_if_it_did_not_arrive(tmp_path: Path) -> None:
    await interrupted(tmp_path)
    lane = LooksLong(NOT_ARRIVED)
    async with window_house(tmp_path, lane, agents=2) as octet:
        async with asyncio.timeout(60):
            await lane.looking.wait()
        await octet.availability.pause("Agent-1", by=ADA)
        lane.go_on.set()
        task = await reach(octet, FIRST, TaskState.WORKING)
        assert task.agent == "Agent-2"
        assert [order.agent for order in lane.orders] == ["Agent-2"]
