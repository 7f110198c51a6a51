"""The loop inside core: a task is asked for, given to an agent, brought to it, answered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest

from core.agents.model import AgentState, Lane
from core.coordinator import Coordinator
from core.deliveries.model import DeliveryState, Outcome, Reason, Result
from core.desks.model import DeskNow, DeskState
from core.journal.model import Event
from core.kit.clock import Clock
from core.kit.supervise import supervise
from core.notices.model import DISCORD, NoticeDetail, NoticeKind
from core.retry_policy import RetryPolicy
from core.security.model import WrongCode
from core.settings.model import ReceiptSettings
from core.tasks.model import Task, TaskEnded, TaskId, TaskState, WrongTask
from tests.builders import ADA, make_agent, make_desk, make_new_task, make_window_agent, open_coordinator, refuses
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane, refused

QUICK = RetryPolicy(first_pause_ms=1, longest_pause_ms=2)
UNKNOWN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box is empty, no busy sign")
DRY = Outcome(result=Result.SENT, reason=Reason.DRY_RUN)


@asynccontextmanager
async def running(coordinator: Coordinator) -> AsyncGenerator[None]:
    async with asyncio.TaskGroup() as group:
        dispatch = supervise(group, "dispatch", coordinator.dispatch.run())
        yield
        dispatch.cancel()


@asynccontextmanager
async def window_house(
    home: Path,
    lane: FakeLane,
    *,
    agents: int = 1,
    policy: RetryPolicy = QUICK,
    clock: Clock | None = None,
    worker: FakeDeskWorker | None = None,
    keeping: ReceiptSettings | None = None,
    on_idle: Literal["show", "nudge"] = "show",
) -> AsyncGenerator[Coordinator]:
    """Open a coordinator with one desk that is ready, `agents` windows on it, and dispatch at work."""
    names = [f"agent-{number}" for number in range(1, agents + 1)]
    async with open_coordinator(
        home,
        agents=[make_window_agent(name.capitalize(), window=name, on_idle=on_idle) for name in names],
        desks=[make_desk(*names)],
        lanes={(Lane.WINDOW, "main"): lane},
        workers={"main": worker or FakeDeskWorker()},
        policy=policy,
        clock=clock,
        keeping=keeping,
    ) as coordinator:
        await coordinator.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        async with running(coordinator):
            yield coordinator


async def until(check: Callable[[], Awaitable[bool]], coordinator: Coordinator) -> None:
    """Wait for the journal until `check` holds, 10 s at most."""
    news = asyncio.Event()
    coordinator.journal.listen(Event, lambda _: news.set())
    async with asyncio.timeout(60):
        while not await check():
            await news.wait()
            news.clear()


async def reach(coordinator: Coordinator, task: TaskId, state: TaskState, reason: str | None = None) -> Task:
    async def there() -> bool:
        found = (await coordinator.tasks.show(task, by=ADA)).task
        return (found.state, found.reason) == (state, reason)

    await until(there, coordinator)
    return (await coordinator.tasks.show(task, by=ADA)).task


def code_in(text: str) -> str:
    match = re.search(r"--code (\S+)", text)
    assert match is not None, text
    return match[1]


async def test_a_task_is_brought_to_its_window_and_ends_with_the_answer(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        task = await octet.tasks.new(make_new_task("Count the birds\nin the garden"), by=ADA)
        await reach(octet, task.id, TaskState.WORKING)
        assert lane.submitted[0].startswith("[D2A] hub → Agent-1 · task T-1 · P2\nCount the birds\nin the garden\n")
        await octet.tasks.accept_answer("T-1", code_in(lane.submitted[0]), "Seven.", final=True, key="a")
        view = await octet.tasks.show(task.id, by=ADA)
        assert view.task.state is TaskState.DONE
        assert [answer.body for answer in view.answers] == ["Seven."]
        assert "octet done T-1" in view.prompt
        assert code_in(lane.submitted[0]) not in view.prompt, "people do not see the code"
        assert view.deliveries[0].state is DeliveryState.DELIVERED
        assert (await octet.agents.show("agent-1", by=ADA)).state is AgentState.IDLE
        assert await octet.journal.verify() > 5


async def test_a_dry_run_waits_and_closes_no_task_until_a_person_answers_with_its_code(tmp_path: Path) -> None:
    lane = FakeLane(DRY, DRY)
    async with (
        open_coordinator(tmp_path, agents=[make_agent()], lanes={(Lane.DRYRUN, None): lane}) as octet,
        running(octet),
    ):
        first = await octet.tasks.new(make_new_task(), by=ADA)
        second = await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, first.id, TaskState.WAITING, "dry_run")
        await reach(octet, second.id, TaskState.WAITING, "dry_run")
        view = await octet.tasks.show(first.id, by=ADA)
        assert view.deliveries[0].state is DeliveryState.SENT
        await octet.tasks.accept_answer("T-1", code_in(view.prompt), "half way", final=False, key="a")
        assert (await octet.tasks.show(first.id, by=ADA)).task.state is TaskState.WAITING
        await octet.tasks.accept_answer("T-1", code_in(view.prompt), "Seven.", final=True, key="b")
        assert (await octet.tasks.show(first.id, by=ADA)).task.state is TaskState.DONE


async def test_the_most_urgent_task_goes_first_and_one_prompt_at_a_time(tmp_path: Path) -> None:
    lane = FakeLane()
    lane.gate.clear()
    async with window_house(tmp_path, lane, agents=3) as octet:
        await octet.tasks.new(make_new_task("first"), by=ADA)
        await until(lambda: _is(bool(lane.orders)), octet)
        await octet.tasks.new(make_new_task("later", priority=4), by=ADA)
        last = await octet.tasks.new(make_new_task("urgent", priority=0), by=ADA)
        for task in ("T-2", "T-3"):
            await until(lambda task=task: _moved(octet, TaskId(task)), octet)
        lane.gate.set()
        await reach(octet, TaskId("T-2"), TaskState.WORKING)
        await reach(octet, last.id, TaskState.WORKING)
        assert [text.splitlines()[1] for text in lane.submitted] == ["first", "urgent", "later"]
        assert lane.most_under_way == 1


async def test_a_refused_window_holds_the_task_tells_once_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    lane = FakeLane(refused(Reason.COVERED, "by Calculator"), refused(Reason.COVERED, "by Calculator"))
    async with window_house(tmp_path, lane) as octet:
        task = await octet.tasks.new(make_new_task(), by=ADA)
        held = await reach(octet, task.id, TaskState.WAITING, "window")
        assert held.note == "by Calculator"
        status = await octet.agents.show("Agent-1", by=ADA)
        assert (status.state, status.reason) == (AgentState.OFFLINE, "covered")
        await octet.dispatch.window_usable("main", "agent-1")
        await until(lambda: _is(len(lane.orders) == 2), octet)
        await reach(octet, task.id, TaskState.WAITING, "window")
        await octet.dispatch.window_usable("main", "agent-1")
        await reach(octet, task.id, TaskState.WORKING)
        deliveries = (await octet.tasks.show(task.id, by=ADA)).deliveries
        assert [d.state.value for d in deliveries] == ["refused", "refused", "delivered"]
        assert len(await _told(octet, NoticeKind.HELD)) == 1


async def test_a_text_the_window_never_takes_fails_the_task(tmp_path: Path) -> None:
    lane = FakeLane(refused(Reason.TOO_LONG, "21,000 characters; this window takes 20,000"))
    async with window_house(tmp_path, lane) as octet:
        task = await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, task.id, TaskState.FAILED, Reason.TOO_LONG)
        assert (await octet.agents.show("Agent-1", by=ADA)).state is AgentState.IDLE


async def test_cancel_before_enter_stops_the_lane_and_nothing_is_submitted(tmp_path: Path) -> None:
    lane = FakeLane()
    lane.gate.clear()
    async with window_house(tmp_path, lane) as octet:
        task = await octet.tasks.new(make_new_task(), by=ADA)
        await until(lambda: _delivery_is(octet, task.id, DeliveryState.STAGING), octet)
        await octet.tasks.cancel(task.id, by=ADA)
        other = await octet.tasks.new(make_new_task("next"), by=ADA)
        await reach(octet, other.id, TaskState.WORKING)
        assert len(lane.submitted) == 1
        assert (await octet.tasks.show(task.id, by=ADA)).deliveries[0].state is DeliveryState.CANCELLED


async def test_wrong_codes_wrong_tasks_and_late_answers_are_told_apart(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane, agents=2) as octet:
        for number in (1, 2):
            task = await octet.tasks.new(make_new_task(f"task {number}"), by=ADA)
            await reach(octet, task.id, TaskState.WORKING)
        first = code_in(lane.submitted[0])
        with pytest.raises(WrongCode):
            await octet.tasks.accept_answer("T-1", f"{octet.home_id}.AAAA", "x", final=True, key="k")
        with pytest.raises(WrongTask):
            await octet.tasks.accept_answer("T-2", first, "for the other", final=True, key="a")
        await octet.tasks.accept_answer("T-1", first, "Seven.", final=True, key="b")
        for _ in range(2):
            with pytest.raises(TaskEnded):
                await octet.tasks.accept_answer("T-1", first, "Eight.", final=True, key="c")
        answers = (await octet.tasks.show(TaskId("T-1"), by=ADA)).answers
        assert [(a.body, a.late) for a in answers] == [
            ("for the other", True),
            ("Seven.", False),
            ("Eight.", True),
        ]
        assert (await octet.tasks.show(TaskId("T-2"), by=ADA)).task.state is TaskState.WORKING


async def test_the_same_answer_twice_is_stored_once_and_answered_the_same(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        task = await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, task.id, TaskState.WORKING)
        code = code_in(lane.submitted[0])
        once = await octet.tasks.accept_answer("T-1", code, "Seven.", final=True, key="a")
        twice = await octet.tasks.accept_answer("T-1", code, "Seven.", final=True, key="a")
        assert once.message == twice.message
        assert len((await octet.tasks.show(task.id, by=ADA)).answers) == 1


async def test_a_task_that_nobody_was_asked_about_cannot_be_done_by_words(tmp_path: Path) -> None:
    async with open_coordinator(
        tmp_path, agents=[make_window_agent()], desks=[make_desk("agent-1")], lanes={}, workers={}
    ) as octet:
        task = await octet.tasks.new(make_new_task(), by=ADA)
        with refuses("task_never_started"):
            await octet.tasks.done(task.id, "all done", by=ADA)


async def _is(value: bool) -> bool:  # noqa: FBT001 - a condition in the shape that `until` takes
    return value


async def _moved(octet: Coordinator, task: TaskId) -> bool:
    return (await octet.tasks.show(task, by=ADA)).task.state is not TaskState.READY


async def _delivery_is(octet: Coordinator, task: TaskId, state: DeliveryState) -> bool:
    return any(d.state is state for d in (await octet.tasks.show(task, by=ADA)).deliveries)


async def _told(octet: Coordinator, kind: NoticeKind) -> list[NoticeDetail | None]:
    for notice in await octet.notices.on(DISCORD).due(100):
        if notice.kind is NoticeKind.CARD:
            await octet.notices.on(DISCORD).posted(notice.id, channel="1", message="2", revision=notice.revision)
    return [notice.detail for notice in await octet.notices.on(DISCORD).due(100) if notice.kind is kind]
