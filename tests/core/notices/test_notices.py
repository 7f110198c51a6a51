"""What has to be told, in which order, and when again."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.notices.model import DISCORD, AgentReport, AgentReports, Halt, NoticeKind, NoticePost, NoticeState, Place
from core.notices.service import Notices
from core.reasons import WaitReason
from core.store.engine import Store, Tx
from tests.fakes.clock import FakeClock

HERE = Place(channel="10", guild="1")


@asynccontextmanager
async def notices_of(tmp_path: Path, clock: FakeClock) -> AsyncGenerator[tuple[Notices, Store]]:
    async with Store.open(tmp_path / "octet.db") as store:
        notices = Notices(store=store, clock=clock)
        await store.write(lambda tx: notices.notify(tx, NoticeKind.CARD, "T-1", place=HERE))
        yield notices, store


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def kinds(notices: Notices) -> list[NoticeKind]:
    return [notice.kind for notice in await notices.on(DISCORD).due()]


async def post(notices: Notices, notice: NoticePost) -> None:
    await notices.on(DISCORD).posted(notice.id, channel="10", message=f"m{notice.id}", revision=notice.revision)


async def test_the_card_comes_first_and_what_follows_knows_its_place_and_thread(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with notices_of(tmp_path, clock) as (notices, store):
        await store.write(lambda tx: notices.notify(tx, NoticeKind.ANSWER, "T-1", subject="m"))
        (card,) = await notices.on(DISCORD).due()
        assert (card.kind, card.place, card.revision) == (NoticeKind.CARD, HERE, 1)
        await post(notices, card)
        await notices.on(DISCORD).thread_made("T-1", "99")
        (answer,) = await notices.on(DISCORD).due()
        assert (answer.kind, answer.place, answer.thread, answer.subject) == (NoticeKind.ANSWER, HERE, "99", "m")
        await post(notices, answer)
        assert await notices.on(DISCORD).due() == ()


async def test_a_card_that_changed_while_it_was_posted_is_due_again(tmp_path: Path, clock: FakeClock) -> None:
    async with notices_of(tmp_path, clock) as (notices, store):
        (card,) = await notices.on(DISCORD).due()
        await store.write(lambda tx: notices.card_changed(tx, "T-1"))
        await post(notices, card)
        (again,) = await notices.on(DISCORD).due()
        assert (again.id, again.revision, again.posted_message) == (card.id, 2, "m1")
        await post(notices, again)
        assert await notices.on(DISCORD).due() == ()
        await store.write(lambda tx: notices.card_changed(tx, "T-1"))
        assert [n.revision for n in await notices.on(DISCORD).due()] == [3]


async def test_reports_of_one_spell_of_work_share_a_message_and_the_next_spell_has_its_own(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with notices_of(tmp_path, clock) as (notices, store):
        await post(notices, (await notices.on(DISCORD).due())[0])
        at_ms = clock.now_ms()
        for number in range(7):
            await store.write(
                lambda tx, number=number: notices.progressed(
                    tx, "T-1", agent="Agent-3", spell="Agent-3 1", report=f"step {number}"
                )
            )
        (shown,) = await notices.on(DISCORD).due()
        assert (shown.kind, shown.revision) == (NoticeKind.PROGRESS, 7)
        reports = tuple(AgentReport(at_ms=at_ms, text=f"step {number}") for number in range(2, 7))
        assert shown.detail == AgentReports(agent="Agent-3", reports=reports)
        await post(notices, shown)
        await store.write(lambda tx: notices.progressed(tx, "T-1", agent="Agent-3", spell="Agent-3 2", report="again"))
        (later,) = await notices.on(DISCORD).due()
        again = AgentReports(agent="Agent-3", reports=(AgentReport(at_ms=at_ms, text="again"),))
        assert (later.detail, later.id == shown.id) == (again, False)


async def test_what_failed_is_due_again_at_its_time_and_keeps_why(tmp_path: Path, clock: FakeClock) -> None:
    async with notices_of(tmp_path, clock) as (notices, _store):
        (card,) = await notices.on(DISCORD).due()
        await notices.on(DISCORD).again(card.id, error="429", after_s=5)
        assert await notices.on(DISCORD).due() == ()
        clock.advance(4.9)
        assert await notices.on(DISCORD).due() == ()
        clock.advance(0.1)
        (again,) = await notices.on(DISCORD).due()
        assert (again.attempts, again.error) == (1, "429")
        await post(notices, again)
        assert (await notices.on(DISCORD).card_of("T-1") or again).attempts == 0


async def test_a_dropped_card_frees_the_rest_and_comes_back_at_the_next_step(tmp_path: Path, clock: FakeClock) -> None:
    async with notices_of(tmp_path, clock) as (notices, store):
        (card,) = await notices.on(DISCORD).due()
        await store.write(lambda tx: notices.notify(tx, NoticeKind.ENDED, "T-1"))
        await notices.on(DISCORD).again(card.id, error="503", after_s=300)
        await notices.on(DISCORD).dropped(card.id, error="the channel is gone")
        assert await kinds(notices) == [NoticeKind.ENDED]
        kept = await notices.on(DISCORD).card_of("T-1")
        assert kept is not None
        assert (kept.state, kept.error) == (NoticeState.DROPPED, "the channel is gone")
        await store.write(lambda tx: notices.card_changed(tx, "T-1"))
        (card,) = await notices.on(DISCORD).due()
        assert (card.kind, card.attempts) == (NoticeKind.CARD, 0)


async def test_an_answer_that_has_to_wait_still_comes_before_the_end(tmp_path: Path, clock: FakeClock) -> None:
    async with notices_of(tmp_path, clock) as (notices, store):
        await post(notices, (await notices.on(DISCORD).due())[0])

        def both(tx: Tx) -> None:
            notices.notify(tx, NoticeKind.ANSWER, "T-1", subject="m")
            notices.notify(tx, NoticeKind.ENDED, "T-1")
            notices.notify(tx, NoticeKind.CARD, "T-2", place=HERE)
            notices.card_changed(tx, "T-1")

        await store.write(both)
        card, other = await notices.on(DISCORD).due()
        assert (card.task, other.task) == ("T-1", "T-2")
        (answer, _) = await notices.on(DISCORD).due(resting=[card.id])
        await notices.on(DISCORD).again(answer.id, error="500", after_s=5)
        assert await kinds(notices) == [NoticeKind.CARD, NoticeKind.CARD], (
            "an edited card, another task: no need to wait"
        )
        await post(notices, card)
        assert await kinds(notices) == [NoticeKind.CARD], "the end waits for the answer"
        clock.advance(5)
        assert await kinds(notices) == [NoticeKind.ANSWER, NoticeKind.CARD]
        await notices.on(DISCORD).dropped(answer.id, error="too long")
        assert await kinds(notices) == [NoticeKind.ENDED, NoticeKind.CARD]


async def test_each_strand_gives_one_notice_and_the_most_urgent_comes_first(tmp_path: Path, clock: FakeClock) -> None:
    async with notices_of(tmp_path, clock) as (notices, store):
        await post(notices, (await notices.on(DISCORD).due())[0])

        def much(tx: Tx) -> None:
            for number in range(400):
                notices.notify(tx, NoticeKind.ANSWER, "T-1", subject=f"m{number}")
            notices.notify(tx, NoticeKind.LOCKED, None, subject="lock", about="lock", place=HERE)
            notices.notify(tx, NoticeKind.WORDS, None, subject="words", place=HERE)
            for task in ("T-2", "T-3"):
                notices.notify(tx, NoticeKind.CARD, task, place=HERE)
            notices.notify(tx, NoticeKind.NEEDS_ANSWER, "T-3", subject="dialog", about="dialog")

        await store.write(much)
        found = await notices.on(DISCORD).due()
        assert [(n.kind, n.strand) for n in found] == [
            (NoticeKind.CARD, "T-3"),  # the dialog needs it
            (NoticeKind.ANSWER, "T-1"),
            (NoticeKind.WORDS, "words"),
            (NoticeKind.CARD, "T-2"),
            (NoticeKind.LOCKED, "lock"),
        ]
        await post(notices, found[0])
        await store.write(lambda tx: notices.notify(tx, NoticeKind.HELD, "T-1", about="delivery 7"))
        assert [(n.kind, n.strand) for n in await notices.on(DISCORD).due()][:2] == [
            (NoticeKind.NEEDS_ANSWER, "T-3"),
            (NoticeKind.HELD, "T-1"),
        ], "a question goes before the answers of its task"


async def test_an_edit_rests_and_a_full_channel_takes_posts_only(tmp_path: Path, clock: FakeClock) -> None:
    async with notices_of(tmp_path, clock) as (notices, store):
        (card,) = await notices.on(DISCORD).due()
        await post(notices, card)

        def change(tx: Tx) -> None:
            notices.card_changed(tx, "T-1")
            notices.notify(tx, NoticeKind.ANSWER, "T-1", subject="m")

        await store.write(change)
        assert await kinds(notices) == [NoticeKind.CARD]
        assert [n.kind for n in await notices.on(DISCORD).due(resting=[card.id])] == [NoticeKind.ANSWER]
        assert [n.kind for n in await notices.on(DISCORD).due(full=["10"])] == [NoticeKind.ANSWER]


async def test_what_a_channel_refuses_rests_is_listed_and_is_tried_when_permissions_change(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with notices_of(tmp_path, clock) as (notices, store):
        await store.write(lambda tx: notices.notify(tx, NoticeKind.CARD, "T-2", place=Place(channel="20", guild="1")))
        await notices.on(DISCORD).no_access("10", error="403 50013", after_s=60)
        assert [n.task for n in await notices.on(DISCORD).due()] == ["T-2"]
        assert [(n.task, n.state, n.error) for n in await notices.on(DISCORD).failed_notifications()] == [
            ("T-1", NoticeState.NO_ACCESS, "403 50013")
        ]
        await store.write(lambda tx: notices.card_changed(tx, "T-1"))
        assert [n.task for n in await notices.on(DISCORD).due()] == ["T-2"], (
            "a change does not make the channel take it"
        )
        await notices.on(DISCORD).retry_no_access()
        assert [n.task for n in await notices.on(DISCORD).due()] == ["T-1", "T-2"]
        await notices.on(DISCORD).no_access("10", error="403 50013", after_s=60)
        clock.advance(60)
        card, _ = await notices.on(DISCORD).due()
        await post(notices, card)
        assert await notices.on(DISCORD).failed_notifications() == ()


async def test_the_same_reason_is_told_once(tmp_path: Path, clock: FakeClock) -> None:
    async with notices_of(tmp_path, clock) as (notices, store):
        await post(notices, (await notices.on(DISCORD).due())[0])
        waits, parked = (Halt(state=state, reason=WaitReason.WINDOW) for state in ("waiting", "parked"))
        for halt in (waits, waits, parked):
            await store.write(lambda tx, halt=halt: notices.notify_once(tx, NoticeKind.HELD, "T-1", detail=halt))
        told: list[object] = []
        while found := await notices.on(DISCORD).due():
            told += [notice.detail for notice in found]
            await post(notices, found[0])
        assert told == [waits, parked]


async def test_news_are_known_at_once(tmp_path: Path, clock: FakeClock) -> None:
    async with notices_of(tmp_path, clock) as (notices, store):
        assert notices.on(DISCORD).news.is_set()  # the card's own
        notices.on(DISCORD).news.clear()
        await store.write(lambda tx: notices.notify(tx, NoticeKind.ENDED, "T-1"))
        assert notices.on(DISCORD).news.is_set()


async def test_it_is_known_when_something_is_due_again(tmp_path: Path, clock: FakeClock) -> None:
    async with notices_of(tmp_path, clock) as (notices, _store):
        (card,) = await notices.on(DISCORD).due()
        assert await notices.on(DISCORD).next_due_s() == math.inf
        await notices.on(DISCORD).again(card.id, error="429", after_s=0.05)
        assert await notices.on(DISCORD).next_due_s() == 0.05


async def test_what_became_due_between_the_look_and_the_wait_is_not_slept_over(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with notices_of(tmp_path, clock) as (notices, _store):
        (card,) = await notices.on(DISCORD).due()
        await notices.on(DISCORD).again(card.id, error="429", after_s=1)
        assert await notices.on(DISCORD).due() == ()
        clock.advance(2)
        assert await notices.on(DISCORD).next_due_s() == 0
        assert len(await notices.on(DISCORD).due()) == 1


async def test_what_has_to_be_told_survives_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    async with notices_of(tmp_path, clock) as (notices, _store):
        first = await notices.on(DISCORD).due()
    async with Store.open(tmp_path / "octet.db") as store:
        assert await Notices(store=store, clock=clock).on(DISCORD).due() == first
