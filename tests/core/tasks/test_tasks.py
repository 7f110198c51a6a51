"""Tasks as people and agents use them: what is taken in, who may end them, what is told in which order."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.agents.model import Lane
from core.coordinator import Coordinator
from core.deliveries.model import Outcome, Reason, Result
from core.limits import BRIEF, TITLE, BrokenCharacter, EmptyText, visible
from core.messages.model import Source
from core.notices.model import DISCORD, NoticeKind
from core.security.model import OPERATOR, NotAllowed, Role, WrongCode
from core.store.engine import Store
from core.tasks.cache import TaskCache
from core.tasks.model import InvalidTaskId, TaskEnded, TaskId, TaskNotFound, TaskState, parse_task_id, title_of
from tests.builders import (
    ADA,
    BEN,
    CAROL,
    entries_of,
    list_tasks,
    make_agent,
    make_new_task,
    make_person,
    open_coordinator,
    pending,
    refuses,
)
from tests.core.dispatch.test_loop import code_in, reach, window_house
from tests.fakes.lane import FakeLane, refused

FIRST = TaskId("T-1")
UNKNOWN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN)
DAVE = make_person(4, "Dave", Role.MEMBER)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"brief": ""}, "empty_text"),
        ({"brief": " \n\t "}, "empty_text"),
        ({"brief": "x" * (BRIEF.most + 1)}, "text_too_long"),
        ({"brief": "stop\x03"}, "control_characters"),
        ({"brief": "half \ud83d"}, "broken_character"),
        ({"priority": 5}, "priority_out_of_range"),
        ({"priority": -1}, "priority_out_of_range"),
        ({"agent": "Agent-9"}, "agent_not_found"),
        ({"agent": "Blind"}, "agent_without_window"),
        ({"needs": frozenset({"rust"})}, "no_capable_agent"),
        ({"needs": frozenset({"python"}), "agent": "Agent-1"}, "no_capable_agent"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
async def test_bad_input_has_its_own_error_and_leaves_nothing(
    tmp_path: Path, changes: dict[str, object], error: str
) -> None:
    agents = [make_agent(), make_agent("Agent-2", can="python"), make_agent("Blind", lane=Lane.WINDOW)]
    async with open_coordinator(tmp_path, agents=agents, lanes={}) as octet:
        with refuses(error):
            await octet.tasks.new(make_new_task(**changes), by=ADA)  # pyright: ignore[reportArgumentType] - any field
        assert await list_tasks(octet, by=ADA) == ()
        assert await octet.notices.on(DISCORD).due() == ()
        assert await octet.journal.verify() == 0


async def test_a_brief_at_the_limit_is_kept_whole(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        brief = "@everyone 鳥 👍\n" + "x" * (BRIEF.most - 14)
        assert len((await octet.tasks.new(make_new_task(brief), by=ADA)).brief) == BRIEF.most
        assert (await octet.tasks.show(FIRST, by=ADA)).task.brief == brief


async def test_the_same_key_never_makes_a_second_task(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        once = await octet.tasks.new(make_new_task(key="i-1"), by=ADA)
        assert await octet.tasks.new(make_new_task("other words", key="i-1"), by=ADA) == once
        await octet.tasks.new(make_new_task(key="i-2"), by=ADA)
        assert [task.id for task in await list_tasks(octet, by=ADA)] == ["T-2", "T-1"]
        assert set(await octet.notices.on(DISCORD).cards_of(["T-1", "T-2", "T-3"])) == {"T-1", "T-2"}


async def test_who_asked_may_cancel_and_operators_may_others_may_not(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        for _ in range(2):
            await octet.tasks.new(make_new_task(), by=CAROL)
        for stranger in (BEN, DAVE):
            with pytest.raises(NotAllowed):
                await octet.tasks.cancel(FIRST, by=stranger)
        assert (await octet.tasks.cancel(FIRST, by=CAROL)).state is TaskState.CANCELLED
        with refuses("task_already_ended", match="cancelled"):
            await octet.tasks.cancel(FIRST, by=CAROL)
        assert (await octet.tasks.cancel(TaskId("T-2"), by=OPERATOR)).state is TaskState.CANCELLED
        with pytest.raises(TaskNotFound):
            await octet.tasks.cancel(TaskId("T-77"), by=ADA)
        with pytest.raises(InvalidTaskId):
            await octet.tasks.cancel(TaskId("'; DROP"), by=ADA)


async def test_a_task_written_carelessly_is_the_same_task_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    lane = FakeLane()
    lane.gate.clear()
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.DELIVERING)
        view = await octet.tasks.show(TaskId(" t1 "), by=ADA)
        assert view.prompt
        assert len(view.deliveries) == 1
        await octet.tasks.cancel(TaskId("1"), by=ADA)
        assert [d.state.value for d in (await octet.tasks.show(FIRST, by=ADA)).deliveries] == ["cancelled"]
        assert (await entries_of(octet.journal, "task:T-1"))[-1].data["now"] == "cancelled"


async def test_lists_are_newest_first_filtered_and_limited(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        for _ in range(6):
            await octet.tasks.new(make_new_task(), by=ADA)
        for number in (2, 5):
            await octet.tasks.cancel(TaskId(f"T-{number}"), by=ADA)
        ready, both = frozenset({TaskState.READY}), frozenset({TaskState.READY, TaskState.CANCELLED})
        assert [t.id for t in await list_tasks(octet, by=ADA, state=ready)] == ["T-6", "T-4", "T-3", "T-1"]
        assert [t.id for t in await list_tasks(octet, by=ADA, state=both, limit=3)] == ["T-6", "T-5", "T-4"]
        assert [t.id for t in await list_tasks(octet, by=ADA, limit=2)] == ["T-6", "T-5"]


async def test_a_list_by_text_finds_a_brief_with_capitals_beyond_ascii(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        await octet.tasks.new(make_new_task(brief="Write the Übersicht"), by=ADA)
        for text in ("Übersicht", "the Über", "WRITE"):
            assert [t.id for t in await list_tasks(octet, by=ADA, text=text)] == [FIRST]


async def test_suggestions_come_from_memory_at_most_25_and_know_what_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TaskCache, "SIZE", 40)
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        for number in range(45):
            await octet.tasks.new(make_new_task(f"Bird {number}"), by=ADA)
        await octet.tasks.cancel(TaskId("T-45"), by=ADA)
        assert len(octet.tasks.suggest("", by=ADA)) == 25
        assert octet.tasks.suggest("t-45", by=ADA) == [("T-45", "Bird 44")]
        assert octet.tasks.suggest("t-45", by=ADA, open_only=True) == []
        assert octet.tasks.suggest("BIRD 43", by=ADA) == [("T-44", "Bird 43")]
        assert octet.tasks.suggest("T-1", by=ADA, open_only=True)[-1][0] != "T-1", "the oldest are forgotten"
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        assert octet.tasks.suggest("", by=ADA)[0] == ("T-45", "Bird 44")


@given(st.integers(1, 10**10 - 1), st.sampled_from(["T-{}", "t{}", "{}", " T{}\n", "t-{}"]))
def test_a_task_id_is_read_however_it_is_written(number: int, form: str) -> None:
    assert parse_task_id(form.format(number)) == f"T-{number}"


@given(st.text(max_size=20))
def test_anything_else_is_no_task_id(text: str) -> None:
    try:
        found = parse_task_id(text)
    except InvalidTaskId:
        return
    assert re.fullmatch(r"T-[1-9][0-9]{0,9}", found)
    assert parse_task_id(found) == found


@given(st.text(max_size=300))
def test_a_title_is_one_short_line_of_the_brief(brief: str) -> None:
    title = title_of(brief)
    assert len(title) <= TITLE.most
    assert len(title.splitlines()) <= 1
    assert title.removesuffix("…") in visible(brief)
    assert bool(title) == any(line.strip() for line in visible(brief).splitlines())


async def test_a_life_is_told_in_order(tmp_path: Path) -> None:
    lane = FakeLane(refused(Reason.COVERED, "covered by Mail"))
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WAITING, "window")
        await octet.dispatch.window_usable("main", "agent-1")
        await reach(octet, FIRST, TaskState.WORKING)
        code = code_in(lane.submitted[0])
        await octet.tasks.accept_answer("T-1", code, "Half way.", final=False, key="a")
        await octet.tasks.accept_answer("T-1", code, "Seven.", final=True, key="b")
        with pytest.raises(TaskEnded):
            await octet.tasks.accept_answer("T-1", code, "Eight.", final=True, key="c")
        assert await told(octet) == ["held", "answer", "ended", "late"]
        view = await octet.tasks.show(FIRST, by=ADA)
        assert [(a.body, a.final, a.late, a.source) for a in view.answers] == [
            ("Half way.", False, False, Source.AGENT),
            ("Seven.", True, False, Source.AGENT),
            ("Eight.", True, True, Source.AGENT),
        ]


async def test_a_reply_and_a_done_with_the_same_key_are_two(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        code = code_in(lane.submitted[0])
        await octet.tasks.accept_answer("T-1", code, "Seven.", final=False, key="same")
        await octet.tasks.accept_answer("T-1", code, "Seven.", final=True, key="same")
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.DONE


async def test_an_answer_that_no_file_could_hold_is_refused_with_its_place(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        code = code_in(lane.submitted[0])
        with pytest.raises(BrokenCharacter):
            await octet.tasks.accept_answer("T-1", code, "ab\ud83d", final=True, key="a")
        with pytest.raises(EmptyText):
            await octet.tasks.accept_answer("T-1", code, " \n", final=True, key="a")
        with pytest.raises(WrongCode):
            await octet.tasks.accept_answer("T-1", "\ud83d", "x", final=True, key="a")
        answer = "\x1b[1mbold\x00 text\r\n"
        await octet.tasks.accept_answer("T-1", code, answer, final=True, key="a")
        said = (await octet.tasks.show(FIRST, by=ADA)).answers[0].body
        assert said == "bold text\n", "an answer is kept, without control characters"


async def test_a_person_ends_a_task_with_words(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        await octet.tasks.new(make_new_task(), by=CAROL)
        await reach(octet, FIRST, TaskState.WORKING)
        with pytest.raises(NotAllowed):
            await octet.tasks.done(FIRST, "mine", by=DAVE)
        with pytest.raises(EmptyText):
            await octet.tasks.done(FIRST, " ", by=CAROL)
        assert (await octet.tasks.done(FIRST, "Seven.", by=CAROL)).state is TaskState.DONE
        assert await told(octet) == ["ended"]
        (answer,) = (await octet.tasks.show(FIRST, by=CAROL)).answers
        assert (answer.sender, answer.source, answer.body) == ("person:discord:3", Source.MEMBER, "Seven.")


async def test_no_body_and_no_code_ever_stands_in_the_journal(tmp_path: Path) -> None:
    lane = FakeLane(refused(Reason.COVERED, "CANARY-note"))
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task("CANARY-brief"), by=ADA)
        await reach(octet, FIRST, TaskState.WAITING, "window")
        await octet.dispatch.window_usable("main", "agent-1")
        await reach(octet, FIRST, TaskState.WORKING)
        code = code_in(lane.submitted[0])
        await octet.tasks.accept_answer("T-1", code, "CANARY-reply", final=False, key="CANARY-key")
        await octet.tasks.done(FIRST, "CANARY-done", by=ADA)
        with pytest.raises(TaskEnded):
            await octet.tasks.accept_answer("T-1", code, "CANARY-late", final=True, key="b")
    with closing(sqlite3.connect(tmp_path / "octet.db")) as connection:
        rows = "\n".join(str(row) for row in connection.execute("SELECT * FROM journal"))
        dump = "\n".join(connection.iterdump())
    assert "TaskMoved" in rows
    assert "CANARY" in dump
    assert "CANARY" not in rows
    assert code not in dump


async def told(octet: Coordinator) -> list[str]:
    for notice in await octet.notices.on(DISCORD).due(100):
        if notice.kind is NoticeKind.CARD:
            await octet.notices.on(DISCORD).posted(notice.id, channel="1", message="2", revision=notice.revision)
    return [notice.kind.value for notice in await pending(octet)]


async def test_a_task_that_takes_a_step_while_tasks_are_listed_is_listed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every reading statement sees its own moment: between two of them a task may change its state."""
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={(Lane.DRYRUN, None): FakeLane()}) as octet:
        for _ in range(3):
            await octet.tasks.new(make_new_task(), by=ADA)
        fetch = type(octet.store).fetch
        steps = iter((TaskState.ASSIGNED, TaskState.DELIVERING, TaskState.WORKING))

        async def fetch_then_step(self: Store, *asked: Any) -> Any:
            rows = await fetch(self, *asked)
            if (state := next(steps, None)) is not None:
                await octet.store.write(
                    lambda tx: octet.tasks.repository.move(tx, "T-2", state, agent="Agent-1") and None
                )
            return rows

        monkeypatch.setattr(type(octet.store), "fetch", fetch_then_step)
        for order in ((TaskState.READY, TaskState.ASSIGNED, TaskState.WORKING), tuple(reversed(TaskState))):
            rows = await list_tasks(octet, by=ADA, state=order)
            assert [row.id for row in rows] == ["T-3", "T-2", "T-1"]
        rows = await list_tasks(octet, by=ADA, state=("ready",), limit=1)
        assert [row.id for row in rows] == ["T-3"]
