"""Menus: what a user chooses happens, and only to a user who may do it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from discord import Interaction

from bot.discord.board_writer import BoardWriter
from bot.discord.bot import Bot
from bot.discord.errors import sentence_of
from bot.verbs import tasks
from bot.verbs.results import AGENT_STATES
from core.agents.model import AgentState
from core.deliveries.model import DeliveryState
from core.reasons import WaitReason
from core.remedies import refused, sentence
from core.security.model import OPERATOR, ROLE_ALLOWS, Actor, Permission, Role
from core.tasks.model import TaskState
from tests.bot.discord.town import DRY_RUN, Town, bot_at_work, buttons, menus, text_of

GIVE, AGENT, TASK, REMOVE = "v1:task:give:T-1", "v1:fleet:agent", "v1:fleet:task", "v1:agent:remove:Window-1"


async def paused(town: Town, *briefs: str) -> None:
    """Let these tasks wait for Window-1."""
    await town.coordinator.availability.pause("Window-1", by=OPERATOR)
    for number, brief in enumerate(briefs, 1):
        await town.ask("task new", brief=brief, agent="Window-1")
        await town.card(f"T-{number}", TaskState.WAITING, sentence(WaitReason.PAUSED))


async def test_a_card_offers_the_agents_that_can_do_its_task_and_the_choice_assigns_it(owned: Town) -> None:
    await paused(owned, "List the files")
    card = await owned.card("T-1")
    offered = await owned.press(card, "Reassign")
    words = {"Dry-1": AGENT_STATES[AgentState.IDLE][1], "Window-1": AGENT_STATES[AgentState.PAUSED][1]}
    assert menus(offered) == {GIVE: {name: f"{name}: {state}" for name, state in words.items()}}
    assert offered["sandbox"]["only_for"] == owned.ada
    denied = owned.refuses(Permission.TASK_CHANGE)
    assert text_of(await owned.press(card, "Reassign", user="Ben")) == denied
    chosen = await owned.choose(offered, GIVE, "Dry-1")
    assert text_of(chosen) == tasks.assign.sentence(await owned.task(), str)
    await owned.card("T-1", DRY_RUN)
    assert (await owned.task()).agent == "Dry-1"


@pytest.mark.parametrize("role", [None, Role.VIEWER])
async def test_a_choice_that_changes_something_is_refused_to_a_user_who_lost_the_role_meanwhile(
    owned: Town, monkeypatch: pytest.MonkeyPatch, role: Role | None
) -> None:
    await paused(owned, "List the files")
    await owned.ask("msg send", text="Wait", agent="Window-1")
    card = await owned.card("T-1")
    offered, shown = await owned.press(card, "Reassign"), await owned.answer("agent show", agent="Window-1")
    message, task = menus(shown)[REMOVE]
    actor = Bot.actor

    async def lesser(bot: Bot, interaction: Interaction[Any]) -> Actor:
        return replace(await actor(bot, interaction), permissions=ROLE_ALLOWS[role] if role else frozenset())

    monkeypatch.setattr(Bot, "actor", lesser)
    for answer, permission in (
        (await owned.press(card, "Reassign"), Permission.TASK_CHANGE),
        (await owned.choose(offered, GIVE, "Dry-1"), Permission.TASK_CHANGE),
        (await owned.choose(shown, REMOVE, message), Permission.MESSAGE_SEND),
        (await owned.choose(shown, REMOVE, task), Permission.TASK_END),
    ):
        assert text_of(answer) == owned.refuses(permission)
    assert (await owned.task()).wanted == "Window-1"
    queue = (await owned.coordinator.fleet.agent("Window-1", by=OPERATOR)).queue
    assert [one.message or one.task for one in queue] == [message, task]


async def test_a_task_that_an_agent_has_got_meanwhile_is_not_assigned(owned: Town) -> None:
    await paused(owned, "List the files")
    card = await owned.card("T-1")
    offered = await owned.press(card, "Reassign")
    await owned.ask("agent resume", agent="Window-1")
    assert "Reassign" not in buttons(await owned.card("T-1", TaskState.WORKING))
    running = sentence_of(refused("task_already_running", agent="Window-1", id="T-1", state="working"))
    assert text_of(await owned.choose(offered, GIVE, "Dry-1")) == running
    assert (await owned.task()).agent == "Window-1"


async def test_the_board_shows_the_chosen_agent_also_after_a_restart(
    quiet_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoardWriter, "rest_s", 0.1)
    async with bot_at_work(quiet_town):
        await quiet_town.own()
        await quiet_town.ask("fleet board")
        board = await quiet_town.said("-# Updated")
        assert menus(board) == {AGENT: {name: name for name in ("Dry-1", "Window-1", "Nowhere")}}
    async with bot_at_work(quiet_town):
        shown = await quiet_town.choose(board, AGENT, "Window-1")
        assert text_of(shown) == await quiet_town.ask("agent show", agent="Window-1")
        denied = await quiet_town.choose(board, AGENT, "Window-1", user="Ben")
        assert text_of(denied) == quiet_town.refuses(Permission.AGENT_READ)


async def test_needs_me_shows_the_task_of_the_chosen_entry(owned: Town) -> None:
    await paused(owned, "List the files")
    needs = await owned.answer("fleet needs-me")
    assert menus(needs) == {TASK: {"T-1": "T-1 · List the files"}}
    shown = await owned.choose(needs, TASK, "T-1")
    assert text_of(shown) == await owned.ask("task show", task="T-1")


async def test_what_waits_for_an_agent_is_removed_from_its_queue(owned: Town) -> None:
    await paused(owned, "List the files")
    octet = owned.coordinator
    await owned.ask("msg send", text="Wait", agent="Window-1")
    (one,) = [work for work in (await octet.fleet.agent("Window-1", by=OPERATOR)).queue if work.message]
    shown = await owned.answer("agent show", agent="window-1")
    assert menus(shown) == {REMOVE: {str(one.message): "message · Wait", "T-1": "T-1 · List the files"}}
    assert "message: Wait" in text_of(shown)
    await owned.choose(shown, REMOVE, str(one.message))
    (delivery,) = (await octet.agent_messages.show(str(one.message), by=OPERATOR)).deliveries
    assert delivery.state is DeliveryState.CANCELLED
    await owned.said("Wait", "not delivered")
    again = await owned.choose(shown, REMOVE, str(one.message))
    assert text_of(again) == sentence_of(refused("message_not_queued", id=str(one.message), agent="Window-1"))
    await owned.choose(shown, REMOVE, "T-1")
    assert (await owned.task()).state is TaskState.CANCELLED
    assert menus(await owned.answer("agent show", agent="Window-1")) == {}
