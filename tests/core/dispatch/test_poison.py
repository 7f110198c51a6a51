"""A text over which the worker of its desk ends each time: parked soon, with that cause, and nothing else held up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.deliveries.model import DeliveryRequest, DeliveryState, Outcome, Reason
from core.deliveries.ports import Progress
from core.retry_policy import RetryPolicy
from core.tasks.model import TaskId, TaskState
from tests.builders import ADA, make_new_task
from tests.core.dispatch.test_loop import reach, window_house
from tests.fakes.lane import FakeLane, bounced

FIRST = TaskId("T-1")
DIED = bounced(Reason.WORKER_LOST)


async def test_a_text_over_which_the_worker_ends_three_times_in_a_row_is_parked_and_others_go_on(
    tmp_path: Path,
) -> None:
    lane = FakeLane(DIED, DIED, DIED)
    async with window_house(tmp_path, lane, policy=RetryPolicy(first_pause_ms=1)) as octet:
        await octet.tasks.new(make_new_task("the poison"), by=ADA)
        parked = await reach(octet, FIRST, TaskState.PARKED, "worker")
        assert len(lane.orders) == 3
        assert parked.note.startswith("3 times in a row, the last time when")
        (refused,) = (await octet.tasks.show(FIRST, by=ADA)).deliveries
        assert refused.state is DeliveryState.REFUSED
        await octet.tasks.new(make_new_task("the next"), by=ADA)
        await octet.dispatch.window_usable("main", "agent-1")
        await reach(octet, TaskId("T-2"), TaskState.WORKING)
        await octet.tasks.retry(FIRST, by=ADA)
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is not TaskState.PARKED, "a person may try it anew"


async def test_a_worker_that_ends_now_and_then_or_is_not_there_yet_makes_no_text_a_poison(tmp_path: Path) -> None:
    away = bounced(Reason.NO_WORKER)
    lane = FakeLane(DIED, DIED, bounced(), DIED, away, DIED, away, away)
    async with window_house(tmp_path, lane, policy=RetryPolicy(first_pause_ms=1, longest_pause_ms=1)) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert len(lane.orders) == 9


async def test_waiting_for_the_next_worker_between_its_ends_makes_them_no_less(tmp_path: Path) -> None:
    lane = FakeLane(DIED, bounced(Reason.NO_WORKER), DIED, bounced(Reason.NO_WORKER), DIED)
    async with window_house(tmp_path, lane, policy=RetryPolicy(first_pause_ms=1, longest_pause_ms=1)) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.PARKED, "worker")
        assert len(lane.orders) == 5


class LostInStaging(FakeLane):
    """Begins the first draft, and loses its worker before the text is whole."""

    async def _play(self, order: DeliveryRequest, progress: Progress, outcome: Outcome) -> Outcome:
        if len(self.orders) > 1:
            return await super()._play(order, progress, outcome)
        await progress.staging(drafts=("text:aa",))
        return replace(DIED, draft_left=True)


async def test_a_worker_that_is_lost_in_staging_leaves_the_marks_of_its_draft_with_the_row(tmp_path: Path) -> None:
    lane = LostInStaging()
    async with window_house(tmp_path, lane, policy=RetryPolicy(first_pause_ms=1)) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert [order.drafts for order in lane.orders] == [(), ("text:aa",)], "the next worker clears what is left"
