"""How many texts one task takes from its agent: in all, within a minute, and after its end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from core.coordinator import Coordinator
from core.messages.model import Message
from core.notices.model import DISCORD
from core.reasons import ParkCause
from core.settings.model import AnswerLimits
from core.tasks import answers
from core.tasks.model import AnswerRateExceeded, TaskEnded, TaskId, TaskState
from core.tasks.parts import read_parts
from core.tasks.texts import _ONE, export_line, read_grammar, read_tasks
from tests.bot.discord.shapes import make_task
from tests.builders import ADA, make_new_task, refuses
from tests.core.dispatch.test_loop import code_in, reach, window_house
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane

TASK = TaskId("T-1")
DAY_S = 24 * 3600


async def begin(octet: Coordinator, lane: FakeLane) -> str:
    """Let the first task be at work; its code."""
    await octet.tasks.new(make_new_task(), by=ADA)
    await reach(octet, TASK, TaskState.WORKING)
    return code_in(lane.submitted[0])


async def kept(octet: Coordinator) -> tuple[Message, ...]:
    return (await octet.tasks.show(TASK, by=ADA)).answers


async def test_a_task_takes_two_hundred_texts_and_still_the_answer_that_ends_it(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with window_house(tmp_path, lane, clock=clock) as octet:
        code = await begin(octet, lane)
        for number in range(200):
            clock.advance(2.1)
            await octet.tasks.accept_answer(TASK, code, "News", final=False, key=str(number))
        clock.advance(60)
        with refuses("answer_quota_exceeded", match=r"200 texts or 20 MB.*octet done T-1"):
            await octet.tasks.accept_answer(TASK, code, "News", final=False, key="200")
        await octet.tasks.accept_answer(TASK, code, "News", final=False, key="7")  # known: it counts once
        await octet.tasks.record_progress(TASK, code, "reports do not count")
        assert len(await kept(octet)) == 200
        receipt = await octet.tasks.accept_answer(TASK, code, "Seven.", final=True, key="end")
        assert receipt.task.state is TaskState.DONE


async def test_a_task_takes_so_many_bytes_and_still_the_answer_that_ends_it(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        code = await begin(octet, lane)
        octet.tasks.answers._limits = AnswerLimits(megabytes=1)
        await octet.tasks.accept_answer(TASK, code, "é" * 499_999, final=False, key="a")
        await octet.tasks.accept_answer(TASK, code, "ab", final=False, key="b")
        with refuses("answer_quota_exceeded", match="1 MB"):
            await octet.tasks.accept_answer(TASK, code, "c", final=False, key="c")
        receipt = await octet.tasks.accept_answer(TASK, code, "é" * 700_000, final=True, key="d")
        assert receipt.task.state is TaskState.DONE


async def test_the_thirty_first_text_within_a_minute_waits_until_the_minute_is_over(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with window_house(tmp_path, lane, clock=clock) as octet:
        code = await begin(octet, lane)
        for number in range(30):
            await octet.tasks.accept_answer(TASK, code, "News", final=False, key=str(number))
            clock.advance(1)
        for final in (False, True):
            with pytest.raises(AnswerRateExceeded) as refused:
                await octet.tasks.accept_answer(TASK, code, "Seven.", final=final, key="x")
        assert refused.value.details == {"id": TASK, "limit": 30, "after_s": 31}
        clock.advance(31)
        await octet.tasks.accept_answer(TASK, code, "Seven.", final=True, key="x")
        assert [one.body for one in await kept(octet)][-1] == "Seven."


async def test_a_clock_that_was_set_back_makes_no_text_wait_longer(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with window_house(tmp_path, lane, clock=clock) as octet:
        code = await begin(octet, lane)
        for number in range(30):
            await octet.tasks.accept_answer(TASK, code, "News", final=False, key=str(number))
        clock.set_wall(-DAY_S)
        clock.advance(61)
        await octet.tasks.accept_answer(TASK, code, "Seven.", final=True, key="x")


async def test_after_the_end_ten_late_texts_are_kept_and_none_after_a_day(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with window_house(tmp_path, lane, clock=clock) as octet:
        code = await begin(octet, lane)
        await octet.tasks.accept_answer(TASK, code, "Seven.", final=True, key="end")
        for number in range(10):
            with pytest.raises(TaskEnded, match="kept"):
                await octet.tasks.accept_answer(TASK, code, "More", final=False, key=str(number))
        with pytest.raises(TaskEnded, match="kept"):  # known: it is told the same
            await octet.tasks.accept_answer(TASK, code, "More", final=False, key="3")
        with refuses("code_expired", match="has kept 10 late texts"):
            await octet.tasks.accept_answer(TASK, code, "More", final=True, key="10")
        assert len(await kept(octet)) == 11
    async with window_house(tmp_path / "other", lane, clock=clock) as octet:
        lane.submitted.clear()
        code = await begin(octet, lane)
        await octet.tasks.accept_answer(TASK, code, "Seven.", final=True, key="end")
        clock.advance(DAY_S)
        with pytest.raises(TaskEnded, match="kept"):
            await octet.tasks.accept_answer(TASK, code, "More", final=False, key="a")
        clock.advance(1)
        with refuses("code_expired", match="more than a day ago"):
            await octet.tasks.accept_answer(TASK, code, "More", final=False, key="b")
        assert len(await kept(octet)) == 2


async def test_late_texts_with_an_old_code_take_nothing_from_the_agent_that_has_the_task_now(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with window_house(tmp_path, lane, clock=clock) as octet:
        octet.tasks.answers._limits = AnswerLimits(texts=2)
        old = await begin(octet, lane)
        await octet.store.write(
            lambda tx: octet.tasks.repository.move(tx, TASK, TaskState.PARKED, reason=ParkCause.WINDOW)
        )
        await octet.tasks.retry(TASK, by=ADA)
        await reach(octet, TASK, TaskState.WORKING)
        for number in range(12):
            with refuses("lease_revoked" if number < 10 else "code_expired"):
                await octet.tasks.accept_answer(TASK, old, "Old news", final=False, key=str(number))
        code = code_in(lane.submitted[-1])
        await octet.tasks.accept_answer(TASK, code, "News", final=False, key="a")
        await octet.tasks.accept_answer(TASK, code, "News", final=False, key="b")
        with refuses("answer_quota_exceeded"):
            await octet.tasks.accept_answer(TASK, code, "News", final=False, key="c")
        await octet.tasks.accept_answer(TASK, code, "Seven.", final=True, key="d")
        with pytest.raises(TaskEnded, match="kept"):
            await octet.tasks.accept_answer(TASK, code, "More", final=False, key="e")


async def test_of_many_reports_within_a_second_the_first_and_the_last_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "REPORT_EVERY_S", 0.05)
    lane = FakeLane()
    async with window_house(tmp_path, lane, clock=FakeClock()) as octet:
        code = await begin(octet, lane)
        before = await octet.notices.on(DISCORD).card_of(TASK)
        said = await asyncio.gather(
            *(octet.tasks.record_progress(TASK, code, f"step {number}") for number in range(50))
        )
        assert [is_kept for _, is_kept in said] == [True, *[False] * 48, True]
        assert (await octet.tasks.show(TASK, by=ADA)).task.progress == "step 49"
        card = await octet.notices.on(DISCORD).card_of(TASK)
        assert before is not None
        assert card is not None
        assert card.revision == before.revision + 2


def test_an_export_with_any_line_separator_in_a_brief_can_be_imported() -> None:
    for brief in ("one\u2028two\u2029three", "one\x85two\x0bthree\x0cfour", "TASK: one\u2028two"):
        line = export_line(make_task(brief=brief), (), ())
        assert [one.brief for one in (_ONE.validate_json(row) for row in f"{line}\n".split("\n") if row)] == [brief]
    line = export_line(make_task(brief="one\u2028two\u2029three"), (), ())
    assert [one.brief for one in read_tasks(f"{line}\n{line.replace('T-1', 'T-9')}\n")] == [
        "one\u2028two\u2029three"
    ] * 2
    assert [one.brief for one in read_grammar("TASK: a\u2028b\nDESC: c\u2029d")] == ["a\u2028b\nc\u2029d"]
    assert read_parts("- a\u2028b\r\n- c") == ["a\u2028b", "c"]


@pytest.mark.parametrize(
    "changes",
    [
        {"due_ms": 10**17},
        {"not_before_ms": -1},
        {"priority": 9},
        {"labels": ["a\u202e"]},
        {"needs": ["x" * 201]},
        {"brief": "stop\x03"},
        {"id": "T\x00"},
    ],
)
def test_each_field_of_an_import_has_a_limit_and_the_error_names_line_and_field(changes: dict[str, object]) -> None:
    with refuses("unreadable_tasks") as refused:
        read_tasks(json.dumps({"brief": "one"}) + "\n" + json.dumps({"brief": "x", **changes}))
    assert refused.value.details["line"] == 2
    assert next(iter(changes)) in str(refused.value.details["why"]).casefold()
    refused.value.message.encode()
