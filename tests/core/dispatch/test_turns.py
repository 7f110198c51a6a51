"""What Octet does with an agent's turn: what users see of it, and what its end means for the task."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.agent_messages.model import NewAgentMessage
from core.agents.model import AgentState
from core.coordinator import Coordinator
from core.deliveries.model import DeliveryState, StopReason, TurnUsage, Usage
from core.dispatch.model import ArrivalUnclear
from core.messages.model import Source
from core.notices.model import AgentReports, NoticeKind
from core.profiles.model import Act
from core.reasons import IdleSource, ParkCause, Reason
from core.retry_policy import RetryPolicy
from core.settings.model import DispatchSettings
from core.tasks.model import Task, TaskId, TaskState
from tests.builders import ADA, make_new_task, pending, refuses
from tests.core.dispatch.test_loop import reach, until
from tests.fakes.turn_lane import AGENT, TurnLane, turn_house

FIRST = TaskId("T-1")


async def begin(octet: Coordinator, brief: str = "Count the birds") -> None:
    task = await octet.tasks.new(make_new_task(brief), by=ADA)
    await reach(octet, task.id, TaskState.WORKING)


async def task(octet: Coordinator) -> Task:
    return (await octet.tasks.show(FIRST, by=ADA)).task


async def answers(octet: Coordinator) -> list[tuple[str, Source, bool]]:
    return [(one.body, one.source, one.final) for one in (await octet.tasks.show(FIRST, by=ADA)).answers]


async def state_of_agent(octet: Coordinator) -> AgentState:
    return (await octet.agents.show(AGENT, by=ADA)).state


async def test_the_last_message_of_a_turn_ends_the_task_unverified(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        await begin(octet)
        await lane.ends("Seven.", usage=Usage(input_tokens=40, output_tokens=2, cost_micros=120))
        ended = await task(octet)
        assert (ended.state, ended.cause, ended.is_unverified) == (TaskState.DONE, Reason.ENDED_TURN, True)
        assert await answers(octet) == [("Seven.", Source.ACP, True)]
        assert [(one.tokens, one.cost_micros) for one in (await octet.tasks.show(FIRST, by=ADA)).attempts] == [
            (42, 120)
        ]
        assert await state_of_agent(octet) is AgentState.IDLE


async def test_a_turn_that_ends_before_its_arrival_is_stored_ends_the_task_once(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:

        async def end() -> None:
            await lane.ends("Seven.")

        lane.before_the_end = end
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.DONE)
        await lane.ends("Seven.")
        assert await answers(octet) == [("Seven.", Source.ACP, True)]


async def test_an_answer_that_the_agent_sent_itself_is_not_doubled(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        await begin(octet)
        code = octet.tasks.answers._codes.code(FIRST, (await task(octet)).fence)
        await octet.tasks.accept_answer(FIRST, code, "Eight.", final=True, key="k", agent=AGENT)
        await lane.ends("I reported the answer.")
        assert await answers(octet) == [("Eight.", Source.AGENT, True)]


async def test_a_later_octet_done_replaces_the_last_message_of_the_turn(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        await begin(octet)
        await lane.ends("Seven.")
        code = octet.tasks.answers._codes.code(FIRST, (await task(octet)).fence)
        await octet.tasks.accept_answer(FIRST, code, "Eight.", final=True, key="k", agent=AGENT)
        assert (await answers(octet))[-1] == ("Eight.", Source.AGENT, True)


async def test_an_agent_that_octet_asks_for_its_answer_looks_idle_after_its_turn(tmp_path: Path) -> None:
    policy = RetryPolicy(settings=DispatchSettings(idle_after_s=0.01), first_pause_ms=1, longest_pause_ms=2)
    async with turn_house(tmp_path, lane := TurnLane(), end_of_turn="ask", policy=policy) as octet:
        await begin(octet)
        await lane.ends("I look at it.")
        assert await answers(octet) == [("I look at it.", Source.ACP, False)]

        async def looks_idle() -> bool:
            return (await task(octet)).idle_by is IdleSource.TURN

        await until(looks_idle, octet)
        await lane.does("npm test")
        assert (await task(octet)).idle_by is None, "its next turn takes that back"


@pytest.mark.parametrize(
    ("stop", "state", "reason", "cause"),
    [
        (StopReason.MAX_TOKENS, TaskState.FAILED, Reason.ANSWER_CUT, None),
        (StopReason.MAX_TURN_REQUESTS, TaskState.FAILED, Reason.TURN_TOO_LONG, None),
        (StopReason.REFUSAL, TaskState.FAILED, Reason.TURN_REFUSED, None),
        (StopReason.CANCELLED, TaskState.PARKED, ParkCause.INTERRUPTED, None),
        (StopReason.FAILED, TaskState.PARKED, ParkCause.INTERRUPTED, Reason.TURN_FAILED),
        (StopReason.LOST, TaskState.PARKED, ParkCause.INTERRUPTED, Reason.TURN_LOST),
        (StopReason.OTHER, TaskState.PARKED, ParkCause.INTERRUPTED, Reason.TURN_FAILED),
    ],
)
async def test_each_other_end_of_a_turn_keeps_its_text_and_frees_the_agent(
    stop: StopReason, state: TaskState, reason: Reason, cause: Reason | None, tmp_path: Path
) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        await begin(octet)
        await lane.ends("Six, sev", stop, usage=Usage(input_tokens=3, output_tokens=1))
        now = await task(octet)
        assert (now.state, now.reason, now.cause) == (state, reason, cause)
        assert await answers(octet) == [("Six, sev", Source.ACP, False)]
        assert [one.tokens for one in (await octet.tasks.show(FIRST, by=ADA)).attempts] == [4]
        assert await state_of_agent(octet) is AgentState.IDLE


async def test_a_limit_within_a_turn_rests_the_agent(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        await begin(octet)
        await lane.ends("", StopReason.FAILED, reason=Reason.RATE_LIMITED)
        assert ((await task(octet)).cause, await state_of_agent(octet)) == (Reason.RATE_LIMITED, AgentState.LIMITED)


async def test_a_message_continues_a_task_whose_turn_was_lost(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        await begin(octet)
        await lane.ends("", StopReason.LOST)
        await octet.agent_messages.send(NewAgentMessage(text="Go on.", task=FIRST), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        await lane.ends("Seven.")
        assert (await answers(octet))[-1] == ("Seven.", Source.ACP, True)


async def test_a_lost_turn_is_settled_once_it_is_clear_that_its_prompt_arrived(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:

        async def lose() -> None:
            with pytest.raises(ArrivalUnclear):
                await lane.ends("", StopReason.LOST)

        lane.before_the_end = lose
        await begin(octet)
        await lane.ends("", StopReason.LOST)
        assert (await task(octet)).state is TaskState.PARKED


async def test_a_lost_turn_that_was_settled_before_changes_nothing(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane(), end_of_turn="ask") as octet:
        await begin(octet)
        await lane.ends("I look at it.")
        await lane.ends("", StopReason.LOST)
        assert (await task(octet)).state is TaskState.WORKING


async def test_a_turn_of_an_earlier_lease_settles_nothing(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        await begin(octet)
        earlier = lane.orders[-1].delivery
        await lane.ends("", StopReason.LOST)
        await octet.tasks.retry(FIRST, by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        await lane.ends("Seven.", delivery=earlier)
        assert (await task(octet)).state is TaskState.WORKING
        assert await answers(octet) == []


async def test_the_end_of_a_turn_answers_a_message_about_no_task(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        sent = await octet.agent_messages.send(NewAgentMessage(text="Which port?", agent=AGENT), by=ADA)

        async def is_there() -> bool:
            return (await octet.agent_messages.show(sent.message.id, by=ADA)).deliveries[0].state == "delivered"

        await until(is_there, octet)
        await lane.ends("4711.")
        await lane.ends("4711.")
        key = f"answer:{sent.message.id}:{AGENT}"
        said = await octet.store.write(lambda tx: octet.messages.find_by_key(tx, key))
        assert said is not None
        assert (said.body, said.source) == ("4711.", Source.ACP)


async def test_users_see_what_the_agent_does_and_says_in_one_message_and_on_the_card(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        await begin(octet)
        await lane.does("Read \u202ebirds.md\x07")
        await lane.writes("I count them,\n\ud800 one")
        await lane.does("Count", done=1, total=3)
        (shown,) = [one for one in await pending(octet) if one.kind is NoticeKind.PROGRESS]
        assert isinstance(shown.detail, AgentReports)
        assert [one.text for one in shown.detail.reports] == ["1/3 Count · …I count them, one"]
        assert (await task(octet)).progress == "1/3 Count · …I count them, one"


async def test_an_interrupt_cancels_the_turn_and_parks_the_task_by_the_users_name(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        await begin(octet)
        ended = await octet.agent_actions.interrupt(AGENT, by=ADA)
        assert (ended.state, lane.interrupted) == (DeliveryState.DELIVERED, [AGENT])
        await lane.ends("Six", StopReason.CANCELLED)
        now = await task(octet)
        assert (now.state, now.reason, now.note) == (TaskState.PARKED, ParkCause.INTERRUPTED, "Ada interrupted it")
        assert await state_of_agent(octet) is AgentState.IDLE


class SilentLane(TurnLane):
    """The program has the prompt, and reports nothing of it until it is interrupted."""

    def __init__(self) -> None:
        super().__init__()
        self.has_prompt, self.was_interrupted = asyncio.Event(), asyncio.Event()
        self.before_the_end = self._stay_silent

    async def _stay_silent(self) -> None:
        self.has_prompt.set()
        await self.was_interrupted.wait()

    async def interrupt(self, agent: str) -> bool:
        self.was_interrupted.set()
        return await super().interrupt(agent)


async def test_a_program_that_has_the_prompt_and_says_nothing_is_interrupted_at_once(tmp_path: Path) -> None:
    """It may repeat its request to a model at its limit for minutes."""
    async with turn_house(tmp_path, lane := SilentLane()) as octet:
        await octet.tasks.new(make_new_task("Count the birds"), by=ADA)
        async with asyncio.timeout(10):
            await lane.has_prompt.wait()
            ended = await octet.agent_actions.interrupt(AGENT, by=ADA)
        assert (ended.state, lane.interrupted) == (DeliveryState.DELIVERED, [AGENT])
        await lane.ends("", StopReason.CANCELLED)
        now = await task(octet)
        assert (now.state, now.reason) == (TaskState.PARKED, ParkCause.INTERRUPTED)
        assert await state_of_agent(octet) is AgentState.IDLE


class AbruptLane(TurnLane):
    """The turn ends before the interrupt returns."""

    async def interrupt(self, agent: str) -> bool:
        await self.ends("Six", StopReason.CANCELLED)
        return await super().interrupt(agent)


async def test_a_turn_that_ends_during_the_interrupt_is_parked_by_the_users_name_too(tmp_path: Path) -> None:
    async with turn_house(tmp_path, AbruptLane()) as octet:
        await begin(octet)
        await octet.agent_actions.interrupt(AGENT, by=ADA)
        now = await task(octet)
        assert (now.state, now.reason, now.note) == (TaskState.PARKED, ParkCause.INTERRUPTED, "Ada interrupted it")


async def test_an_agent_without_a_window_takes_no_key_for_an_answer(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        await begin(octet)
        await lane.asks()
        with refuses("no_window_for_action"):
            await octet.agent_actions.answer_agent(AGENT, Act.APPROVE, by=ADA)


async def test_an_agent_without_a_turn_cannot_be_interrupted(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        lane.is_at_work = False
        ended = await octet.agent_actions.interrupt(AGENT, by=ADA)
        assert (ended.state, ended.delivery.reason) == (DeliveryState.REFUSED, Reason.CHANGED)


async def test_each_conversation_has_an_access_to_the_tools_that_ends_with_it(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        assert await octet.turns.tools_for(AGENT) is None, "Octet does not listen yet"
        octet.turns.serve_tools("http://127.0.0.1:4711", ["octet"])
        first = await octet.turns.tools_for(AGENT)
        assert first is not None
        assert (first.url, first.command) == ("http://127.0.0.1:4711/mcp", ("octet", "mcp", "serve"))
        assert first.variables == {"OCTET_URL": "http://127.0.0.1:4711", "OCTET_AGENT_TOKEN": first.token}
        assert octet.reply_keys.holder(first.token) == AGENT
        second = await octet.turns.tools_for(AGENT)
        assert second is not None
        assert [octet.reply_keys.holder(one.token) for one in (first, second)] == [None, AGENT]
        assert (await octet.agent_actions.new_chat(AGENT, by=ADA)).state is DeliveryState.DELIVERED
        assert lane.renewed == [AGENT]
        assert octet.reply_keys.holder(second.token) is None


async def test_a_turn_that_costs_more_than_it_may_is_cancelled_once_and_fails(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane(), max_cost=0.5) as octet:
        await begin(octet)
        for micros in (500_000, 500_001, 600_000):
            usage = TurnUsage(**lane.fact(), cost_micros=micros)
            await octet.turns.turn_usage(usage)
        assert lane.interrupted == [AGENT]
        await lane.ends("Six", StopReason.CANCELLED)
        assert ((await task(octet)).state, (await task(octet)).reason) == (TaskState.FAILED, Reason.TURN_TOO_EXPENSIVE)
