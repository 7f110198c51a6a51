"""A delivery's row: whatever is tried with it, only the table's steps happen, and only by the present holder."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.deliveries.model import (
    BEFORE_ENTER,
    DELIVERY_STEPS,
    Delivery,
    DeliveryId,
    DeliveryState,
    Outcome,
    Reason,
    Result,
)
from core.deliveries.service import Deliveries
from core.journal.service import Journal
from core.kit.errors import Conflict
from core.kit.ids import Ids
from core.kit.transitions import IllegalStep
from core.messages.model import Source
from core.messages.service import Messages
from core.notices.service import Notices
from core.store.engine import Store, Tx
from tests.builders import entries_of, make_agent, refuses
from tests.fakes.clock import FakeClock

S = DeliveryState
WAYS: dict[DeliveryState, list[DeliveryState]] = {
    S.QUEUED: [],
    S.LEASED: [S.LEASED],
    S.STAGING: [S.LEASED, S.STAGING],
    S.STAGED: [S.LEASED, S.STAGING, S.STAGED],
    S.SUBMITTING: [S.LEASED, S.STAGING, S.STAGED, S.SUBMITTING],
    S.UNKNOWN: [S.LEASED, S.STAGING, S.STAGED, S.SUBMITTING, S.UNKNOWN],
    S.DELIVERED: [S.LEASED, S.STAGING, S.STAGED, S.SUBMITTING, S.DELIVERED],
    S.SENT: [S.LEASED, S.STAGING, S.STAGED, S.SUBMITTING, S.SENT],
    S.REFUSED: [S.LEASED, S.REFUSED],
    S.FAILED: [S.LEASED, S.FAILED],
    S.CANCELLED: [S.CANCELLED],
    S.EXPIRED: [S.EXPIRED],
    S.SUPERSEDED: [S.SUPERSEDED],
}


class House:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = FakeClock()
        self.journal = Journal(store=store, key=b"k" * 32, clock=self.clock)
        ids = Ids()
        self.messages = Messages(store=store, journal=self.journal, clock=self.clock, ids=ids, attachments=Path())
        self.notices = Notices(store=store, clock=self.clock)
        self.deliveries = Deliveries(store=store, journal=self.journal, notices=self.notices, clock=self.clock, ids=ids)

    def queue(self, tx: Tx, task: str = "T-1", window: str | None = None) -> Delivery:
        message = self.messages.add_brief(
            tx, task=task, agent="Agent-1", body="x", priority=2, source=Source.MEMBER, by="hub"
        )
        agent = make_agent("Agent-1", desk="main" if window else None, window=window)
        return self.deliveries.queue(tx, agent, message=message.id, task=task, priority=2)

    def walk(self, tx: Tx, to: DeliveryState, task: str = "T-1") -> Delivery:
        delivery = self.queue(tx, task)
        for state in WAYS[to]:
            if state is S.LEASED:
                delivery = self.deliveries.lease(tx, delivery.id, sha256="aa")
            else:
                delivery = self.deliveries.step(tx, delivery, state)
        return delivery


@asynccontextmanager
async def house(tmp_path: Path) -> AsyncGenerator[House]:
    async with Store.open(tmp_path / "octet.db") as store:
        yield House(store)


async def test_from_every_state_only_the_tables_steps_happen_and_each_stands_in_the_journal(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        for number, (state, to) in enumerate((state, to) for state in S for to in S):
            task = f"T-{number + 1}"
            start = await octet.store.write(lambda tx, s=state, t=task: octet.walk(tx, s, t))
            if to in DELIVERY_STEPS[state]:
                await octet.store.write(lambda tx, d=start, to=to: octet.deliveries.step(tx, d, to))
            else:
                with pytest.raises(IllegalStep):
                    await octet.store.write(lambda tx, d=start, to=to: octet.deliveries.step(tx, d, to))
            (now,) = await octet.deliveries.list_for_task(task)
            assert now.state is (to if to in DELIVERY_STEPS[state] else state)
            told = [(e.data["was"], e.data["now"]) for e in await entries_of(octet.journal, f"delivery:{start.id}")]
            assert told[-1][1] == now.state.value
            assert all(before[1] == after[0] for before, after in itertools.pairwise(told))


async def test_a_prompt_is_never_submitted_straight_from_its_lease(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        leased = await octet.store.write(lambda tx: octet.walk(tx, S.LEASED))
        with pytest.raises(IllegalStep):
            await octet.store.write(lambda tx: octet.deliveries.proceed(tx, leased.id, leased.fence, S.SUBMITTING))


async def test_an_old_holder_is_turned_away_at_every_step(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:

        def again(tx: Tx) -> tuple[Delivery, Delivery]:
            old = octet.walk(tx, S.STAGING)
            back = octet.deliveries.step(tx, old, S.QUEUED)
            return old, octet.deliveries.lease(tx, back.id, sha256="bb")

        old, new = await octet.store.write(again)
        assert (old.fence, new.fence) == (1, 2)
        for to in (S.STAGING, S.STAGED, S.SUBMITTING):
            with refuses("lease_lost"):
                await octet.store.write(lambda tx, to=to: octet.deliveries.proceed(tx, old.id, old.fence, to))
        for to in (S.STAGING, S.STAGED, S.SUBMITTING):
            await octet.store.write(lambda tx, to=to: octet.deliveries.proceed(tx, new.id, new.fence, to))


async def test_enter_may_be_asked_for_again_by_the_holder_and_is_written_once(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        asked = await octet.store.write(lambda tx: octet.walk(tx, S.SUBMITTING))
        for _ in range(3):
            await octet.store.write(lambda tx: octet.deliveries.proceed(tx, asked.id, asked.fence, S.SUBMITTING))
        told = [entry.data["now"] for entry in await entries_of(octet.journal, f"delivery:{asked.id}")]
        assert told.count("submitting") == 1


async def test_what_was_taken_away_cannot_go_on(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        for number, state in enumerate((S.LEASED, S.STAGING, S.STAGED)):
            task = f"T-{number + 1}"
            held = await octet.store.write(lambda tx, s=state, t=task: octet.walk(tx, s, t))
            await octet.store.write(lambda tx, d=held: octet.deliveries.step(tx, d, S.CANCELLED))
            for to in (S.STAGING, S.STAGED, S.SUBMITTING):
                with pytest.raises(Conflict):
                    await octet.store.write(lambda tx, d=held, to=to: octet.deliveries.proceed(tx, d.id, d.fence, to))


async def test_a_bounce_rests_counts_and_remembers_when_it_began(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        outcome = Outcome(result=Result.BOUNCED, reason=Reason.COVERED, note="by Mail")
        leased = await octet.store.write(lambda tx: octet.walk(tx, S.LEASED))
        began = octet.clock.now_ms()
        first = await octet.store.write(lambda tx: octet.deliveries.retry_later(tx, leased, outcome, after_ms=20))
        octet.clock.advance(1)
        again = await octet.store.write(lambda tx: octet.deliveries.lease(tx, leased.id, sha256="bb"))
        second = await octet.store.write(lambda tx: octet.deliveries.retry_later(tx, again, outcome, after_ms=40))
        assert (first.bounces, first.not_before_ms, first.note) == (1, began + 20, "by Mail")
        assert (second.bounces, second.bounced_since_ms) == (2, began)
        assert second.not_before_ms == began + 1_040


async def test_after_a_restart_only_what_was_under_way_moves(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        tasks = {f"T-{number + 1}": state for number, state in enumerate(S)}
        for task, state in tasks.items():
            await octet.store.write(lambda tx, s=state, t=task: octet.walk(tx, s, t))
        again, interrupted = await octet.store.write(octet.deliveries.put_back_after_restart)
        assert (len(again), [one.state for one in interrupted]) == (len(BEFORE_ENTER), [S.SUBMITTING])
        for task, state in tasks.items():
            wanted = S.QUEUED if state in BEFORE_ENTER else state
            assert [d.state for d in await octet.deliveries.list_for_task(task)] == [wanted]


async def test_a_task_has_one_open_delivery_and_its_refusals_are_counted_within_the_hour(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:

        def open_of(tx: Tx) -> DeliveryId | None:
            found = octet.deliveries.open_for_task(tx, "T-1")
            return found.id if found else None

        await octet.store.write(lambda tx: octet.walk(tx, S.REFUSED))
        assert await octet.store.write(open_of) is None
        octet.clock.advance(3_000)
        await octet.store.write(lambda tx: octet.walk(tx, S.REFUSED))
        last = await octet.store.write(octet.queue)
        assert await octet.store.write(open_of) == last.id
        since = octet.clock.now_ms() - 3_600_000
        assert await octet.store.write(lambda tx: octet.deliveries.count_rejections(tx, "T-1", since_ms=since)) == 2
        octet.clock.advance(1_000)
        since = octet.clock.now_ms() - 3_600_000
        assert await octet.store.write(lambda tx: octet.deliveries.count_rejections(tx, "T-1", since_ms=since)) == 1


async def test_marks_of_a_draft_stay_until_its_window_is_seen_empty(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:

        def leave(tx: Tx, task: str, window: str, to: DeliveryState) -> Delivery:
            delivery = octet.queue(tx, task, window=window)
            leased = octet.deliveries.lease(tx, delivery.id, sha256="aa")
            octet.deliveries.proceed(tx, leased.id, leased.fence, S.STAGING, drafts=("begun",))
            staged = octet.deliveries.proceed(tx, leased.id, leased.fence, S.STAGED, drafts=(f"whole {task}",))
            if to in {S.SUBMITTING, S.UNKNOWN}:
                staged = octet.deliveries.proceed(tx, leased.id, leased.fence, S.SUBMITTING)
            if to in {S.STAGED, S.SUBMITTING}:
                return staged
            return octet.deliveries.end(tx, staged, to, Outcome(result=Result.REFUSED, draft_left=True))

        async def left(task: str, window: str, to: DeliveryState) -> Delivery:
            return await octet.store.write(lambda tx: leave(tx, task, window, to))

        await left("T-1", "one", S.REFUSED)
        await left("T-2", "two", S.UNKNOWN)
        await left("T-3", "three", S.SUBMITTING)
        await left("T-4", "four", S.STAGED)
        assert await octet.deliveries.leftover_drafts.left("main") == {"one": ("begun", "whole T-1")}
        assert await octet.deliveries.leftover_drafts.left("side") == {}
        await octet.store.write(lambda tx: octet.deliveries.leftover_drafts.forget_all(tx, "main", "two"))
        await octet.store.write(lambda tx: octet.deliveries.leftover_drafts.forget_all(tx, "main", "three"))
        assert await octet.deliveries.leftover_drafts.left("main") == {"one": ("begun", "whole T-1")}
        marks = {task: (await octet.deliveries.list_for_task(task))[0].drafts for task in ("T-1", "T-2", "T-3", "T-4")}
        assert [bool(marks[task]) for task in marks] == [True, False, True, True]
        await left("T-5", "one", S.STAGED)  # its composer was empty when it began
        assert await octet.deliveries.leftover_drafts.left("main") == {}


async def test_what_is_delivered_has_left_no_draft(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:

        def deliver(tx: Tx) -> Delivery:
            leased = octet.deliveries.lease(tx, octet.queue(tx, window="one").id, sha256="aa")
            for state in (S.STAGING, S.STAGED, S.SUBMITTING):
                leased = octet.deliveries.proceed(tx, leased.id, leased.fence, state, drafts=("mark",))
            return octet.deliveries.step(tx, leased, S.DELIVERED)

        assert (await octet.store.write(deliver)).drafts == ()


async def test_an_interrupted_delivery_has_a_new_holder_and_the_old_one_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        old = await octet.store.write(lambda tx: octet.walk(tx, S.SUBMITTING))
        found = await octet.store.write(lambda tx: octet.deliveries.find_interrupted(tx, ["Agent-1"]))
        assert [one.id for one in found] == [old.id]
        new = await octet.store.write(lambda tx: octet.deliveries.lease_again(tx, old.id))
        assert (new.state, new.fence) == (S.SUBMITTING, old.fence + 1)
        with refuses("lease_lost"):
            await octet.store.write(lambda tx: octet.deliveries.proceed(tx, old.id, old.fence, S.SUBMITTING))
        await octet.store.write(lambda tx: octet.deliveries.step(tx, new, S.DELIVERED))
        with refuses("lease_lost"):
            await octet.store.write(lambda tx: octet.deliveries.lease_again(tx, old.id))


async def test_the_marks_of_a_rehearsal_are_known_until_its_window_was_seen_empty(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        drafts, store = octet.deliveries.leftover_drafts, octet.store
        await store.write(lambda tx: drafts.rehearse(tx, "main", "one", ("text",)))
        await store.write(lambda tx: drafts.rehearse(tx, "main", "one", ("picture", "text")))
        await store.write(lambda tx: drafts.rehearse(tx, "main", "two", ("other",)))
        assert await drafts.left("main") == {"one": ("text", "picture"), "two": ("other",)}
        assert await store.write(lambda tx: drafts.left_in(tx, "main", "one")) == ("text", "picture")
        with drafts.rehearsing("main", "one"):
            await store.write(lambda tx: drafts.forget_all(tx, "main", "one"))
            assert "one" in await drafts.left("main")
        await store.write(lambda tx: drafts.forget_all(tx, "main", "one"))
        await store.write(lambda tx: drafts.rehearsed(tx, "main", "two"))
        assert await drafts.left("main") == {}
