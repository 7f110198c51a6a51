"""Receipts: stored with their verdict or not at all, claiming nothing unseen, shown to few, deleted in time."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.coordinator import Coordinator
from core.deliveries.model import (
    MOST_PICTURE_BYTES,
    Assurance,
    DeliveryId,
    DeliveryState,
    Evidence,
    Moment,
    Outcome,
    Picture,
    PictureArea,
    Reason,
    Result,
    Settled,
    Target,
    WorkerIdentity,
)
from core.dispatch.model import Decision
from core.kit.clock import DAY_MS
from core.receipts import retention, texts
from core.receipts.model import Receipt
from core.security.model import OPERATOR, NotAllowed
from core.settings.model import ReceiptSettings
from core.store.engine import Tx
from core.store.errors import StoreUnavailable
from core.tasks.model import TaskId, TaskNotFound, TaskState
from tests.builders import ADA, CAROL, entries_of, make_agent, make_new_task, refuses
from tests.core.dispatch.test_loop import reach, window_house
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane

FIRST = TaskId("T-1")
SHOTS = (
    Picture(moment=Moment.STAGED, part=PictureArea.COMPOSER, png=b"before"),
    Picture(moment=Moment.AFTERWARDS, part=PictureArea.COMPOSER, png=b"after"),
)
EVIDENCE = Evidence(
    readback="copy",
    normalise="raw",
    sha256="cc",
    hand=WorkerIdentity(pid=7, host="abc", version="1"),
    target=Target(id=5, kind="OctetChat", title_sha256="dd", place=(4, 24, 386, 413)),
)
SEEN = Outcome(
    result=Result.DELIVERED,
    assurance=Assurance.RECEIPT,
    note="composer empty, busy sign seen",
    timings_ms={"focus": 3.0, "readback": 9.5},
    pictures=SHOTS,
    evidence=EVIDENCE,
)
WHOLE = tuple(
    replace(one, part=PictureArea.WINDOW, moment=when)
    for one, when in zip(SHOTS, (Moment.STAGED, Moment.LAST_SEEN), strict=True)
)
UNSEEN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="nothing seen", pictures=WHOLE, evidence=EVIDENCE)


PORTABLE = replace(EVIDENCE, hand=WorkerIdentity(pid=7, host="abc", version="1", path="portable"))


@asynccontextmanager
async def town(
    home: Path, *outcomes: Outcome, clock: FakeClock | None = None, keeping: ReceiptSettings | None = None
) -> AsyncGenerator[Coordinator]:
    async with window_house(home, FakeLane(*outcomes), clock=clock, keeping=keeping) as octet:
        await octet.tasks.new(make_new_task(agent=None), by=ADA)
        yield octet


async def the_receipt(octet: Coordinator) -> Receipt:
    (receipt,) = await octet.receipts.show("T-1", by=OPERATOR)
    return receipt


async def test_what_was_seen_to_arrive_has_a_receipt_of_everything_seen(tmp_path: Path) -> None:
    async with town(tmp_path, SEEN) as octet:
        await reach(octet, FIRST, TaskState.WORKING)
        receipt = await the_receipt(octet)
        (delivery,) = await octet.deliveries.list_for_task("T-1")
        assert (receipt.delivery, receipt.fence, receipt.state) == (delivery, 1, DeliveryState.DELIVERED)
        assert (receipt.assurance, receipt.note) == (Assurance.RECEIPT, SEEN.note)
        assert receipt.sha256 == delivery.sha256
        assert receipt.evidence == EVIDENCE
        assert receipt.timings_ms == SEEN.timings_ms
        assert [(one.name, one.png, one.size) for one in receipt.pictures] == [
            ("staged-composer", b"before", 6),
            ("afterwards-composer", b"after", 5),
        ]
        assert receipt.pictures[0].sha256 == hashlib.sha256(b"before").hexdigest()
        assert await octet.receipts.show(delivery.id.lower(), by=OPERATOR) == (receipt,)
        assert "Octet did not read its transcript" in texts.claim(receipt)
        in_pane = replace(EVIDENCE, hand=WorkerIdentity(pid=7, host="abc", version="1", path="terminal"))
        assert texts.claim(replace(receipt, evidence=in_pane)) == texts.SHOWN_AS_SAID
        assert "copied the whole text" in texts.before_enter(receipt)
        assert texts.line(receipt).startswith("delivered (receipt) · 12 ms · sha256 ")
        assert "portable" not in texts.before_enter(receipt)


async def test_a_receipt_of_the_portable_path_says_so(tmp_path: Path) -> None:
    async with town(tmp_path, replace(SEEN, assurance=Assurance.WEAK, evidence=PORTABLE)) as octet:
        await reach(octet, FIRST, TaskState.WORKING)
        (receipt,) = await octet.receipts.show("T-1", by=OPERATOR)
        assert receipt.evidence == PORTABLE
        assert "copied the whole text" in texts.before_enter(receipt)
        assert "Sent by the portable path" in texts.before_enter(receipt)


async def test_who_may_not_see_windows_gets_the_receipt_without_its_pictures(tmp_path: Path) -> None:
    async with town(tmp_path, SEEN) as octet:
        await reach(octet, FIRST, TaskState.WORKING)
        (receipt,) = await octet.receipts.show("T-1", by=CAROL)
        assert [(one.png, one.size) for one in receipt.pictures] == [(b"", 6), (b"", 5)]
        with pytest.raises(NotAllowed):
            await octet.receipts.picture("T-1", 1, "staged-composer", by=CAROL)
        assert await octet.receipts.picture("T-1", 1, "staged-composer", by=OPERATOR) == b"before"
        with refuses("no_picture"):
            await octet.receipts.picture("T-1", 1, "staged-window", by=OPERATOR)


async def test_a_verdict_that_is_not_stored_leaves_no_receipt_and_no_receipt_stands_without_its_verdict(
    tmp_path: Path,
) -> None:
    async with town(tmp_path, SEEN) as octet:
        await reach(octet, FIRST, TaskState.WORKING)
        (delivery,) = await octet.deliveries.list_for_task("T-1")

        class Broken(Exception):
            pass

        def again(tx: Tx) -> None:
            queued = octet.deliveries.queue(
                tx, make_agent(delivery.agent), message=delivery.message, task="T-1", priority=2
            )
            now = octet.deliveries.lease(tx, queued.id, sha256="ee")
            for state in (DeliveryState.STAGING, DeliveryState.STAGED, DeliveryState.SUBMITTING):
                now = octet.deliveries.step(tx, now, state)
            octet.deliveries.end(tx, now, DeliveryState.DELIVERED, SEEN)
            raise Broken

        with pytest.raises(Broken):
            await octet.store.write(again)
        assert (
            len(await octet.receipts.show("T-1", by=OPERATOR)) == len(await octet.deliveries.list_for_task("T-1")) == 1
        )


@pytest.mark.parametrize(
    ("decision", "settled", "said"),
    [
        (Decision.ARRIVED, Settled.ARRIVED, "Later it was recorded as arrived"),
        (Decision.SEND_AGAIN, Settled.AGAIN, "Octet sent it again"),
        (Decision.DROP, Settled.DROPPED, "it was dropped"),
    ],
)
async def test_an_unknown_says_so_and_how_it_was_settled(
    tmp_path: Path, decision: Decision, settled: Settled, said: str
) -> None:
    async with town(tmp_path, UNSEEN) as octet:
        await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
        receipt = await the_receipt(octet)
        assert texts.claim(receipt) == texts.UNKNOWN
        assert await octet.receipts.pictures(receipt.delivery.id, 1, by=OPERATOR) == WHOLE
        await octet.unknowns.resolve("T-1", decision, by=ADA)
        if decision is Decision.SEND_AGAIN:
            await reach(octet, FIRST, TaskState.WORKING)
        first, *later = await octet.receipts.show("T-1", by=OPERATOR)
        assert (first.state, first.assurance, first.settled) == (DeliveryState.UNKNOWN, None, settled)
        assert said in texts.claim(first)
        assert [one.fence for one in later] == ([2] if decision is Decision.SEND_AGAIN else [])


async def test_a_picture_of_a_task_with_two_deliveries_is_named_by_its_own_delivery(tmp_path: Path) -> None:
    async with town(tmp_path, SEEN) as octet:
        await reach(octet, FIRST, TaskState.WORKING)
        (delivery,) = await octet.deliveries.list_for_task("T-1")

        def another(tx: Tx) -> DeliveryId:
            queued = octet.deliveries.queue(
                tx, make_agent(delivery.agent), message=delivery.message, task="T-1", priority=2
            )
            now = octet.deliveries.lease(tx, queued.id, sha256="ee")
            for state in (DeliveryState.STAGING, DeliveryState.STAGED, DeliveryState.SUBMITTING):
                now = octet.deliveries.step(tx, now, state)
            octet.deliveries.end(tx, now, DeliveryState.DELIVERED, SEEN)
            return now.id

        for name in (delivery.id, await octet.store.write(another)):
            assert await octet.receipts.picture(name, 1, "staged-composer", by=OPERATOR) == b"before"
        with refuses("no_picture"):
            await octet.receipts.picture("T-1", 1, "staged-composer", by=OPERATOR)


async def test_what_became_of_an_act_is_told_without_pictures_where_they_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town(tmp_path, UNSEEN) as octet:
        await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
        (delivery,) = await octet.deliveries.list_for_task("T-1")
        assert await octet.receipts.afterwards(delivery, by=OPERATOR) == WHOLE
        assert await octet.receipts.afterwards(delivery, by=CAROL) == ()

        async def locked(*_: object) -> None:
            raise StoreUnavailable(why="it is locked")

        monkeypatch.setattr(octet.store, "fetch", locked)
        assert await octet.receipts.afterwards(delivery, by=OPERATOR) == ()
        monkeypatch.undo()


async def test_an_answer_that_is_faster_than_the_look_makes_the_receipt_and_the_look_completes_it(
    tmp_path: Path,
) -> None:
    async with town(tmp_path, SEEN) as octet:
        await reach(octet, FIRST, TaskState.WORKING)
        (delivery,) = await octet.deliveries.list_for_task("T-1")

        def answered_first(tx: Tx) -> DeliveryId:
            queued = octet.deliveries.queue(
                tx, make_agent(delivery.agent), message=delivery.message, task="T-1", priority=2
            )
            now = octet.deliveries.lease(tx, queued.id, sha256="ee")
            for state in (DeliveryState.STAGING, DeliveryState.STAGED, DeliveryState.SUBMITTING):
                now = octet.deliveries.step(tx, now, state)
            octet.deliveries.step(tx, now, DeliveryState.DELIVERED, assurance=Assurance.ANSWERED)
            return now.id

        name = await octet.store.write(answered_first)
        (bare,) = await octet.receipts.show(name, by=OPERATOR)
        assert (bare.assurance, bare.evidence, bare.pictures) == (Assurance.ANSWERED, None, ())
        assert "Octet did not see the arrival itself" in texts.claim(bare)
        await octet.store.write(lambda tx: octet.deliveries.pass_on(tx, octet.deliveries.find(tx, name), SEEN))
        (whole,) = await octet.receipts.show(name, by=OPERATOR)
        assert (whole.assurance, whole.evidence, len(whole.pictures)) == (Assurance.ANSWERED, EVIDENCE, 2)


async def test_nothing_is_claimed_of_what_never_came_to_enter_or_does_not_exist(tmp_path: Path) -> None:
    refused = Outcome(result=Result.REFUSED, reason=Reason.CLOSED)
    async with town(tmp_path, refused) as octet:
        await reach(octet, FIRST, TaskState.WAITING, "window")
        with refuses("no_receipt", match="nothing of it has reached Enter"):
            await octet.receipts.show("T-1", by=OPERATOR)
        with refuses("no_receipt", match="no such task or delivery"):
            await octet.receipts.show("01ARZ3NDEKTSV4RRFFQ69G5FAV", by=OPERATOR)
        with pytest.raises(TaskNotFound):
            await octet.receipts.show("T-9", by=OPERATOR)


async def test_a_picture_that_is_too_large_is_not_kept(tmp_path: Path) -> None:
    large = replace(SHOTS[0], png=b"x" * (MOST_PICTURE_BYTES + 1))
    async with town(tmp_path, replace(SEEN, pictures=(large, SHOTS[1]))) as octet:
        await reach(octet, FIRST, TaskState.WORKING)
        assert [one.name for one in (await the_receipt(octet)).pictures] == ["afterwards-composer"]


async def test_old_pictures_are_deleted_and_said_to_be_and_old_receipts_after_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    monkeypatch.setattr(retention, "BETWEEN_S", 0)
    clock = FakeClock()
    async with town(tmp_path, SEEN, clock=clock, keeping=ReceiptSettings(keep_days=30, keep_pictures_days=7)) as octet:
        await reach(octet, FIRST, TaskState.WORKING)
        await octet.retention.purge()
        assert texts.of_pictures(await the_receipt(octet)) == "2 pictures"
        clock.advance(8 * DAY_MS / 1000)
        await octet.retention.purge()
        receipt = await the_receipt(octet)
        assert [(one.png, one.size) for one in receipt.pictures] == [(b"", 6), (b"", 5)]
        assert texts.of_pictures(receipt).startswith("2 pictures deleted on ")
        with refuses("picture_deleted", match="kept for 7 days"):
            await octet.receipts.picture("T-1", 1, "staged-composer", by=OPERATOR)
        clock.advance(30 * DAY_MS / 1000)
        await octet.retention.purge()
        with refuses("no_receipt", match="deletes receipts after 30 days"):
            await octet.receipts.show("T-1", by=OPERATOR)
        purged = [entry.data for entry in await entries_of(octet.journal, "hub") if entry.name == "ReceiptsPurged"]
        assert purged == [{"receipts": 0, "pictures": 2}, {"receipts": 1, "pictures": 0}]


async def test_what_a_person_has_still_to_decide_about_keeps_its_pictures(tmp_path: Path) -> None:
    clock = FakeClock()
    async with town(tmp_path, UNSEEN, clock=clock, keeping=ReceiptSettings(keep_days=1, keep_pictures_days=0)) as octet:
        await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
        clock.advance(2 * DAY_MS / 1000)
        await octet.retention.purge()
        receipt = await the_receipt(octet)
        assert [one.png for one in receipt.pictures] == [b"before", b"after"]
        await octet.unknowns.resolve("T-1", Decision.ARRIVED, by=ADA)
        assert [one.png for one in (await the_receipt(octet)).pictures] == [b"", b""], "no day is no day"


async def test_who_keeps_no_pictures_keeps_none(tmp_path: Path) -> None:
    async with town(tmp_path, SEEN, keeping=ReceiptSettings(keep_pictures_days=0)) as octet:
        await reach(octet, FIRST, TaskState.WORKING)
        assert (await the_receipt(octet)).pictures == ()
        assert texts.of_pictures(await the_receipt(octet)) == "no pictures"


def test_every_assurance_has_its_words_and_weak_says_that_it_is() -> None:
    assert set(texts.ARRIVED) == set(Assurance)
    assert set(texts.LATER) == set(Settled)
    assert set(texts.MOMENTS) == set(Moment)
    assert texts.ARRIVED[Assurance.WEAK].startswith("Not proven:")
    assert "was seen" not in texts.UNKNOWN
