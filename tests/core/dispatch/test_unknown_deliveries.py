"""Nobody saw the prompt arrive: a person says what became of it, and what waited for the word goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.agents.model import AgentState, Lane
from core.coordinator import Coordinator
from core.deliveries.model import (
    Assurance,
    Delivery,
    DeliveryRequest,
    DeliveryState,
    Moment,
    Outcome,
    Picture,
    Reason,
    Result,
)
from core.deliveries.ports import Progress
from core.desks.model import DeskNow, DeskState
from core.dispatch.model import Decision
from core.messages.model import Source
from core.notices.model import DISCORD, EndCause, Halt, Notice, NoticeKind, Resolution
from core.reasons import ParkCause
from core.security.model import HUB, NotAllowed
from core.store.engine import Tx
from core.tasks.model import TaskId, TaskNotFound, TaskState
from tests.builders import (
    ADA,
    CAROL,
    entries_of,
    make_agent,
    make_desk,
    make_new_task,
    make_window_agent,
    open_coordinator,
    pending,
    refuses,
)
from tests.core.dispatch.test_loop import DRY, UNKNOWN, code_in, reach, running, until, window_house
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane

FIRST, SECOND = TaskId("T-1"), TaskId("T-2")
SHOT = Picture(moment=Moment.LAST_SEEN, png=b"\x89PNG")
SEEN_NOWHERE = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box is empty", pictures=(SHOT,))


async def unknown(octet: Coordinator) -> Delivery:
    """Make a task whose delivery is unknown, and one that waits behind it for the same agent."""
    await octet.tasks.new(make_new_task("Count the birds"), by=CAROL)
    await octet.tasks.new(make_new_task("Count the bees"), by=CAROL)
    await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
    await reach(octet, SECOND, TaskState.WAITING, "hold")
    assert (await octet.agents.show("Agent-1", by=ADA)).state is AgentState.HELD
    (found,) = await octet.unknowns.list(by=ADA)
    return found


async def journal(octet: Coordinator, delivery: Delivery) -> list[tuple[str, object]]:
    entries = await entries_of(octet.journal, f"delivery:{delivery.id}")
    return [(entry.actor, entry.data["decision"]) for entry in entries if entry.name == "DeliveryResolved"]


async def notices(octet: Coordinator, kind: NoticeKind) -> list[Notice]:
    """Return the notices of this kind, with the cards posted first."""
    for notice in await octet.notices.on(DISCORD).due(100):
        if notice.kind is NoticeKind.CARD:
            await octet.notices.on(DISCORD).posted(notice.id, channel="1", message="2", revision=notice.revision)
    return [notice for notice in await pending(octet) if notice.kind is kind]


async def test_arrived_lets_the_task_go_on_and_keeps_its_agent_busy(tmp_path: Path) -> None:
    lane = FakeLane(SEEN_NOWHERE)
    async with window_house(tmp_path, lane) as octet:
        found = await unknown(octet)
        after = await octet.unknowns.resolve("T-1", Decision.ARRIVED, by=ADA)
        assert (after.id, after.state, after.assurance) == (found.id, DeliveryState.DELIVERED, Assurance.PERSON)
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.WORKING
        status = await octet.agents.show("Agent-1", by=ADA)
        assert (status.state, status.task) == (AgentState.BUSY, "T-1")
        assert await journal(octet, found) == [(ADA.id, "arrived")]
        assert len(lane.submitted) == 1
        await octet.tasks.accept_answer("T-1", code_in(lane.submitted[0]), "Seven.", final=True, key="a")
        await reach(octet, SECOND, TaskState.WORKING)


async def test_send_again_brings_the_same_row_to_the_same_agent_with_the_same_code(tmp_path: Path) -> None:
    lane = FakeLane(SEEN_NOWHERE)
    async with window_house(tmp_path, lane) as octet:
        found = await unknown(octet)
        await octet.unknowns.resolve(found.id, Decision.SEND_AGAIN, by=ADA, fence=found.fence)
        task = await reach(octet, FIRST, TaskState.WORKING)
        assert (task.agent, task.attempt) == ("Agent-1", 1)
        rows = (await octet.tasks.show(FIRST, by=ADA)).deliveries
        assert [(row.id, row.state, row.fence) for row in rows] == [(found.id, DeliveryState.DELIVERED, 2)]
        assert lane.submitted[0] == lane.submitted[1]
        assert await journal(octet, found) == [(ADA.id, "again")]
        await octet.tasks.accept_answer("T-1", code_in(lane.submitted[0]), "Seven.", final=True, key="a")
        await reach(octet, SECOND, TaskState.WORKING)


@pytest.mark.parametrize("is_under_way", [False, True])
async def test_an_answer_that_comes_before_it_is_sent_again_counts_and_nothing_is_brought_twice(
    tmp_path: Path, *, is_under_way: bool
) -> None:
    lane = FakeLane(SEEN_NOWHERE)
    async with window_house(tmp_path, lane) as octet:
        found = await unknown(octet)
        if is_under_way:
            lane.gate.clear()
        else:
            await octet.dispatch.desk_changed("main", DeskNow(DeskState.STARTING))
        await octet.unknowns.resolve("T-1", Decision.SEND_AGAIN, by=ADA)

        async def is_staging() -> bool:
            return (await octet.tasks.show(FIRST, by=ADA)).deliveries[0].state is DeliveryState.STAGING

        if is_under_way:
            await until(is_staging, octet)
        await octet.tasks.accept_answer("T-1", code_in(lane.submitted[0]), "Seven.", final=True, key="a")
        view = await octet.tasks.show(FIRST, by=ADA)
        assert view.task.state is TaskState.DONE
        assert [(answer.body, answer.late) for answer in view.answers] == [("Seven.", False)]
        assert [(row.id, row.state) for row in view.deliveries] == [(found.id, DeliveryState.CANCELLED)]
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        await reach(octet, SECOND, TaskState.WORKING)
        assert ["T-1" in text for text in lane.submitted] == [True, False]


async def test_drop_ends_the_task_frees_its_agent_and_tells_who_asked(tmp_path: Path) -> None:
    lane = FakeLane(SEEN_NOWHERE)
    async with window_house(tmp_path, lane) as octet:
        found = await unknown(octet)
        after = await octet.unknowns.resolve("t-1", Decision.DROP, by=ADA)
        assert (after.state, after.reason) == (DeliveryState.CANCELLED, Reason.DROPPED)
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.CANCELLED
        await reach(octet, SECOND, TaskState.WORKING)
        (told,) = await notices(octet, NoticeKind.ENDED)
        assert told.detail == EndCause(reason=Reason.DROPPED, by="Ada")
        assert await journal(octet, found) == [(ADA.id, "drop")]


@pytest.mark.parametrize("decision", list(Decision))
async def test_what_is_settled_already_is_not_settled_again(tmp_path: Path, decision: Decision) -> None:
    async with window_house(tmp_path, FakeLane(SEEN_NOWHERE)) as octet:
        found = await unknown(octet)
        await octet.unknowns.resolve("T-1", Decision.ARRIVED, by=ADA)
        with refuses("no_unknown_delivery", match="a user has already said that it arrived"):
            await octet.unknowns.resolve(found.id, decision, by=ADA)
        assert await journal(octet, found) == [(ADA.id, "arrived")]


async def test_a_word_about_an_earlier_unknown_of_the_same_row_is_not_taken_for_the_next(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(SEEN_NOWHERE, SEEN_NOWHERE)) as octet:
        found = await unknown(octet)
        await octet.unknowns.resolve(found.id, Decision.SEND_AGAIN, by=ADA, fence=found.fence)

        async def is_unknown_again() -> bool:
            return [one.fence for one in await octet.unknowns.list(by=ADA)] == [2]

        await until(is_unknown_again, octet)
        with refuses("no_unknown_delivery", match="newest message"):
            await octet.unknowns.resolve(found.id, Decision.DROP, by=ADA, fence=found.fence)
        await octet.unknowns.resolve(found.id, Decision.ARRIVED, by=ADA, fence=2)


async def test_an_answer_a_cancel_and_ones_own_words_settle_it_too(tmp_path: Path) -> None:
    lane = FakeLane(SEEN_NOWHERE, SEEN_NOWHERE)
    async with window_house(tmp_path, lane) as octet:
        found = await unknown(octet)
        await octet.tasks.accept_answer("T-1", code_in(lane.submitted[0]), "It did.", final=False, key="a")
        with refuses("no_unknown_delivery", match="its answer came"):
            await octet.unknowns.resolve(found.id, Decision.DROP, by=ADA)
        await octet.tasks.cancel(FIRST, by=ADA)
        await reach(octet, SECOND, TaskState.PARKED, "delivery_unknown")
        await octet.tasks.cancel(SECOND, by=ADA)
        with refuses("no_unknown_delivery", match=r"already cancelled \(the task has ended\)"):
            await octet.unknowns.resolve("T-2", Decision.ARRIVED, by=ADA)


async def test_the_message_that_asked_says_afterwards_how_it_was_settled(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(SEEN_NOWHERE)) as octet:
        found = await unknown(octet)
        asked = next(one for one in await notices(octet, NoticeKind.HELD) if one.about)
        assert (asked.task, asked.about) == ("T-1", f"{found.id}:1")
        assert asked.detail == Halt(state="parked", reason=ParkCause.DELIVERY_UNKNOWN)
        assert await octet.receipts.pictures(found.id, 1, by=HUB) == (SHOT,)
        await octet.notices.on(DISCORD).posted(asked.id, channel="1", message="3", revision=asked.revision)
        await octet.unknowns.resolve("T-1", Decision.SEND_AGAIN, by=ADA)
        again = next(one for one in await notices(octet, NoticeKind.HELD) if one.about)
        assert (again.id, again.detail) == (asked.id, Resolution(how="again", by=ADA.id))
        posts = await octet.notices.on(DISCORD).posts_about([asked.about])
        assert posts[asked.about].posted_message == "3"
        assert await octet.receipts.pictures(found.id, 2, by=HUB) == (), "the next attempt has pictures of its own"


async def test_who_may_not_decide_decides_nothing(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(SEEN_NOWHERE)) as octet:
        await unknown(octet)
        with pytest.raises(NotAllowed) as refused:
            await octet.unknowns.resolve("T-1", Decision.ARRIVED, by=CAROL)
        assert refused.value.details["permission"] == "delivery.resolve"
        assert len(await octet.unknowns.list(by=CAROL)) == 1


async def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane()) as octet:
        with pytest.raises(TaskNotFound):
            await octet.unknowns.resolve("T-9", Decision.DROP, by=ADA)
        with refuses("delivery_not_found"):
            await octet.unknowns.resolve("01ARZ3NDEKTSV4RRFFQ69G5FAV", Decision.DROP, by=ADA)
        await octet.tasks.new(make_new_task(agent=None), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        with refuses("no_unknown_delivery", match="Octet saw it arrive"):
            await octet.unknowns.resolve("T-1", Decision.DROP, by=ADA)


async def test_of_a_dry_run_nobody_claims_that_it_arrived(tmp_path: Path) -> None:
    async with (
        open_coordinator(tmp_path, agents=[make_agent()], lanes={(Lane.DRYRUN, None): FakeLane(DRY)}) as octet,
        running(octet),
    ):
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WAITING, "dry_run")
        with refuses("no_unknown_delivery", match="dry run: Octet typed nothing"):
            await octet.unknowns.resolve("T-1", Decision.ARRIVED, by=ADA)


async def test_a_retry_names_the_ways_out(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(SEEN_NOWHERE)) as octet:
        await unknown(octet)
        with refuses("delivery_unresolved", match=r"octet delivery resolve T-1 arrived\|again\|drop"):
            await octet.tasks.retry(FIRST, by=ADA)


class Marking(FakeLane):
    """Says by what its draft is known, and loses sight of the first one."""

    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        if self.orders:
            return await super().deliver(order, progress)
        self.orders.append(order)
        await progress.staging(drafts=("text:aa",))
        await progress.staged(sha256=order.sha256, drafts=("window:bb",))
        await progress.submitting()
        return Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="it still stands there", draft_left=True)


@pytest.mark.parametrize("is_dropped", [True, False])
async def test_the_next_prompt_into_the_window_clears_the_draft_of_one_that_was_given_up(
    tmp_path: Path, *, is_dropped: bool
) -> None:
    lane = Marking()
    async with window_house(tmp_path, lane) as octet:
        await unknown(octet)
        if is_dropped:
            await octet.unknowns.resolve("T-1", Decision.DROP, by=ADA)
        else:
            await octet.tasks.cancel(FIRST, by=ADA)
        await reach(octet, SECOND, TaskState.WORKING)
        assert [order.drafts for order in lane.orders] == [(), ("text:aa", "window:bb")]


async def test_sent_again_for_a_paused_agent_another_one_does_it(tmp_path: Path) -> None:
    lane = FakeLane(SEEN_NOWHERE)
    async with window_house(tmp_path, lane, agents=2) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
        await octet.availability.pause("Agent-1", by=ADA)
        await octet.unknowns.resolve("T-1", Decision.SEND_AGAIN, by=ADA)
        assert (await reach(octet, FIRST, TaskState.WORKING)).agent == "Agent-2"
        status = await octet.agents.show("Agent-1", by=ADA)
        assert (status.state, status.task) == (AgentState.PAUSED, None)


async def test_sent_again_for_an_agent_that_left_the_config_another_one_does_it(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(SEEN_NOWHERE)) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
    lane = FakeLane()
    async with (
        open_coordinator(tmp_path, agents=[make_agent("Other")], lanes={(Lane.DRYRUN, None): lane}) as octet,
        running(octet),
    ):
        await octet.unknowns.resolve("T-1", Decision.SEND_AGAIN, by=ADA)
        assert (await reach(octet, FIRST, TaskState.WORKING)).agent == "Other"
        assert len(lane.submitted) == 1


@pytest.mark.parametrize("decision", list(Decision))
async def test_a_message_without_a_task_concerns_only_its_agent(tmp_path: Path, decision: Decision) -> None:
    async with open_coordinator(
        tmp_path,
        agents=[make_window_agent()],
        desks=[make_desk("agent-1")],
        lanes={},
        workers={"main": FakeDeskWorker()},
    ) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)

        def lose_sight(tx: Tx) -> Delivery:
            brief = octet.messages.add_brief(
                tx, task="T-1", agent="Agent-1", body="x", priority=2, source=Source.OPERATOR, by="hub"
            )
            row = octet.deliveries.queue(tx, octet.agents.get("Agent-1"), message=brief.id, priority=2)
            row = octet.deliveries.lease(tx, row.id, sha256="aa")
            for state in (DeliveryState.STAGING, DeliveryState.STAGED, DeliveryState.SUBMITTING):
                row = octet.deliveries.proceed(tx, row.id, row.fence, state)
            octet.agents.move(tx, "Agent-1", AgentState.HELD, reason=ParkCause.DELIVERY_UNKNOWN)
            return octet.deliveries.end(tx, row, DeliveryState.UNKNOWN, UNKNOWN)

        found = await octet.store.write(lose_sight)
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        await octet.unknowns.resolve(found.id, decision, by=ADA)
        assert (await octet.agents.show("Agent-1", by=ADA)).state is not AgentState.HELD
        ends = {"arrived": "delivered", "again": "queued", "drop": "cancelled"}
        after = await octet.store.write(lambda tx: octet.deliveries.find(tx, found.id))
        assert after.state == ends[decision]
