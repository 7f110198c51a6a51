"""An error of Octet's own over one row sets that one task aside; everything else goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from core.agent_messages.model import NewAgentMessage
from core.agents.model import AgentState
from core.coordinator import Coordinator
from core.deliveries.model import Delivery, DeliveryState
from core.profiles.model import Act
from core.reasons import ParkCause, Reason
from core.store.engine import RowFailed, Tx, at_row
from core.tasks.model import Task, TaskId, TaskState
from tests.builders import ADA, export_of, list_tasks, make_agent, make_new_task, open_coordinator
from tests.core.agent_actions.house import asked, house
from tests.core.dispatch.test_loop import code_in, reach, until, window_house
from tests.core.supervision.test_roster import agent
from tests.core.supervision.test_silence import FIRST, HOUR_S, SECOND, pass_time
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane


def fails_for(monkeypatch: pytest.MonkeyPatch, owner: object, verb: str, is_bad: Callable[..., bool]) -> None:
    """Let the verb meet an error of our own for the calls that `is_bad` picks."""
    original = getattr(owner, verb)

    def call(*given: Any, **named: Any) -> object:
        if is_bad(*given, **named):
            raise KeyError("a mistake of ours")
        return original(*given, **named)

    monkeypatch.setattr(owner, verb, call)


async def is_set_aside(octet: Coordinator, task: TaskId = FIRST) -> Task:
    parked = await reach(octet, task, TaskState.PARKED, "lost")
    assert parked.note == "Octet had an internal error (KeyError); its log has the details"
    return parked


async def test_a_task_that_cannot_be_given_to_an_agent_is_set_aside_and_the_next_one_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        fails_for(monkeypatch, octet.tasks.briefs, "assign", lambda _, task, __: task == FIRST)
        with structlog.testing.capture_logs() as lines:
            await octet.tasks.new(make_new_task(), by=ADA)
            await is_set_aside(octet)
            await octet.tasks.new(make_new_task(), by=ADA)
            await reach(octet, SECOND, TaskState.WORKING)
        (line,) = [line for line in lines if line["event"] == "row_quarantined"]
        assert (line["task"], bool(line["exc_info"])) == (FIRST, True)
        (need,) = (await octet.fleet.needs_me(by=ADA)).shown
        assert need.task == FIRST, "Octet asks a user"


async def test_a_task_whose_prompt_cannot_be_made_is_set_aside_and_its_agent_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        fails_for(monkeypatch, octet.agent_messages, "make_prompt", lambda _, one, **__: one.task == FIRST)
        await octet.tasks.new(make_new_task(), by=ADA)
        await is_set_aside(octet)
        (delivery,) = await octet.deliveries.list_for_task(FIRST)
        assert delivery.state is DeliveryState.CANCELLED
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, SECOND, TaskState.WORKING)
        assert len(lane.submitted) == 1
        monkeypatch.undo()
        await octet.tasks.cancel(SECOND, by=ADA)
        await octet.tasks.retry(FIRST, by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)


async def test_an_outcome_that_cannot_be_applied_after_enter_is_left_to_a_person_and_never_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane, agents=2) as octet:
        fails_for(monkeypatch, octet.deliveries, "end", lambda _, delivery, *__: delivery.task == FIRST)
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
        assert await agent(octet) == (AgentState.HELD, "delivery_unknown", FIRST)
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, SECOND, TaskState.WORKING)
        await octet.tasks.accept_answer(FIRST, code_in(lane.submitted[0]), "Seven.", final=True, key="a")
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.DONE
        assert sum(FIRST in prompt for prompt in lane.submitted) == 1


async def test_words_that_cannot_be_looked_at_end_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with window_house(tmp_path, FakeLane(), agents=2) as octet:
        bad = list[str]()
        fails_for(monkeypatch, octet.agent_messages, "_review", lambda _, delivery, *__: delivery.message in bad)
        await octet.dispatch.desk_waits("main", Reason.PERSON_TYPING)
        first = await octet.agent_messages.send(NewAgentMessage(text="Wait", agent="Agent-1"), by=ADA)
        second = await octet.agent_messages.send(NewAgentMessage(text="Wait", agent="Agent-2"), by=ADA)
        bad.append(first.message.id)
        octet.dispatch.wake()
        await until(lambda: stands(octet, first.message.id, DeliveryState.CANCELLED), octet)
        await octet.dispatch.desk_waits("main", None)
        await until(lambda: stands(octet, second.message.id, DeliveryState.DELIVERED), octet)


async def stands(octet: Coordinator, message: str, state: DeliveryState) -> bool:
    return [one.state for one in await octet.deliveries.list_for_message(message)] == [state]


async def test_an_act_whose_outcome_cannot_be_applied_is_in_doubt_and_never_pressed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        found = await asked(octet)
        fails_for(monkeypatch, octet.deliveries, "end", lambda _, delivery, *__: delivery.act is not None)
        with structlog.testing.capture_logs() as lines:
            pressed = await octet.agent_actions.answer_dialog(found.id, Act.APPROVE, by=ADA)
        assert [line["event"] for line in lines].count("row_quarantined") == 1
        assert (pressed.state, lane.pressed) == (DeliveryState.UNKNOWN, [Act.APPROVE])
        assert await octet.agent_actions.dialogs.list_open() == ()
        await octet.tasks.new(make_new_task(agent="Agent-2"), by=ADA)
        await reach(octet, SECOND, TaskState.WORKING)


async def test_a_silent_agents_task_that_cannot_be_parked_as_such_is_set_aside_and_its_answer_still_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with window_house(tmp_path, lane, agents=2, clock=clock) as octet:

        def is_first(_: Tx, task: str, *__: object, reason: object = None, **___: object) -> bool:
            return task == FIRST and reason is ParkCause.SILENT

        fails_for(monkeypatch, octet.tasks.repository, "suspend", is_first)
        for _ in range(2):
            task = await octet.tasks.new(make_new_task(), by=ADA)
            await reach(octet, task.id, TaskState.WORKING)
        await pass_time(octet, clock, HOUR_S)
        await is_set_aside(octet)
        await reach(octet, SECOND, TaskState.PARKED, "silent")
        assert await agent(octet) == (AgentState.BUSY, None, FIRST), "its agent works on it"
        await octet.tasks.accept_answer(FIRST, code_in(lane.submitted[0]), "Seven.", final=True, key="a")
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.DONE


async def test_a_row_that_cannot_be_put_back_does_not_keep_octet_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with window_house(tmp_path, FakeLane(), agents=2) as octet:
        await octet.dispatch.desk_waits("main", Reason.PERSON_TYPING)
        for _ in range(2):
            task = await octet.tasks.new(make_new_task(), by=ADA)
            await reach(octet, task.id, TaskState.ASSIGNED)
        ids = [(await octet.deliveries.list_for_task(name))[0].id for name in (FIRST, SECOND)]
        await octet.store.write(lambda tx: [octet.deliveries.lease(tx, name, sha256="") for name in ids])
    step = type(octet.deliveries).step

    def fails(self: Any, tx: Tx, delivery: Delivery, to: DeliveryState, **named: Any) -> Delivery:
        if delivery.task == FIRST and to is DeliveryState.QUEUED:
            raise KeyError("a mistake of ours")
        return step(self, tx, delivery, to, **named)

    monkeypatch.setattr(type(octet.deliveries), "step", fails)
    async with window_house(tmp_path, FakeLane(), agents=2) as octet:
        await is_set_aside(octet)
        await reach(octet, SECOND, TaskState.WORKING)


async def test_a_row_that_fails_again_once_it_is_set_aside_is_not_tried_for_ever(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        runs = list[Tx]()

        def fail(tx: Tx) -> None:
            runs.append(tx)
            with at_row(FIRST):
                raise KeyError("a mistake of ours")

        with pytest.raises(RowFailed):
            await octet.tasks.quarantine.write(fail)
        assert len(runs) == 2
        await is_set_aside(octet)


@pytest.mark.parametrize("labels", [r'["\ud800"]', "not JSON"])
async def test_lists_and_exports_continue_without_what_cannot_be_read_and_a_user_is_asked(
    tmp_path: Path, labels: str
) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        for _ in range(3):
            await octet.tasks.new(make_new_task(labels=frozenset({"bug"})), by=ADA)
        damage = text("UPDATE tasks SET labels = :labels WHERE number = 2")
        await octet.store.write(lambda tx: tx.execute(damage, {"labels": labels}))
        with structlog.testing.capture_logs() as lines:
            found = await list_tasks(octet, by=ADA)
        assert [one["event"] for one in lines] == ["row_quarantined"]
        assert [(one.id, one.state is TaskState.PARKED) for one in found] == [
            ("T-3", False),
            ("T-2", True),
            ("T-1", False),
        ]
        (await export_of(octet)).encode()
        assert [need.task for need in (await octet.fleet.needs_me(by=ADA)).shown] == [SECOND]
        assert (await octet.tasks.show(SECOND, by=ADA)).task.labels == frozenset()
