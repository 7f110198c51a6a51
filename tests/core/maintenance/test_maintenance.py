"""Looking after desks: tried out without an Enter, put back, and each trouble with its cure."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.agents.model import Lane
from core.coordinator import Coordinator
from core.deliveries.model import DeliveryRequest, DeliveryState, Outcome, Reason, Result
from core.deliveries.ports import Progress
from core.desks.model import Arranged, DeskNow, DeskState, DeskUnavailable, WindowStatus
from core.maintenance import service
from core.security.model import NotAllowed
from core.store.engine import Tx
from core.store.errors import StoreLocked
from tests.builders import (
    ADA,
    BEN,
    CAROL,
    entries_of,
    make_agent,
    make_desk,
    make_new_task,
    make_window_agent,
    open_coordinator,
    refuses,
)
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane, bounced, refused

GOOD = tuple(WindowStatus(name=f"agent-{number}", usable=True) for number in (1, 2))


@asynccontextmanager
async def desk(home: Path, *script: Outcome, state: DeskState = DeskState.READY) -> AsyncGenerator[House]:
    lane, worker = FakeLane(*script), FakeDeskWorker(windows=GOOD)
    async with open_coordinator(
        home,
        agents=[make_window_agent("One", window="agent-1"), make_agent("Dry")],
        desks=[make_desk("agent-1", "agent-2")],
        lanes={(Lane.WINDOW, "main"): lane},
        workers={"main": worker},
    ) as octet:
        await octet.dispatch.desk_changed("main", DeskNow(state))
        yield House(octet, lane, worker)


class House:
    def __init__(self, octet: Coordinator, lane: FakeLane, worker: FakeDeskWorker) -> None:
        self.octet, self.lane, self.worker = octet, lane, worker


async def test_all_windows_of_a_desk_are_tried_and_nothing_is_submitted(tmp_path: Path) -> None:
    async with desk(tmp_path) as house:
        first, second = await house.octet.maintenance.try_out(desk="main", by=ADA)
        assert (first.window, first.agent, first.is_good, first.by) == ("agent-1", "One", True, "copy")
        assert (second.window, second.agent, second.is_good, second.took_ms) == ("agent-2", "", True, 3.0)
        assert house.lane.submitted == []
        assert all(order.is_dry_run for order in house.lane.orders)
        texts = {order.text for order in house.lane.orders}
        assert len(texts) == 2, "each with a word of its own"
        assert not any("\n" in text or text.startswith(("/", "@", "#")) for text in texts)
        names = [entry.name for entry in await entries_of(house.octet.journal, "desk:main")]
        assert names == ["WindowTried", "WindowTried"]
        assert await house.octet.deliveries.leftover_drafts.left("main") == {}


async def test_the_marks_are_stored_before_the_text_is_pasted_and_kept_where_it_may_stand_there(tmp_path: Path) -> None:
    async def left(order: DeliveryRequest, progress: Progress) -> Outcome:
        await progress.staging(drafts=("ours",))
        assert await house.octet.deliveries.leftover_drafts.left("main") == {"agent-1": ("ours",)}
        await house.octet.dispatch.window_usable("main", "agent-1")  # told late: it was so before
        return Outcome(result=Result.REFUSED, reason=Reason.NOT_CLEARED, draft_left=True)

    async with desk(tmp_path) as house:
        house.lane.deliver = left  # pyright: ignore[reportAttributeAccessIssue] - a lane of its own
        (tried,) = await house.octet.maintenance.try_out(agent="one", by=ADA)
        assert (tried.is_good, tried.reason) == (False, Reason.NOT_CLEARED)
        assert await house.octet.deliveries.leftover_drafts.left("main") == {"agent-1": ("ours",)}
        await house.octet.dispatch.window_usable("main", "agent-1")
        assert await house.octet.deliveries.leftover_drafts.left("main") == {}


async def test_enter_is_never_granted_to_a_try(tmp_path: Path) -> None:
    async def wants_enter(order: DeliveryRequest, progress: Progress) -> Outcome:
        with refuses("never_sent"):
            await progress.submitting()
        return Outcome(result=Result.STOPPED)

    async with desk(tmp_path) as house:
        house.lane.deliver = wants_enter  # pyright: ignore[reportAttributeAccessIssue] - a lane of its own
        (tried,) = await house.octet.maintenance.try_out(agent="One", by=ADA)
        assert not tried.is_good


async def test_what_passes_by_itself_is_tried_again_and_what_does_not_is_told_with_its_cure(tmp_path: Path) -> None:
    script = bounced(), bounced(Reason.PERSON_TYPING)
    async with desk(tmp_path, *script) as house:
        (tried,) = await house.octet.maintenance.try_out(agent="One", by=ADA)
        assert (tried.is_good, tried.tries) == (True, 3)
        for outcome in (bounced(Reason.BUSY), refused(Reason.COMPOSER_NOT_EMPTY, "it was left")):
            house.lane.script.append(outcome)
            (tried,) = await house.octet.maintenance.try_out(agent="One", by=ADA)
            assert (tried.is_good, tried.tries) == (False, 1)
            assert (tried.reason, tried.note) == (outcome.reason, outcome.note)


async def test_a_disturbance_that_stays_ends_the_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "TRIES_S", 0.0)
    async with desk(tmp_path, *[bounced()] * 9) as house:
        (tried,) = await house.octet.maintenance.try_out(agent="One", by=ADA)
        assert (tried.is_good, tried.reason) == (False, Reason.FOCUS_TAKEN)
        assert tried.tries == 1, "the next try would come too late"


async def test_what_is_the_evidence_of_a_delivery_is_left_alone(tmp_path: Path) -> None:
    async with desk(tmp_path) as house:
        await house.octet.tasks.new(make_new_task(agent="One"), by=ADA)
        await house.octet.store.write(house.octet.dispatch.assigner.assign_ready)
        (delivery,) = await house.octet.deliveries.list_for_task("T-1")

        def submit(tx: Tx) -> None:
            leased = house.octet.deliveries.lease(tx, delivery.id, sha256="aa")
            for state in (DeliveryState.STAGING, DeliveryState.STAGED, DeliveryState.SUBMITTING):
                house.octet.deliveries.proceed(tx, leased.id, leased.fence, state)

        await house.octet.store.write(submit)
        (tried,) = await house.octet.maintenance.try_out(agent="One", by=ADA)
        assert (tried.is_good, tried.reason) == (False, Reason.EARLIER_UNKNOWN)
        assert house.lane.orders == []


async def test_what_the_store_refuses_is_told_as_that_and_not_in_a_heap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path) as house:
        monkeypatch.setattr(house.octet.store, "write", refused_write)
        with pytest.raises(StoreLocked):
            await house.octet.maintenance.try_out(agent="One", by=ADA)
        with pytest.raises(StoreLocked):
            await house.octet.maintenance.try_out(by=ADA)


async def refused_write(_: object) -> None:
    raise StoreLocked(why="another program")


async def test_a_desk_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    async with desk(tmp_path, state=DeskState.UNAVAILABLE) as house:
        (tried,) = await house.octet.maintenance.try_out(agent="One", by=ADA)
        assert (tried.is_good, tried.tries) == (False, 0)
        assert tried.reason is not None
        assert house.lane.orders == []


async def test_arranging_tells_what_was_done_and_what_still_stands_in_the_way(tmp_path: Path) -> None:
    async with desk(tmp_path) as house:
        house.worker.arranged = {
            "agent-1": Arranged(window="agent-1", done=("moved",)),
            "agent-2": Arranged(window="agent-2", reason=Reason.CLOSED, note="no window has its class and title"),
        }
        first, second = await house.octet.maintenance.arrange("main", by=ADA)
        assert (first.is_right, first.done, first.reason, first.agent) == (True, ("moved",), None, "One")
        assert (second.is_right, second.reason) == (False, Reason.CLOSED)
        (entry,) = await entries_of(house.octet.journal, "desk:main")
        assert (entry.name, entry.data["windows"], entry.data["right"]) == ("DeskArranged", 2, 1)


async def test_the_doctor_names_each_trouble_with_its_cure(tmp_path: Path) -> None:
    async with desk(tmp_path) as house:
        moved, unread = GOOD
        house.worker.windows = (
            replace(moved, usable=False, reason=Reason.MOVED, note="it stands at 1,1"),
            replace(unread, unread="there is no bus"),
        )
        (found,) = await house.octet.maintenance.doctor(by=CAROL)
        assert (found.desk, found.state, found.windows) == ("main", DeskState.READY, 2)
        told = [(one.window, one.reason, one.stops) for one in found.ailments]
        assert told == [
            ("agent-1", Reason.MOVED, True),
            ("agent-2", Reason.NOT_READABLE, False),
            ("agent-2", Reason.NO_AGENT_THERE, False),
        ]


async def test_the_doctor_says_how_the_desk_itself_goes_on(tmp_path: Path) -> None:
    async with desk(tmp_path) as house:
        await house.octet.desks.hold("main", by=ADA)
        (found,) = await house.octet.maintenance.doctor("main", by=ADA)
        assert found.ailments[0].reason is Reason.UNTIL_RELEASED
        await house.octet.desks.release("main", by=ADA)
        await house.octet.dispatch.desk_waits("main", Reason.QUIET_HOURS)
        (found,) = await house.octet.maintenance.doctor("main", by=ADA)
        assert (found.ailments[0].reason, found.ailments[0].stops) == (Reason.QUIET_HOURS, False)
        await house.octet.dispatch.desk_changed(
            "main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "no display :7: it is not there")
        )
        (found,) = await house.octet.maintenance.doctor("main", by=ADA)
        assert found.ailments[0].reason is Reason.NO_DISPLAY


async def test_who_may_what(tmp_path: Path) -> None:
    async with desk(tmp_path) as house:
        maintenance = house.octet.maintenance
        for verb, permission in (
            (maintenance.try_out(by=CAROL), "desk.use"),
            (maintenance.arrange("main", by=CAROL), "desk.use"),
            (maintenance.note_enabled("demo_tk", who="carol", by=CAROL), "desk.use"),
            (maintenance.reload(by=CAROL), "config.reload"),
            (maintenance.doctor(by=BEN), "desk.read"),
        ):
            with pytest.raises(NotAllowed) as refused:
                await verb
            assert refused.value.details["permission"] == permission
        assert await entries_of(house.octet.journal, "profile:demo_tk") == ()
        assert house.worker.told == []
        assert house.lane.orders == []


async def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    async with desk(tmp_path) as house:
        maintenance = house.octet.maintenance
        for verb, error in (
            (maintenance.try_out(agent="Gone", by=ADA), "agent_not_found"),
            (maintenance.try_out(agent="Dry", by=ADA), "agent_without_window"),
            (maintenance.try_out(desk="attic", by=ADA), "desk_not_found"),
            (maintenance.arrange("attic", by=ADA), "desk_not_found"),
            (maintenance.doctor("attic", by=ADA), "desk_not_found"),
        ):
            with refuses(error):
                await verb
        await house.octet.dispatch.desk_changed("main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "gone"))
        with pytest.raises(DeskUnavailable):
            await maintenance.arrange("main", by=ADA)


def test_each_state_but_ready_has_its_reason() -> None:
    assert set(service.CLOSED) == set(DeskState) - {DeskState.READY}
