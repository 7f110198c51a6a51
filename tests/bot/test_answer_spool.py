"""The answers folder: filled by the agents' commands, emptied by Octet, and no answer lost or stored twice."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import stat
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot import answer_spool, app
from bot.answer_spool import FOLDER, MAX_FILE_BYTES, REFUSED, SpooledAnswer, report_spooled, spool_answer
from core.agent_messages.model import NewAgentMessage, NewSubtask, Proof
from core.config.loader import load
from core.home import Home
from core.limits import ANSWER
from core.security.model import OPERATOR
from core.settings.model import AnswerLimits
from core.tasks.model import AnswerRateExceeded, TaskState
from tests.house import House, open_house

DRY = """
[[agents]]
name = "Dry"
role = "waits"
capabilities = ["code"]
lane = "dryrun"
"""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[House]:
    async with open_house(tmp_path / "home") as house:
        yield house


def left(house: House) -> list[str]:
    return sorted(path.name for path in (house.home / FOLDER).glob("*") if path.name != REFUSED)


async def test_kept_answers_are_stored_in_their_order_and_then_removed(house: House) -> None:
    task, code = await house.working()
    spool_answer(house.home, SpooledAnswer(task=task, code=code, text="first", final=False, key="f"))
    os.utime(house.home / FOLDER / "f.json", (2e9, 2e9))  # the file's own time may lie
    spool_answer(house.home, SpooledAnswer(task=task, code=code, text="second 漢字 👩‍👩‍👧", final=True, key="a"))
    assert await report_spooled(house.core, house.home) == 2
    assert [one.body for one in await house.answers(task)] == ["first", "second 漢字 👩‍👩‍👧"]
    assert (await house.task(task)).state is TaskState.DONE
    assert left(house) == []
    assert await report_spooled(house.core, house.home) == 0


async def test_a_folder_that_is_not_there_is_empty(house: House) -> None:
    assert await report_spooled(house.core, house.home) == 0


async def test_the_same_answer_kept_twice_is_one(house: House) -> None:
    task, code = await house.working()
    kept = SpooledAnswer(task=task, code=code, text="words", final=True, key="a1")
    first = spool_answer(house.home, kept)
    written = first.read_bytes()
    assert spool_answer(house.home, kept) == first
    assert first.read_bytes() == written
    assert await report_spooled(house.core, house.home) == 1
    assert len(await house.answers(task)) == 1


async def test_an_answer_that_octet_has_already_is_stored_once(house: House) -> None:
    task, code = await house.working()
    await house.core.tasks.accept_answer(task, code, "words", final=True, key="a1")
    spool_answer(house.home, SpooledAnswer(task=task, code=code, text="words", final=True, key="a1"))
    assert await report_spooled(house.core, house.home) == 1
    assert [(one.body, one.late) for one in await house.answers(task)] == [("words", False)]


async def test_an_answer_to_a_message_is_taken_in_once_and_a_second_one_refused(house: House) -> None:
    sent = await house.core.agent_messages.send(NewAgentMessage(text="Hi", agent="Agent-1"), by=OPERATOR)
    code = await house.core.store.write(
        lambda tx: house.core.agent_messages.answers.grant(tx, sent.message, sent.deliveries[0].agent)
    )
    for key, text in (("a1", "Hello."), ("b2", "Hello."), ("c3", "Bye.")):
        named = f"M-{sent.message.id}"
        spool_answer(house.home, SpooledAnswer(task=named, code=code, text=text, final=False, key=key))
    assert await report_spooled(house.core, house.home) == 2
    assert left(house) == []
    assert "answered" in (house.home / FOLDER / REFUSED / "c3.reason.txt").read_text()


async def test_what_is_too_much_for_one_minute_waits_in_order_and_holds_up_no_other_task(house: House) -> None:
    limited = house.core.tasks.answers
    limited._limits = AnswerLimits(texts_per_minute=3)
    (task, code), (other, its_code) = await house.working(), await house.working()
    for number in range(5):
        spool_answer(
            house.home, SpooledAnswer(task=task, code=code, text=f"news {number}", final=number == 4, key=f"a{number}")
        )
    spool_answer(house.home, SpooledAnswer(task=other, code=its_code, text="Seven.", final=True, key="b"))
    assert await report_spooled(house.core, house.home) == 4
    assert left(house) == ["a3.json", "a4.json"]
    assert (await house.task(other)).state is TaskState.DONE
    limited._limits = AnswerLimits()  # the minute is over
    assert await report_spooled(house.core, house.home) == 2
    assert [(one.body, one.late) for one in await house.answers(task)] == [(f"news {n}", False) for n in range(5)]
    assert left(house) == []


async def test_once_one_text_waits_the_later_ones_of_its_task_wait_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, code = await house.working()
    for number in range(2):
        spool_answer(
            house.home, SpooledAnswer(task=task, code=code, text=f"news {number}", final=False, key=f"a{number}")
        )
    report, asked = house.core.tasks.accept_answer, list[str]()

    async def first_is_too_fast(*words: Any, **more: Any) -> Any:
        asked.append(words[2])
        if len(asked) == 1:
            raise AnswerRateExceeded(id=task, limit=30, after_s=1)
        return await report(*words, **more)

    monkeypatch.setattr(house.core.tasks, "accept_answer", first_is_too_fast)
    assert await report_spooled(house.core, house.home) == 0
    assert (asked, left(house)) == (["news 0"], ["a0.json", "a1.json"])


async def test_what_a_task_does_not_take_any_more_is_refused_with_the_reason(house: House) -> None:
    house.core.tasks.answers._limits = AnswerLimits(texts=1)
    task, code = await house.working()
    for number in range(2):
        spool_answer(house.home, SpooledAnswer(task=task, code=code, text="news", final=False, key=f"a{number}"))
    assert await report_spooled(house.core, house.home) == 1
    assert "1 texts or 20 MB" in (house.home / FOLDER / REFUSED / "a1.reason.txt").read_text()


async def test_late_answers_and_those_to_the_wrong_task_are_kept_marked_late(house: House) -> None:
    (first, first_code), (second, second_code) = await house.working(), await house.working()
    spool_answer(house.home, SpooledAnswer(task=first, code=second_code, text="astray", final=True, key="a"))
    await house.core.tasks.cancel(first, by=OPERATOR)
    spool_answer(house.home, SpooledAnswer(task=first, code=first_code, text="late", final=True, key="b"))
    assert await report_spooled(house.core, house.home) == 2
    assert [(one.body, one.late) for one in await house.answers(second)] == [("astray", True)]
    assert [(one.body, one.late) for one in await house.answers(first)] == [("late", True)]
    assert (await house.task(second)).state is TaskState.WORKING
    assert left(house) == []


async def test_what_cannot_be_used_is_moved_aside_with_the_reason(house: House, tmp_path: Path) -> None:
    task, code = await house.working()
    spool_answer(house.home, SpooledAnswer(task=task, code=code + "A", text="words", final=True, key="a"))
    spool_answer(house.home, SpooledAnswer(task="nonsense", code=code, text="words", final=True, key="b"))
    spool_answer(house.home, SpooledAnswer(task=task, code=code, text="good", final=True, key="c"))
    folder = house.home / FOLDER
    (folder / "d.json").write_bytes(b"\xff\xfe")
    (folder / "e.json").write_text("[]")
    (folder / "f.json").write_text(json.dumps({"task": task, "code": 5, "text": "x", "final": True, "key": "k"}))
    (folder / "g.json").write_bytes(b" " * (MAX_FILE_BYTES + 1))
    (tmp_path / "elsewhere").write_text("{}")
    (folder / "h.json").symlink_to(tmp_path / "elsewhere")
    (folder / "i.json").write_text("[" * 100_000)
    half = {"task": task, "code": code, "text": "\ud800", "final": True, "key": "j"}
    (folder / "j.json").write_text(json.dumps(half))
    (folder / "k.json").mkdir()
    assert await report_spooled(house.core, house.home) == 1
    refused = folder / REFUSED
    reasons = {path.name[0]: path.read_text() for path in refused.glob("*.reason.txt")}
    assert set(reasons) == set("abdefghijk")
    assert "not valid for any task" in reasons["a"]
    assert "not a task" in reasons["b"]
    assert "plain file" in reasons["h"]
    assert json.loads((refused / "a.json").read_text())["text"] == "words"
    assert left(house) == []
    assert [one.body for one in await house.answers(task)] == ["good"]


async def test_a_database_that_is_away_leaves_them_for_the_next_time(house: House) -> None:
    task, code = await house.working()
    spool_answer(house.home, SpooledAnswer(task=task, code=code, text="words", final=True, key="a1"))
    house.lose_the_database()
    assert await report_spooled(house.core, house.home) == 0
    assert left(house) == ["a1.json"]
    house.find_the_database()
    assert await report_spooled(house.core, house.home) == 1


async def test_no_file_keeps_octet_from_starting_not_even_by_a_fault_of_ours(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, code = await house.working()
    spool_answer(house.home, SpooledAnswer(task=task, code=code, text="bad", final=False, key="a1"))
    spool_answer(house.home, SpooledAnswer(task=task, code=code, text="good", final=True, key="a2"))
    report = house.core.tasks.accept_answer

    async def fail_at_bad(task: str, code: str, text: str, **more: Any) -> object:
        if text == "bad":
            raise RuntimeError("a fault of ours")
        return await report(task, code, text, **more)

    monkeypatch.setattr(house.core.tasks, "accept_answer", fail_at_bad)
    failed = set[str]()
    with structlog.testing.capture_logs() as lines:
        assert await report_spooled(house.core, house.home, failed=failed) == 1
        assert await report_spooled(house.core, house.home, failed=failed) == 0
    assert [(line["event"], line["file"]) for line in lines if "file" in line] == [("spooled_answer_failed", "a1.json")]
    assert left(house) == ["a1.json"]
    assert [one.body for one in await house.answers(task)] == ["good"]


async def test_a_draft_that_is_being_written_is_left_alone(house: House) -> None:
    task, code = await house.working()
    spool_answer(house.home, SpooledAnswer(task=task, code=code, text="words", final=True, key="a1"))
    (house.home / FOLDER / ".b.json.1234").write_text("half")
    (house.home / FOLDER / ".c.json").write_text("half")
    assert await report_spooled(house.core, house.home) == 1
    assert left(house) == [".b.json.1234", ".c.json"]


async def test_a_kill_between_storing_an_answer_and_removing_its_file_stores_it_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, code = await house.working()
    spool_answer(house.home, SpooledAnswer(task=task, code=code, text="words", final=True, key="a1"))

    def killed(name: str) -> None:
        assert name == "answers.reported"
        raise SystemExit(9)

    with monkeypatch.context() as fault:
        fault.setattr("core.kit.faults.point", killed)
        with pytest.raises(SystemExit):
            await report_spooled(house.core, house.home)
    assert left(house) == ["a1.json"]
    assert await report_spooled(house.core, house.home) == 1
    assert [(one.body, one.late) for one in await house.answers(task)] == [("words", False)]
    assert left(house) == []


async def test_a_file_whose_command_may_still_be_sending_it_is_left_to_that_command(house: House) -> None:
    task, code = await house.working()
    spool_answer(house.home, SpooledAnswer(task=task, code=code, text="words", final=False, key="a1"))
    os.utime(
        spool_answer(house.home, SpooledAnswer(task=task, code=code, text="older", final=False, key="a2")), (1e9, 1e9)
    )
    os.utime(
        spool_answer(house.home, SpooledAnswer(task=task, code=code, text="after a clock step", final=False, key="a3")),
        (4e9, 4e9),
    )
    assert await report_spooled(house.core, house.home, settled_s=3600) == 2
    assert left(house) == ["a1.json"]


async def test_a_file_that_its_command_removes_meanwhile_is_no_trouble(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, code = await house.working()
    spool_answer(house.home, SpooledAnswer(task=task, code=code, text="brought", final=False, key="a1"))
    spool_answer(house.home, SpooledAnswer(task=task, code=code, text="kept", final=False, key="a2"))
    listed = answer_spool._settled

    def then_removed(folder: Path, settled_s: float) -> list[Path]:
        found = listed(folder, settled_s)
        found[0].unlink()
        return found

    monkeypatch.setattr(answer_spool, "_settled", then_removed)
    with structlog.testing.capture_logs() as lines:
        assert await report_spooled(house.core, house.home) == 1
    assert [line["event"] for line in lines if "answer" in line["event"]] == []
    assert [one.body for one in await house.answers(task)] == ["kept"]


@pytest.mark.parametrize("sign", ["progress", "window", "none, but a minute has passed"])
async def test_octet_takes_a_kept_answer_in_when_its_agent_shows_a_sign_of_activity(
    house: House, sign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, code = await house.working()
    looked = asyncio.Event()
    if sign.startswith("none"):
        monkeypatch.setattr(answer_spool, "LOOK_S", 0.0)

    async def look(*given: Any, **named: Any) -> int:
        stored = await report_spooled(*given, **named)
        looked.set()
        return stored

    monkeypatch.setattr(answer_spool, "report_spooled", look)
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(answer_spool.watch_spool(house.core, house.home, settled_s=0.0))
        async with asyncio.timeout(60):
            await looked.wait()
        spool_answer(house.home, SpooledAnswer(task=task, code=code, text="words", final=True, key="a1"))
        if sign == "progress":
            await house.core.tasks.record_progress(task, code, "tests are running")
        elif sign == "window":
            await house.core.dispatch.window_stirred("main", str((await house.task(task)).agent).lower())
        await house.until(task, TaskState.DONE)
        watch.cancel()
    assert [one.body for one in await house.answers(task)] == ["words"]


async def test_stored_answers_do_not_delay_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/octet.toml").write_text("[http]\nport = 0\n")
    (tmp_path / "config/agents.toml").write_text(DRY)
    began, said = asyncio.Event(), asyncio.Queue[str]()

    async def never_ends(*_: object, **__: object) -> int:
        began.set()
        return await asyncio.Event().wait()

    monkeypatch.setattr(answer_spool, "report_spooled", never_ends)
    config = load(Home(root=tmp_path))
    async with asyncio.timeout(60):
        octet = asyncio.create_task(app.run(config, {"HOME": str(tmp_path)}, say=said.put_nowait))
        while "is ready" not in await said.get():
            pass
        await began.wait()
        octet.cancel()
        await octet
    gc.unfreeze()


def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    path = spool_answer(tmp_path, SpooledAnswer(task="T-1", code="c", text="t", final=True, key="a"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("key", ["", "../a", "A", "a/b", "a b"])
def test_a_key_is_no_path(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        spool_answer(tmp_path, SpooledAnswer(task="T-1", code="c", text="t", final=True, key=key))


def test_the_longest_answer_fits_into_a_file_that_is_read(tmp_path: Path) -> None:
    path = spool_answer(tmp_path, SpooledAnswer(task="T-1", code="c", text="👩" * ANSWER.most, final=True, key="a"))
    assert path.stat().st_size < MAX_FILE_BYTES


async def test_an_end_waits_in_the_folder_until_the_subtasks_have_ended(tmp_path: Path) -> None:
    async with open_house(tmp_path / "home", chief="Agent-1") as house:
        task, code = await house.working()
        new = NewSubtask(text="Count", key="k", to="Agent-2")
        part = await house.core.delegation.create(new, Proof(agent="Agent-1"))
        answer = SpooledAnswer(task=task, code=code, text="All of it", final=True, key="a")
        spool_answer(house.home, answer)
        assert await report_spooled(house.core, house.home) == 0
        await house.core.tasks.cancel(part.id, by=OPERATOR)
        assert await report_spooled(house.core, house.home) == 1
        assert (await house.task(task)).state is TaskState.DONE
