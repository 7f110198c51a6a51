"""What users and agents said to each other, as a chat shows it, and the files that came with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.agent_messages import service
from core.coordinator import Coordinator
from core.deliveries.model import DeliveryState
from core.kit.files import write_private
from core.messages.model import NewFile
from core.security.model import NotAllowed
from core.tasks.model import NewTask, TaskId, TaskState
from tests.builders import ADA, BEN, make_new_task, refuses
from tests.core.agent_messages.test_answers import asked
from tests.core.agent_messages.test_words import house, say, stands
from tests.core.dispatch.test_loop import code_in, reach
from tests.fakes.lane import FakeLane

FIRST = TaskId("T-1")
BIRDS = NewFile(name="birds.csv", content=b"name\nwren\n")


async def said(
    octet: Coordinator, *, task: TaskId | None = None, agent: str | None = None, before: str = "", limit: int = 50
) -> list[tuple[str, str, str]]:
    found = await octet.agent_messages.conversation(task=task, agent=agent, before=before, limit=limit, by=ADA)
    return [(one.id, one.sender, one.body) for one in found]


async def test_a_conversation_has_all_words_about_a_task_or_of_an_agent_newest_first(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task("Count the birds", needs=frozenset({"python"})), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        code = code_in(lane.submitted[0])
        sent = await octet.agent_messages.send(say("Only wrens", task=FIRST), by=ADA)
        await stands(octet, sent, DeliveryState.DELIVERED)
        await octet.tasks.accept_answer(FIRST, code, "I do.", final=False, key="a")
        await octet.tasks.accept_answer(FIRST, code, "Seven.", final=True, key="b")
        name, code = await asked(octet, lane, say("How are you?", agent="Left"))
        await octet.agent_messages.answers.accept(name, code, "Well.")
        await asked(octet, lane, say("And you?", agent="Right"))
        about = await said(octet, task=FIRST)
        assert [(sender, body) for _, sender, body in about] == [
            ("agent:Left", "Seven."),
            ("agent:Left", "I do."),
            (f"person:{ADA.id}", "Only wrens"),
            ("hub", "Count the birds"),
        ]
        by_left = await said(octet, agent="left")
        assert [body for _, _, body in by_left] == ["Well.", "How are you?", *(body for _, _, body in about)]
        assert [body for _, _, body in await said(octet, agent="Right")] == ["And you?"]
        page = await said(octet, agent="Left", limit=2)
        assert page + await said(octet, agent="Left", before=page[-1][0]) == by_left, "pages hold each text once"


async def test_a_message_to_all_is_in_each_agents_conversation(tmp_path: Path) -> None:
    async with house(tmp_path, FakeLane()) as octet:
        await octet.agent_messages.broadcast(say("Stop at noon"), by=ADA)
        for agent in ("Left", "Right"):
            assert [body for _, _, body in await said(octet, agent=agent)] == ["Stop at noon"]


async def test_a_long_text_is_cut_and_strangers_read_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_CUT", 4)
    async with house(tmp_path, FakeLane()) as octet:
        sent = await octet.agent_messages.send(say("Count the birds", agent="Left", attach=BIRDS), by=ADA)
        assert [body for _, _, body in await said(octet, agent="Left")] == ["Coun…"]
        for of in ({"task": FIRST, "agent": "Left"}, {"task": None, "agent": None}):
            with refuses("name_one"):
                await octet.agent_messages.conversation(**of, before="", limit=9, by=ADA)
        with pytest.raises(NotAllowed):
            await octet.agent_messages.conversation(task=FIRST, agent=None, before="", limit=9, by=BEN)
        with pytest.raises(NotAllowed):
            await octet.agent_messages.file(sent.message.id, 0, by=BEN)


async def test_a_file_of_a_message_can_be_read_as_long_as_octet_has_it(tmp_path: Path) -> None:
    async with house(tmp_path, FakeLane()) as octet:
        sent = await octet.agent_messages.send(say("Look", agent="Left", attach=BIRDS), by=ADA)
        assert await octet.agent_messages.file(sent.message.id, 0, by=ADA) == (BIRDS.name, BIRDS.content)
        with refuses("file_not_found"):
            await octet.agent_messages.file(sent.message.id, 1, by=ADA)
        write_private(Path(sent.message.attachments[0].path), b"another file")
        with refuses("file_not_found"):
            await octet.agent_messages.file(sent.message.id, 0, by=ADA)


async def test_a_file_of_a_task_can_be_read_by_those_who_may_see_the_task(tmp_path: Path) -> None:
    async with house(tmp_path, FakeLane()) as octet:
        task = await octet.tasks.new(NewTask(brief="Count the birds", attach=BIRDS), by=ADA)
        assert await octet.tasks.file(task.id, 0, by=ADA) == (BIRDS.name, BIRDS.content)
        with refuses("file_not_found"):
            await octet.tasks.file(task.id, 1, by=ADA)
        with pytest.raises(NotAllowed):
            await octet.tasks.file(task.id, 0, by=BEN)
