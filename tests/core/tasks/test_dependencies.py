"""Tasks that come before others: what holds them, what starts them, and the circles that Octet refuses."""

from __future__ import annotations

import sqlite3
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine

from core.coordinator import Coordinator
from core.fleet.model import NeedKind
from core.kit.errors import Conflict
from core.messages.model import Source
from core.notices.model import NoticeKind
from core.reasons import WaitReason
from core.security.model import NotAllowed
from core.store.engine import Store, Tx
from core.tasks import _store
from core.tasks.dependencies import Dependencies
from core.tasks.model import OnFailure, TaskId, TaskNotFound, TaskState
from tests.builders import (
    ADA,
    BEN,
    CAROL,
    entries_of,
    list_tasks,
    make_agent,
    make_new_task,
    open_coordinator,
    pending,
    refuses,
)
from tests.core.dispatch.test_loop import code_in, reach, window_house
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane


def ids(*numbers: int) -> frozenset[TaskId]:
    return frozenset(TaskId(f"T-{number}") for number in numbers)


async def states(octet: Coordinator) -> dict[str, str]:
    found = await list_tasks(octet, by=ADA)
    return {task.id: f"{task.state} {task.reason}" if task.reason else task.state.value for task in found}


async def test_a_task_starts_when_all_that_it_needs_are_done_and_not_before(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane, agents=3) as octet:
        for _ in range(2):
            await octet.tasks.new(make_new_task(), by=ADA)
        last = await octet.tasks.new(make_new_task("Add them up", after=ids(1, 2)), by=ADA)
        assert (last.state, last.reason) == (TaskState.WAITING, "dependency")
        for number in (1, 2):
            name = TaskId(f"T-{number}")
            await reach(octet, name, TaskState.WORKING)
            assert (await octet.tasks.show(last.id, by=ADA)).task.state is TaskState.WAITING
            (prompt,) = [text for text in lane.submitted if f"task {name} " in text]
            await octet.tasks.accept_answer(name, code_in(prompt), "Seven.", final=True, key="a")
        await reach(octet, last.id, TaskState.WORKING)
        view = await octet.tasks.show(last.id, by=ADA)
        assert [(one.needs, one.state, one.on_failure) for one in view.after] == [
            ("T-1", TaskState.DONE, OnFailure.WAIT),
            ("T-2", TaskState.DONE, OnFailure.WAIT),
        ]


async def test_each_dependency_names_what_happens_when_it_fails(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        first = (await octet.tasks.new(make_new_task(), by=ADA)).id
        for policy in OnFailure:
            await octet.tasks.new(make_new_task(after=ids(1), on_failure=policy), by=ADA)
        await octet.tasks.new(make_new_task(after=ids(3)), by=ADA)
        assert (await octet.fleet.needs_me(by=ADA)).total == 0
        await octet.tasks.cancel(first, by=ADA)
        assert await states(octet) == {
            "T-1": "cancelled",
            "T-2": "waiting dependency_failed",
            "T-3": "cancelled",
            "T-4": "ready",
            "T-5": "waiting dependency_failed",
        }
        needs = (await octet.fleet.needs_me(by=ADA)).shown
        waits = [("T-2", "T-1 is cancelled"), ("T-5", "T-3 is cancelled")]
        assert [(need.task, need.seen) for need in needs] == waits
        assert {need.kind for need in needs} == {NeedKind.WAITING}
        told = {(one.task, one.kind) for one in await pending(octet) if one.kind is not NoticeKind.CARD}
        assert told >= {("T-2", NoticeKind.HELD), ("T-3", NoticeKind.ENDED), ("T-5", NoticeKind.HELD)}
        await octet.tasks.retry(first, by=ADA)
        assert (await states(octet))["T-2"] == "waiting dependency"
        assert (await states(octet))["T-4"] == "waiting dependency", "it has not begun, and its turn comes again"


async def test_a_dependency_can_be_put_before_a_task_that_has_not_begun_and_taken_away(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        one, two = [(await octet.tasks.new(make_new_task(), by=CAROL)).id for _ in range(2)]
        assert (await octet.tasks.depend(two, one, OnFailure.WAIT, by=CAROL)).reason == "dependency"
        assert (await octet.tasks.depend(two, one, None, by=CAROL)).state is TaskState.READY
        with pytest.raises(NotAllowed):
            await octet.tasks.depend(two, one, OnFailure.WAIT, by=BEN)
        with pytest.raises(TaskNotFound):
            await octet.tasks.depend(two, TaskId("T-9"), OnFailure.WAIT, by=ADA)
        await octet.tasks.cancel(two, by=ADA)
        with refuses("task_already_ended"):
            await octet.tasks.depend(two, one, OnFailure.WAIT, by=ADA)
        rows = [entry.data for entry in await entries_of(octet.journal, "task:T-2") if entry.name != "TaskMoved"]
        links = [(row["needs"], row["on_failure"]) for row in rows if "needs" in row]
        assert links == [("T-1", "wait"), ("T-1", None)]


async def test_nothing_is_put_before_a_task_at_work(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        one, two = [(await octet.tasks.new(make_new_task(), by=ADA)).id for _ in range(2)]
        await reach(octet, one, TaskState.WORKING)
        with refuses("task_already_running"):
            await octet.tasks.depend(one, two, OnFailure.WAIT, by=ADA)


async def test_a_task_that_comes_back_waits_again_for_what_it_needs(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent("Agent-1"), make_agent("Agent-2")], lanes={}) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        two = (await octet.tasks.new(make_new_task(after=ids(1)), by=ADA)).id
        assert (await octet.tasks.assign_to(two, "Agent-2", by=ADA)).reason == "dependency"
        await octet.tasks.cancel(two, by=ADA)
        assert (await octet.tasks.undo(two, by=ADA)).reason == "dependency"


async def test_a_circle_is_refused_and_named_and_changes_nothing(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        one, two, three = [(await octet.tasks.new(make_new_task(), by=ADA)).id for _ in range(3)]
        await octet.tasks.depend(two, one, OnFailure.WAIT, by=ADA)
        await octet.tasks.depend(three, two, OnFailure.WAIT, by=ADA)
        with refuses("dependency_cycle") as circle:
            await octet.tasks.depend(one, three, OnFailure.WAIT, by=ADA)
        assert circle.value.details["path"] == "T-1 → T-3 → T-2 → T-1"
        with refuses("dependency_cycle", match="T-1 → T-1"):
            await octet.tasks.depend(one, one, OnFailure.WAIT, by=ADA)
        assert (await octet.tasks.show(one, by=ADA)).after == ()


async def test_a_chain_of_any_length_follows_its_first_task(tmp_path: Path) -> None:
    length = 400
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        repository = octet.tasks.repository

        def build(tx: Tx) -> None:
            for number in range(1, length + 1):
                draft = make_new_task(after=ids(number - 1) if number > 1 else ids(), on_failure=OnFailure.CANCEL)
                repository.add(tx, draft, brief="x", wanted=None, source=Source.OPERATOR, by=ADA)

        await octet.store.write(build)
        with refuses("dependency_cycle"):
            await octet.tasks.depend(TaskId("T-1"), TaskId(f"T-{length}"), OnFailure.WAIT, by=ADA)
        await octet.tasks.cancel(TaskId("T-1"), by=ADA)
        found = await list_tasks(octet, by=ADA, limit=500)
        assert {task.state for task in found} == {TaskState.CANCELLED}


def reaches(links: dict[int, set[int]], start: int, goal: int) -> bool:
    """Search as simply as possible: depth first."""
    return start == goal or any(reaches(links, one, goal) for one in links.get(start, ()))


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(1, 8)), max_size=40))
def test_a_link_is_refused_exactly_if_it_closes_a_circle_and_the_circle_is_true(pairs: list[tuple[int, int]]) -> None:
    engine, links = create_engine("sqlite://"), dict[int, set[int]]()
    _store.dependencies.create(engine)
    finder = Dependencies(cast("Store", None))  # it reads no store
    with engine.begin() as connection:
        tx = Tx(cast("sqlite3.Connection", connection.connection.driver_connection))
        for task, needs in pairs:
            try:
                finder.check_circle(tx, TaskId(f"T-{task}"), [TaskId(f"T-{needs}")])
            except Conflict as error:
                assert reaches(links, needs, task)
                circle = [int(name.removeprefix("T-")) for name in str(error.details["path"]).split(" → ")]
                assert (circle[:2], circle[-1]) == ([task, needs], task)
                assert all(after in links[before] for before, after in pairwise(circle[1:]))
            else:
                assert not reaches(links, needs, task)
                finder.put(tx, {TaskId(f"T-{task}"): {TaskId(f"T-{needs}"): OnFailure.WAIT}})
                links.setdefault(task, set()).add(needs)
    engine.dispose()


async def test_a_circle_through_a_part_is_refused(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        parent = (await octet.tasks.new(make_new_task(), by=ADA)).id
        later = (await octet.tasks.new(make_new_task(after=frozenset({parent})), by=ADA)).id
        with refuses("dependency_cycle", match="T-1 → T-3 → T-2 → T-1"):
            await octet.tasks.new(make_new_task(parent=parent, after=frozenset({later})), by=ADA)


async def test_a_task_that_must_not_outlive_a_failure_is_cancelled_also_where_that_has_happened_already(
    tmp_path: Path,
) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        failed = (await octet.tasks.new(make_new_task(), by=ADA)).id
        await octet.tasks.cancel(failed, by=ADA)
        new = make_new_task(after=frozenset({failed}), on_failure=OnFailure.CANCEL)
        assert (await octet.tasks.new(new, by=ADA)).state is TaskState.CANCELLED
        other = (await octet.tasks.new(make_new_task(), by=ADA)).id
        assert (await octet.tasks.depend(other, failed, OnFailure.CANCEL, by=ADA)).state is TaskState.CANCELLED
        again = await octet.tasks.retry(other, by=ADA)
        assert (again.state, again.reason) == (TaskState.WAITING, "dependency_failed"), "a user wants it after all"


async def test_a_task_that_waits_for_an_agent_waits_for_a_repeated_task_again(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await octet.tasks.cancel(TaskId("T-1"), by=ADA)
        later = await octet.tasks.new(make_new_task(after=ids(1), on_failure=OnFailure.START), by=ADA)
        suspend = octet.tasks.repository.suspend
        await octet.store.write(
            lambda tx: suspend(tx, later.id, TaskState.WAITING, reason=WaitReason.QUOTA, note="Ann: at a limit")
        )
        await octet.tasks.retry(TaskId("T-1"), by=ADA)
        found = (await octet.tasks.show(later.id, by=ADA)).task
        assert (found.state, found.reason) == (TaskState.WAITING, WaitReason.DEPENDENCY)


async def test_a_repeated_request_leaves_links_as_users_changed_them(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        rows = [
            '{"id": "a", "brief": "One"}',
            '{"brief": "Two", "after": {"a": "wait"}}',
            '{"brief": "P", "part_of": "a"}',
        ]
        text = "\n".join(rows)
        one, two, part = (await octet.task_transfer.import_text(text, make_new_task("", key="k"), by=ADA)).tasks
        await octet.tasks.depend(two, one, None, by=ADA)
        await octet.tasks.depend(one, part, None, by=ADA)
        again = await octet.task_transfer.import_text(f'{text}\n{{"brief": "New"}}', make_new_task("", key="k"), by=ADA)
        assert again.tasks[:3] == (one, two, part)
        assert await states(octet) == dict.fromkeys(again.tasks, "ready")
        later = (await octet.tasks.new(make_new_task(parent=one, key="p"), by=ADA)).id
        await octet.tasks.depend(one, later, None, by=ADA)
        assert (await octet.tasks.new(make_new_task(parent=one, key="p"), by=ADA)).id == later
        await octet.tasks.cancel(one, by=ADA)
        assert (await octet.tasks.new(make_new_task(parent=one, key="p"), by=ADA)).id == later, "it exists already"


async def test_an_undone_cancel_brings_back_what_it_cancelled_and_nothing_else(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}, clock=clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        for needs in (1, 2, 1):
            await octet.tasks.new(make_new_task(after=ids(needs), on_failure=OnFailure.CANCEL), by=ADA)
        await octet.tasks.cancel(TaskId("T-4"), by=ADA)
        clock.advance(1)
        await octet.tasks.cancel(TaskId("T-1"), by=ADA)
        clock.advance(30)
        assert set((await states(octet)).values()) == {"cancelled"}
        await octet.tasks.undo(TaskId("T-1"), by=ADA)
        back = {"T-1": "ready", "T-2": "waiting dependency", "T-3": "waiting dependency", "T-4": "cancelled"}
        assert await states(octet) == back
