"""Nobody saw words arrive: Discord asks whoever sent them, with pictures and the same three buttons as for a prompt."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from core.agents.model import AgentState
from core.security.model import OPERATOR
from core.tasks.model import TaskId
from sandbox.discord.server import Sandbox
from tests.bot.discord.test_unknown import AGENT, SEEN_NOWHERE, buttons, now, pictures, press
from tests.bot.discord.town import Town, bot_at_work, people, text_of
from tests.fakes.sandbox_client import wait_thread

LABELS = ["Arrived", "Not arrived, send again", "Drop"]


async def asked(town: Town, **options: str) -> dict[str, Any]:
    """Nobody saw words arrive at the agent, and a task waits behind them. The message that asks."""
    town.lane.script.append(SEEN_NOWHERE)
    await town.ask("msg send", text="Stop the press", agent=AGENT, **options)
    return await town.said("needs your decision:** unconfirmed")


async def state(town: Town) -> AgentState:
    return (await town.coordinator.agents.show(AGENT, by=OPERATOR)).state


async def test_the_question_shows_the_words_with_pictures_and_buttons_and_wakes_who_sent_them(owned: Town) -> None:
    message = await asked(owned)
    assert message["sandbox"]["pings"] == [str(owned.sandbox.world.ada.id)]
    assert buttons(message) == LABELS
    assert pictures(message) == ["words-staged.png", "words-last-seen.png"]
    text = text_of(message)
    assert f"**Your message to {AGENT} needs your decision:**" in text
    assert "Stop the press" in text
    assert "Seen: the box is empty" in text
    assert await state(owned) is AgentState.HELD


@pytest.mark.parametrize(
    ("label", "private", "public"),
    [
        ("Arrived", "Recorded that the message arrived", "said that it arrived"),
        ("Not arrived, send again", "Octet sends the message again", "did not arrive; Octet sends it again"),
        ("Drop", "Dropped the message.", "dropped it"),
    ],
)
async def test_a_press_settles_words_and_lets_their_agent_go_on(
    owned: Town, label: str, private: str, public: str
) -> None:
    message = await asked(owned)
    await owned.ask("task new", brief="Count the bees", agent=AGENT)
    assert private in await press(owned, message, label)
    after = await now(owned, message, public)
    assert f"<@{owned.sandbox.world.ada.id}>" in text_of(after)
    assert buttons(after) == pictures(after) == []
    await owned.card("T-1", holds="is working on it")
    if "again" in label:
        await owned.said(f"{AGENT}: delivered")
    stops = [text for text in owned.lane.submitted if "Stop the press" in text]
    assert len(stops) == (2 if "again" in label else 1)


async def test_a_button_under_words_works_in_a_new_process(sandbox: Sandbox, tmp_path: Path) -> None:
    async with people(tmp_path, sandbox) as town, bot_at_work(town):
        await town.own()
        message = await asked(town)
    async with people(tmp_path, sandbox) as town, bot_at_work(town):
        assert "Recorded that" in await press(town, message, "Arrived")
        assert buttons(await now(town, message, "said that it arrived")) == []
        assert await state(town) is AgentState.IDLE


async def test_a_stranger_who_presses_decides_nothing_about_words(owned: Town) -> None:
    message = await asked(owned)
    for label in LABELS:
        assert "delivery.resolve" in await press(owned, message, label, user="Ben")
    assert await state(owned) is AgentState.HELD


async def test_of_two_presses_at_once_one_decides_about_words(owned: Town) -> None:
    message = await asked(owned)
    said = await asyncio.gather(press(owned, message, "Arrived"), press(owned, message, "Arrived"))
    assert sorted("nothing to decide" in one for one in said) == [False, True]


async def test_words_about_a_task_that_ended_ask_nobody_any_more(owned: Town) -> None:
    await owned.ask("task new", brief="Count the birds", agent=AGENT)
    await owned.card("T-1", holds="is working on it")
    message = await asked(owned, task="T-1")
    assert message["channel_id"] == (await wait_thread(owned.sandbox))["id"]
    assert pictures(message) == ["T-1-staged.png", "T-1-last-seen.png"]
    await owned.ask("task cancel", task="T-1")
    after = await now(owned, message, "no decision needed: the task has ended.")
    assert buttons(after) == pictures(after) == []
    assert (await owned.coordinator.tasks.show(TaskId("T-1"), by=OPERATOR)).task.state.value == "cancelled"
