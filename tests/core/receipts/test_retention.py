"""Old texts are cleared and old notices deleted; ids, hashes and states stay, and so does what is still needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from core.agent_messages.model import NewAgentMessage
from core.coordinator import Coordinator
from core.deliveries.model import Outcome, Reason, Result
from core.dispatch.model import Decision
from core.kit.clock import DAY_MS
from core.messages.model import read_evidence
from core.notices.model import DISCORD, NoticeKind
from core.receipts import retention
from core.security.model import OPERATOR
from core.settings.model import ReceiptSettings
from core.store.errors import StoreUnavailable
from core.tasks.model import TaskId, TaskState
from tests.builders import ADA, entries_of, make_new_task, refuses
from tests.core.dispatch.test_loop import code_in, reach, window_house
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane

FIRST = TaskId("T-1")
UNKNOWN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box was empty")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BETWEEN_S", 0)


@asynccontextmanager
async def house(home: Path, clock: FakeClock, lane: FakeLane) -> AsyncGenerator[Coordinator]:
    async with window_house(home, lane, clock=clock, keeping=ReceiptSettings(keep_texts_days=30)) as octet:
        yield octet


async def tell_all(octet: Coordinator) -> None:
    """Post every notice that is due."""
    while due := await octet.notices.on(DISCORD).due():
        for notice in due:
            await octet.notices.on(DISCORD).posted(
                notice.id, channel="1", message=f"{notice.id}", revision=notice.revision
            )


async def answered(octet: Coordinator, lane: FakeLane) -> str:
    """Bring the first task to its end, with every notice posted; return its code."""
    await octet.tasks.new(make_new_task("Count the birds\nin the garden", key="a"), by=ADA)
    await reach(octet, FIRST, TaskState.WORKING)
    code = code_in(lane.submitted[0])
    proof = read_evidence([{"kind": "note", "text": "I counted twice"}])
    await octet.tasks.accept_answer(FIRST, code, "Seven.", final=True, key="k", evidence=proof)
    await tell_all(octet)
    return code


async def kinds(octet: Coordinator) -> list[str]:
    return [row.kind for row in await octet.store.fetch(text("SELECT kind FROM notices ORDER BY id"))]


async def test_old_texts_are_cleared_and_what_proves_them_stays(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with house(tmp_path, clock, lane) as octet:
        code = await answered(octet, lane)
        before = await octet.tasks.show(FIRST, by=OPERATOR)
        clock.advance(29 * DAY_MS / 1000)
        await octet.retention.purge()
        assert await octet.tasks.show(FIRST, by=OPERATOR) == before
        clock.advance(2 * DAY_MS / 1000)
        await octet.retention.purge()
        view = await octet.tasks.show(FIRST, by=OPERATOR)
        assert (view.task.brief, view.prompt, [one.body for one in view.answers]) == ("", "", [""])
        assert (len(before.answers[0].evidence), view.answers[0].evidence) == (1, ())
        assert view.task.text_expired_ms == view.answers[0].expired_ms == clock.now_ms()
        assert (view.task.title, view.task.state, view.deliveries) == (
            "Count the birds",
            TaskState.DONE,
            before.deliveries,
        )
        assert await kinds(octet) == [NoticeKind.CARD]
        stored = await entries_of(octet.journal, f"message:{view.answers[0].id}")
        assert len(str(stored[0].data["sha256"])) == 64
        assert await octet.journal.verify() > 5
        again = await octet.tasks.new(make_new_task("Count the birds\nin the garden", key="a"), by=ADA)
        assert again.id == FIRST, "the same key is the same task for ever"
        receipt = await octet.tasks.accept_answer(FIRST, code, "Seven.", final=True, key="k")
        assert receipt.message == view.answers[0].id, "the same answer twice is one answer"
        with refuses("code_expired"):
            await octet.tasks.accept_answer(FIRST, code, "Eight.", final=True, key="l")
        assert await kinds(octet) == [NoticeKind.CARD]
        purged = [entry.data for entry in await entries_of(octet.journal, "hub") if entry.name == "TextsExpired"]
        assert purged == [{"tasks": 1, "messages": 2, "notices": 1}]


async def test_nothing_of_a_task_that_has_not_ended_expires(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with house(tmp_path, clock, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        await octet.tasks.accept_answer(FIRST, code_in(lane.submitted[0]), "At it.", final=False, key="k")
        await tell_all(octet)
        told = await kinds(octet)
        clock.advance(31 * DAY_MS / 1000)
        await octet.retention.purge()
        view = await octet.tasks.show(FIRST, by=OPERATOR)
        assert (view.task.brief, [one.body for one in view.answers]) == ("Count the birds", ["At it."])
        assert await kinds(octet) == told


async def test_what_a_person_has_still_to_decide_about_keeps_its_texts(tmp_path: Path) -> None:
    clock = FakeClock()
    async with house(tmp_path, clock, FakeLane(UNKNOWN)) as octet:
        said = await octet.agent_messages.send(NewAgentMessage(text="Are you there?", agent="Agent-1"), by=ADA)
        while (await octet.agent_messages.show(said.message.id, by=ADA)).deliveries[0].state != "unknown":
            await octet.store.ping()
        await tell_all(octet)
        clock.advance(31 * DAY_MS / 1000)
        await octet.retention.purge()
        shown = await octet.agent_messages.show(said.message.id, by=ADA)
        assert (shown.message.body, await kinds(octet)) == ("Are you there?", ["words", "undelivered"])
        await octet.unknowns.resolve(shown.deliveries[0].id, Decision.ARRIVED, by=ADA)
        await tell_all(octet)
        await octet.retention.purge()
        assert ((await octet.agent_messages.show(said.message.id, by=ADA)).message.body, await kinds(octet)) == ("", [])


async def test_a_text_that_is_still_to_be_told_stays(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with house(tmp_path, clock, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        await octet.tasks.accept_answer(FIRST, code_in(lane.submitted[0]), "Seven.", final=True, key="k")
        clock.advance(31 * DAY_MS / 1000)
        await octet.retention.purge()
        assert [one.body for one in (await octet.tasks.show(FIRST, by=OPERATOR)).answers] == ["Seven."]
        await tell_all(octet)
        await octet.retention.purge()
        assert [one.body for one in (await octet.tasks.show(FIRST, by=OPERATOR)).answers] == [""]


async def test_a_failed_task_whose_text_expired_is_not_retried(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with house(tmp_path, clock, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        await octet.store.write(
            lambda tx: octet.tasks.repository.fail(tx, FIRST, reason=Reason.REFUSED, note="") and None
        )
        await tell_all(octet)
        clock.advance(31 * DAY_MS / 1000)
        await octet.retention.purge()
        with refuses("text_expired", match=r"expired on 20\d\d-\d\d-\d\d UTC"):
            await octet.tasks.retry(FIRST, by=ADA)


async def test_a_question_that_nobody_has_settled_stays(tmp_path: Path) -> None:
    clock = FakeClock()
    async with house(tmp_path, clock, FakeLane()) as octet:
        await octet.store.write(
            lambda tx: octet.notices.notify(tx, NoticeKind.NEEDS_ANSWER, None, subject="S1", about="S1")
        )
        await tell_all(octet)
        clock.advance(31 * DAY_MS / 1000)
        await octet.retention.purge()
        assert await kinds(octet) == [NoticeKind.NEEDS_ANSWER]
        await octet.store.write(lambda tx: octet.notices.settled(tx, about="S1", how="gone"))
        await tell_all(octet)
        await octet.retention.purge()
        assert await kinds(octet) == []


async def test_a_purge_that_the_store_refused_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "FIRST_S", 0)
    monkeypatch.setattr(retention, "_STORE_PAUSE_S", 0)
    tried, done = list[int](), asyncio.Event()

    async def purge(_self: object) -> None:
        tried.append(len(tried))
        if len(tried) < 3:
            raise StoreUnavailable(why="full")
        done.set()

    monkeypatch.setattr(retention.Retention, "purge", purge)
    async with house(tmp_path, FakeClock(), FakeLane()) as octet, asyncio.TaskGroup() as group:
        purging = group.create_task(octet.retention.run())
        async with asyncio.timeout(10):
            await done.wait()
        purging.cancel()
    assert tried == [0, 1, 2], "after one that went well it rests"
