"""Doing a task again, giving it to another agent, moving it in the queue: and what none of these may do."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.agents.model import Lane
from core.deliveries.model import DeliveryState, Outcome, Reason, Result
from core.desks.model import DeskNow, DeskState
from core.limits import OutOfRange
from core.notices.model import DISCORD, Halt, NoticeKind
from core.reasons import ParkCause
from core.retry_policy import RetryPolicy
from core.security.model import OPERATOR, NotAllowed, Role
from core.settings.model import DispatchSettings
from core.tasks.model import LeaseRevoked, TaskId, TaskNotFound, TaskState
from tests.builders import (
    ADA,
    BEN,
    CAROL,
    entries_of,
    make_agent,
    make_desk,
    make_new_task,
    make_person,
    make_window_agent,
    open_coordinator,
    pending,
    refuses,
)
from tests.core.dispatch.test_loop import code_in, reach, running, until, window_house
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import ARRIVES, FakeLane, refused

FIRST = TaskId("T-1")
FAILED = Outcome(result=Result.REFUSED, reason=Reason.TEXT_REFUSED)
UNKNOWN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN)
DRY = Outcome(result=Result.SENT, reason=Reason.DRY_RUN)
ONE_REFUSAL = RetryPolicy(first_pause_ms=1, longest_pause_ms=2, settings=DispatchSettings(max_rejections_per_hour=1))


async def test_a_failed_task_is_tried_again_with_a_new_code_and_the_old_one_is_dead(tmp_path: Path) -> None:
    lane = FakeLane(FAILED)
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=CAROL)
        await reach(octet, FIRST, TaskState.FAILED, "text_refused")
        again = await octet.tasks.retry(FIRST, by=CAROL)
        assert (again.state, again.attempt, again.agent) == (TaskState.READY, 2, None)
        await reach(octet, FIRST, TaskState.WORKING)
        old, new = (code_in(order.text) for order in lane.orders)
        assert old != new
        with pytest.raises(LeaseRevoked):
            await octet.tasks.accept_answer("T-1", old, "From before.", final=True, key="a")
        (late,) = (await octet.tasks.show(FIRST, by=ADA)).answers
        assert (late.late, late.sender) == (True, "agent:an earlier agent")
        await octet.tasks.accept_answer("T-1", new, "Seven.", final=True, key="b")
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.DONE
        entries = await entries_of(octet.journal, "task:T-1")
        moves = [entry.actor for entry in entries if entry.data.get("was") == "failed"]
        assert moves == [CAROL.id]


async def test_a_parked_task_goes_on_in_the_same_attempt_and_is_told_again_when_it_parks_again(tmp_path: Path) -> None:
    lane = FakeLane(refused(), refused(), ARRIVES)
    async with window_house(tmp_path, lane, policy=ONE_REFUSAL) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        for _ in range(2):
            await reach(octet, FIRST, TaskState.PARKED, "window_refused")
            await octet.dispatch.window_usable("main", "agent-1")
            assert (await octet.tasks.retry(FIRST, by=ADA)).attempt == 1
        await reach(octet, FIRST, TaskState.WORKING)
        for notice in await octet.notices.on(DISCORD).due():
            if notice.kind is NoticeKind.CARD:
                await octet.notices.on(DISCORD).posted(notice.id, channel="1", message="2", revision=notice.revision)
        assert [notice.detail for notice in await pending(octet)] == [Halt(state="parked", reason=ParkCause.WINDOW)] * 2


async def test_what_is_not_stopped_or_is_over_is_not_tried_again(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        with refuses("task_not_stopped", match="working"):
            await octet.tasks.retry(FIRST, by=ADA)


async def test_a_done_task_is_repeated_by_a_new_one_that_names_it(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        await octet.tasks.new(make_new_task(priority=1), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        done = await octet.tasks.done(FIRST, "Seven birds", by=ADA)
        again = await octet.tasks.retry(FIRST, by=ADA)
        assert (again.id, again.again_of, again.brief, again.priority) == ("T-2", FIRST, done.brief, 1)
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.DONE


async def test_a_waiting_task_goes_to_the_agent_it_is_given_to_and_to_no_other(tmp_path: Path) -> None:
    lane = FakeLane(refused())
    async with window_house(tmp_path, lane, agents=2) as octet:
        await octet.tasks.new(make_new_task(agent="Agent-1"), by=CAROL)
        await reach(octet, FIRST, TaskState.WAITING, "window")
        given = await octet.tasks.assign_to(FIRST, "agent-2", by=CAROL)
        assert (given.state, given.wanted, given.agent) == (TaskState.READY, "Agent-2", None)
        assert (await reach(octet, FIRST, TaskState.WORKING)).agent == "Agent-2"
        with refuses("task_already_running", match="Agent-2 is already working"):
            await octet.tasks.assign_to(FIRST, "Agent-1", by=CAROL)
        changed = [entry for entry in await entries_of(octet.journal, "task:T-1") if entry.name == "TaskChanged"]
        assert [(entry.data["wanted"], entry.actor) for entry in changed] == [("Agent-2", CAROL.id)]


async def test_after_a_dry_run_a_task_can_be_given_to_a_window(tmp_path: Path) -> None:
    dry, window = FakeLane(DRY), FakeLane()
    async with open_coordinator(
        tmp_path,
        agents=[make_agent("Dry-1"), make_window_agent()],
        desks=[make_desk("agent-1")],
        lanes={(Lane.DRYRUN, None): dry, (Lane.WINDOW, "main"): window},
        workers={"main": FakeDeskWorker()},
    ) as octet:
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        async with running(octet):
            await octet.tasks.new(make_new_task(agent="Dry-1"), by=ADA)
            await reach(octet, FIRST, TaskState.WAITING, "dry_run")
            await octet.tasks.assign_to(FIRST, "Agent-1", by=ADA)
            assert (await reach(octet, FIRST, TaskState.WORKING)).agent == "Agent-1"
            assert len(window.submitted) == 1


async def test_a_task_is_not_given_to_who_cannot_do_it_nor_after_its_end(tmp_path: Path) -> None:
    agents = [make_agent("Agent-1", can="python"), make_agent("Agent-2")]
    async with open_coordinator(tmp_path, agents=agents, lanes={}) as octet:
        await octet.tasks.new(make_new_task(needs=frozenset({"python"})), by=ADA)
        with refuses("no_capable_agent"):
            await octet.tasks.assign_to(FIRST, "Agent-2", by=ADA)
        with refuses("agent_not_found"):
            await octet.tasks.assign_to(FIRST, "Agent-9", by=ADA)
        await octet.tasks.cancel(FIRST, by=ADA)
        with refuses("task_already_ended"):
            await octet.tasks.assign_to(FIRST, "Agent-1", by=ADA)


async def test_a_task_made_urgent_passes_the_others(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        running_now = await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, running_now.id, TaskState.WORKING)
        early = await octet.tasks.new(make_new_task(priority=1), by=ADA)
        late = await octet.tasks.new(make_new_task(priority=3), by=CAROL)
        assert (await octet.tasks.set_priority(late.id, 0, by=CAROL)).priority == 0
        assert await octet.tasks.set_priority(late.id, 0, by=OPERATOR) == (await octet.tasks.show(late.id, by=ADA)).task
        await octet.tasks.cancel(running_now.id, by=ADA)
        await reach(octet, late.id, TaskState.WORKING)
        assert (await octet.tasks.show(early.id, by=ADA)).task.state is TaskState.READY
        entries = await entries_of(octet.journal, "task:T-3")
        changed = [entry.data["priority"] for entry in entries if entry.name == "TaskChanged"]
        assert changed == [0], "once: the second word changed nothing"


async def test_a_queued_delivery_follows_the_priority_of_its_task(tmp_path: Path) -> None:
    lane = FakeLane()
    lane.gate.clear()
    async with window_house(tmp_path, lane, agents=3) as octet:
        blocks = await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, blocks.id, TaskState.DELIVERING)
        second, third = [(await octet.tasks.new(make_new_task(), by=ADA)).id for _ in range(2)]
        await reach(octet, third, TaskState.ASSIGNED)
        await octet.tasks.set_priority(third, 0, by=ADA)
        (queued,) = (await octet.tasks.show(third, by=ADA)).deliveries
        assert (queued.state, queued.priority) == (DeliveryState.QUEUED, 0)
        lane.gate.set()

        async def all_began() -> bool:
            return len(lane.submitted) == 3

        await until(all_began, octet)
        assert [text.split("task ")[1].split()[0] for text in lane.submitted] == [blocks.id, third, second]


@pytest.mark.parametrize("priority", [-1, 5])
async def test_there_are_five_priorities(tmp_path: Path, priority: int) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        with pytest.raises(OutOfRange):
            await octet.tasks.set_priority(FIRST, priority, by=ADA)
        await octet.tasks.cancel(FIRST, by=ADA)
        with refuses("task_already_ended"):
            await octet.tasks.set_priority(FIRST, 1, by=ADA)


async def test_only_operators_and_who_asked_may_change_a_task(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        for stranger in (BEN, CAROL):
            with pytest.raises(NotAllowed):
                await octet.tasks.retry(FIRST, by=stranger)
            with pytest.raises(NotAllowed):
                await octet.tasks.assign_to(FIRST, "Agent-1", by=stranger)
            with pytest.raises(NotAllowed):
                await octet.tasks.set_priority(FIRST, 1, by=stranger)
        with pytest.raises(TaskNotFound):
            await octet.tasks.retry(TaskId("T-9"), by=ADA)


async def test_only_agents_that_can_do_a_task_are_offered_to_a_user_who_may_assign_it(tmp_path: Path) -> None:
    agents = [make_agent("Agent-1", can="python"), make_agent("Agent-2"), make_agent("Agent-3", can="python")]
    agents.append(make_agent("Nowhere", lane=Lane.WINDOW, can="python"))
    async with open_coordinator(tmp_path, agents=agents, lanes={(Lane.DRYRUN, None): FakeLane()}) as octet:
        task = await octet.tasks.new(make_new_task(needs=frozenset({"python"})), by=ADA)
        assert (await octet.tasks.show(task.id, by=ADA)).is_assignable
        found = await octet.tasks.list_assignees(task.id, by=ADA)
        assert [one.agent.name for one in found] == ["Agent-1", "Agent-3"]
        viewer = make_person(2, "Ben", Role.VIEWER)
        for other in (BEN, viewer, CAROL):
            with pytest.raises(NotAllowed):
                await octet.tasks.list_assignees(task.id, by=other)
        await octet.tasks.cancel(task.id, by=ADA)
        assert not (await octet.tasks.show(task.id, by=ADA)).is_assignable
        with refuses("task_already_ended"):
            await octet.tasks.list_assignees(task.id, by=ADA)


async def test_a_task_whose_prompt_may_have_arrived_is_not_assignable(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(UNKNOWN)) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
        assert not (await octet.tasks.show(FIRST, by=ADA)).is_assignable
        with refuses("delivery_unresolved"):
            await octet.tasks.list_assignees(FIRST, by=ADA)
