"""A clock that is set, or a suspended machine, makes nothing wait, lets nothing go late, and changes no order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from core.agent_actions.model import ACTION_TTL_MS
from core.agent_messages.model import MESSAGE_TTL_MS, NewAgentMessage
from core.agents.model import Lane
from core.coordinator import Coordinator
from core.deliveries.model import Delivery, DeliveryRequest, DeliveryState, Outcome, Result
from core.desks.model import DeskNow, DeskState
from core.notices.model import DISCORD, NoticePost
from core.profiles.model import Act
from core.retry_policy import RetryPolicy
from core.security.model import OPERATOR, HolderId, Permission, Role
from core.store.engine import Tx
from core.tasks.model import TaskId, TaskState
from tests.builders import (
    ADA,
    courier_of,
    entries_of,
    make_desk,
    make_new_task,
    make_window_agent,
    open_coordinator,
    refuses,
)
from tests.fakes.clock import FakeClock
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane, bounced

FIRST = TaskId("T-1")
HOUR_S = 3600
POLICY = RetryPolicy(first_pause_ms=1_000, longest_pause_ms=1_000)
STEPS = pytest.mark.parametrize("by_s", [-HOUR_S, 400 * 24 * HOUR_S])


@asynccontextmanager
async def octet_at(home: Path, clock: FakeClock) -> AsyncGenerator[Coordinator]:
    """Open a coordinator with one window. Its loops do not run: the test takes each step."""
    async with open_coordinator(
        home,
        agents=[make_window_agent(allowed_actions="interrupt")],
        desks=[make_desk("agent-1")],
        lanes={(Lane.WINDOW, "main"): FakeLane()},
        workers={"main": FakeDeskWorker()},
        policy=POLICY,
        clock=clock,
    ) as octet:
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        yield octet


async def take(octet: Coordinator) -> DeliveryRequest | None:
    """Return what the delivery worker begins now, if anything is due."""
    await octet.store.write(octet.dispatch.assigner.assign_ready)
    for _ in range(5):
        work = await courier_of(octet)._next()
        if work.order is not None or work.pause_s != 0:
            return work.order
    return None


async def bounce(octet: Coordinator) -> None:
    order = await take(octet)
    assert order is not None
    await courier_of(octet)._write_down(order, bounced())


async def delivery_of(octet: Coordinator) -> Delivery:
    return (await octet.deliveries.list_for_task(FIRST))[-1]


async def ask_for_act(octet: Coordinator) -> None:
    agent = octet.agents.get("Agent-1")
    await octet.store.write(lambda tx: octet.agent_actions._queue(tx, agent, Act.INTERRUPT, None, ADA))


async def act_state(octet: Coordinator) -> DeliveryState:
    def find(tx: Tx) -> DeliveryState:
        (act,) = octet.deliveries.find_actions(tx, ["Agent-1"], DeliveryState)
        return act.state

    return await octet.store.write(find)


async def due(octet: Coordinator) -> list[NoticePost]:
    return list(await octet.notices.on(DISCORD).due())


@STEPS
async def test_a_bounced_prompt_rests_for_its_pause_and_no_longer(tmp_path: Path, by_s: int) -> None:
    clock = FakeClock()
    async with octet_at(tmp_path, clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await bounce(octet)
        clock.set_wall(by_s)
        assert await take(octet) is None
        clock.advance(1)
        assert await take(octet) is not None


@STEPS
async def test_a_step_does_not_make_a_second_bounce_one_too_many(tmp_path: Path, by_s: int) -> None:
    clock = FakeClock()
    async with octet_at(tmp_path, clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await bounce(octet)
        clock.set_wall(by_s)
        clock.advance(1)
        await bounce(octet)
        now = await delivery_of(octet)
        assert (now.state, now.bounces) == (DeliveryState.QUEUED, 2)
        clock.advance(POLICY.settings.retry_window_s)
        await bounce(octet)
        assert (await delivery_of(octet)).state is DeliveryState.REFUSED, "the limit still holds"


async def test_the_time_in_which_octet_was_away_does_not_make_a_bounce_one_too_many(tmp_path: Path) -> None:
    clock = FakeClock()
    async with octet_at(tmp_path, clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await bounce(octet)
    clock.advance(HOUR_S)
    async with octet_at(tmp_path, clock) as octet:
        await bounce(octet)
        assert (await delivery_of(octet)).state is DeliveryState.QUEUED


async def test_a_deadline_stands_still_while_octet_is_away_also_when_the_start_puts_something_back(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    async with octet_at(tmp_path, clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        order = await take(octet)
        assert order is not None

        def work(tx: Tx) -> None:
            octet.tasks.repository.move(tx, FIRST, TaskState.WORKING)

        await octet.store.write(work)  # its brief stays leased: a start puts it back
        clock.advance(600)
        await octet.tasks.new(make_new_task(), by=ADA)
    clock.advance(10 * HOUR_S)
    async with octet_at(tmp_path, clock) as octet:
        left_s = await octet.store.write(octet.tasks.repository.next_deadline_in_s)
        assert left_s == POLICY.agent_timeout_ms / 1000 - 600


async def test_a_deadline_stands_still_only_while_octet_is_away_also_after_quiet_hours(tmp_path: Path) -> None:
    clock, quiet_s = FakeClock(), 600
    async with octet_at(tmp_path, clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        assert await take(octet) is not None

        def work(tx: Tx) -> None:
            octet.tasks.repository.move(tx, FIRST, TaskState.WORKING)

        await octet.store.write(work)
        began_ms = clock.at_ms
        while clock.at_ms < began_ms + quiet_s * 1000:  # the journal gets no row
            next_s = await octet.dispatch.silence.check_all()
            assert next_s is not None
            clock.advance(min(next_s, 60))
        await octet.store.ping()  # as the health check does
    clock.advance(10 * HOUR_S)
    async with octet_at(tmp_path, clock) as octet:
        left_s = await octet.store.write(octet.tasks.repository.next_deadline_in_s)
        assert left_s is not None
        assert 0 <= left_s - (POLICY.agent_timeout_ms / 1000 - quiet_s) <= 10


async def test_a_clock_that_is_set_back_before_a_start_after_quiet_hours_moves_all_by_the_step(tmp_path: Path) -> None:
    clock = FakeClock()
    async with octet_at(tmp_path, clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        clock.advance(HOUR_S)
        await octet.store.ping()
    clock.set_wall(-2 * HOUR_S)
    for _ in range(2):
        async with octet_at(tmp_path, clock) as octet:
            rows = [row for row in await entries_of(octet.journal, "hub") if row.name == "ClockStepped"]
            (step,) = [int(str(row.data["by_ms"])) for row in rows]
            assert 0 <= step + 2 * HOUR_S * 1000 <= 10_000


@STEPS
async def test_a_notice_that_failed_is_due_after_its_pause_and_no_later(tmp_path: Path, by_s: int) -> None:
    clock = FakeClock()
    async with octet_at(tmp_path, clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        clock.advance(0.1)
        (card,) = await due(octet)
        await octet.notices.on(DISCORD).again(card.id, error="500", after_s=10)
        clock.set_wall(by_s)
        await octet.store.ping()
        assert await due(octet) == []
        clock.advance(10)
        assert [one.id for one in await due(octet)] == [card.id]


async def test_a_notice_moves_back_with_the_clock_but_a_suspended_machine_does_not_make_it_younger(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    async with octet_at(tmp_path, clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        clock.advance(0.1)
        ages = list[int]()
        for by_s in (-HOUR_S, HOUR_S):
            clock.set_wall(by_s)
            await octet.store.ping()
            ages.append(clock.now_ms() - (await due(octet))[0].since_ms)
        assert ages == [100, HOUR_S * 1000 + 100]


async def test_an_act_is_given_up_after_its_30_seconds_also_when_the_clock_is_set_back(tmp_path: Path) -> None:
    clock = FakeClock()
    async with octet_at(tmp_path, clock) as octet:
        await ask_for_act(octet)
        clock.set_wall(-HOUR_S)
        clock.advance(ACTION_TTL_MS / 1000 - 1)
        await octet.store.ping()
        assert await act_state(octet) is DeliveryState.QUEUED
        clock.advance(1)
        assert await take(octet) is None
        assert await act_state(octet) is DeliveryState.EXPIRED


async def test_an_act_is_not_carried_out_after_the_machine_was_suspended(tmp_path: Path) -> None:
    clock = FakeClock()
    async with octet_at(tmp_path, clock) as octet:
        await ask_for_act(octet)
        clock.set_wall(HOUR_S)
        assert await take(octet) is None
        assert await act_state(octet) is DeliveryState.EXPIRED


@STEPS
async def test_words_are_worth_the_same_time_whatever_the_clock_does(tmp_path: Path, by_s: int) -> None:
    clock = FakeClock()
    async with octet_at(tmp_path, clock) as octet:
        await octet.desks.hold("main", by=ADA)
        sent = (await octet.agent_messages.send(NewAgentMessage(text="Wait.", agent="Agent-1"), by=ADA)).message.id
        clock.set_wall(by_s)
        states = list[DeliveryState]()
        for seconds in (MESSAGE_TTL_MS / 1000 - 1, 1):
            clock.advance(seconds)
            await octet.store.write(octet.agent_messages.review_queue)
            states.append((await octet.agent_messages.show(sent, by=ADA)).deliveries[0].state)
        assert states == [DeliveryState.QUEUED, DeliveryState.EXPIRED]


async def test_after_a_retry_the_newest_prompt_is_the_one_that_is_shown_and_read_back(tmp_path: Path) -> None:
    clock = FakeClock()
    async with octet_at(tmp_path, clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        first = await take(octet)
        assert first is not None
        await courier_of(octet)._write_down(first, Outcome(result=Result.FAILED))
    clock.set_wall(-HOUR_S)
    async with octet_at(tmp_path, clock) as octet:
        await octet.tasks.retry(FIRST, by=ADA)
        second = await take(octet)
        assert second is not None
        newest = await octet.store.write(lambda tx: octet.deliveries.last_for_task(tx, FIRST))
        assert newest is not None
        assert (newest.id, newest.message) == (second.delivery, (await delivery_of(octet)).message)
        assert newest.id > first.delivery


@STEPS
async def test_what_rests_goes_on_resting_or_is_due_after_a_start_by_a_clock_that_was_set_meanwhile(
    tmp_path: Path, by_s: int
) -> None:
    clock = FakeClock()
    async with octet_at(tmp_path, clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await bounce(octet)
        (card,) = await due(octet)
        await octet.notices.on(DISCORD).again(card.id, error="500", after_s=10)
    clock.set_wall(by_s)
    async with octet_at(tmp_path, clock) as octet:
        clock.advance(10)
        assert await take(octet) is not None
        assert [one.id for one in await due(octet)] == [card.id]


async def test_what_rests_for_longer_than_any_pause_is_due_after_a_start(tmp_path: Path) -> None:
    """An Octet of before, or a journal that ends before the clock was wrong, may have left such times."""
    clock, year_ms = FakeClock(), 365 * 24 * HOUR_S * 1000
    async with octet_at(tmp_path, clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await bounce(octet)
        (card,) = await due(octet)
        for table in ("deliveries", "notice_posts"):
            statement = text(f"UPDATE {table} SET not_before_ms = {clock.now_ms() + year_ms}")
            await octet.store.write(lambda tx, statement=statement: tx.execute(statement) and None)
    async with octet_at(tmp_path, clock) as octet:
        assert await take(octet) is not None
        assert [one.id for one in await due(octet)] == [card.id]


async def test_all_stored_times_are_shifted_at_once_and_the_journal_says_by_how_much(tmp_path: Path) -> None:
    clock = FakeClock()
    async with octet_at(tmp_path, clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        for by_s in (HOUR_S, -2 * HOUR_S):
            clock.set_wall(by_s)
            await octet.store.ping()
        await octet.store.ping()
        rows = [row for row in await entries_of(octet.journal, "hub") if row.name == "ClockStepped"]
        assert [row.data["by_ms"] for row in rows] == [HOUR_S * 1000, -2 * HOUR_S * 1000]
        assert rows[-1].at_ms == clock.now_ms(), "a start does not take it for a row from the future"
    async with octet_at(tmp_path, clock) as octet:
        assert len([row for row in await entries_of(octet.journal, "hub") if row.name == "ClockStepped"]) == 2


@STEPS
async def test_a_cancel_can_be_undone_for_its_minute_and_no_longer(tmp_path: Path, by_s: int) -> None:
    clock = FakeClock()
    async with octet_at(tmp_path, clock) as octet:
        for _ in range(2):
            await octet.tasks.cancel((await octet.tasks.new(make_new_task(), by=ADA)).id, by=ADA)
        clock.advance(10)
        clock.set_wall(by_s)
        assert (await octet.tasks.undo(FIRST, by=ADA)).state is TaskState.READY
        clock.advance(50)
        with refuses("undo_too_late"):
            await octet.tasks.undo(TaskId("T-2"), by=ADA)


@STEPS
async def test_a_task_starts_after_the_duration_that_a_user_gave_or_at_the_moment(tmp_path: Path, by_s: int) -> None:
    clock = FakeClock()
    async with octet_at(tmp_path, clock) as octet:
        at_ms = clock.now_ms() + 60_000
        await octet.tasks.new(make_new_task(not_before_ms=at_ms, is_delay=True), by=ADA)
        clock.set_wall(by_s)
        states = list[TaskState]()
        for seconds in (59, 1):
            clock.advance(seconds)
            await octet.store.write(lambda tx: octet.tasks.repository.start_due(tx, limit=9))
            states.append((await octet.tasks.show(FIRST, by=ADA)).task.state)
        assert states == [TaskState.WAITING, TaskState.READY]


async def test_no_grant_and_no_key_lasts_longer_because_the_clock_was_set(tmp_path: Path) -> None:
    clock, day_s = FakeClock(), 24 * HOUR_S
    async with octet_at(tmp_path, clock) as octet:
        await octet.people.grant(HolderId("discord:7"), Role.MEMBER, hours=25, reason="For today.", by=OPERATOR)
        secret = (await octet.api_keys.make("k", frozenset({Permission.TASK_READ}), days=1, by=OPERATOR)).secret
        for by_s in (HOUR_S, -5 * HOUR_S):
            clock.set_wall(by_s)
            await octet.store.ping()
        await asyncio.sleep(0)
        assert await octet.api_keys.actor(secret) is not None
        clock.advance(day_s)
        assert await octet.api_keys.actor(secret) is None
        assert not (await octet.people.discord_actor("7", "Gil")).permissions
