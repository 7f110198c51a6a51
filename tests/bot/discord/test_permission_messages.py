"""Agents that ask for permission, in Discord: all of what they want to do, their own choices, and who chose."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.deliveries.model import PermissionChoice, StopReason
from core.security.model import Permission
from core.tasks.model import TaskState
from sandbox.discord.server import Sandbox
from tests.bot.discord.town import Town, bot_at_work, buttons, pictures, text_of
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.turn_lane import AGENT, TurnLane, turn_house


@pytest.fixture
async def owned(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Town]:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        town = Town(sandbox=sandbox, coordinator=octet, home=tmp_path, worker=FakeDeskWorker(), lane=lane)
        async with bot_at_work(town):
            await town.own()
            yield town


def lane_of(town: Town) -> TurnLane:
    assert isinstance(town.lane, TurnLane)
    return town.lane


async def begin(town: Town) -> TurnLane:
    await town.ask("task new", brief="Count the birds")
    await town.card("T-1")
    await town.now(await town.card("T-1"), "Working")
    return lane_of(town)


async def test_a_press_brings_the_agents_own_choice_to_it(owned: Town) -> None:
    lane = await begin(owned)
    hostile = PermissionChoice(id="2", name="Always @everyone [x](http://evil)\u202e", kind="allow_always")
    await lane.asks(choices=(PermissionChoice(id="1", name="Allow once", kind="allow_once"), hostile))
    message = await owned.said(f"{AGENT} asks for permission", "npm i")
    assert buttons(message) == ["Allow once", "Always @everyone [x](http://evil)\\u202e"]
    assert pictures(message) == []
    assert f"{AGENT} gets the answer: Allow once" in text_of(await owned.press(message, "Allow once"))
    assert lane.got == [("q1", "1")]
    ended = await owned.now(message, "chose **Allow once**")
    assert buttons(ended) == []


async def test_an_operator_refuses_this_once_and_only_an_owner_decides_for_always(owned: Town) -> None:
    lane = await begin(owned)
    await lane.asks("q1")
    message = await owned.said(f"{AGENT} asks for permission", "npm i")
    assert message["sandbox"]["pings"] == [owned.ada]
    assert buttons(message) == ["Allow once", "Always allow npm", "No"]
    await owned.card("T-1", TaskState.BLOCKED)
    assert text_of(await owned.press(message, "No", user="Ben")) == owned.refuses(Permission.AGENT_ANSWER)
    await owned.ask("admin bind", who="Ben", role="operator")
    denied = await owned.press(message, "Always allow npm", user="Ben")
    assert text_of(denied) == owned.refuses(Permission.AGENT_ALLOW)
    assert lane.got == []
    await owned.press(message, "No", user="Ben")
    await owned.now(await owned.without_buttons(message), "<@", "chose **No**")
    await owned.card("T-1", TaskState.WORKING)
    await lane.asks("q2", raw="npm test")
    await owned.press(await owned.said(f"{AGENT} asks for permission", "npm test"), "Always allow npm")
    await owned.said(f"<@{owned.ada}> chose **Always allow npm**")
    assert lane.got == [("q1", "3"), ("q2", "2")]


async def test_an_interrupt_ends_the_question_and_a_late_press_reaches_no_agent(owned: Town) -> None:
    lane = await begin(owned)
    await lane.asks()
    message = await owned.said(f"{AGENT} asks for permission", "npm i")
    needs = await owned.answer("fleet needs-me")
    assert {"Allow once", "Always allow npm", "No"} <= set(buttons(needs))
    await owned.ask("agent interrupt", agent=AGENT)
    assert lane.interrupted == [AGENT]
    await lane.ends(stop=StopReason.CANCELLED)
    await owned.now(await owned.without_buttons(message), f"{AGENT} no longer waits for this answer")
    await owned.card("T-1", TaskState.PARKED)
    assert f"{AGENT} no longer waits for this" in text_of(await owned.press(needs, "Allow once"))
    assert lane.got == []


async def test_what_a_message_has_no_room_for_comes_whole_in_a_file(owned: Town) -> None:
    lane = await begin(owned)
    await lane.asks(raw="echo " + "x" * 5_000)
    message = await owned.said(f"{AGENT} asks for permission", "This is not all of it")
    assert pictures(message) == ["permission.txt"]


async def test_all_choices_of_an_agent_fit_into_a_message(owned: Town) -> None:
    lane = await begin(owned)
    await lane.asks(choices=tuple(PermissionChoice(id=str(n), name=f"{n} " + "y" * 150, kind="") for n in range(30)))
    message = await owned.said(f"{AGENT} asks for permission")
    assert len(buttons(message)) == 20
    assert "2. 1 " + "y" * 60 in text_of(message)
