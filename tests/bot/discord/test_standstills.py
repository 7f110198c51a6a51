"""A window that waits: Discord shows the dialog, a press answers it, and the message says what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.discord.views.buttons import ended
from core.deliveries.model import Assurance, Moment, Outcome, Picture, Reason, Result
from core.desks.model import Shown
from core.profiles.model import Act, Activity
from core.security.model import OPERATOR, Actor, ActorKind, Role
from sandbox.discord.server import Sandbox
from tests.bot.discord.test_unknown import buttons, now, pictures, png, press
from tests.bot.discord.town import Town, bot_at_work, people, settings_for, text_of
from tests.builders import make_agent, make_window_agent
from tests.fakes.sandbox_client import wait_thread

AGENT = "Window-1"
ASKS = Shown(
    window="agent-1",
    activity=Activity.NEEDS_INPUT,
    answers=(Act.APPROVE, Act.DENY),
    text="Run this command?\nrm -rf build",
    mark="one",
    png=png("purple"),
)
DONE = Outcome(result=Result.DELIVERED, assurance=Assurance.RECEIPT, note="the dialog is gone, the agent works")
LOST = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="nothing changed for 2 s")
CHANGED = Outcome(result=Result.REFUSED, reason=Reason.CHANGED, note="another dialog stands there")


def agents(allowed_actions: str) -> tuple[Any, ...]:
    return make_agent("Dry-1"), make_window_agent(AGENT, window="agent-1", allowed_actions=allowed_actions)


@pytest.fixture
async def owned(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Town]:
    async with people(tmp_path, sandbox, agents("interrupt approve deny continue new_chat")) as town, bot_at_work(town):
        await town.own()
        yield town


async def asked(
    town: Town, shown: Shown = ASKS, words: str = "Window-1: its window waits for an answer."
) -> dict[str, Any]:
    """Ada's task is with an agent whose window asks something. The message that tells of it."""
    await town.ask("task new", brief="Count the birds", agent=AGENT)
    await town.card("T-1", holds="is working on it")
    await town.coordinator.dispatch.window_shows("main", shown)
    return await town.said(words)


async def test_the_dialog_stands_in_the_thread_with_picture_text_and_buttons_and_wakes_who_asked(owned: Town) -> None:
    message = await asked(owned)
    assert message["channel_id"] == (await wait_thread(owned.sandbox))["id"]
    assert message["sandbox"]["pings"] == [str(owned.sandbox.world.ada.id)]
    assert buttons(message) == ["Approve", "Deny", "Screenshot"]
    assert pictures(message) == ["dialog.png"]
    window_text = text_of(message).partition("> ```\n")[2].partition("> ```")[0]
    assert "rm -rf build" in window_text
    assert all(line.startswith("> ") for line in window_text.splitlines())


@pytest.mark.parametrize(("label", "act"), [("Approve", Act.APPROVE), ("Deny", Act.DENY)])
async def test_a_press_answers_it_and_says_what_was_seen_afterwards(owned: Town, label: str, act: Act) -> None:
    message = await asked(owned)
    owned.lane.script.append(DONE)
    private = await press(owned, message, label)
    assert f"Octet pressed **{label}** for Window-1.\n> Seen: the dialog is gone, the agent works" in private
    after = await now(owned, message, f"pressed **{label}** for Window-1")
    assert f"<@{owned.sandbox.world.ada.id}>" in text_of(after)
    assert "Seen: the dialog is gone, the agent works" in text_of(after)
    assert "rm -rf" not in text_of(after)
    assert buttons(after) == pictures(after) == []
    assert owned.lane.pressed == [act]
    assert (owned.lane.orders[-1].expected_dialog, owned.lane.orders[-1].text) == ("one", "")


async def test_a_press_comes_with_the_window_as_it_was_afterwards_for_those_who_may_see_it(owned: Town) -> None:
    message = await asked(owned)
    shot = Picture(moment=Moment.AFTERWARDS, png=png("green"))
    owned.lane.script.append(replace(DONE, pictures=(shot,)))
    answer = await owned.answered(await owned.sandbox.click("Ada", message["id"], "Approve"))
    assert "Octet pressed **Approve**" in text_of(answer)
    assert pictures(answer) == ["afterwards-window.png"]
    owned.lane.script.append(replace(DONE, pictures=(shot,)))
    answer = await owned.answered(await owned.sandbox.slash("Ada", "#octet", "agent interrupt", {"agent": AGENT}))
    assert pictures(answer) == ["afterwards-window.png"]


async def test_who_may_press_but_not_see_windows_is_told_in_words_alone(owned: Town) -> None:
    operator = Actor(kind=ActorKind.PERSON, id="discord:1", name="Op", role=Role.OPERATOR)
    owned.lane.script.append(replace(DONE, pictures=(Picture(moment=Moment.AFTERWARDS, png=png("green")),)))
    pressed = await owned.coordinator.agent_actions.interrupt(AGENT, by=operator)
    said = await ended(pressed, core=owned.coordinator, by=operator)
    assert "Octet pressed **Interrupt**" in said.content
    assert said.attachments == ()


async def test_a_button_works_in_a_new_process(sandbox: Sandbox, tmp_path: Path) -> None:
    allowed = agents("approve deny")
    async with people(tmp_path, sandbox, allowed) as town, bot_at_work(town):
        await town.own()
        message = await asked(town)
    async with people(tmp_path, sandbox, allowed) as town, bot_at_work(town):
        town.lane.script.append(DONE)
        assert "Octet pressed **Deny**" in await press(town, message, "Deny")
        assert buttons(await now(town, message, "pressed **Deny**")) == []


async def test_a_stranger_who_presses_presses_nothing(owned: Town) -> None:
    message = await asked(owned)
    for label in ("Approve", "Deny", "Screenshot"):
        assert "Not allowed." in await press(owned, message, label, user="Ben")
    assert owned.lane.pressed == []
    assert buttons(message) == ["Approve", "Deny", "Screenshot"]


async def test_two_who_press_at_once_act_once(owned: Town) -> None:
    message = await asked(owned)
    owned.lane.gate.clear()
    owned.lane.began.clear()
    first = asyncio.ensure_future(press(owned, message, "Approve"))
    async with asyncio.timeout(60):
        await owned.lane.began.wait()
    assert "Octet pressed nothing more: it is still pressing approve for Window-1" in await press(
        owned, message, "Deny"
    )
    owned.lane.gate.set()
    assert "Octet pressed **Approve**" in await first
    assert owned.lane.pressed == [Act.APPROVE]


async def test_a_press_on_a_dialog_that_changed_presses_nothing_and_the_new_one_is_asked(owned: Town) -> None:
    message = await asked(owned)
    owned.lane.script.append(CHANGED)
    owned.hands.shown["agent-1"] = replace(ASKS, mark="two", text="Push to main?")
    private = await press(owned, message, "Approve")
    assert "Octet pressed nothing for Window-1: the window has changed since you looked" in private
    assert buttons(await now(owned, message, "window has changed, so Octet pressed nothing")) == []
    assert buttons(await owned.said("Push to main?")) == ["Approve", "Deny", "Screenshot"]
    assert owned.lane.pressed == []


async def test_what_was_answered_at_the_machine_says_so_and_ends_its_buttons(owned: Town) -> None:
    message = await asked(owned)
    await owned.coordinator.dispatch.window_shows("main", Shown(window="agent-1", activity=Activity.BUSY))
    assert buttons(await now(owned, message, "a user answered at the machine, or the agent continued")) == []


async def test_what_the_owner_does_not_allow_has_no_button_and_says_how_to_allow_it(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    async with people(tmp_path, sandbox, agents("deny")) as town, bot_at_work(town):
        await town.own()
        message = await asked(town)
        assert buttons(message) == ["Deny", "Screenshot"]
        assert 'allowed_actions = ["approve", "deny"]' in text_of(message)
        assert "Octet may not press interrupt for Window-1" in await town.ask("agent interrupt", agent=AGENT)


@pytest.mark.parametrize(
    ("activity", "words"), [(Activity.ERROR, "shows an error."), (Activity.LIMITED, "says that a limit is reached.")]
)
async def test_an_error_or_a_limit_is_a_message_without_buttons(owned: Town, activity: Activity, words: str) -> None:
    shown = replace(ASKS, activity=activity, answers=(Act.CONTINUE,))
    message = await asked(owned, shown, words=f"Window-1: its window {words}")
    assert buttons(message) == []
    owned.lane.script.append(DONE)
    assert "Octet pressed **Continue**" in await owned.ask("agent answer", agent=AGENT, answer="continue")
    await now(owned, message, "pressed **Continue**")


async def test_without_pictures_the_text_stands_there_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    async with (
        people(tmp_path, sandbox, agents("approve deny")) as town,
        bot_at_work(town, settings_for(sandbox, pictures=False)),
    ):
        await town.own()
        message = await asked(town)
        assert pictures(message) == []
        window_text = text_of(message).partition("> ```\n")[2].partition("> ```")[0]
    assert "rm -rf build" in window_text
    assert all(line.startswith("> ") for line in window_text.splitlines())


async def test_a_window_without_a_task_is_told_in_the_channel(owned: Town) -> None:
    await owned.coordinator.dispatch.window_shows("main", ASKS)
    message = await owned.said("Window-1: its window waits for an answer.")
    assert message["channel_id"] == str(owned.sandbox.world.home.id)
    assert message["sandbox"]["pings"] == []
    assert "Window-1: its window waits for an answer" in await owned.ask("fleet needs-me")


async def test_screenshot_shows_the_owner_the_window(owned: Town) -> None:
    message = await asked(owned)
    answer = await owned.answered(await owned.sandbox.click("Ada", message["id"], "Screenshot"))
    assert pictures(answer) == ["window.png"]


async def test_a_press_that_nobody_saw_is_told_to_who_pressed_and_settled_by_a_word(owned: Town) -> None:
    message = await asked(owned)
    owned.lane.script.append(LOST)
    assert "does not know whether it pressed **Approve** for Window-1" in await press(owned, message, "Approve")
    assert buttons(await now(owned, message, "Octet does not know whether it pressed it")) == []
    doubt = await owned.said("Octet does not know whether it pressed Approve for Window-1.")
    assert doubt["sandbox"]["pings"] == [str(owned.sandbox.world.ada.id)]
    assert "nothing changed for 2 s" in text_of(doubt)
    assert buttons(doubt) == ["It was pressed", "No longer needed"]
    assert "whether it pressed approve" in await owned.ask("fleet needs-me")
    assert "Recorded." in await press(owned, doubt, "It was pressed")
    assert buttons(await now(owned, doubt, "said that Octet pressed **Approve**")) == []
    assert owned.lane.pressed == [Act.APPROVE]


async def test_interrupt_and_answer_by_command(owned: Town) -> None:
    owned.lane.script += [DONE, DONE]
    assert "Octet pressed **New conversation** for Window-1" in await owned.ask("agent new-chat", agent=AGENT)
    assert "Octet pressed **Interrupt** for Window-1" in await owned.ask("agent interrupt", agent=AGENT)
    assert "does not wait for an answer" in await owned.ask("agent answer", agent=AGENT, answer="approve")
    await asked(owned)
    owned.lane.script.append(DONE)
    assert "Octet pressed **Approve**" in await owned.ask("agent answer", agent=AGENT, answer="approve")
    assert owned.lane.pressed == [Act.NEW_CHAT, Act.INTERRUPT, Act.APPROVE]
    assert (await owned.coordinator.tasks.list(by=OPERATOR))[0].id == "T-1"
