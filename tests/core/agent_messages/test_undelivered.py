"""Words that do not arrive: nobody knows, they never fit, or they come too late. Their agent, and their sender."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.agent_messages.model import LONG_WAIT_MS, MESSAGE_TTL_MS
from core.agents.model import AgentState
from core.deliveries.model import DeliveryRequest, Outcome, Reason
from core.deliveries.ports import Progress
from core.dispatch.model import Decision
from core.messages.service import MessageNotFound
from core.notices.model import Undelivered
from core.security.model import OPERATOR, Actor, NotAllowed, Role
from core.tasks.model import TaskState
from tests.builders import ADA, BEN, CAROL, make_new_task, make_person, make_window_agent, refuses
from tests.core.agent_messages.test_words import UNKNOWN, S, house, say, stands, told
from tests.core.dispatch.test_loop import reach
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane, bounced, refused


async def test_unknown_words_hold_their_agent_and_all_that_comes_behind(tmp_path: Path) -> None:
    lane = FakeLane(UNKNOWN)
    async with house(tmp_path, lane, agents=[make_window_agent("Left", window="left")]) as octet:
        sent = await octet.agent_messages.send(say(agent="Left"), by=ADA)
        await stands(octet, sent, S.UNKNOWN)
        held = await octet.agents.show("Left", by=ADA)
        assert (held.state, held.task) == (AgentState.HELD, None)
        later = await octet.agent_messages.send(say("later", agent="Left"), by=ADA)
        assert later.deliveries[0].reason == Reason.EARLIER_UNKNOWN
        task = await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, task.id, TaskState.WAITING, "hold")
        assert await told(octet) == [Undelivered(agent="Left", state=S.UNKNOWN, reason=Reason.NOT_SEEN)]
        (delivery,) = (await octet.agent_messages.show(sent.message.id, by=ADA)).deliveries
        await octet.store.write(lambda tx: octet.deliveries.step(tx, delivery, S.DELIVERED) and None)
        await stands(octet, later, S.DELIVERED)
        await reach(octet, task.id, TaskState.WORKING)
        assert len(lane.submitted) == 3


async def test_unknown_words_give_a_queued_brief_to_another_agent(tmp_path: Path) -> None:
    pressed, go_on = asyncio.Event(), asyncio.Event()

    class Slow(FakeLane):
        async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
            if not pressed.is_set():
                await progress.staging()
                await progress.staged(sha256=order.sha256)
                await progress.submitting()
                pressed.set()
                await go_on.wait()
                return UNKNOWN
            return await super().deliver(order, progress)

    async with house(tmp_path, Slow()) as octet:
        sent = await octet.agent_messages.send(say(agent="Left"), by=ADA)
        async with asyncio.timeout(60):
            await pressed.wait()
        task = (await octet.tasks.new(make_new_task(), by=ADA)).id
        await reach(octet, task, TaskState.ASSIGNED)
        go_on.set()
        await stands(octet, sent, S.UNKNOWN)
        assert (await reach(octet, task, TaskState.WORKING)).agent == "Right"
        assert (await octet.agents.show("Left", by=ADA)).state is AgentState.HELD


async def test_words_that_never_fit_fail_and_are_told(tmp_path: Path) -> None:
    lane = FakeLane(refused(Reason.TEXT_REFUSED, "a newline would send it"))
    async with house(tmp_path, lane) as octet:
        sent = await octet.agent_messages.send(say(agent="Left"), by=ADA)
        await stands(octet, sent, S.FAILED)
        assert await told(octet) == [Undelivered(agent="Left", state=S.FAILED, reason=Reason.TEXT_REFUSED)]
        await stands(octet, await octet.agent_messages.send(say("next", agent="Left"), by=ADA), S.DELIVERED)


async def test_words_over_which_the_worker_ends_three_times_fail_and_are_told(tmp_path: Path) -> None:
    lane = FakeLane(*[bounced(Reason.WORKER_LOST)] * 3)
    async with house(tmp_path, lane) as octet:
        sent = await octet.agent_messages.send(say(agent="Left"), by=ADA)
        await stands(octet, sent, S.FAILED)
        assert await told(octet) == [Undelivered(agent="Left", state=S.FAILED, reason=Reason.POISON)]
        await stands(octet, await octet.agent_messages.send(say("next", agent="Left"), by=ADA), S.DELIVERED)


async def test_words_that_wait_for_long_are_told_once_and_expire_after_a_day(tmp_path: Path) -> None:
    clock = FakeClock()
    async with house(tmp_path, FakeLane(), clock=clock) as octet:
        await octet.availability.pause("Left", by=ADA)
        sent = await octet.agent_messages.send(say(agent="Left"), by=ADA)
        clock.advance(LONG_WAIT_MS / 1000)
        for _ in range(2):
            await octet.store.write(octet.agent_messages.review_queue)
        assert await told(octet) == [Undelivered(agent="Left", state=S.QUEUED)]
        clock.advance(MESSAGE_TTL_MS / 1000)
        await octet.store.write(octet.agent_messages.review_queue)
        (expired,) = await stands(octet, sent, S.EXPIRED)
        assert expired.note == "the agent is off duty: paused by Ada"
        assert (await told(octet))[1:] == [Undelivered(agent="Left", state=S.EXPIRED, reason=Reason.EXPIRED)]


async def test_words_sent_again_follow_their_agent_to_its_present_window(tmp_path: Path) -> None:
    async with house(tmp_path, FakeLane(UNKNOWN)) as octet:
        sent = await octet.agent_messages.send(say(agent="Left"), by=ADA)
        await stands(octet, sent, S.UNKNOWN)
    swapped = [make_window_agent("Left", window="right"), make_window_agent("Right", window="left")]
    lane = FakeLane()
    async with house(tmp_path, lane, agents=swapped) as octet:
        await octet.unknowns.resolve(sent.deliveries[0].id, Decision.SEND_AGAIN, by=ADA)
        await stands(octet, sent, S.DELIVERED)
        assert [(order.agent, order.window) for order in lane.orders] == [("Left", "right")]


async def test_words_sent_again_to_an_agent_that_left_the_config_are_told(tmp_path: Path) -> None:
    async with house(tmp_path, FakeLane(UNKNOWN)) as octet:
        sent = await octet.agent_messages.send(say(agent="Left"), by=ADA)
        await stands(octet, sent, S.UNKNOWN)
    async with house(tmp_path, FakeLane(), agents=[make_window_agent("Right", window="left")]) as octet:
        await octet.unknowns.resolve(sent.deliveries[0].id, Decision.SEND_AGAIN, by=ADA)
        (gone,) = await stands(octet, sent, S.CANCELLED)
        assert gone.reason is Reason.AGENT_GONE
        assert Undelivered(agent="Left", state=S.CANCELLED, reason=Reason.AGENT_GONE) in await told(octet)


@pytest.mark.parametrize("by", [ADA, OPERATOR])
async def test_a_queued_message_is_cancelled_and_another_user_than_its_sender_is_reported_to_them(
    tmp_path: Path, by: Actor
) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        await octet.availability.pause("Left", by=ADA)
        sent = await octet.agent_messages.send(say(agent="Left"), by=ADA)
        kept = await octet.agent_messages.send(say("Go on", agent="Left"), by=ADA)
        (cancelled,) = (await octet.agent_messages.cancel(sent.message.id, by=by)).deliveries
        assert (cancelled.state, cancelled.reason) == (S.CANCELLED, Reason.REMOVED)
        removed = [Undelivered(agent="Left", state=S.CANCELLED, reason=Reason.REMOVED)]
        assert await told(octet) == ([] if by is ADA else removed)
        with refuses("message_not_queued"):
            await octet.agent_messages.cancel(sent.message.id, by=by)
        await octet.availability.resume("Left", by=ADA)
        await stands(octet, kept, S.DELIVERED)
        assert len(lane.submitted) == 1
        with refuses("message_not_queued"):
            await octet.agent_messages.cancel(kept.message.id, by=by)


async def test_a_broadcast_is_taken_out_of_one_queue_or_of_all(tmp_path: Path) -> None:
    async with house(tmp_path, FakeLane()) as octet:
        for name in ("Left", "Right"):
            await octet.availability.pause(name, by=ADA)
        sent = await octet.agent_messages.broadcast(say(), by=ADA)
        await octet.agent_messages.cancel(sent.message.id, agent="left", by=ADA)
        await stands(octet, sent, S.CANCELLED, S.QUEUED)
        await octet.agent_messages.cancel(sent.message.id, by=ADA)
        await stands(octet, sent, S.CANCELLED, S.CANCELLED)


async def test_only_operators_and_its_sender_may_cancel_a_message(tmp_path: Path) -> None:
    async with house(tmp_path, FakeLane()) as octet:
        await octet.availability.pause("Left", by=ADA)
        sent = (await octet.agent_messages.send(say(agent="Left"), by=ADA)).message.id
        for other in (BEN, CAROL, make_person(2, "Ben", Role.VIEWER)):
            for message in (sent, "no message"):
                with pytest.raises(NotAllowed):
                    await octet.agent_messages.cancel(message, by=other)
        with pytest.raises(MessageNotFound):
            await octet.agent_messages.cancel("no message", by=ADA)
        with refuses("agent_not_found"):
            await octet.agent_messages.cancel(sent, agent="Nowhere", by=ADA)
        member = make_person(1, "Ada", Role.MEMBER)
        assert (await octet.agent_messages.cancel(sent, by=member)).deliveries[0].state is S.CANCELLED
