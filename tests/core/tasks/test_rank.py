"""The order of the queue: priority, age and fairness between people are one number."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from core.agents.model import Lane
from core.coordinator import Coordinator
from core.security.model import Actor
from core.tasks.model import PRIORITY_STEP_MS, SHARE_MS, QueuedTask, Requirements, TaskId, TaskState, rank_of
from tests.builders import ADA, CAROL, make_agent, make_new_task, open_coordinator
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane

HOUR_MS = 3_600_000
ANY = Requirements(wanted=None, needs=frozenset())


def queue_of(asked: list[tuple[str, int, int]]) -> list[int]:
    """Return the order in which tasks are taken that were asked for one after the other: (person, priority, ms)."""
    last: dict[tuple[str, int], int] = {}
    queue: list[QueuedTask] = []
    for number, (person, priority, at_ms) in enumerate(asked):
        rank = rank_of(now_ms=at_ms, priority=priority, last=last.get((person, priority)))
        last[person, priority] = rank
        task = TaskId(f"T-{number}")
        queue.append(QueuedTask(id=task, number=number, rank=rank, requirements=ANY, avoids=None, requester=person))
    return [task.number for task in sorted(queue, key=QueuedTask.order)]


ASKED = st.lists(
    st.tuples(st.sampled_from(["ada", "ben", "carol"]), st.integers(0, 4), st.integers(0, 3 * PRIORITY_STEP_MS)),
    max_size=40,
).map(lambda asked: sorted(asked, key=lambda one: one[2]))


@given(ASKED)
def test_the_order_is_that_of_taking_turns_within_a_priority(asked: list[tuple[str, int, int]]) -> None:
    turns: dict[tuple[str, int], list[int]] = defaultdict(list)
    keys: list[tuple[int, int]] = []
    for number, (person, priority, at_ms) in enumerate(asked):
        mine = turns[person, priority]
        turn = at_ms if not mine else max(at_ms, mine[-1] + SHARE_MS)
        mine.append(turn)
        keys.append((turn + priority * PRIORITY_STEP_MS, number))
    assert queue_of(asked) == [number for _, number in sorted(keys)]


@given(st.integers(1, 200), st.integers(0, 50 * HOUR_MS), st.integers(0, 4))
def test_a_hundred_tasks_of_one_person_do_not_starve_another_ones_single_task(
    many: int, later_ms: int, priority: int
) -> None:
    asked = [("ada", priority, 0)] * many + [("ben", priority, later_ms)]
    before = queue_of(asked).index(many)
    assert before <= later_ms // SHARE_MS + 1, "only those whose turn came before Ben asked"


@given(ASKED, st.integers(0, 4))
def test_a_more_urgent_task_goes_before_all_that_have_waited_for_less_than_a_step(
    asked: list[tuple[str, int, int]], priority: int
) -> None:
    now_ms = asked[-1][2] if asked else 0
    order = queue_of([*asked, ("dan", priority, now_ms)])
    before = [asked[number] for number in order[: order.index(len(asked))]]
    assert all(
        urgency <= priority or now_ms - at_ms >= (urgency - priority) * PRIORITY_STEP_MS for _, urgency, at_ms in before
    )


@settings(max_examples=max(1, settings().max_examples // 5))
@given(st.integers(1, 30), st.integers(0, 4))
def test_a_task_of_low_priority_is_taken_although_urgent_ones_never_end(every_h: int, priority: int) -> None:
    weeks_ms = 6 * PRIORITY_STEP_MS
    urgent = [("ada", 0, at_ms) for at_ms in range(1, weeks_ms, every_h * HOUR_MS)]
    asked = [("ben", priority, 0), *urgent]
    before = [asked[number][2] for number in queue_of(asked)[: queue_of(asked).index(0)]]
    assert all(at_ms <= priority * PRIORITY_STEP_MS for at_ms in before)


async def names(octet: Coordinator) -> list[str]:
    return [one.title for one in await octet.tasks.repository.queue.list_ready(limit=100)]


async def new(octet: Coordinator, title: str, by: Actor, priority: int = 2) -> TaskId:
    return (await octet.tasks.new(make_new_task(title, priority=priority), by=by)).id


async def test_people_take_turns_and_the_most_urgent_goes_first(tmp_path: Path) -> None:
    clock = FakeClock()
    agent = make_agent("Agent-1")
    async with open_coordinator(
        tmp_path, agents=[agent], lanes={(Lane.DRYRUN, None): FakeLane()}, clock=clock
    ) as octet:
        for number in range(3):
            await new(octet, f"ada {number}", ADA)
        clock.advance(60)
        carol = await new(octet, "carol", CAROL)
        assert await names(octet) == ["ada 0", "carol", "ada 1", "ada 2"]
        urgent = await new(octet, "urgent", ADA, priority=0)
        assert (await names(octet))[0] == "urgent", "what Ada asked for before does not delay it"
        await octet.tasks.set_priority(urgent, 2, by=ADA)
        assert await names(octet) == ["ada 0", "carol", "urgent", "ada 1", "ada 2"], "it keeps its turn"
        await octet.tasks.cancel(carol, by=CAROL)
        clock.advance(120)
        await octet.tasks.retry(carol, by=CAROL)
        assert (await names(octet))[:3] == ["ada 0", "urgent", "carol"], "another attempt takes its turn again"


async def test_a_queue_that_is_empty_is_forgotten(tmp_path: Path) -> None:
    clock = FakeClock()
    agent = make_agent("Agent-1")
    async with open_coordinator(
        tmp_path, agents=[agent], lanes={(Lane.DRYRUN, None): FakeLane()}, clock=clock
    ) as octet:
        for number in range(5):
            await octet.tasks.cancel(await new(octet, f"ada {number}", ADA), by=ADA)
        clock.advance(1)
        await new(octet, "ada", ADA)
        await new(octet, "carol", CAROL)
        assert await names(octet) == ["ada", "carol"], "what Ada no longer waits for costs no turn"


async def test_the_queue_keeps_its_order_when_the_clock_is_set(tmp_path: Path) -> None:
    clock = FakeClock()
    agent = make_agent("Agent-1")
    async with open_coordinator(
        tmp_path, agents=[agent], lanes={(Lane.DRYRUN, None): FakeLane()}, clock=clock
    ) as octet:
        first = await new(octet, "first", ADA)
        before = (await octet.tasks.repository.get(first)).rank
        await octet.store.write(lambda tx: octet.tasks.repository.shift(tx, -10 * HOUR_MS))
        after = await octet.tasks.repository.get(first)
        assert (after.rank, after.state) == (before - 10 * HOUR_MS, TaskState.READY)


async def test_a_task_gets_its_place_in_the_queue_when_what_it_needs_is_done(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_coordinator(tmp_path, agents=[make_agent("Agent-1")], lanes={}, clock=clock) as octet:
        first = await octet.tasks.new(make_new_task(), by=ADA)
        later = await octet.tasks.new(make_new_task(after=frozenset({first.id})), by=ADA)
        other = await octet.tasks.new(make_new_task(), by=ADA)
        assert (later.rank, other.rank) == (0, first.rank + SHARE_MS), "what is held takes no turn"
        clock.advance(7200)
        await octet.tasks.cancel(other.id, by=ADA)
        await octet.store.write(lambda tx: octet.tasks.repository.depend(tx, later, first.id, None, by=ADA))
        now = (await octet.tasks.show(later.id, by=ADA)).task
        assert (now.state, now.rank) == (TaskState.READY, first.rank + 2 * SHARE_MS)
