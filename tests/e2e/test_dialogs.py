"""Dialogs of real windows in Discord: a window asks, Discord shows it, one press goes to just that dialog, once."""

from __future__ import annotations

import asyncio
import os
import signal
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from core.kit.faults import FaultAction
from core.profiles.model import Box
from tests.e2e.house import House, Json, labels, open_house, words
from tests.fakes.sandbox_client import wait_message
from tests.long_forms import mostly_long
from tests.sandbox.desktop.eyes import environment, picture, until

pytestmark = [pytest.mark.display, pytest.mark.asyncio(loop_scope="module")]
QUESTION = Box(x=0, y=199, width=386, height=60)
"""What the demo's chat window asks, above the buttons."""
APPROVE_AT = (60, 279)
"""The middle of its button, for a person at the machine."""


def allow_all(config: Path) -> None:
    """Allow each agent's actions, as the demo does."""
    file = config / "agents.toml"
    text = file.read_text()
    allowed = 'allowed_actions = ["interrupt", "approve", "deny", "continue"]\n\n[[agents]]'
    file.write_text(text.replace("\n[[agents]]", f"\n{allowed}").replace(allowed, "[[agents]]", 1))
    assert len(tomllib.loads(file.read_text())["agents"]) == 8


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    world = tmp_path_factory.mktemp("dialogs")
    async with open_house(world, windows=5, has_fault_points=True, prepare=allow_all) as house:
        yield house


async def asked(house: House, task: str, *before: Json) -> Json:
    """Return the message in the task's thread that shows a dialog and has its buttons, other than these."""
    known = {one["id"] for one in before}
    return await wait_message(
        house.discord,
        lambda one: "waits for an answer" in words(one) and bool(labels(one)) and one["id"] not in known,
        channel=await house.thread(task),
    )


async def shows(house: House, message: Json, wanted: str) -> Json:
    """Return the message, once it contains these words."""
    return await wait_message(
        house.discord,
        lambda one: one["id"] == message["id"] and wanted in words(one),
        channel=message["channel_id"],
    )


def question(house: House, name: str) -> bytes:
    """Return the pixels with which the demo's chat window asks: other questions look otherwise."""
    box = house.screen.box(name)
    with environment(house.screen.environment):
        window = Box(x=box.x, y=box.y, width=box.width, height=box.height)
        return picture(house.screen.display, window, QUESTION).tobytes()


async def click_at_the_machine(house: House, name: str) -> None:
    """Approve in the window itself, as a person there would."""
    box = house.screen.box(name)
    argv = ["xdotool", "mousemove", "--sync", str(box.x + APPROVE_AT[0]), str(box.y + APPROVE_AT[1]), "click", "1"]
    done = await asyncio.create_subprocess_exec(*argv, env={**os.environ, **house.screen.environment})
    assert await done.wait() == 0


@pytest.mark.parametrize("agent", mostly_long(["Agent-1", "Agent-5"]))
async def test_a_dialog_is_shown_and_approved_from_discord(house: House, agent: str) -> None:
    task = await house.task("Clean up\nask: rm -rf build", agent)
    message = await asked(house, task)
    assert message["sandbox"]["pings"], "it wakes the user who asked for the task"
    assert len(message["sandbox"]["files"]) == 1
    assert labels(message) == ["Approve", "Deny", "Screenshot"]
    await house.card(task, "Needs an answer")
    needs = words(await house.ask("fleet needs-me"))
    assert f"{agent}: its window waits for an answer" in needs
    assert message["id"] in needs
    said = await house.press(message, "Approve")
    assert said.startswith(f"Octet pressed **Approve** for {agent}.\n> Octet saw: the dialog is gone"), said
    assert labels(await shows(house, message, f"pressed **Approve** for {agent}")) == []
    await house.done(task)


async def test_a_denied_command_does_not_run_and_an_answer_at_the_machine_ends_the_buttons(house: House) -> None:
    task = await house.task("Ask twice\nask: rm -rf one\nask: rm -rf two", "Agent-1")
    first = await asked(house, task)
    assert (await house.press(first, "Deny")).startswith("Octet pressed **Deny** for Agent-1.")
    second = await asked(house, task, first)
    await click_at_the_machine(house, "agent-1")
    assert labels(await shows(house, second, "no longer waits for this answer")) == []
    await house.card(task, "🔴 **Failed**")


async def test_a_dialog_that_changed_between_message_and_press_is_not_answered(house: House) -> None:
    task = await house.task("Ask twice\nask: rm -rf three\nask: rm -rf four", "Agent-2")
    first = await asked(house, task)
    assert house.octet is not None
    shown = question(house, "agent-2")
    ticket = house.strike("dispatch.taken", FaultAction.STOP)
    answer = await house.discord.click("Ada", first, "Approve")
    await until(lambda: not ticket.exists())
    await click_at_the_machine(house, "agent-2")  # the first is answered; the second comes
    await until(lambda: question(house, "agent-2") != shown)
    house.octet.process.send_signal(signal.SIGCONT)
    said = words(await house.private(answer))
    assert said.startswith("Octet pressed nothing for Agent-2:"), said
    await shows(house, first, "window has changed, so Octet pressed nothing.")
    second = await asked(house, task, first)
    assert (await house.press(second, "Approve")).startswith("Octet pressed **Approve**")
    await house.done(task)


@pytest.mark.parametrize("point", mostly_long(["worker.act-pressed", "delivery.leased-submitting.committed"]))
async def test_a_press_that_a_kill_interrupts_is_unknown_and_never_repeated(house: House, point: str) -> None:
    is_pressed = point.startswith("worker")
    task = await house.task("Ask twice\nask: rm -rf five\nask: rm -rf six", "Agent-4")
    first = await asked(house, task)
    house.strike(point, FaultAction.KILL_OTHER if is_pressed else FaultAction.KILL)
    await house.discord.click("Ada", first, "Approve")
    await house.come_back()
    doubt = await house.told(task, "Octet does not know whether it pressed Approve for Agent-4")
    assert labels(doubt) == ["It was pressed", "No longer needed"]
    assert labels(await shows(house, first, "Octet does not know whether it pressed it")) == []
    listed = await house.command("delivery", "list", "--home", str(house.home))
    assert "Agent-4" in listed.out
    # Whichever dialog is there now, Octet asks about it anew and presses nothing on its own.
    answered = [first]
    for _ in range(1 if is_pressed else 2):
        answered.append(await asked(house, task, *answered))
        assert (await house.press(answered[-1], "Approve")).startswith("Octet pressed **Approve**")
    await house.done(task)
    await shows(house, doubt, "no longer needs a decision")
