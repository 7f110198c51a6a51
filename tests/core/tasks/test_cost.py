"""What links and parts cost the writer: ten times as many take ten times the work, not a hundred times."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

import pytest

from core.coordinator import Coordinator
from core.limits import IMPORTED_LINKS, LINKS
from core.store.engine import Tx
from core.tasks.model import OnFailure, TaskId, TaskState
from tests.builders import ADA, list_tasks, make_agent, make_new_task, open_coordinator, refuses

_GRAIN = 100  # SQLite's instructions per call of its progress handler
FIRST = TaskId("T-1")


def lines(links: dict[int, list[int]], how: OnFailure = OnFailure.WAIT) -> str:
    rows = [
        {"id": f"T-{task}", "brief": f"Part {task}", "after": {f"T-{one}": how.value for one in needs}}
        for task, needs in links.items()
    ]
    return "\n".join(json.dumps(row) for row in rows)


def chain(size: int) -> dict[int, list[int]]:
    return {task: [task - 1] if task > 1 else [] for task in range(1, size + 1)}


def chain_from_its_end(size: int) -> dict[int, list[int]]:
    return dict(reversed(chain(size).items()))


def fan_in(size: int) -> dict[int, list[int]]:
    """Let all but the first task need the first, and one more task need them all."""
    return {1: [], **{task: [1] for task in range(2, size + 1)}, size + 1: [*range(2, size + 1)]}


def fully_linked(size: int) -> dict[int, list[int]]:
    return {task: [*range(1, task)] for task in range(1, size + 1)}


async def work_of(octet: Coordinator, act: Callable[[], Awaitable[object]]) -> tuple[int, int]:
    """Return how many statements and how many of SQLite's instructions an act takes in the writer."""
    statements, steps = count(), count()

    def listen(tx: Tx, *, on: bool) -> None:
        tx.connection.set_trace_callback((lambda _sql: next(statements) and None) if on else None)
        tx.connection.set_progress_handler((lambda: next(steps) < 0) if on else None, _GRAIN)

    await octet.store.write(lambda tx: listen(tx, on=True))
    await act()
    await octet.store.write(lambda tx: listen(tx, on=False))
    return next(statements), next(steps)


async def cost(home: Path, links: dict[int, list[int]], how: OnFailure) -> tuple[int, ...]:
    """Return what it takes to import these tasks, and to cancel the first one and what follows it."""
    async with open_coordinator(home, agents=[make_agent()], lanes={}) as octet:
        made = list[TaskId]()

        async def bring() -> None:
            made.extend((await octet.task_transfer.import_text(lines(links, how), make_new_task(""), by=ADA)).tasks)

        brought = await work_of(octet, bring)
        first = made[[*links].index(1)]
        return *brought, *await work_of(octet, lambda: octet.tasks.cancel(first, by=ADA))


@pytest.mark.parametrize("how", [OnFailure.WAIT, OnFailure.CANCEL])
@pytest.mark.parametrize("links", [chain, chain_from_its_end, fan_in])
async def test_ten_times_as_many_linked_tasks_take_ten_times_the_work(
    tmp_path: Path, links: Callable[[int], dict[int, list[int]]], how: OnFailure
) -> None:
    few, many = [await cost(tmp_path / str(size), links(size), how) for size in (20, 200)]
    assert all(more <= 11 * less for less, more in zip(few, many, strict=True)), (few, many)


async def test_an_import_costs_as_much_as_it_has_links(tmp_path: Path) -> None:
    few, many = [await cost(tmp_path / str(size), fully_linked(size), OnFailure.CANCEL) for size in (20, 80)]
    assert all(more <= 17 * less for less, more in zip(few, many, strict=True)), (few, many)  # 190 and 3,160 links


async def test_parts_cost_as_much_as_they_are_many(tmp_path: Path) -> None:
    found = list[tuple[int, int]]()
    for size in (20, 200):
        async with open_coordinator(tmp_path / str(size), agents=[make_agent()], lanes={}) as octet:
            await octet.tasks.new(make_new_task(), by=ADA)
            parts = "\n".join(f"Part {number}" for number in range(size))
            found.append(await work_of(octet, lambda parts=parts: octet.task_parts.split(FIRST, parts, by=ADA)))
    assert all(more <= 11 * less for less, more in zip(*found, strict=True)), found


async def test_a_link_between_long_chains_is_checked_by_one_statement(tmp_path: Path) -> None:
    found = list[int]()
    for size in (20, 200):
        async with open_coordinator(tmp_path / str(size), agents=[make_agent()], lanes={}) as octet:
            made = [
                (await octet.task_transfer.import_text(lines(chain(size)), make_new_task(""), by=ADA)).tasks
                for _ in range(2)
            ]
            linked = work_of(
                octet, lambda made=made: octet.tasks.depend(made[0][0], made[1][-1], OnFailure.WAIT, by=ADA)
            )
            found.append((await linked)[0])
            with refuses("dependency_cycle"):
                await octet.tasks.depend(made[1][0], made[0][-1], OnFailure.WAIT, by=ADA)
    assert found[0] == found[1]


async def test_links_and_parts_have_limits_which_are_checked_before_anything_is_stored(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        with refuses("too_many_links"):
            await octet.task_parts.split(FIRST, "one\n" * (LINKS.most + 1), by=ADA)
        many = frozenset(TaskId(f"T-{number}") for number in range(1, LINKS.most + 2))
        with refuses("too_many_links"):
            await octet.tasks.new(make_new_task(after=many), by=ADA)
        size = next(size for size in count(1) if size * (size - 1) // 2 > IMPORTED_LINKS.most)
        with refuses("unreadable_tasks"):
            await octet.task_transfer.import_text(lines(fully_linked(size)), make_new_task(""), by=ADA)
        assert [task.id for task in await list_tasks(octet, by=ADA)] == [FIRST]
        await octet.task_parts.split(FIRST, "one\n" * LINKS.most, by=ADA)
        last = (await octet.tasks.new(make_new_task(), by=ADA)).id
        with refuses("too_many_links"):
            await octet.tasks.depend(FIRST, last, OnFailure.WAIT, by=ADA)
        with refuses("too_many_links"):
            await octet.tasks.new(make_new_task(parent=FIRST), by=ADA)
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.WAITING
