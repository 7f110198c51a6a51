"""Agents that ask for permission: users see all of it and choose among the agent's own choices, once."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.agent_actions.model import AgentDialog, DialogEnding
from core.agents.model import AgentState
from core.coordinator import Coordinator
from core.deliveries.model import PermissionChoice, StopReason
from core.fleet.model import NeedKind
from core.kit.errors import OctetError
from core.reasons import BlockCause
from core.security.model import Role
from core.tasks.model import TaskState
from tests.builders import ADA, make_person, refuses
from tests.core.dispatch.test_turns import begin, state_of_agent, task
from tests.fakes.turn_lane import CHOICES, TurnLane, turn_house

OLGA = make_person(7, "Olga", Role.OPERATOR)


async def open_one(octet: Coordinator) -> AgentDialog:
    (found,) = await octet.agent_actions.dialogs.list_open()
    return found


async def test_a_question_shows_all_of_it_and_blocks_the_task(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        await begin(octet)
        await lane.asks(raw="npm i \u202eevil\n" + "x" * 9_000, paths=("package.json",), diff="-a\n+b\n")
        shown = await open_one(octet)
        assert shown.text == "Run npm\nnpm i \\u202eevil\n" + "x" * 9_000 + "\npackage.json\n-a\n+b\n"
        assert shown.choices == CHOICES
        assert ((await task(octet)).state, (await task(octet)).reason) == (TaskState.BLOCKED, BlockCause.APPROVAL)
        assert await state_of_agent(octet) is AgentState.NEEDS_INPUT
        (need,) = (await octet.fleet.needs_me(by=ADA)).shown
        assert (need.kind, need.about, need.choices) == (
            NeedKind.NEEDS_ANSWER,
            shown.id,
            ("Allow once", "Always allow npm", "No"),
        )


async def test_the_chosen_one_goes_to_the_agent_and_the_task_goes_on(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        await begin(octet)
        await lane.asks()
        ended = await octet.dispatch.turns.choose((await open_one(octet)).id, 3, by=OLGA)
        assert lane.got == [("q1", "3")]
        assert (ended.ending, ended.choices, ended.text) == (DialogEnding.ANSWERED, (CHOICES[2],), "")
        assert (await task(octet)).state is TaskState.WORKING
        with refuses("dialog_closed"):
            await octet.dispatch.turns.choose(ended.id, 1, by=OLGA)
        assert lane.got == [("q1", "3")]


@pytest.mark.parametrize("kind", ["allow_always", "reject_always", "allow_forever", ""])
async def test_only_owners_choose_what_decides_more_than_the_question(kind: str, tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        await begin(octet)
        await lane.asks(choices=(PermissionChoice(id="o", name="Yes", kind=kind),))
        asked = await open_one(octet)
        with refuses("not_allowed"):
            await octet.dispatch.turns.choose(asked.id, 1, by=OLGA)
        assert lane.got == []
        await octet.dispatch.turns.choose(asked.id, 1, by=ADA)
        assert lane.got == [("q1", "o")]


async def test_questions_of_one_agent_come_one_after_the_other(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        await begin(octet)
        for number in ("q1", "q2"):
            await lane.asks(number)
        first = await open_one(octet)
        await octet.dispatch.turns.choose(first.id, 1, by=OLGA)
        second = await open_one(octet)
        assert (first.mark, second.mark) == ("q1", "q2")
        assert (await task(octet)).state is TaskState.BLOCKED
        await octet.dispatch.turns.choose(second.id, 3, by=OLGA)
        assert lane.got == [("q1", "1"), ("q2", "3")]


async def test_the_end_of_the_turn_ends_its_questions(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        await begin(octet)
        await lane.asks("q1")
        await lane.asks("q2")
        asked = await open_one(octet)
        await lane.ends("Seven.")
        assert (await task(octet)).state is TaskState.DONE
        assert await octet.agent_actions.dialogs.list_open() == ()
        with refuses("dialog_closed"):
            await octet.dispatch.turns.choose(asked.id, 1, by=OLGA)


async def test_a_question_that_the_agent_gave_up_is_said_to_be_over(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        await begin(octet)
        await lane.asks()
        lane.open.clear()
        asked = await open_one(octet)
        with refuses("dialog_closed"):
            await octet.dispatch.turns.choose(asked.id, 1, by=OLGA)
        assert (await octet.agent_actions.dialogs.get(asked.id))[0].ending is DialogEnding.GONE
        assert (await task(octet)).state is TaskState.WORKING


@pytest.mark.parametrize("number", [0, -1, 4])
async def test_a_number_that_names_no_choice_is_refused(number: int, tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        await begin(octet)
        await lane.asks()
        with refuses("choice_not_offered"):
            await octet.dispatch.turns.choose((await open_one(octet)).id, number, by=OLGA)
        assert lane.got == []


class SlowLane(TurnLane):
    """The answer takes a while to reach the agent."""

    def __init__(self) -> None:
        super().__init__()
        self.arrives = asyncio.Event()

    async def answer_permission(self, ask: str, choice: str | None) -> bool:
        is_taken = await super().answer_permission(ask, choice)
        if is_taken:
            await self.arrives.wait()
        return is_taken


async def test_a_second_user_cannot_end_a_question_whose_answer_is_on_its_way(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := SlowLane()) as octet:
        await begin(octet)
        await lane.asks()
        asked = await open_one(octet)
        first, second = (
            asyncio.ensure_future(octet.dispatch.turns.choose(asked.id, number, by=OLGA)) for number in (1, 3)
        )
        await asyncio.wait([first, second], timeout=0.3)
        lane.arrives.set()
        assert (await first).ending is DialogEnding.ANSWERED
        with refuses("dialog_closed"):
            await second
        assert (await octet.agent_actions.dialogs.get(asked.id))[0].ending is DialogEnding.ANSWERED


async def test_a_restart_ends_the_questions_of_programs_that_ended_with_it(tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        await begin(octet)
        await lane.asks()
    async with turn_house(tmp_path, TurnLane()) as octet:
        assert await octet.agent_actions.dialogs.list_open() == ()


STEPS = st.sampled_from(["ask", "first", "last", "two at once", "end", "lost", "restart"])


async def play(home: Path, steps: list[str]) -> None:
    """Whatever happens in whatever order: each question is answered once at most, and none is lost."""
    lane, stack, asked = TurnLane(), AsyncExitStack(), 0
    octet = await stack.enter_async_context(turn_house(home, lane))
    await begin(octet)
    try:
        for step in steps:
            shown = await octet.agent_actions.dialogs.list_open()
            assert [one.mark for one in shown] == [*lane.open][:1], "the oldest open question is shown, and no other"
            if await state_of_agent(octet) is AgentState.IDLE:
                await begin(octet)
            match step:
                case "ask":
                    asked += 1
                    await lane.asks(f"q{asked}")
                case "first" | "last" if shown:
                    await octet.dispatch.turns.choose(shown[0].id, 1 if step == "first" else 3, by=OLGA)
                case "two at once" if shown:
                    both = (octet.dispatch.turns.choose(shown[0].id, number, by=OLGA) for number in (1, 3))
                    ended = await asyncio.gather(*both, return_exceptions=True)
                    assert sum(isinstance(one, OctetError) for one in ended) == 1
                case "end":
                    await lane.ends("", StopReason.CANCELLED)
                case "lost":
                    await lane.ends("", StopReason.LOST)
                case "restart":
                    delivery = lane.orders[-1].delivery
                    await stack.aclose()
                    lane.open.clear()
                    octet = await stack.enter_async_context(turn_house(home, lane))
                    await lane.ends("", StopReason.LOST, delivery=delivery)
                case _:
                    pass
            assert max(Counter(number for number, _ in lane.got).values(), default=1) == 1
        while shown := await octet.agent_actions.dialogs.list_open():
            await octet.dispatch.turns.choose(shown[0].id, 1, by=OLGA)
        assert lane.open == {}
    finally:
        await stack.aclose()


@settings(max_examples=25, deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_each_question_is_answered_once_at_most_and_none_is_lost(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(play(Path(home), steps))
