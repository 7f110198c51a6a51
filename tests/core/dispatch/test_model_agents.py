"""Agents whose lane answers itself: the answer ends the task, limits pass, and eight of them work side by side."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.agent_messages.model import NewAgentMessage
from core.agents.model import AgentState, Lane
from core.coordinator import Coordinator
from core.deliveries.model import (
    Assurance,
    DeliveryRequest,
    DeliveryState,
    LaneAnswer,
    Outcome,
    Reason,
    Result,
    TurnText,
    Usage,
)
from core.deliveries.ports import Progress
from core.kit.clock import Clock
from core.messages.model import Source
from core.notices.model import AgentReports, NoticeKind
from core.reasons import ParkCause
from core.tasks.model import AttemptOutcome, TaskId, TaskState
from tests.builders import ADA, export_of, make_agent, make_new_task, open_coordinator, pending, refuses
from tests.core.dispatch.test_loop import QUICK, reach, running, until
from tests.fakes.clock import RunningClock
from tests.fakes.lane import FakeLane

FIRST = TaskId("T-1")
SEVEN = Outcome(result=Result.DELIVERED, assurance=Assurance.ANSWERED, answer=LaneAnswer(text="Seven."))
LIMITED = Outcome(result=Result.NOT_ARRIVED, reason=Reason.RATE_LIMITED, retry_after_s=90)
DENIED = Outcome(result=Result.NOT_ARRIVED, reason=Reason.MODEL_DENIED, note="HTTP 401")


class Answers(FakeLane):
    """A model: what its script does not say otherwise is answered with seven."""

    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        if not self.script:
            self.script.append(SEVEN)
        return await super().deliver(order, progress)


@asynccontextmanager
async def models(
    home: Path, lane: FakeLane, *, agents: int = 1, clock: Clock | None = None
) -> AsyncGenerator[Coordinator]:
    made = [replace(make_agent(f"Agent-{number}", lane=Lane.MODEL), model="big") for number in range(1, agents + 1)]
    lanes = {agent.route: lane for agent in made}
    async with (
        open_coordinator(home, agents=made, lanes=lanes, clock=clock, policy=QUICK) as octet,
        running(octet),
    ):
        yield octet


async def test_the_answer_comes_with_the_delivery_and_ends_the_task(tmp_path: Path) -> None:
    lane = Answers()
    async with models(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task("Count the birds"), by=ADA)
        await reach(octet, FIRST, TaskState.DONE)
        view = await octet.tasks.show(FIRST, by=ADA)
        assert lane.submitted == ["[D2A] hub → Agent-1 · task T-1 · P2\nCount the birds"], "and no way to answer"
        assert view.prompt == lane.submitted[0]
        assert [(one.body, one.source, one.final, one.late) for one in view.answers] == [
            ("Seven.", Source.MODEL, True, False)
        ]
        (delivery,) = view.deliveries
        assert (delivery.state, delivery.assurance) == (DeliveryState.DELIVERED, Assurance.ANSWERED)
        assert NoticeKind.ENDED in [notice.kind for notice in await pending(octet)]
        assert (await octet.agents.show("Agent-1", by=ADA)).state is AgentState.IDLE


class Writes(FakeLane):
    """A model that answers in three pieces, the last words after the answer has begun to arrive."""

    octet: Coordinator

    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        async def tell(text: str) -> None:
            await self.octet.dispatch.turns.turn_text(TurnText(agent=order.agent, delivery=order.delivery, text=text))

        await tell("too early")
        await progress.staging()
        await progress.staged(sha256=order.sha256)
        await progress.submitting()
        await tell("Six")
        await tell("Six,\n\ud800 sev")
        return SEVEN


async def test_users_read_the_answer_so_far_in_one_message_of_the_thread(tmp_path: Path) -> None:
    lane = Writes()
    async with models(tmp_path, lane) as octet:
        lane.octet = octet
        await octet.tasks.new(make_new_task("Count the birds"), by=ADA)
        await reach(octet, FIRST, TaskState.DONE)
        (shown,) = [one for one in await pending(octet) if one.kind is NoticeKind.PROGRESS]
        assert isinstance(shown.detail, AgentReports)
        assert (shown.revision, [one.text for one in shown.detail.reports]) == (3, ["…Six, sev"])


@pytest.mark.parametrize("text", ["Six, sev", "  "])
async def test_an_answer_that_is_not_whole_is_kept_and_fails_the_task(tmp_path: Path, text: str) -> None:
    cut = replace(SEVEN, answer=LaneAnswer(text=text, is_whole=not text.strip()), note="length")
    async with models(tmp_path, Answers(cut)) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.FAILED, Reason.ANSWER_CUT)
        view = await octet.tasks.show(FIRST, by=ADA)
        assert [(one.body, one.final) for one in view.answers] == ([(text, False)] if text.strip() else [])
        await octet.tasks.retry(FIRST, by=ADA)
        await reach(octet, FIRST, TaskState.DONE)


async def test_an_attempt_keeps_what_its_answer_used_whether_whole_or_cut(tmp_path: Path) -> None:
    whole = LaneAnswer(text="Seven.", usage=Usage(input_tokens=40, output_tokens=2, cost_micros=120))
    cut = LaneAnswer(text="Sev", is_whole=False, usage=Usage(input_tokens=40, output_tokens=1))
    async with models(tmp_path, Answers(replace(SEVEN, answer=cut), replace(SEVEN, answer=whole), SEVEN)) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.FAILED, Reason.ANSWER_CUT)
        await octet.tasks.retry(FIRST, by=ADA)
        await reach(octet, FIRST, TaskState.DONE)
        view = await octet.tasks.show(FIRST, by=ADA)
        assert [(one.tokens, one.cost_micros) for one in view.attempts] == [(41, None), (42, 120)]
        (line,) = (await export_of(octet)).splitlines()
        assert [one["tokens"] for one in json.loads(line)["attempts"]] == [41, 42]
        other = await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, other.id, TaskState.DONE)
        assert [one.tokens for one in (await octet.tasks.show(other.id, by=ADA)).attempts] == [None], "unknown, not 0"


async def test_half_a_character_of_a_model_is_left_out(tmp_path: Path) -> None:
    broken = replace(SEVEN, answer=LaneAnswer(text="Sev\ud800en"))
    async with models(tmp_path, Answers(broken)) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.DONE)
        assert [one.body for one in (await octet.tasks.show(FIRST, by=ADA)).answers] == ["Seven"]


async def test_a_rate_limit_rests_the_agent_until_it_is_over(tmp_path: Path) -> None:
    clock, lane = RunningClock(), Answers(LIMITED)
    async with models(tmp_path, lane, clock=clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)

        async def is_limited() -> bool:
            return (await octet.agents.show("Agent-1", by=ADA)).state is AgentState.LIMITED

        await until(is_limited, octet)
        status = await octet.agents.show("Agent-1", by=ADA)
        assert status.until_ms is not None
        assert 80_000 < status.until_ms - clock.now_ms() <= 90_000
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.READY
        assert [one.state for one in (await octet.tasks.show(FIRST, by=ADA)).deliveries] == [DeliveryState.SUPERSEDED]
        clock.ahead_s += 91
        octet.dispatch.wake()
        await reach(octet, FIRST, TaskState.DONE)
        assert len(lane.orders) == 2
        assert (await octet.agents.show("Agent-1", by=ADA)).until_ms is None


async def test_another_agent_takes_the_task_of_one_that_is_limited(tmp_path: Path) -> None:
    lane = Answers(LIMITED)
    async with models(tmp_path, lane, agents=2) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        assert (await reach(octet, FIRST, TaskState.DONE)).agent == "Agent-2"


async def test_a_model_that_refuses_six_times_fails_the_task(tmp_path: Path) -> None:
    clock = RunningClock()
    async with models(tmp_path, Answers(*[DENIED] * 6), clock=clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        for refusals in range(1, 7):

            async def has_refused(so_often: int = refusals) -> bool:
                deliveries = (await octet.tasks.show(FIRST, by=ADA)).deliveries
                return [one.state for one in deliveries] == [DeliveryState.REFUSED] * so_often

            await until(has_refused, octet)
            clock.ahead_s += max(301, QUICK.rest_ms(refusals) / 1000 + 1)
            octet.dispatch.wake()
        await reach(octet, FIRST, TaskState.FAILED, Reason.MODEL_DENIED)


async def test_what_was_sent_and_not_answered_waits_for_a_user_and_is_not_sent_again(tmp_path: Path) -> None:
    lane = Answers(Outcome(result=Result.UNKNOWN, reason=Reason.ANSWER_LOST))
    async with models(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.PARKED, ParkCause.DELIVERY_UNKNOWN)
        assert len(lane.orders) == 1
        assert (await octet.agents.show("Agent-1", by=ADA)).state is AgentState.HELD


async def test_eight_agents_of_one_model_do_not_wait_for_each_other(tmp_path: Path) -> None:
    lane = Answers()
    lane.gate.clear()
    async with models(tmp_path, lane, agents=8) as octet:
        for _ in range(8):
            await octet.tasks.new(make_new_task(), by=ADA)

        async def all_are_under_way() -> bool:
            return lane.under_way == 8

        await until(all_are_under_way, octet)
        lane.gate.set()
        for number in range(1, 9):
            await reach(octet, TaskId(f"T-{number}"), TaskState.DONE)


async def test_a_lane_gets_no_more_at_once_than_it_takes(tmp_path: Path) -> None:
    lane = Answers()
    lane.at_once = 2
    async with models(tmp_path, lane, agents=8) as octet:
        for _ in range(8):
            await octet.tasks.new(make_new_task(), by=ADA)
        for number in range(1, 9):
            await reach(octet, TaskId(f"T-{number}"), TaskState.DONE)
    assert lane.most_under_way <= 2
    assert len(lane.submitted) == 8


async def test_an_answer_to_a_task_that_was_cancelled_meanwhile_is_kept_as_late(tmp_path: Path) -> None:
    seven = LaneAnswer(text="Seven.", usage=Usage(input_tokens=40, output_tokens=2))
    lane, asked, go_on = Answers(replace(SEVEN, answer=seven)), asyncio.Event(), asyncio.Event()

    async def answers_late() -> None:
        asked.set()
        await go_on.wait()

    lane.before_the_end = answers_late
    async with models(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await asked.wait()
        await octet.tasks.cancel(FIRST, by=ADA)
        go_on.set()

        async def is_kept() -> bool:
            return bool((await octet.tasks.show(FIRST, by=ADA)).answers)

        await until(is_kept, octet)
        view = await octet.tasks.show(FIRST, by=ADA)
        assert view.task.state is TaskState.CANCELLED
        assert [(one.body, one.late, one.final) for one in view.answers] == [("Seven.", True, False)]
        assert [(one.outcome, one.tokens) for one in view.attempts] == [(AttemptOutcome.CANCELLED, 42)]


async def test_a_model_takes_no_messages(tmp_path: Path) -> None:
    async with models(tmp_path, Answers()) as octet:
        await asyncio.sleep(0)  # dispatch begins
        with refuses("agent_takes_no_messages"):
            await octet.agent_messages.send(NewAgentMessage(text="Hello", agent="Agent-1"), by=ADA)
        with refuses("no_reachable_agent"):
            await octet.agent_messages.broadcast(NewAgentMessage(text="Hello"), by=ADA)
