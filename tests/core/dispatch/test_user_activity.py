"""Deliveries wait for whoever sits at the desk, say so, and wear nothing out by it; what stops it there stands."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from core.coordinator import Coordinator
from core.deliveries.model import DeliveryRequest, Outcome, Reason
from core.deliveries.ports import Progress
from core.desks.model import DeskNow, DeskState
from core.remedies import sentence
from core.settings.model import DispatchSettings
from core.tasks.model import TaskId, TaskState
from tests.builders import ADA, make_new_task
from tests.core.dispatch.test_finding_out import EXACT, Loses
from tests.core.dispatch.test_loop import QUICK, reach, window_house
from tests.fakes.lane import FakeLane, bounced

FIRST = TaskId("T-1")
TYPING = Reason.PERSON_TYPING


async def test_while_somebody_types_nothing_is_taken_and_the_card_says_so(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        await octet.dispatch.desk_waits("main", TYPING)
        await octet.tasks.new(make_new_task(), by=ADA)

        async with asyncio.timeout(60):
            while (  # noqa: ASYNC110 what stands on a card is no event
                await octet.tasks.show(FIRST, by=ADA)
            ).task.note != f"waits: {sentence(TYPING)} at desk main":
                await asyncio.sleep(0.01)
        (delivery,) = (await octet.tasks.show(FIRST, by=ADA)).deliveries
        assert (delivery.reason, delivery.bounces) == (TYPING, 0)
        assert octet.desks.state("main") == DeskNow(DeskState.READY, TYPING)
        assert not lane.orders
        await octet.dispatch.desk_waits("main", None)
        await reach(octet, FIRST, TaskState.WORKING)
        shown = await octet.tasks.show(FIRST, by=ADA)
        assert (shown.task.note, shown.deliveries[0].reason) == ("", None)


async def test_a_person_who_types_for_an_hour_delays_and_wears_nothing_out(tmp_path: Path) -> None:
    more_than_retries = QUICK.settings.max_retries + 20
    lane = FakeLane(*[bounced(Reason.PERSON_TYPING)] * more_than_retries)
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert len(lane.orders) == more_than_retries + 1
        assert len((await octet.tasks.show(FIRST, by=ADA)).deliveries) == 1, "none was refused"


async def test_a_desk_that_somebody_stopped_at_its_machine_says_so_until_it_is_released(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        await octet.dispatch.desk_stopped("main", "ctrl+alt+pause")
        stopped = DeskNow(DeskState.STOPPED, Reason.STOPPED_THERE, "by ctrl+alt+pause")
        assert octet.desks.state("main") == stopped
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WAITING, "hold")
    async with window_house(tmp_path, lane) as octet:
        assert octet.desks.state("main") == stopped, "after a restart too"
        assert not lane.orders
        await octet.desks.release("main", by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)


class LosesAsSomebodyComes(Loses):
    """Its worker is lost after Enter was granted, and then somebody begins to type."""

    octet: Coordinator

    def __init__(self, *settlements: Outcome) -> None:
        super().__init__(*settlements)
        self.somebody_came = asyncio.Event()

    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        outcome = await super().deliver(order, progress)
        await self.octet.dispatch.desk_waits("main", TYPING)
        self.somebody_came.set()
        return outcome


async def test_what_was_interrupted_is_looked_at_when_they_rest_and_no_person_is_asked_meanwhile(
    tmp_path: Path,
) -> None:
    lane = LosesAsSomebodyComes(EXACT)
    async with window_house(
        tmp_path, lane, policy=replace(QUICK, settings=DispatchSettings(recovery_timeout_s=0.05))
    ) as octet:
        lane.octet = octet
        await octet.tasks.new(make_new_task(), by=ADA)
        async with asyncio.timeout(60):
            await lane.somebody_came.wait()
        await asyncio.sleep(0.3)  # longer than Octet waits where nobody can look
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.DELIVERING
        assert not lane.settled
        await octet.dispatch.desk_waits("main", None)
        await reach(octet, FIRST, TaskState.WORKING)
        assert len(lane.settled) == 1
