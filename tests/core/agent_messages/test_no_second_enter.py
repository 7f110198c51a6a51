"""Words are never taken for one another, and never pressed after what they are about has ended."""

from __future__ import annotations

from pathlib import Path

from core.deliveries.model import DeliveryRequest, Outcome, Reason, Result
from core.deliveries.ports import Progress
from core.kit.errors import Conflict
from core.tasks.model import TaskId, TaskState
from tests.builders import ADA, make_new_task, unmarked
from tests.core.agent_messages.test_words import S, house, say, stands
from tests.core.dispatch.test_loop import reach
from tests.fakes.lane import FakeLane


async def test_the_same_words_said_twice_are_two_texts(tmp_path: Path) -> None:
    """Else the first, found in a window's transcript, would prove that the second arrived."""
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        for _ in range(2):
            await stands(octet, await octet.agent_messages.send(say(agent="Left"), by=ADA), S.DELIVERED)
        first, second = lane.submitted
        assert first != second
        assert unmarked(first).splitlines()[:-1] == unmarked(second).splitlines()[:-1]


async def test_words_whose_task_ended_are_given_no_second_enter(tmp_path: Path) -> None:
    asked: list[str] = []

    class Late(FakeLane):
        """Has Enter granted for words, presses too late, and asks again after the task has ended."""

        async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
            if "Stop and wait" not in order.text:
                return await super().deliver(order, progress)
            await progress.staging()
            await progress.staged(sha256=order.sha256)
            await progress.submitting()
            await octet.tasks.cancel(TaskId("T-1"), by=ADA)
            try:
                await progress.submitting()
            except Conflict as refused:
                asked.append(type(refused).__name__)
            return Outcome(result=Result.NOT_ARRIVED, reason=Reason.LATE)

    async with house(tmp_path, Late()) as octet:
        task = (await octet.tasks.new(make_new_task(), by=ADA)).id
        await reach(octet, task, TaskState.WORKING)
        sent = await octet.agent_messages.send(say(task=task), by=ADA)
        await stands(octet, sent, S.CANCELLED)
        assert asked == ["NotWanted"]
