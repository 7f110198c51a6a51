"""Parents and their parts: a task that is split, and the best of several answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.dryrun.lane import DryRunLane
from core.agents.model import Lane
from core.coordinator import Coordinator
from core.fleet.model import NeedKind
from core.limits import BestOfOutOfRange
from core.security.model import NotAllowed
from core.tasks.model import PartsKind, Task, TaskChanges, TaskId, TaskState
from tests.builders import ADA, BEN, make_agent, make_new_task, open_coordinator, refuses
from tests.core.dispatch.test_loop import code_in, reach, running, window_house
from tests.core.tasks.test_dependencies import states
from tests.fakes.lane import FakeLane

FIRST = TaskId("T-1")


async def answer(octet: Coordinator, lane: FakeLane, task: str, text: str) -> None:
    await reach(octet, TaskId(task), TaskState.WORKING)
    prompt = next(one for one in lane.submitted if f"task {task} " in one)
    await octet.tasks.accept_answer(task, code_in(prompt), text, final=True, key="a")


async def find(octet: Coordinator, task: str = "T-1") -> Task:
    return (await octet.tasks.show(TaskId(task), by=ADA)).task


async def test_a_parent_is_done_when_all_of_its_parts_are_and_no_agent_gets_it(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane, agents=2) as octet:
        await octet.tasks.new(make_new_task("Count birds", not_before_ms=2**45, labels=frozenset({"birds"})), by=ADA)
        after = await octet.task_parts.split(FIRST, "- Count the red ones\n\n2. Count the blue ones", by=ADA)
        assert (after.parts, after.state, after.reason) == (PartsKind.SPLIT, TaskState.WAITING, "dependency")
        await octet.tasks.edit(FIRST, TaskChanges(not_before_ms=0), by=ADA)
        view = await octet.tasks.show(FIRST, by=ADA)
        assert [(part.id, part.title) for part in view.parts] == [
            ("T-2", "Count the red ones"),
            ("T-3", "Count the blue ones"),
        ]
        part = await find(octet, "T-2")
        assert (part.parent, part.labels) == (FIRST, frozenset({"birds"}))
        await answer(octet, lane, "T-2", "Four.")
        assert (await find(octet)).state is TaskState.WAITING
        await answer(octet, lane, "T-3", "Three.")
        assert (await find(octet)).state is TaskState.DONE
        assert not [one for one in lane.submitted if "task T-1 " in one]


async def test_a_part_that_fails_keeps_its_parent_waiting_for_a_user_who_may_remove_it(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await octet.task_parts.split(FIRST, "one\ntwo", by=ADA)
        await octet.tasks.cancel(TaskId("T-2"), by=ADA)
        assert (await states(octet))["T-1"] == "waiting dependency_failed"
        await octet.tasks.depend(FIRST, TaskId("T-2"), None, by=ADA)
        assert (await states(octet))["T-1"] == "waiting dependency"
        assert [part.id for part in (await octet.tasks.show(FIRST, by=ADA)).parts] == ["T-3"]
        await octet.tasks.depend(FIRST, TaskId("T-3"), None, by=ADA)
        after = await find(octet)
        assert (after.state, after.parts) == (TaskState.READY, None), "without parts an agent does it"


async def test_a_new_task_can_be_a_part_of_one_that_has_not_begun(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        first, second = [(await octet.tasks.new(make_new_task(), by=ADA)).id for _ in range(2)]
        await reach(octet, first, TaskState.WORKING)
        part = await octet.tasks.new(make_new_task(parent=second), by=ADA)
        assert (part.parent, (await find(octet, second)).reason) == (second, "dependency")
        with refuses("task_already_running"):
            await octet.tasks.new(make_new_task(parent=first), by=ADA)
        with pytest.raises(NotAllowed):
            await octet.tasks.new(make_new_task(parent=second), by=BEN)


async def test_the_best_of_several_answers_is_picked_and_the_others_keep_their_states(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane, agents=4) as octet:
        parent = await octet.tasks.new(make_new_task("Name the bird", best_of=3, key="k"), by=ADA)
        assert (parent.parts, parent.reason) == (PartsKind.BEST_OF, "dependency")
        assert (await octet.tasks.new(make_new_task("Name the bird", best_of=3, key="k"), by=ADA)).id == parent.id
        for part in ("T-2", "T-3", "T-4"):
            await reach(octet, TaskId(part), TaskState.WORKING)
        view = await octet.tasks.show(FIRST, by=ADA)
        agents = [part.agent for part in view.parts]
        assert len(set(agents)) == 3, "each is a different agent's"
        fences = {(await octet.tasks.show(part.id, by=ADA)).task.fence for part in view.parts}
        assert fences == {1}, "each has its own lease"
        with refuses("not_done"):
            await octet.task_parts.pick(TaskId("T-2"), by=ADA)
        await answer(octet, lane, "T-2", "A wren.")
        await answer(octet, lane, "T-3", "A robin.")
        assert (await states(octet))["T-1"] == "waiting dependency"
        assert not (await octet.tasks.show(FIRST, by=ADA)).is_assignable
        with refuses("has_parts"):
            await octet.tasks.assign_to(FIRST, "Agent-1", by=ADA)
        await octet.tasks.cancel(TaskId("T-4"), by=ADA)
        assert (await states(octet))["T-1"] == "waiting pick"
        (need,) = (await octet.fleet.needs_me(by=ADA)).shown
        assert (need.kind, need.task) == (NeedKind.WAITING, "T-1")
        answers = [part.answer for part in (await octet.tasks.show(FIRST, by=ADA)).parts]
        assert answers == ["A wren.", "A robin.", ""]
        done = await octet.task_parts.pick(TaskId("T-3"), by=ADA)
        assert (done.id, done.state) == (FIRST, TaskState.DONE)
        view = await octet.tasks.show(FIRST, by=ADA)
        assert [(part.state.value, part.is_chosen) for part in view.parts] == [
            ("done", False),
            ("done", True),
            ("cancelled", False),
        ]
        assert [one.body for one in view.answers] == ["A robin."]
        with refuses("task_already_ended"):
            await octet.task_parts.pick(TaskId("T-2"), by=ADA)


async def test_the_best_of_two_goes_to_idle_agents_while_another_is_busy(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(), agents=3) as octet:
        await octet.tasks.new(make_new_task("Count", agent="Agent-1"), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        await octet.tasks.new(make_new_task("Name the bird", best_of=2), by=ADA)
        for part in ("T-3", "T-4"):
            await reach(octet, TaskId(part), TaskState.WORKING)
        view = await octet.tasks.show(TaskId("T-2"), by=ADA)
        assert {part.agent for part in view.parts} == {"Agent-2", "Agent-3"}


async def test_without_any_answer_a_best_of_task_needs_a_user(tmp_path: Path) -> None:
    agents = [make_agent("Agent-1"), make_agent("Agent-2")]
    async with open_coordinator(tmp_path, agents=agents, lanes={}) as octet:
        await octet.tasks.new(make_new_task(best_of=2), by=ADA)
        for part in ("T-2", "T-3"):
            await octet.tasks.cancel(TaskId(part), by=ADA)
        assert (await states(octet))["T-1"] == "waiting dependency_failed"
        with refuses("not_a_parent"):
            await octet.task_parts.split(FIRST, "one", by=ADA)
        with refuses("not_a_part"):
            await octet.task_parts.pick(FIRST, by=ADA)
        for wanted in (1, 3):
            with pytest.raises(BestOfOutOfRange) as refused:
                await octet.tasks.new(make_new_task(best_of=wanted), by=ADA)
            assert refused.value.details == {"least": 2, "most": 2}
        with refuses("too_few_agents"):
            await octet.tasks.new(make_new_task(best_of=2, agent="Agent-1"), by=ADA)


async def test_a_task_whose_prompt_a_user_has_in_a_dry_run_is_not_split(tmp_path: Path) -> None:
    agent = make_agent(lane=Lane.DRYRUN)
    lanes = {agent.route: DryRunLane()}
    async with open_coordinator(tmp_path, agents=[agent], lanes=lanes) as octet, running(octet):
        task = await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, task.id, TaskState.WAITING, "dry_run")
        with refuses("task_already_running"):
            await octet.task_parts.split(task.id, "one\ntwo", by=ADA)


async def test_a_best_of_task_that_is_repeated_is_one_again_or_is_refused(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane, agents=2) as octet:
        await octet.tasks.new(make_new_task("Name the bird", best_of=2), by=ADA)
        await answer(octet, lane, "T-2", "A wren.")
        await answer(octet, lane, "T-3", "A robin.")
        await octet.task_parts.pick(TaskId("T-3"), by=ADA)
        for again in (await octet.tasks.retry(FIRST, by=ADA), await octet.tasks.duplicate(FIRST, by=ADA)):
            assert (again.parts, len((await octet.tasks.show(again.id, by=ADA)).parts)) == (PartsKind.BEST_OF, 2)
        octet.agents.set_agents([octet.agents.get("Agent-1")])
        with refuses("too_few_agents"):
            await octet.tasks.retry(FIRST, by=ADA)
