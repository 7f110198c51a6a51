"""What needs a person, and the board: complete, in order, and quick whatever has piled up."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from automation.dryrun.lane import DryRunLane
from core.agent_messages.model import NewAgentMessage
from core.agents.model import AgentState, Lane, Route
from core.coordinator import Coordinator
from core.deliveries.model import Outcome, Reason, Result
from core.deliveries.ports import LanePort
from core.fleet import texts
from core.fleet.model import BoardState, Need, NeedKind
from core.notices.model import DISCORD, Place
from core.reasons import ParkCause, WaitReason
from core.remedies import next_step
from core.security.model import NotAllowed, Role
from core.store import engine
from core.store.engine import Executable
from core.store.errors import StoreLocked
from core.tasks.model import BlockedTaskGroup, TaskId, TaskState
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
    refuses,
)
from tests.core.dispatch.test_loop import reach as reach_id
from tests.core.dispatch.test_loop import running, until, window_house
from tests.fakes.lane import FakeLane, refused

VIEWER = make_person(4, "Vera", Role.VIEWER)
UNKNOWN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box was empty")


async def reach(octet: Coordinator, task: str, state: TaskState, reason: str | None = None) -> None:
    await reach_id(octet, TaskId(task), state, *([reason] if reason else []))


async def needs(octet: Coordinator) -> list[Need]:
    return list((await octet.fleet.needs_me(by=VIEWER)).shown)


async def test_only_those_who_may_see_the_fleet_see_it(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        assert (await octet.fleet.needs_me(by=VIEWER)).total == 0
        assert (await octet.fleet.board(by=VIEWER)).needs == 0
        for ask in (octet.fleet.needs_me, octet.fleet.board):
            with pytest.raises(NotAllowed, match="role viewer"):
                await ask(by=BEN)
        with pytest.raises(NotAllowed, match="role operator"):
            await octet.fleet.boards.place(Place(channel="1"), by=CAROL)
        with pytest.raises(NotAllowed, match="role operator"):
            await octet.fleet.boards.remove("1", by=CAROL)


async def test_a_prompt_that_may_have_arrived_is_one_entry_and_the_worst(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(UNKNOWN), agents=1) as octet:
        task = await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, task.id, TaskState.PARKED, "delivery_unknown")
        waits = await octet.tasks.new(make_new_task("And the bees"), by=ADA)
        await reach(octet, waits.id, TaskState.WAITING, "hold")
        first, second = await needs(octet)
    assert (first.kind, first.task, first.title) == (NeedKind.DELIVERY_UNKNOWN, "T-1", "Count the birds")
    assert first.requester == ADA.id
    assert (first.agent, first.seen) == ("Agent-1", "the box was empty")
    assert "does not know whether its prompt arrived" in first.what
    assert "Look at the agent's window" in first.next
    assert first.since_ms > 0
    assert (second.kind, second.task) == (NeedKind.WAITING, "T-2")


async def test_a_database_that_cannot_be_written_is_named_as_long_as_it_is_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.store.engine._BUSY_MS", 1)
    async with window_house(tmp_path, FakeLane()) as octet:
        with closing(sqlite3.connect(octet.store.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreLocked):
                await octet.tasks.new(make_new_task(), by=ADA)
            [need] = await needs(octet)
            assert (need.kind, need.next) == (
                NeedKind.STORE,
                "Fix the cause. Octet then continues.",
            )
            assert "Another program locks Octet's database" in need.seen
            assert (await octet.fleet.board(by=VIEWER)).needs == 1
        await octet.store.until_back()
        assert await needs(octet) == []


async def test_a_refused_window_is_named_by_its_task_and_not_twice(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(refused(Reason.COVERED, "by Calculator"))) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, "T-1", TaskState.WAITING, "window")
        [need] = await needs(octet)
    assert (need.kind, need.task, need.agent, need.seen) == (
        NeedKind.WAITING,
        "T-1",
        "Agent-1",
        "covered: by Calculator",
    )


async def test_a_stopped_desk_is_one_entry_with_who_stopped_it_and_all_work_that_waits(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(), agents=2) as octet:
        await octet.desks.stop("main", by=ADA)
        [idle] = await needs(octet)
        assert (idle.kind, idle.desk, idle.task, idle.by) == (NeedKind.DESK, "main", None, ADA.id)
        for number in (1, 2, 3):
            await octet.tasks.new(make_new_task(agent=f"Agent-{1 + number % 2}"), by=ADA)
            await reach(octet, f"T-{number}", TaskState.WAITING, "hold")
        [need] = await needs(octet)
        board = await octet.fleet.board(by=ADA)
        assert (need.kind, need.desk, need.task, need.more) == (NeedKind.DESK, "main", "T-1", 2)
        assert (need.next, need.since_ms) == (
            "Resume it with `/desk release`.",
            board.desks[0].since_ms,
        )
        await octet.desks.release("main", by=ADA)
        await reach(octet, "T-1", TaskState.WORKING)
        assert await needs(octet) == []


async def test_tasks_that_wait_for_the_same_are_one_entry(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        await octet.availability.pause("Agent-1", by=ADA)
        for number in range(1, 4):
            await octet.tasks.new(make_new_task(), by=ADA)
            await reach(octet, f"T-{number}", TaskState.WAITING, "paused")
        [need] = await needs(octet)
    assert (need.kind, need.task, need.more, need.seen) == (NeedKind.WAITING, "T-1", 2, "Agent-1: paused by Ada")
    assert "/agent resume" in need.next


async def test_dry_runs_wait_for_a_person_each(tmp_path: Path) -> None:
    lanes: dict[Route, LanePort] = {(Lane.DRYRUN, None): DryRunLane()}
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes=lanes) as octet, running(octet):
        for number in (1, 2):
            await octet.tasks.new(make_new_task(), by=ADA)
            await reach(octet, f"T-{number}", TaskState.WAITING, "dry_run")
        assert [(need.kind, need.task, need.more) for need in await needs(octet)] == [
            (NeedKind.DRY_RUN, "T-1", 0),
            (NeedKind.DRY_RUN, "T-2", 0),
        ]


async def test_an_agent_whose_window_was_refused_is_named_while_work_waits_for_it(tmp_path: Path) -> None:
    """Its own task has gone to another agent; the next one in the queue could use it."""
    lane = FakeLane(refused(Reason.CLOSED))
    async with window_house(tmp_path, lane, agents=2) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await octet.tasks.new(make_new_task(), by=ADA)

        async def one_is_offline_and_one_busy() -> bool:
            states = {status.state for status in await octet.agents.list(by=ADA)}
            return states == {AgentState.OFFLINE, AgentState.BUSY}

        await until(one_is_offline_and_one_busy, octet)
        [need] = await needs(octet)
    assert (need.kind, need.agent, need.seen) == (NeedKind.AGENT, "Agent-1", "closed")


async def test_news_that_could_not_be_told_are_one_entry_for_each_cause(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        for channel in ("1", "1", "1", "1", "2"):
            await octet.tasks.new(make_new_task(place=Place(channel=channel)), by=ADA)
        due = list((await octet.notices.on(DISCORD).cards_of([f"T-{number}" for number in range(1, 6)])).values())
        for notice in due[1:3]:  # the first task goes on, and with it its card
            await octet.notices.on(DISCORD).dropped(notice.id, error="the channel is gone")
        await octet.notices.on(DISCORD).no_access("2", error="403 50013", after_s=60)
        for _ in range(4):
            await octet.notices.on(DISCORD).again(due[3].id, error="rate limit", after_s=60)
        lost, late, closed = await needs(octet)
    assert (lost.kind, lost.task, lost.more, lost.seen) == (NeedKind.UNTOLD, "T-2", 1, "the channel is gone")
    assert (late.kind, late.task, late.more, late.seen) == (NeedKind.UNTOLD, "T-4", 0, "rate limit")
    assert (closed.kind, closed.task, closed.more, closed.seen) == (NeedKind.UNTOLD, "T-5", 0, "403 50013")
    assert "permissions" in closed.next


async def test_a_notice_that_failed_once_is_no_news(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        notice = await octet.notices.on(DISCORD).card_of("T-1")
        assert notice is not None
        await octet.notices.on(DISCORD).again(notice.id, error="rate limit", after_s=60)
        assert await needs(octet) == []


async def test_an_answer_that_could_not_be_used_waits_until_its_file_is_deleted(tmp_path: Path) -> None:
    refused_answers = tmp_path / "answers" / "refused"
    async with window_house(tmp_path, FakeLane()) as octet:
        assert (await octet.fleet.needs_me(by=VIEWER)).total == 0
        refused_answers.mkdir(parents=True)
        (refused_answers / "abc.json").write_text("{}")
        (refused_answers / "abc.reason.txt").write_text("This code is not valid for any task.\n")
        (refused_answers / "aaa.reason.txt").symlink_to("deleted")
        [need] = (await octet.fleet.needs_me(by=VIEWER)).shown
    assert (need.kind, need.seen) == (NeedKind.ANSWER_REFUSED, "abc.json: This code is not valid for any task.")
    assert "answers/refused" in need.next
    assert need.since_ms > 0


async def test_a_board_that_was_given_up_is_said_to_be_until_another_stands(tmp_path: Path) -> None:
    here = Place(channel="7", guild="3")
    async with window_house(tmp_path, FakeLane()) as octet:
        board = await octet.fleet.boards.place(here, by=ADA)
        await octet.fleet.boards.given_up(board.id, error="403 50013")
        [need] = await needs(octet)
        assert (need.kind, need.seen, need.place) == (NeedKind.BOARD_GONE, "403 50013", here)
        await octet.fleet.boards.place(here, by=ADA)
        assert await needs(octet) == []


async def test_a_channel_has_one_board_and_the_older_one_leaves(tmp_path: Path) -> None:
    here, elsewhere = Place(channel="7", guild="3"), Place(channel="8", guild="3")
    async with window_house(tmp_path, FakeLane()) as octet:
        boards = octet.fleet.boards
        first = await boards.place(here, by=ADA)
        await boards.posted(first.id, "70")
        await boards.place(elsewhere, by=ADA)
        second = await boards.place(here, by=ADA)
        rows = {board.id: board for board in await boards.all()}
        assert (rows[first.id].state, rows[first.id].posted_message) == (BoardState.LEAVES, "70")
        assert rows[second.id].state is BoardState.STANDS
        await boards.anew(first.id)  # its writer finds too late that the message is gone: it was to leave anyway
        assert len(await boards.all()) == 3
        await boards.left(first.id)
        await boards.remove("7", by=ADA)
        with refuses("no_board"):
            await boards.remove("7", by=ADA)
        assert [board.state for board in await boards.all()] == [BoardState.STANDS, BoardState.LEAVES]
        assert [entry.name for entry in await entries_of(octet.journal, "board:7")] == [
            "BoardPlaced",
            "BoardPlaced",
            "BoardRemoved",
        ]


async def test_the_boards_outlast_a_restart_and_the_counts_are_right_after_it(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        await octet.fleet.boards.place(Place(channel="7"), by=ADA)
        first = await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, first.id, TaskState.WORKING)
        await octet.tasks.new(make_new_task("Next", priority=1), by=ADA)
        await octet.tasks.new(make_new_task("Urgent", priority=0), by=ADA)
        before = await octet.fleet.board(by=VIEWER)
    async with open_coordinator(
        tmp_path, agents=[make_window_agent()], lanes={}, desks=[make_desk("agent-1")]
    ) as octet:
        after = await octet.fleet.board(by=VIEWER)
        [board] = await octet.fleet.boards.all()
    assert (board.place.channel, board.state) == ("7", BoardState.STANDS)
    for now in (before, after):
        assert {state: number for state, number in now.tasks.items() if number} == {
            TaskState.WORKING: 1,
            TaskState.READY: 2,
        }
        assert [task.title for task in now.queue] == ["Urgent", "Next"]
        [agent] = now.agents
        assert agent.task is not None
        assert (agent.status.state, agent.task.id) == (AgentState.BUSY, "T-1")


async def test_what_stands_is_found_without_a_look_at_what_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plans of the database: nothing is scanned, and what stands is read from its index alone."""
    asked, sql_of = list[tuple[str, Any]](), engine._sql_of
    async with window_house(tmp_path, FakeLane()) as octet:
        await octet.desks.hold("main", by=ADA)
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, "T-1", TaskState.WAITING, "hold")

        def note(statement: Executable, given: Any) -> tuple[str, Any]:
            asked.append(sql_of(statement, given))
            return asked[-1]

        monkeypatch.setattr(engine, "_sql_of", note)
        await octet.fleet.needs_me(by=ADA)
        await octet.fleet.board(by=ADA)
        await octet.notices.on(DISCORD).next_due_s()
    with closing(sqlite3.connect(tmp_path / "octet.db")) as database:
        plans = [row[3] for sql, values in asked for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    large = ("SCAN tasks", "SCAN notices", "SCAN notice_posts", "SCAN deliveries", "SCAN messages", "SCAN journal")
    assert [plan for plan in plans if plan.startswith(large)] == []
    for index in ("COVERING INDEX ix_tasks_held", "INDEX ix_tasks_queue", "INDEX ix_notice_posts_due"):
        assert any(index in plan for plan in plans), index


@pytest.mark.parametrize("state", [TaskState.WAITING, TaskState.PARKED])
def test_a_window_that_was_refused_is_told_with_the_cure_for_what_was_seen(state: TaskState) -> None:
    why = WaitReason.WINDOW if state is TaskState.WAITING else ParkCause.WINDOW
    for reason in (Reason.COVERED, Reason.REFUSED):
        held = BlockedTaskGroup(
            state=state, reason=why, note="", cause=reason, size=1, since_ms=1, oldest=TaskId("T-1")
        )
        said = texts.of_held(held)
        assert said is not None
        assert said[2].startswith(next_step(reason))
        assert said[2].endswith(next_step(why))


async def test_of_many_stopped_tasks_the_oldest_are_listed_and_the_others_counted(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(*[UNKNOWN] * 3), agents=3) as octet:
        for _ in range(3):
            task = await octet.tasks.new(make_new_task(), by=ADA)
            await reach(octet, task.id, TaskState.PARKED, "delivery_unknown")
        few, all_of_them = [await octet.fleet.needs_me(by=VIEWER, limit=limit) for limit in (1, 50)]
        rows = await octet.tasks.repository.queue.list_blocked(most=1)
        board = await octet.fleet.board(by=VIEWER)
    assert (few.shown, few.total) == (all_of_them.shown[:1], 3)
    assert [need.task for need in all_of_them.shown] == ["T-1", "T-2", "T-3"]
    assert [(row.oldest, row.size, row.is_rest) for row in sorted(rows, key=lambda row: row.oldest)] == [
        ("T-1", 1, False),
        ("T-2", 2, True),
    ]
    assert board.needs == 3, "neither their agents nor their deliveries count once more"


async def test_what_waits_for_one_agent_is_listed_with_it_messages_first(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(), agents=2) as octet:
        await octet.availability.pause("Agent-1", by=ADA)
        sent = await octet.agent_messages.send(NewAgentMessage(text="Hello\nthere", agent="Agent-1"), by=ADA)
        await octet.agent_messages.send(NewAgentMessage(text="Not yours", agent="Agent-2"), by=ADA)
        low = await octet.tasks.new(make_new_task("Later", agent="Agent-1", priority=4), by=ADA)
        first = await octet.tasks.new(make_new_task("First", agent="Agent-1"), by=ADA)
        await reach(octet, first.id, TaskState.WAITING, "paused")
        await reach(octet, low.id, TaskState.WAITING, "paused")
        await octet.tasks.new(make_new_task("Anyone's"), by=ADA)
        found = await octet.fleet.agent("agent-1", by=VIEWER)
        assert found.state is AgentState.PAUSED
        shown = [(one.message, one.task, one.title) for one in found.queue]
        assert shown == [(sent.message.id, None, "Hello"), (None, "T-2", "First"), (None, "T-1", "Later")]
        assert found.queue[0].reason is Reason.OFF_DUTY
        for number in range(12):
            await octet.tasks.new(make_new_task(f"Task {number}", agent="Agent-1"), by=ADA)
        assert len((await octet.fleet.agent("Agent-1", by=VIEWER)).queue) == 10
        with pytest.raises(NotAllowed):
            await octet.fleet.agent("Agent-1", by=BEN)


async def test_a_dry_run_does_not_wait_for_its_agent_which_has_it(tmp_path: Path) -> None:
    lanes: dict[Route, LanePort] = {(Lane.DRYRUN, None): DryRunLane()}
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes=lanes) as octet, running(octet):
        await octet.tasks.new(make_new_task(agent="Agent-1"), by=ADA)
        await reach(octet, "T-1", TaskState.WAITING, "dry_run")
        assert (await octet.fleet.agent("Agent-1", by=VIEWER)).queue == ()
