"""Answers in windows: read when the agent rests, taken in once, never doubled by what the agent brings itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.agent_messages.model import NewAgentMessage
from core.agents.model import Lane
from core.coordinator import Coordinator
from core.deliveries.model import DeliveryState
from core.desks.model import DeskNow, DeskState, Shown
from core.messages.model import Message, Source
from core.notices.model import NoticeKind
from core.profiles.model import Activity
from core.reasons import TaskActivity
from core.security.model import OPERATOR
from core.supervision import answer_scraper as reading
from core.tasks.model import Task, TaskEnded, TaskId, TaskState
from tests.builders import ADA, make_desk, make_new_task, make_window_agent, open_coordinator, pending
from tests.core.agent_messages.test_words import stands
from tests.core.dispatch.test_loop import reach, running, until
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane
from tests.house import code_in

FIRST = TaskId("T-1")
IDLE = Shown(window="agent-1", activity=Activity.IDLE)
BUSY = Shown(window="agent-1", activity=Activity.BUSY)


@dataclass(slots=True)
class House:
    octet: Coordinator
    worker: FakeDeskWorker
    lane: FakeLane

    @property
    def prompt(self) -> str:
        return self.lane.submitted[-1]

    @property
    def marker(self) -> str:
        return self.prompt.rpartition("<<<")[2][:8]

    def says(self, text: str) -> None:
        self.worker.said["agent-1"] = f"nothing was said yet\n{self.prompt}\n{text}\n"

    def answers_with(self, text: str) -> None:
        self.says(f"<<<{self.marker}\n{text}\n{self.marker}>>>")

    async def rests(self) -> None:
        await self.octet.dispatch.window_shows("main", BUSY)
        await self.octet.dispatch.window_shows("main", IDLE)

    async def was_read(self) -> None:
        """Return when its window was read once more, and what was read is dealt with."""
        async with asyncio.timeout(60):
            await self.worker.was_read.acquire()
            for _ in range(3):  # what was read is looked through and stored
                await asyncio.to_thread(int)
                await self.octet.store.ping()

    async def task(self) -> Task:
        return (await self.octet.tasks.show(FIRST, by=OPERATOR)).task

    async def answers(self) -> tuple[Message, ...]:
        return (await self.octet.tasks.show(FIRST, by=OPERATOR)).answers


@asynccontextmanager
async def working(home: Path, *, is_read: bool = True) -> AsyncGenerator[House]:
    """One agent at work on T-1."""
    lane, worker = FakeLane(), FakeDeskWorker()
    async with open_coordinator(
        home,
        agents=[make_window_agent("Agent-1", window="agent-1")],
        desks=[make_desk("agent-1")],
        lanes={(Lane.WINDOW, "main"): lane},
        workers={"main": worker},
        read_agents=["Agent-1"] if is_read else [],
    ) as octet:
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        async with running(octet):
            await octet.tasks.new(make_new_task(agent=None), by=ADA)
            await reach(octet, FIRST, TaskState.WORKING)
            yield House(octet=octet, worker=worker, lane=lane)


async def test_an_answer_between_the_markers_ends_the_task_unverified_and_whole(tmp_path: Path) -> None:
    async with working(tmp_path) as house:
        long = "\n".join(f"{number}. bird" for number in range(2_000))
        house.answers_with(long)
        await house.rests()
        task = await reach(house.octet, FIRST, TaskState.DONE)
        assert task.is_unverified
        assert task.is_unverified
        (answer,) = await house.answers()
        assert (answer.source, answer.final, answer.late, answer.sender) == (
            Source.WINDOW,
            True,
            False,
            "agent:Agent-1",
        )
        assert answer.body == long
        assert (await house.octet.agents.show("Agent-1", by=OPERATOR)).task is None


async def test_an_answer_to_a_message_is_read_once_and_the_agents_own_replaces_it(tmp_path: Path) -> None:
    async with working(tmp_path) as house:
        await house.octet.tasks.cancel(FIRST, by=OPERATOR)
        sent = await house.octet.agent_messages.send(NewAgentMessage(text="Hi", agent="Agent-1"), by=ADA)
        await stands(house.octet, sent, DeliveryState.DELIVERED)
        house.answers_with("Hello.")
        await house.rests()

        async def is_read() -> bool:
            return bool(await said_by(house))

        await until(is_read, house.octet)
        (read,) = await said_by(house)
        assert (read.body, read.source, read.in_reply_to) == ("Hello.", Source.WINDOW, sent.message.id)
        accept = house.octet.agent_messages.answers.accept
        await accept(f"M-{sent.message.id}", code_in(house.prompt), "Hello.")
        assert await said_by(house) == [read]
        await accept(f"M-{sent.message.id}", code_in(house.prompt), "Hello, Ada.")
        assert [one.supersedes for one in await said_by(house)] == [None, read.id]


async def said_by(house: House) -> list[Message]:
    told = [one for one in await pending(house.octet) if one.kind is NoticeKind.ANSWER and not one.task]
    return [await house.octet.messages.get(one.subject) for one in told]


async def test_the_prompt_alone_is_no_answer_and_the_task_goes_on(tmp_path: Path) -> None:
    async with working(tmp_path) as house:
        house.says("I am done thinking.")
        await house.rests()
        await house.was_read()
        assert (await house.task()).state is TaskState.WORKING
        assert await house.answers() == ()


async def test_the_beginning_of_an_answer_is_kept_once_and_ends_nothing(tmp_path: Path) -> None:
    async with working(tmp_path) as house:
        house.says(f"<<<{house.marker}\nSeven birds, and")
        await house.rests()
        await house.was_read()
        async with asyncio.timeout(60):
            while not await house.answers():  # noqa: ASYNC110 - what was read is stored in its own time
                await asyncio.sleep(0.01)
        await house.rests()
        await house.was_read()
        (answer,) = await house.answers()
        assert (answer.body, answer.final, answer.source) == ("Seven birds, and", False, Source.WINDOW)
        task = await house.task()
        assert (task.state, task.activity) == (TaskState.WORKING, TaskActivity.BEGAN_ANSWER)
        house.answers_with("Seven birds, and no bees.")
        await house.rests()
        await reach(house.octet, FIRST, TaskState.DONE)
        assert [one.final for one in await house.answers()] == [False, True]


async def test_what_the_agent_brings_first_wins_and_its_window_is_not_read(tmp_path: Path) -> None:
    async with working(tmp_path) as house:
        await house.octet.tasks.accept_answer("T-1", code_in(house.prompt), "Seven.", final=True, key="a")
        house.answers_with("Seven.")
        await house.rests()
        await house.octet.store.ping()
        assert house.worker.reads == []
        (answer,) = await house.answers()
        assert answer.source is Source.AGENT
        assert not (await house.task()).is_unverified


async def test_an_answer_that_is_brought_while_the_window_is_read_is_not_doubled(tmp_path: Path) -> None:
    async with working(tmp_path) as house:
        awaited = await house.octet.tasks.find_pending_answer("Agent-1")
        assert awaited is not None
        await house.octet.tasks.accept_answer("T-1", code_in(house.prompt), "Seven.", final=True, key="a")
        assert not await house.octet.tasks.accept_scraped_answer(
            awaited,
            reading.find_answer(f"<<<{awaited.marker} 7 {awaited.marker}>>>", awaited.marker) or pytest.fail("found"),
        )
        assert len(await house.answers()) == 1


@pytest.mark.parametrize("text", ["Seven.", "Eight, I counted again."])
async def test_what_the_agent_brings_afterwards_takes_the_place_of_what_was_read(tmp_path: Path, text: str) -> None:
    async with working(tmp_path) as house:
        house.answers_with("Seven.")
        await house.rests()
        await reach(house.octet, FIRST, TaskState.DONE)
        code = code_in(house.prompt)
        receipt = await house.octet.tasks.accept_answer("T-1", code, text, final=True, key="a")
        assert receipt.task.state is TaskState.DONE
        assert not (await house.task()).is_unverified
        read, brought = await house.answers()
        assert (brought.source, brought.late, brought.supersedes) == (Source.AGENT, False, read.id)
        again = await house.octet.tasks.accept_answer("T-1", code, text, final=True, key="a")
        assert again.message == brought.id, "the same once more is the same"
        told = [one for one in await pending(house.octet) if one.kind in {NoticeKind.ENDED, NoticeKind.ANSWER}]
        shown = [(one.kind, one.subject, one.revision) for one in told]
        end = (NoticeKind.ENDED, read.id, 2 if text == read.body else 1)
        assert shown == [end] if text == read.body else [end, (NoticeKind.ANSWER, brought.id, 1)]
        with pytest.raises(TaskEnded):
            await house.octet.tasks.accept_answer("T-1", code, "And nine.", final=True, key="b")


async def test_a_window_that_cannot_be_read_now_is_read_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FIRST_S", 0.01)
    async with working(tmp_path) as house:
        await house.rests()
        await house.was_read()
        house.answers_with("Seven.")
        await reach(house.octet, FIRST, TaskState.DONE)


async def test_an_agent_at_work_is_not_disturbed_and_neither_is_one_whose_window_nobody_may_read(
    tmp_path: Path,
) -> None:
    async with working(tmp_path / "a") as house:
        house.answers_with("Seven.")
        await house.octet.dispatch.window_shows("main", BUSY)
        await house.octet.store.ping()
        assert house.worker.reads == []
    async with working(tmp_path / "b", is_read=False) as house:
        assert "No shell?" not in house.prompt
        await house.rests()
        await house.octet.store.ping()
        assert house.worker.reads == []


async def test_an_answer_that_stood_there_before_the_prompt_was_known_to_have_arrived_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SOON_S", 0.01)
    async with working(tmp_path) as house:
        await house.rests()  # before: nothing can be read
        await house.was_read()
        await house.octet.tasks.cancel(FIRST, by=ADA)
        await house.octet.tasks.new(make_new_task(agent=None), by=ADA)
        await reach(house.octet, TaskId("T-2"), TaskState.WORKING)
        house.answers_with("Seven.")
        await reach(house.octet, TaskId("T-2"), TaskState.DONE)


async def test_an_error_of_octets_own_over_one_answer_ends_nothing_and_the_next_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with working(tmp_path) as house:
        find, troubles = reading.find_answer, [KeyError("a mistake of ours")]

        def fail_once(text: str, marker: str) -> object:
            if troubles:
                raise troubles.pop()
            return find(text, marker)

        monkeypatch.setattr(reading, "find_answer", fail_once)
        house.answers_with("Seven.")
        await house.rests()
        await house.was_read()
        await house.rests()
        await reach(house.octet, FIRST, TaskState.DONE)
        assert troubles == []
