"""Octet stores an answer that comes too early once, and still accepts the same answer in time."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.agents.model import Lane
from core.coordinator import Coordinator
from core.tasks.model import TaskId, TaskNotStarted, TaskState, WrongTask
from tests.builders import ADA, make_agent, make_new_task, open_coordinator
from tests.fakes.lane import FakeLane


async def grant(octet: Coordinator, task: TaskId) -> str:
    """Return the task's code, granted as if its prompt were about to be delivered."""
    found = await octet.tasks.repository.get(task)
    codes = octet.tasks.briefs._codes
    await octet.store.write(lambda tx: codes.grant(tx, task, found.fence, agent="Agent-1"))
    return codes.code(task, found.fence)


async def test_the_same_words_again_in_time_end_the_task(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={(Lane.DRYRUN, None): FakeLane()}) as octet:
        task = await octet.tasks.new(make_new_task(), by=ADA)
        code = await grant(octet, task.id)
        for _ in range(2):  # the agent's tool may repeat them, and Octet may find them in answers/ as well
            with pytest.raises(TaskNotStarted, match="kept"):
                await octet.tasks.accept_answer(task.id, code, "Seven.", final=True, key="a")
        for state in (TaskState.ASSIGNED, TaskState.DELIVERING, TaskState.WORKING):
            await octet.store.write(
                lambda tx, state=state: octet.tasks.repository.move(tx, task.id, state, agent="Agent-1") and None
            )
        receipt = await octet.tasks.accept_answer(task.id, code, "Seven.", final=True, key="a")
        assert receipt.task.state is TaskState.DONE
        answers = (await octet.tasks.show(task.id, by=ADA)).answers
        assert [(answer.body, answer.late) for answer in answers] == [("Seven.", True), ("Seven.", False)]


async def test_an_answer_sent_under_another_tasks_name_is_accepted_under_the_right_one(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={(Lane.DRYRUN, None): FakeLane()}) as octet:
        task, other = [await octet.tasks.new(make_new_task(), by=ADA) for _ in range(2)]
        code = await grant(octet, task.id)
        for state in (TaskState.ASSIGNED, TaskState.DELIVERING, TaskState.WORKING):
            await octet.store.write(
                lambda tx, state=state: octet.tasks.repository.move(tx, task.id, state, agent="Agent-1") and None
            )
        for _ in range(2):
            with pytest.raises(WrongTask):
                await octet.tasks.accept_answer(other.id, code, "Seven.", final=True, key="a")
        receipt = await octet.tasks.accept_answer(task.id, code, "Seven.", final=True, key="a")
        assert receipt.task.state is TaskState.DONE
        answers = (await octet.tasks.show(task.id, by=ADA)).answers
        assert [(answer.body, answer.late) for answer in answers] == [("Seven.", True), ("Seven.", False)]
