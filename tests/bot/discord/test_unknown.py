"""Octet does not know whether a prompt or a message arrived: Discord asks a user, and all continues by the answer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.discord.errors import sentence_of
from core.agents.model import AgentState
from core.deliveries.model import Moment, Outcome, Picture, Reason, Result
from core.dispatch.model import Decision
from core.reasons import ParkCause, WaitReason
from core.remedies import refused, sentence
from core.security.model import OPERATOR, Permission
from core.tasks.model import TaskState
from sandbox.discord.server import Sandbox
from tests.bot.discord.town import (
    Town,
    bot_at_work,
    buttons,
    parts_of,
    people,
    pictures,
    png,
    settings_for,
    text_of,
)
from tests.fakes.sandbox_client import wait_thread

AGENT = "Window-1"
LABELS = ["Arrived", "Not arrived, send again", "Drop"]
SHOTS = (Picture(moment=Moment.STAGED, png=png("white")), Picture(moment=Moment.LAST_SEEN, png=png("black")))
BLIND = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box is empty")
SEEN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box is empty", pictures=SHOTS)
WHAT = pytest.mark.parametrize("what", ["prompt", "message"])


async def asked(town: Town, what: str = "prompt", outcome: Outcome = SEEN, **options: str) -> dict[str, Any]:
    """Octet saw no trace of a prompt or a message, and a task waits behind it. The question about it."""
    town.lane.script.append(outcome)
    if what == "prompt":
        await town.ask("task new", brief="Count the birds", agent=AGENT)
    else:
        await town.ask("msg send", text="Count the birds", agent=AGENT, **options)
    question = await town.question("Drop")
    await town.ask("task new", brief="Count the bees", agent=AGENT)
    return question


def times_sent(town: Town) -> int:
    return sum("birds" in text for text in town.lane.submitted)


@WHAT
async def test_the_question_has_pictures_and_buttons_and_pings_the_requester(owned: Town, what: str) -> None:
    question = await asked(owned, what)
    is_prompt = what == "prompt"
    thread = (await wait_thread(owned.sandbox, lambda one: one["name"].startswith("T-1 ")))["id"]
    assert (question["channel_id"] == thread) is is_prompt
    assert question["sandbox"]["pings"] == [owned.ada]
    assert buttons(question) == LABELS
    name = "T-1" if is_prompt else "words"
    assert pictures(question) == [f"{name}-staged.png", f"{name}-last-seen.png"]
    (gallery,) = [part for part in parts_of(question) if part["type"] == 12]
    assert [one["description"] for one in gallery["items"]] == ["before Enter", "at the last look"]
    assert all(words in text_of(question) for words in (AGENT, "Count the birds", "> Octet saw: the box is empty"))
    assert await owned.agent_state() is AgentState.HELD
    waits = sentence(ParkCause.DELIVERY_UNKNOWN) if is_prompt else sentence(WaitReason.HOLD)
    await owned.card("T-1", holds=waits)


@WHAT
@pytest.mark.parametrize("label", LABELS)
async def test_a_press_settles_it_and_the_message_names_who_decided(owned: Town, what: str, label: str) -> None:
    question = await asked(owned, what)
    await owned.press(question, label)
    after = await owned.without_buttons(question)
    assert f"<@{owned.ada}>" in text_of(after)
    assert pictures(after) == []
    if what == "prompt" and label == "Drop":
        await owned.card("T-1", TaskState.CANCELLED)
        assert (await owned.said(f"<@{owned.ada}> **T-1 "))["sandbox"]["pings"] == [owned.ada]
    elif what == "prompt":
        await owned.card("T-1", TaskState.WORKING)
        await owned.ask("task done", task="T-1", text="Seven")
    await owned.card("T-2" if what == "prompt" else "T-1", TaskState.WORKING)
    assert times_sent(owned) == (2 if "again" in label else 1)


async def test_a_button_works_in_a_new_process(sandbox: Sandbox, tmp_path: Path) -> None:
    async with people(tmp_path, sandbox) as town, bot_at_work(town):
        await town.own()
        question = await asked(town)
    async with people(tmp_path, sandbox) as town, bot_at_work(town):
        await town.press(question, "Arrived")
        await town.without_buttons(question)
        await town.card("T-1", TaskState.WORKING)
        assert times_sent(town) == 0


@WHAT
async def test_a_stranger_decides_nothing(owned: Town, what: str) -> None:
    question = await asked(owned, what)
    denied = owned.refuses(Permission.DELIVERY_RESOLVE)
    for label in LABELS:
        assert text_of(await owned.press(question, label, user="Ben")) == denied
    assert await owned.agent_state() is AgentState.HELD
    assert buttons(await owned.now(question)) == LABELS


@WHAT
async def test_of_two_users_who_press_at_once_one_decides(owned: Town, what: str) -> None:
    question = await asked(owned, what)
    answers = await asyncio.gather(*(owned.press(question, label) for label in ("Arrived", "Drop")))
    conflict = sentence_of(refused("no_unknown_delivery", what="", how="")).split(" ")[:2]
    assert sorted(text_of(one).split(" ")[:2] == conflict for one in answers) == [False, True]


async def test_a_question_settled_at_the_machine_loses_its_buttons_at_the_next_start(quiet_town: Town) -> None:
    async with bot_at_work(quiet_town):
        await quiet_town.own()
        question = await asked(quiet_town)
    await quiet_town.coordinator.unknowns.resolve("T-1", Decision.ARRIVED, by=OPERATOR)
    assert buttons(await quiet_town.now(question))
    async with bot_at_work(quiet_town):
        await quiet_town.without_buttons(question)


@pytest.mark.parametrize("how", ["cancelled", "answered", "its message's task ended"])
async def test_a_question_that_settles_otherwise_loses_its_buttons_and_pictures(owned: Town, how: str) -> None:
    if how == "its message's task ended":
        await owned.ask("task new", brief="Count the cats", agent=AGENT)
        await owned.card("T-1", TaskState.WORKING)
        question = await asked(owned, "message", task="T-1")
        assert question["channel_id"] == (await wait_thread(owned.sandbox))["id"]
    else:
        question = await asked(owned)
    if how == "answered":
        code = owned.lane.submitted[0].split("--code ")[1].split()[0]
        await owned.coordinator.tasks.accept_answer("T-1", code, "Seven.", final=True, key="a")
    else:
        await owned.ask("task cancel", task="T-1")
    assert pictures(await owned.without_buttons(question)) == []


@pytest.mark.parametrize("is_off", [False, True])
async def test_without_pictures_the_question_says_so(quiet_town: Town, *, is_off: bool) -> None:
    async with bot_at_work(quiet_town, settings_for(quiet_town.sandbox, pictures=not is_off)):
        await quiet_town.own()
        question = await asked(quiet_town, outcome=SEEN if is_off else BLIND)
        assert pictures(question) == []
        assert "`/desk screenshot`" in text_of(question)
        assert buttons(question) == LABELS
