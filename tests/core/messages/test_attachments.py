"""Files of users: where Octet stores them, what it calls them, how agents find them, and when they go."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core import limits
from core.coordinator import Coordinator
from core.kit.clock import DAY_MS
from core.kit.files import write_private
from core.kit.ids import Ids
from core.limits import FILE_BYTES, Limit
from core.messages.attachments import Attachments, safe_name
from core.messages.model import NewFile
from core.security.model import OPERATOR, WrongCode
from core.tasks.model import TaskEnded, TaskId, TaskNotFound, TaskState
from tests.builders import ADA, make_agent, make_new_task, open_coordinator, refuses
from tests.core.agent_messages.test_words import say
from tests.core.dispatch.test_loop import code_in, reach, window_house
from tests.core.receipts.test_retention import FIRST, house, tell_all
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane

BIRDS = NewFile(name="../birds list.csv", content=b"name\nwren\n" * 200)


@given(st.text(max_size=200))
@example("..")
@example("../../etc/passwd")
@example("a\x00b\n\u202egnp.exe")
@example("." * 300 + "漢" * 300 + ".tar.gz")
@example("C:\\con\\x;$(rm).txt")
def test_no_name_leaves_its_folder_or_hides(name: str) -> None:
    safe = safe_name(name)
    assert Path("/home/x", safe).resolve().parent == Path("/home/x")
    assert all(one.isalnum() or one in "_.-" or one.isprintable() for one in safe)
    assert not set(safe) & set(" /\\\x00\n\u202e;$()'\"`")
    assert safe[0] not in ".-"
    assert 0 < len(safe.encode()) <= 100


def test_a_name_keeps_its_end() -> None:
    assert safe_name("x" * 300 + ".csv").endswith("x.csv")
    assert [safe_name(name) for name in ("Größe 2.md", ".env", "...", "a/b.py")] == [
        "Größe_2.md",
        "env",
        "file",
        "a_b.py",
    ]


async def never() -> bool:
    return False


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_files_are_stored_for_this_account_only_and_a_second_name_replaces_none(tmp_path: Path) -> None:
    stored = Attachments(tmp_path / "attachments", clock=FakeClock(), ids=Ids())
    async with stored.stored([BIRDS, NewFile(name=BIRDS.name, content=b"other")], known=never) as (first, second):
        pass
    path = Path(first.path)
    assert (path.name, Path(second.path).name) == ("_birds_list.csv", "2-_birds_list.csv")
    assert (mode_of(path), mode_of(path.parent)) == (0o600, 0o700)
    assert (first.size, first.sha256) == (2000, hashlib.sha256(BIRDS.content).hexdigest())
    assert await stored.read(second) == b"other"
    write_private(path, b"changed")
    assert await stored.read(first) is None


@pytest.mark.parametrize("files", [[b"x" * (FILE_BYTES.most + 1)], [b"x" * (FILE_BYTES.most // 2 + 1)] * 2, [b""] * 6])
async def test_what_is_too_large_is_refused_and_nothing_is_written(tmp_path: Path, files: list[bytes]) -> None:
    stored = Attachments(tmp_path / "attachments", clock=FakeClock(), ids=Ids())
    with refuses("files_too_large", "too_many_items"):
        async with stored.stored([NewFile(name="x", content=one) for one in files], known=never):
            pass
    assert not (tmp_path / "attachments").exists()


def folders(home: Path) -> list[str]:
    return [one.name for one in (home / "attachments").iterdir()]


async def test_the_prompt_of_a_task_and_of_a_message_names_the_file(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        task = await octet.tasks.new(make_new_task(attach=BIRDS), by=ADA)
        await reach(octet, task.id, TaskState.WORKING)
        (file,) = task.attachments
        assert f"\nCount the birds\nAttached: {file.path} (2 KB)\n" in lane.submitted[0]
        assert await octet.messages.attachments.read(file) == BIRDS.content
        assert folders(tmp_path) == [Path(file.path).parent.name]
        sent = await octet.agent_messages.send(say("Look", task=task.id, attach=BIRDS), by=ADA)
        (other,) = sent.message.attachments
        assert other.path != file.path
        await octet.tasks.accept_answer(task.id, code_in(lane.submitted[0]), "7", final=True, key="k")
        again = await octet.tasks.retry(task.id, by=ADA)
        assert again.attachments == (file,)


async def test_files_stay_with_their_texts_when_a_user_moves_the_home(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    async with open_coordinator(old, agents=[make_agent()], lanes={}) as octet:
        task = (await octet.tasks.new(make_new_task(attach=BIRDS), by=ADA)).id
        sent = (await octet.agent_messages.send(say("Look", agent="Agent-1", attach=BIRDS), by=ADA)).message.id
    old.rename(new)
    async with open_coordinator(new, agents=[make_agent()], lanes={}) as octet:
        (first,) = (await octet.tasks.show(task, by=ADA)).task.attachments
        (second,) = (await octet.agent_messages.show(sent, by=ADA)).message.attachments
        assert [await octet.messages.attachments.read(one) for one in (first, second)] == [BIRDS.content] * 2
        assert first.path.startswith(str(new.resolve()))


async def purged(octet: Coordinator, clock: FakeClock, days: int) -> None:
    await tell_all(octet)
    clock.advance(days * DAY_MS / 1000)
    await octet.retention.purge()


async def test_a_file_goes_with_the_text_it_came_with_and_one_of_a_lost_request_within_the_day(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with house(tmp_path, clock, lane) as octet:
        task = await octet.tasks.new(make_new_task(key="a", attach=BIRDS), by=ADA)
        async with octet.messages.attachments.stored([BIRDS], known=never):
            pass  # its transaction never came
        await octet.retention.purge()
        assert len(folders(tmp_path)) == 2, "another request may be under way"
        await reach(octet, FIRST, TaskState.WORKING)
        await octet.tasks.accept_answer(FIRST, code_in(lane.submitted[0]), "7", final=True, key="k")
        await purged(octet, clock, 29)
        assert folders(tmp_path) == [Path(task.attachments[0].path).parent.name]
        await purged(octet, clock, 2)
        assert folders(tmp_path) == []
        view = await octet.tasks.show(FIRST, by=OPERATOR)
        assert view.task.attachments == ()


async def test_an_agent_without_the_code_stores_no_file_and_files_count_toward_the_limit_of_a_task(
    tmp_path: Path,
) -> None:
    lane, large = FakeLane(), NewFile(name="x", content=bytes(FILE_BYTES.most))
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        accept, code = octet.tasks.accept_answer, code_in(lane.submitted[0])
        with pytest.raises(WrongCode):
            await accept(FIRST, f"{code}A", "7", final=True, key="k", files=[large])
        assert not (tmp_path / "attachments").is_dir()
        for key in "ab":
            await accept(FIRST, code, "at it", final=False, key=key, files=[large])
        with refuses("answer_quota_exceeded"):
            await accept(FIRST, code, "at it", final=False, key="c", files=[large])
        await accept(FIRST, code, "7", final=True, key="d", files=[large])


async def at_work(octet: Coordinator, lane: FakeLane) -> str:
    """Return the code of a task that an agent works on."""
    await octet.tasks.new(make_new_task(), by=ADA)
    await reach(octet, FIRST, TaskState.WORKING)
    return code_in(lane.submitted[0])


async def test_a_refused_or_repeated_reply_leaves_no_file(tmp_path: Path) -> None:
    lane, large = FakeLane(), NewFile(name="x", content=bytes(FILE_BYTES.most))
    async with window_house(tmp_path, lane) as octet:
        accept, code = octet.tasks.accept_answer, await at_work(octet, lane)
        for _ in range(3):
            await accept(FIRST, code, "at it", final=False, key="a", files=[large])
        await accept(FIRST, code, "at it", final=False, key="b", files=[large])
        for key in "cdefg":
            with refuses("answer_quota_exceeded"):
                await accept(FIRST, code, "at it", final=False, key=key, files=[large])
        assert len(folders(tmp_path)) == 2
        with pytest.raises(TaskNotFound):
            await octet.tasks.new(make_new_task(attach=BIRDS, parent=TaskId("T-99")), by=ADA)
        assert len(folders(tmp_path)) == 2


async def test_a_task_or_message_that_comes_again_with_its_key_leaves_no_second_file(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        for _ in range(2):
            await octet.tasks.new(make_new_task(key="a", attach=BIRDS), by=ADA)
            await octet.agent_messages.send(say("Look", agent="Agent-1", key="a", attach=BIRDS), by=ADA)
            await octet.agent_messages.broadcast(say("Look", key="a", attach=BIRDS), by=ADA)
        assert len(folders(tmp_path)) == 3


async def test_files_of_late_texts_count_toward_the_limit_of_a_task(tmp_path: Path) -> None:
    lane, large = FakeLane(), NewFile(name="x", content=bytes(FILE_BYTES.most))
    async with window_house(tmp_path, lane) as octet:
        accept, code = octet.tasks.accept_answer, await at_work(octet, lane)
        await octet.tasks.cancel(FIRST, by=ADA)
        for key in "ab":
            with pytest.raises(TaskEnded):
                await accept(FIRST, code, f"late {key}", final=True, key=key, files=[large])
        with refuses("answer_quota_exceeded"):
            await accept(FIRST, code, "late c", final=True, key="c", files=[large])
        with pytest.raises(TaskEnded):
            await accept(FIRST, code, "late d", final=True, key="d")
        assert len(folders(tmp_path)) == 2


async def test_the_files_of_one_agent_and_of_the_home_have_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane, small = FakeLane(), NewFile(name="x", content=bytes(1000))
    monkeypatch.setattr(limits, "AGENT_FILE_BYTES", Limit("", 2500))
    monkeypatch.setattr(limits, "HOME_FILE_BYTES", Limit("", 4500))
    async with window_house(tmp_path, lane) as octet:
        accept, code = octet.tasks.accept_answer, await at_work(octet, lane)
        for key in "ab":
            await accept(FIRST, code, "at it", final=False, key=key, files=[small])
        with refuses("files_quota_exceeded", match="Agent-1"):
            await accept(FIRST, code, "7", final=True, key="c", files=[small])
        for key in "ab":
            await octet.tasks.new(make_new_task(key=key, attach=small), by=ADA)
        with refuses("files_quota_exceeded", match="this home"):
            await octet.tasks.new(make_new_task(key="c", attach=small), by=ADA)
        assert len(folders(tmp_path)) == 4


@pytest.mark.parametrize("step", range(7))
async def test_a_kill_while_files_are_written_leaves_none_after_the_next_start(
    tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each act on the disk may be the last one of the process, which then tidies nothing up."""
    acts, place = iter(range(99)), tmp_path / "attachments"

    def last(act: Callable[..., object]) -> Callable[..., object]:
        def call(*given: Any, **more: Any) -> object:
            if next(acts) >= step:
                raise KeyboardInterrupt
            return act(*given, **more)

        return call

    first = Attachments(place, clock=FakeClock(), ids=Ids())
    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        for name in ("mkdir", "unlink"):
            patch.setattr(Path, name, last(getattr(Path, name)))
        for name in ("open", "fdopen", "replace"):
            patch.setattr(os, name, last(getattr(os, name)))
        first._write(place / "A", [BIRDS, BIRDS])
    await Attachments(place, clock=FakeClock(), ids=Ids()).delete_others([])
    assert not place.exists() or folders(tmp_path) == []
