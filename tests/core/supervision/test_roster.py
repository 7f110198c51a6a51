"""Agents off duty: they get nothing new, what they have goes on, and what waits for them says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.agents.model import AgentState, Lane
from core.coordinator import Coordinator
from core.deliveries.model import DeliveryState, Outcome, Reason, Result
from core.desks.model import DeskNow, DeskState
from core.security.model import NotAllowed
from core.tasks.model import TaskId, TaskState
from tests.builders import (
    ADA,
    CAROL,
    entries_of,
    make_agent,
    make_desk,
    make_new_task,
    make_window_agent,
    open_coordinator,
    refuses,
)
from tests.core.dispatch.test_loop import code_in, reach, running, until, window_house
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane, bounced, refused

UNKNOWN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN)


async def agent(octet: Coordinator, name: str = "Agent-1") -> tuple[AgentState, str | None, str | None]:
    """Its state, what is noted of it, and its task."""
    status = await octet.agents.show(name, by=ADA)
    return status.state, status.note or status.reason, status.task


async def test_a_paused_agent_gets_nothing_and_its_task_says_why_until_it_is_resumed(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        paused = await octet.availability.pause("agent-1", by=ADA)
        assert (paused.state, paused.note) == (AgentState.PAUSED, "by Ada")
        task = await octet.tasks.new(make_new_task(), by=ADA)
        waiting = await reach(octet, task.id, TaskState.WAITING, "paused")
        assert waiting.note == "Agent-1: paused by Ada"
        assert lane.orders == []
        await octet.availability.resume("Agent-1", by=ADA)
        await reach(octet, task.id, TaskState.WORKING)


async def test_what_a_paused_agent_works_on_goes_on_and_its_end_does_not_wake_it(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        first = await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, first.id, TaskState.WORKING)
        await octet.availability.pause("Agent-1", by=ADA)
        assert await agent(octet) == (AgentState.PAUSED, "by Ada", "T-1")
        second = await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, second.id, TaskState.WAITING, "paused")
        await octet.tasks.accept_answer("T-1", code_in(lane.submitted[0]), "Seven.", final=True, key="a")
        assert await agent(octet) == (AgentState.PAUSED, "by Ada", None)
        assert len(lane.orders) == 1


async def test_what_was_only_queued_for_a_paused_agent_goes_to_another(tmp_path: Path) -> None:
    lane = FakeLane()
    lane.gate.clear()
    async with window_house(tmp_path, lane, agents=2) as octet:
        first, second = [(await octet.tasks.new(make_new_task(), by=ADA)).id for _ in range(2)]
        await reach(octet, first, TaskState.DELIVERING)
        await reach(octet, second, TaskState.ASSIGNED)
        await octet.availability.pause("Agent-2", by=ADA)
        view = await octet.tasks.show(second, by=ADA)
        assert [one.state for one in view.deliveries] == [DeliveryState.SUPERSEDED]
        assert (view.task.state, view.task.agent) == (TaskState.READY, None)
        lane.gate.set()
        await reach(octet, first, TaskState.WORKING)
        await octet.tasks.cancel(first, by=ADA)
        assert (await reach(octet, second, TaskState.WORKING)).agent == "Agent-1"


async def test_a_draining_agent_gets_what_was_queued_for_it_and_then_is_paused(tmp_path: Path) -> None:
    lane = FakeLane()
    lane.gate.clear()
    async with window_house(tmp_path, lane, agents=2) as octet:
        first, second = [(await octet.tasks.new(make_new_task(), by=ADA)).id for _ in range(2)]
        await reach(octet, first, TaskState.DELIVERING)
        await reach(octet, second, TaskState.ASSIGNED)
        assert (await octet.availability.drain("Agent-2", by=ADA)).state is AgentState.DRAINING
        lane.gate.set()
        await reach(octet, second, TaskState.WORKING)
        third = await octet.tasks.new(make_new_task(agent="Agent-2"), by=ADA)
        assert (await reach(octet, third.id, TaskState.WAITING, "paused")).note == "Agent-2: draining by Ada"
        await octet.tasks.cancel(second, by=ADA)
        assert await agent(octet, "Agent-2") == (AgentState.PAUSED, "by Ada", None)
        assert len(lane.orders) == 2


async def test_a_free_agent_that_is_drained_is_paused_at_once(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        assert (await octet.availability.drain("Agent-1", by=ADA)).state is AgentState.PAUSED
        assert (await octet.availability.resume("Agent-1", by=ADA)).state is AgentState.IDLE
        assert (await octet.availability.resume("Agent-1", by=ADA)).state is AgentState.IDLE, "said twice is said once"


async def test_a_refusal_does_not_put_a_paused_agent_back_on_duty(tmp_path: Path) -> None:
    lane = FakeLane()
    lane.gate.clear()
    async with window_house(tmp_path, lane) as octet:
        lane.script.append(Outcome(result=Result.STOPPED))
        task = await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, task.id, TaskState.DELIVERING)
        lane.script.append(refused())
        await octet.availability.pause("Agent-1", by=ADA)
        lane.gate.set()
        await reach(octet, task.id, TaskState.WAITING, "paused")
        assert await agent(octet) == (AgentState.PAUSED, "by Ada", None)
        assert len(lane.orders) == 1, "what came back to its queue was not brought to it"


async def test_what_bounces_while_its_agent_is_paused_goes_back(tmp_path: Path) -> None:
    lane = FakeLane(*[bounced() for _ in range(1000)])
    async with window_house(tmp_path, lane) as octet:
        task = await octet.tasks.new(make_new_task(), by=ADA)

        async def has_bounced() -> bool:
            return len(lane.orders) > 1

        await until(has_bounced, octet)
        await octet.availability.pause("Agent-1", by=ADA)
        await reach(octet, task.id, TaskState.WAITING, "paused")
        tried = len(lane.orders)
        await octet.store.ping()
        assert len(lane.orders) == tried


async def test_a_pause_outlasts_a_restart_and_nobody_delivers_behind_it(tmp_path: Path) -> None:
    first, lane = FakeLane(), FakeLane()
    first.gate.clear()
    async with window_house(tmp_path, first) as octet:
        task = (await octet.tasks.new(make_new_task(), by=ADA)).id
        await reach(octet, task, TaskState.DELIVERING)
        await octet.availability.pause("Agent-1", by=ADA)
    async with window_house(tmp_path, lane) as octet:
        await reach(octet, task, TaskState.WAITING, "paused")
        assert await agent(octet) == (AgentState.PAUSED, "by Ada", None)
        assert lane.orders == []
        await octet.availability.resume("Agent-1", by=ADA)
        await reach(octet, task, TaskState.WORKING)


async def test_an_unknown_delivery_holds_its_agent_also_after_a_pause(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(UNKNOWN)) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, TaskId("T-1"), TaskState.PARKED, "delivery_unknown")
        assert (await octet.availability.drain("Agent-1", by=ADA)).state is AgentState.PAUSED
        assert (await octet.availability.resume("Agent-1", by=ADA)).state is AgentState.HELD
        await octet.tasks.cancel(TaskId("T-1"), by=ADA)
        assert (await agent(octet))[0] is AgentState.IDLE


async def test_a_reason_to_wait_follows_what_is_so(tmp_path: Path) -> None:
    agents = [make_window_agent(), make_agent("Dry-1", can="python")]
    lanes = {(Lane.WINDOW, "main"): FakeLane()}
    async with (
        open_coordinator(
            tmp_path,
            agents=agents,
            desks=[make_desk("agent-1")],
            lanes={**lanes},
            workers={"main": FakeDeskWorker()},
        ) as octet,
        running(octet),
    ):
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "no display"))
        task = (await octet.tasks.new(make_new_task(), by=ADA)).id
        await reach(octet, task, TaskState.WAITING, "desk")
        await octet.availability.pause("Agent-1", by=ADA)
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        await reach(octet, task, TaskState.WAITING, "paused")
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "no display"))
        assert (await octet.availability.resume("Agent-1", by=ADA)).state is AgentState.OFFLINE
        await reach(octet, task, TaskState.WAITING, "desk")
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        await reach(octet, task, TaskState.WORKING)


async def test_only_operators_take_agents_off_duty_and_only_those_there_are(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        for verb in (octet.availability.pause, octet.availability.drain, octet.availability.resume):
            with pytest.raises(NotAllowed):
                await verb("Agent-1", by=CAROL)
            with refuses("agent_not_found"):
                await verb("Agent-9", by=ADA)


async def test_the_journal_knows_who_it_was_by_id_and_holds_no_name(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        await octet.availability.pause("Agent-1", by=ADA)
        entry = (await entries_of(octet.journal, "agent:Agent-1"))[-1]
        assert (entry.actor, entry.data["now"], entry.data["reason"]) == (ADA.id, "paused", None)
