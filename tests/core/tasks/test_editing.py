"""What users set beside the brief: labels, times, marks; and tasks that come and go as text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.kit.errors import Invalid, OctetError
from core.messages.model import read_evidence
from core.security.model import NotAllowed
from core.tasks.model import OnFailure, TaskChanges, TaskId, TaskState, Verdict
from core.tasks.parts import read_parts
from core.tasks.texts import read_grammar, read_tasks
from tests.builders import ADA, BEN, CAROL, export_of, list_tasks, make_agent, make_new_task, open_coordinator, refuses
from tests.core.dispatch.test_loop import code_in, reach, window_house
from tests.core.tasks.test_dependencies import ids, states
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane

FIRST = TaskId("T-1")


async def test_a_task_that_may_not_start_yet_starts_at_its_time(tmp_path: Path) -> None:
    clock = FakeClock()
    async with window_house(tmp_path, FakeLane(), clock=clock) as octet:
        at_ms = octet.clock.now_ms() + 60_000
        await octet.tasks.new(make_new_task(not_before_ms=at_ms), by=ADA)
        octet.dispatch.wake()
        await octet.store.ping()
        assert await states(octet) == {"T-1": "waiting not_before"}
        clock.advance(61)
        octet.dispatch.wake()
        await reach(octet, FIRST, TaskState.WORKING)


async def test_the_assigner_rests_no_longer_than_until_the_next_task_may_start(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        at_ms = octet.clock.now_ms() + 60_000
        await octet.tasks.new(make_new_task(not_before_ms=at_ms), by=ADA)
        assert await octet.store.write(octet.tasks.repository.queue.next_start_ms) == at_ms
        await octet.tasks.edit(FIRST, TaskChanges(not_before_ms=0), by=ADA)
        assert await states(octet) == {"T-1": "ready"}
        assert await octet.store.write(octet.tasks.repository.queue.next_start_ms) is None


async def test_a_task_is_edited_until_an_agent_has_it_and_labelled_until_it_ends(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(not_before_ms=2**45), by=CAROL)
        changed = await octet.tasks.edit(FIRST, TaskChanges(brief="Count\nthem", due_ms=5), by=CAROL)
        assert (changed.brief, changed.title, changed.due_ms) == ("Count\nthem", "Count", 5)
        with refuses("no_capable_agent"):
            await octet.tasks.edit(FIRST, TaskChanges(needs=frozenset({"rust"})), by=ADA)
        with pytest.raises(NotAllowed):
            await octet.tasks.edit(FIRST, TaskChanges(due_ms=0), by=BEN)
        await octet.tasks.edit(FIRST, TaskChanges(not_before_ms=0), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert "Count\nthem" in lane.submitted[0]
        with refuses("task_already_running"):
            await octet.tasks.edit(FIRST, TaskChanges(brief="Too late"), by=ADA)
        after = await octet.tasks.edit(FIRST, TaskChanges(labels=frozenset({"bug"}), due_ms=0), by=ADA)
        assert (after.labels, after.due_ms) == (frozenset({"bug"}), None)


async def test_lists_find_labels_and_texts_also_in_a_title(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        for labels in ({"bug"}, {"bug", "web ui"}, {"bugs"}):
            await octet.tasks.new(make_new_task(labels=frozenset(labels)), by=ADA)
        for label, found in (("bug", ["T-2", "T-1"]), ("web ui", ["T-2"]), ("bu", []), ("", ["T-3", "T-2", "T-1"])):
            assert [task.id for task in await list_tasks(octet, by=ADA, label=label)] == found
        assert len(await list_tasks(octet, by=ADA, text="COUNT THE")) == 3
        for bad in ("a,b", 'say "x"', "x" * 41, " ", "two\nlines"):
            with refuses("invalid_label", "too_many_items", "text_too_long", "hidden_characters", "empty_text"):
                await octet.tasks.new(make_new_task(labels=frozenset({bad})), by=ADA)


async def test_a_copy_has_the_same_text_and_demands_and_is_no_repetition(tmp_path: Path) -> None:
    agents = [make_agent("Agent-1", can="python"), make_agent("Agent-2", can="python")]
    async with open_coordinator(tmp_path, agents=agents, lanes={}) as octet:
        needs, labels = frozenset({"python"}), frozenset({"bug"})
        await octet.tasks.new(make_new_task(agent="Agent-2", needs=needs, priority=1, labels=labels), by=ADA)
        copy = await octet.tasks.duplicate(FIRST, by=CAROL)
        assert (copy.brief, copy.needs, copy.labels, copy.priority) == ("Count the birds", needs, labels, 1)
        assert (copy.id, copy.wanted, copy.again_of, copy.requester) == ("T-2", "Agent-2", None, CAROL.id)


async def test_a_result_that_is_wrong_or_repeated_within_a_week_was_no_success(tmp_path: Path) -> None:
    lane, clock = FakeLane(), FakeClock()
    async with window_house(tmp_path, lane, clock=clock) as octet:
        for number in (1, 2, 3):
            name = (await octet.tasks.new(make_new_task(), by=CAROL)).id
            if number == 1:
                with refuses("not_done"):
                    await octet.tasks.mark_wrong(name, "", by=CAROL)
            await reach(octet, name, TaskState.WORKING)
            prompt = next(one for one in lane.submitted if f"task {name} " in one)
            await octet.tasks.accept_answer(name, code_in(prompt), "Seven.", final=True, key="a")

        async def verdicts() -> list[Verdict | None]:
            names = [TaskId(f"T-{number}") for number in (1, 2, 3)]
            return [(await octet.tasks.show(name, by=ADA)).attempts[-1].verdict for name in names]

        assert await verdicts() == [Verdict.SUCCESS] * 3
        with pytest.raises(NotAllowed):
            await octet.tasks.mark_wrong(FIRST, "", by=BEN)
        after = await octet.tasks.mark_wrong(FIRST, "There are eight", by=CAROL)
        assert (after.state, after.wrong) == (TaskState.DONE, "There are eight")
        await octet.tasks.retry(TaskId("T-2"), by=ADA)
        clock.advance(8 * 24 * 3600)
        await octet.tasks.retry(TaskId("T-3"), by=ADA)
        assert await verdicts() == [Verdict.FAILURE, Verdict.FAILURE, Verdict.SUCCESS]


async def test_an_export_has_the_evidence_of_each_task(tmp_path: Path) -> None:
    lane, proof = FakeLane(), [{"kind": "url", "text": "https://ci.example", "ok": True}]
    async with window_house(tmp_path, lane) as octet:
        task = await octet.tasks.new(make_new_task("Count"), by=ADA)
        await reach(octet, task.id, TaskState.WORKING)
        code = code_in(lane.submitted[0])
        await octet.tasks.accept_answer(task.id, code, "7", final=True, key="k", evidence=read_evidence(proof))
        assert json.loads(await export_of(octet))["evidence"] == proof


async def test_what_is_exported_comes_in_again_with_its_links_and_all_or_nothing(tmp_path: Path) -> None:
    agents = [make_agent("Agent-1", can="python"), make_agent("Agent-2")]
    async with open_coordinator(tmp_path, agents=agents, lanes={}) as octet:
        await octet.tasks.new(make_new_task("Ended"), by=ADA)
        await octet.tasks.cancel(FIRST, by=ADA)
        full = make_new_task(
            "Größe\nzählen", needs=frozenset({"python"}), labels=frozenset({"a b"}), priority=0, due_ms=7
        )
        await octet.tasks.new(full, by=ADA)
        await octet.tasks.new(make_new_task(after=ids(2), on_failure=OnFailure.START), by=ADA)
        await octet.task_parts.split(TaskId("T-3"), "one\ntwo", by=ADA)
        await octet.tasks.new(make_new_task(best_of=2), by=ADA)
        export = await export_of(octet)
        assert export.count("\n") == 8
        made = await octet.task_transfer.import_text(export, make_new_task("", key="import"), by=ADA)
        assert made.tasks == tuple(f"T-{number}" for number in range(9, 16))
        assert await octet.task_transfer.import_text(export, make_new_task("", key="import"), by=ADA) == made
        again = "".join((await export_of(octet)).splitlines(keepends=True)[8:])

        def shape(text: str, first: int) -> list[dict[str, object]]:
            rows: list[dict[str, object]] = []
            for line in text.splitlines():
                row = json.loads(line)
                move = {f"T-{number + first}": f"#{number}" for number in range(8)}
                row["after"] = {move[name]: policy for name, policy in row["after"].items()}
                rows.append({**row, "id": move[row["id"]], "part_of": move.get(row["part_of"], "")})
            return rows

        assert shape(again, 9) == shape("".join(export.splitlines(keepends=True)[1:]), 2)
        broken = '{"id": "a", "brief": "x", "after": {"b": "wait"}}\n{"id": "b", "brief": "y", "after": {"a": "wait"}}'
        with pytest.raises(OctetError, match="circle"):
            await octet.task_transfer.import_text(broken, make_new_task(""), by=ADA)
        assert len(await list_tasks(octet, by=ADA)) == 15


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("hello\nTASK: x", 1),
        ("TASK: x\nPRIORITY: soon", 2),
        ('{"brief": "x"}\n{"brief": 7}', 2),
        ('{"brief": "x", "priority": "high"}', 1),
        ('{"brief": "x", "after": {"T-9": "wait"}}', 1),
        ('{"id": "a", "brief": "x"}\n{"id": "a", "brief": "y"}', 2),
        ('{"brief": "x"}\n' * 501, 501),
    ],
)
def test_unreadable_tasks_are_refused_with_their_line(text: str, line: int) -> None:
    with refuses("unreadable_tasks") as error:
        read_tasks(text)
    assert error.value.details["line"] == line


def test_the_grammar_has_a_title_a_description_of_several_lines_and_a_priority() -> None:
    text = "TASK: Fix it\ndesc: first\n\nsecond\nPRIORITY: P0\n\nTask: Test it\nPriority: high\nTASK: Ship"
    found = [(one.brief, one.priority) for one in read_grammar(text)]
    assert found == [("Fix it\nfirst\n\nsecond", 0), ("Test it", 1), ("Ship", 2)]
    assert read_parts(text) == [brief for brief, _ in found]


@given(st.text())
def test_any_text_is_read_or_refused_by_its_own_error(text: str) -> None:
    for read in (read_grammar, read_tasks):
        try:
            assert read(text)
        except Invalid as error:
            if error.code != "unreadable_tasks":
                raise


async def test_a_new_task_may_be_written_in_the_grammar(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        task = await octet.tasks.new(make_new_task("TASK: Fix it\nDESC: now\nPRIORITY: 0"), by=ADA)
        assert (task.title, task.brief, task.priority, task.parts) == ("Fix it", "Fix it\nnow", 0, None)
        with refuses("several_tasks"):
            await octet.tasks.new(make_new_task("TASK: a\nTASK: b"), by=ADA)
        made = await octet.task_transfer.import_text("TASK: a\nTASK: b", make_new_task(""), by=ADA)
        assert made.tasks == ("T-2", "T-3")
