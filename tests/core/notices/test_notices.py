"""What has to be told, in which order, and when again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.notices.model import Notice, NoticeKind, NoticeState, Place
from core.notices.service import Notices
from core.store.engine import Store, Tx
from tests.fakes.clock import FakeClock

HERE = Place(channel="10", guild="1")


@asynccontextmanager
async def notices_of(tmp_path: Path, clock: FakeClock) -> AsyncGenerator[tuple[Notices, Store]]:
    async with Store.open(tmp_path / "octet.db") as store:
        notices = Notices(store=store, clock=clock)
        await store.write(lambda tx: notices.card(tx, "T-1", HERE))
        yield notices, store


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def kinds(notices: Notices) -> list[NoticeKind]:
    return [notice.kind for notice in await notices.due()]


async def post(notices: Notices, notice: Notice) -> None:
    await notices.posted(notice.id, channel="10", message=f"m{notice.id}", revision=notice.revision)


async def test_the_card_comes_first_and_what_follows_knows_its_place_and_thread(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with notices_of(tmp_path, clock) as (notices, store):
        await store.write(lambda tx: notices.tell(tx, NoticeKind.ANSWER, "T-1", message="m"))
        (card,) = await notices.due()
        assert (card.kind, card.place, card.revision, card.sent_revision) == (NoticeKind.CARD, HERE, 1, 0)
        await post(notices, card)
        await notices.thread_made("T-1", "99")
        (answer,) = await notices.due()
        assert (answer.kind, answer.place, answer.thread, answer.message) == (NoticeKind.ANSWER, HERE, "99", "m")
        await post(notices, answer)
        assert await notices.due() == ()


async def test_a_card_that_changed_while_it_was_posted_is_due_again(tmp_path: Path, clock: FakeClock) -> None:
    async with notices_of(tmp_path, clock) as (notices, store):
        (card,) = await notices.due()
        await store.write(lambda tx: notices.card_changed(tx, "T-1"))
        await post(notices, card)
        (again,) = await notices.due()
        assert (again.id, again.revision, again.sent_revision, again.posted_message) == (card.id, 2, 1, "m1")
        await post(notices, again)
        assert await notices.due() == ()
        await store.write(lambda tx: notices.card_changed(tx, "T-1"))
        assert [(n.revision, n.sent_revision) for n in await notices.due()] == [(3, 2)]


async def test_what_failed_is_due_again_at_its_time_and_keeps_why(tmp_path: Path, clock: FakeClock) -> None:
    async with notices_of(tmp_path, clock) as (notices, _store):
        (card,) = await notices.due()
        await notices.again(card.id, error="429", after_s=5)
        assert await notices.due() == ()
        clock.advance(4.9)
        assert await notices.due() == ()
        clock.advance(0.1)
        (again,) = await notices.due()
        assert (again.attempts, again.error) == (1, "429")
        await post(notices, again)
        assert (await notices.card_of("T-1") or again).attempts == 0


async def test_a_card_that_cannot_stand_frees_the_rest_and_is_not_tried_again(tmp_path: Path, clock: FakeClock) -> None:
    async with notices_of(tmp_path, clock) as (notices, store):
        (card,) = await notices.due()
        await store.write(lambda tx: notices.tell(tx, NoticeKind.ENDED, "T-1"))
        await notices.dropped(card.id, error="the channel is gone")
        assert await kinds(notices) == [NoticeKind.ENDED]
        await store.write(lambda tx: notices.card_changed(tx, "T-1"))
        assert await kinds(notices) == [NoticeKind.ENDED]
        kept = await notices.card_of("T-1")
        assert kept is not None
        assert (kept.state, kept.error) == (NoticeState.DROPPED, "the channel is gone")


async def test_an_answer_that_has_to_wait_still_comes_before_the_end(tmp_path: Path, clock: FakeClock) -> None:
    async with notices_of(tmp_path, clock) as (notices, store):
        await post(notices, (await notices.due())[0])

        def both(tx: Tx) -> None:
            notices.tell(tx, NoticeKind.ANSWER, "T-1", message="m")
            notices.tell(tx, NoticeKind.ENDED, "T-1")
            notices.card(tx, "T-2", HERE)
            notices.card_changed(tx, "T-1")

        await store.write(both)
        answer = next(n for n in await notices.due() if n.kind is NoticeKind.ANSWER)
        await notices.again(answer.id, error="500", after_s=5)
        assert await kinds(notices) == [NoticeKind.CARD, NoticeKind.CARD], (
            "an edited card, another task: no need to wait"
        )
        clock.advance(5)
        found = [n.kind for n in await notices.due() if n.kind is not NoticeKind.CARD]
        assert found == [NoticeKind.ANSWER, NoticeKind.ENDED]
        await notices.dropped(answer.id, error="too long")
        assert NoticeKind.ENDED in await kinds(notices)


async def test_the_same_reason_is_told_once(tmp_path: Path, clock: FakeClock) -> None:
    async with notices_of(tmp_path, clock) as (notices, store):
        await post(notices, (await notices.due())[0])
        for text in ("waiting: window", "waiting: window", "parked: window"):
            await store.write(lambda tx, text=text: notices.tell_once(tx, NoticeKind.HELD, "T-1", text=text))
        assert [n.text for n in await notices.due()] == ["waiting: window", "parked: window"]


async def test_waiting_ends_with_news(tmp_path: Path, clock: FakeClock) -> None:
    async with notices_of(tmp_path, clock) as (notices, store), asyncio.TaskGroup() as group:
        await notices.wait(10)  # the card's own news
        waiting = group.create_task(notices.wait(60))
        await store.ping()
        assert not waiting.done()
        await store.write(lambda tx: notices.tell(tx, NoticeKind.ENDED, "T-1"))
        async with asyncio.timeout(60):
            await waiting


async def test_waiting_ends_when_something_is_due_again(tmp_path: Path, clock: FakeClock) -> None:
    async with notices_of(tmp_path, clock) as (notices, _store):
        (card,) = await notices.due()
        await notices.again(card.id, error="429", after_s=0.05)
        await notices.wait(0)
        async with asyncio.timeout(60):
            await notices.wait(60)


async def test_what_became_due_between_the_look_and_the_wait_is_not_slept_over(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with notices_of(tmp_path, clock) as (notices, _store):
        (card,) = await notices.due()
        await notices.again(card.id, error="429", after_s=1)
        await notices.wait(0)
        assert await notices.due() == ()
        clock.advance(2)
        async with asyncio.timeout(60):
            await notices.wait(60)
        assert len(await notices.due()) == 1


async def test_what_has_to_be_told_survives_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    async with notices_of(tmp_path, clock) as (notices, _store):
        first = await notices.due()
    async with Store.open(tmp_path / "octet.db") as store:
        assert await Notices(store=store, clock=clock).due() == first
