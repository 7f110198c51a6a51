"""The window answers to the phone: real windows ask, Discord shows it, one press goes to just that dialog, once."""

from __future__ import annotations

import asyncio
import os
import signal
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from core.kit.faults import FaultAction as Strike
from core.profiles.model import Box
from tests.e2e.house import House, Json, open_house, words
from tests.fakes.sandbox_client import wait_message
from tests.sandbox.desktop.eyes import Eyes, environment, until

pytestmark = [pytest.mark.display, pytest.mark.asyncio(loop_scope="module")]
WITHIN_S = 60.0
EDGE, EDGE_COLOUR = Box(x=0, y=199, width=386, height=6), "#8250df"
"""The upper edge of a dialog in the demo's chat window."""
QUESTION = Box(x=0, y=199, width=386, height=60)
"""What is asked, above the buttons."""
APPROVE_AT = (60, 279)
"""The middle of the button in the demo's chat window, for a person at the machine."""


def allow_all(config: Path) -> None:
    """As the demo does."""
    file = config / "agents.toml"
    text = file.read_text()
    allowed = 'allowed_actions = ["interrupt", "approve", "deny", "continue"]\n\n[[agents]]'
    file.write_text(text.replace("\n[[agents]]", f"\n{allowed}").replace(allowed, "[[agents]]", 1))
    assert len(tomllib.loads(file.read_text())["agents"]) == 8


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    world = tmp_path_factory.mktemp("dialogs")
    (world / "tickets").mkdir(mode=0o700)
    settings = {"OCTET_FAULT_POINTS": str(world / "tickets")}
    async with open_house(world, windows=5, settings=settings, prepare=allow_all) as house:
        yield house


async def asked(house: House, task: str, *wanted: str) -> Json:
    """The message in the task's thread that shows the dialog and has its buttons."""
    thread = await house.thread(task)
    return await wait_message(
        house.discord,
        lambda one: "waits for an answer" in words(one) and bool(_labels(one)) and all(w in words(one) for w in wanted),
        channel=thread,
        within_s=WITHIN_S,
    )


def _labels(message: Json) -> list[str]:
    def walk(parts: list[Json]) -> list[Json]:
        return [one for part in parts for one in (part, *walk(part.get("components") or []))]

    return [one["label"] for one in walk(message.get("components") or []) if one["type"] == 2]


async def press(house: House, message: Json, label: str) -> str:
    """Press it; what the presser is told."""
    answer = await house.discord.click("Ada", message, label)
    assert answer.message_id is not None, answer
    return words(
        await wait_message(
            house.discord,
            lambda one: one["id"] == answer.message_id and not one["sandbox"]["thinking"],
            within_s=WITHIN_S,
        )
    )


async def shows(house: House, message: Json, *wanted: str) -> Json:
    """The message, once it holds these words."""
    return await wait_message(
        house.discord,
        lambda one: one["id"] == message["id"] and all(word in words(one) for word in wanted),
        channel=message["channel_id"],
        within_s=WITHIN_S,
    )


def strike(house: House, point: str, act: Strike) -> Path:
    """Lay a ticket at the fault point; the file that is there once it was taken is `taken.POINT.*`."""
    draft = house.world / "draft"
    draft.write_text(act)
    return draft.rename(house.world / "tickets" / point)


def is_asking(house: House, window: Box) -> bool:
    """Whether the demo's chat window at this place shows a dialog."""
    with environment(house.screen.environment):
        eyes = Eyes(house.screen.display)
        try:
            return eyes.share(window, EDGE, EDGE_COLOUR) > 0.9
        finally:
            eyes.close()


def picture(house: House, window: Box) -> bytes:
    """What stands where the demo's chat window asks: other questions look otherwise."""
    with environment(house.screen.environment):
        eyes = Eyes(house.screen.display)
        try:
            return eyes.picture(window, QUESTION).tobytes()
        finally:
            eyes.close()


async def click_at_the_machine(house: House, name: str, at: tuple[int, int]) -> None:
    """Somebody sits there and clicks."""
    window = await house.screen.look(name)
    assert window is not None
    x, y = window.box.x + at[0], window.box.y + at[1]
    argv = ["xdotool", "mousemove", "--sync", str(x), str(y), "click", "1"]
    done = await asyncio.create_subprocess_exec(*argv, env={**os.environ, **house.screen.environment})
    assert await done.wait() == 0


@pytest.mark.parametrize("agent", ["Agent-1", "Agent-5"])
async def test_a_task_asks_is_shown_approved_from_discord_and_goes_on_to_its_end(house: House, agent: str) -> None:
    task = await house.task("Clean up\nask: rm -rf build", agent)
    message = await asked(house, task)
    assert message["sandbox"]["pings"], "whoever asked for the task is woken"
    assert len(message["sandbox"]["files"]) == 1
    assert _labels(message) == ["Approve", "Deny", "Screenshot"]
    await house.card(task, "needs an answer")
    needs = words(await house.ask("fleet needs-me"))
    assert f"{agent}: its window waits for an answer" in needs
    assert message["id"] in needs
    said = await press(house, message, "Approve")
    assert said.startswith(f"Octet pressed **Approve** for {agent}.\n> Seen: the dialog is gone"), said
    assert _labels(await shows(house, message, f"pressed **Approve** for {agent}")) == []
    await house.done(task)
    journal = (house.home / "octet.db").read_bytes()
    assert b"ActionRequested" in journal or (house.home / "octet.db-wal").read_bytes().count(b"ActionRequested")


async def test_what_is_denied_is_not_run_and_a_machine_answer_ends_the_buttons(house: House) -> None:
    task = await house.task("Ask twice\nask: rm -rf one\nask: rm -rf two", "Agent-1")
    first = await asked(house, task)
    assert (await press(house, first, "Deny")).startswith("Octet pressed **Deny** for Agent-1.")
    second = await wait_message(
        house.discord,
        lambda one: "waits for an answer" in words(one) and bool(_labels(one)) and one["id"] != first["id"],
        channel=await house.thread(task),
        within_s=WITHIN_S,
    )
    await click_at_the_machine(house, "agent-1", APPROVE_AT)
    assert _labels(await shows(house, second, "a user answered at the machine, or the agent continued")) == []
    await house.done(task)


async def test_a_dialog_that_changed_between_message_and_press_is_not_answered(house: House) -> None:
    task = await house.task("Ask twice\nask: rm -rf three\nask: rm -rf four", "Agent-2")
    first = await asked(house, task)
    assert house.octet is not None
    window = await house.screen.look("agent-2")
    assert window is not None
    box = Box(x=window.box.x, y=window.box.y, width=window.box.width, height=window.box.height)
    assert is_asking(house, box)
    shown = picture(house, box)
    ticket = strike(house, "dispatch.taken", Strike.STOP)
    answer = await house.discord.click("Ada", first, "Approve")
    await until(lambda: not ticket.exists())
    await click_at_the_machine(house, "agent-2", APPROVE_AT)  # the first is answered; the second comes
    await until(lambda: picture(house, box) != shown)
    house.octet.process.send_signal(signal.SIGCONT)
    assert answer.message_id is not None
    said = await wait_message(
        house.discord, lambda one: one["id"] == answer.message_id and not one["sandbox"]["thinking"], within_s=WITHIN_S
    )
    assert words(said).startswith("Octet pressed nothing for Agent-2:"), words(said)
    await shows(house, first, "window has changed, so Octet pressed nothing.")
    second = await asked(house, task)
    assert second["id"] != first["id"]
    assert (await press(house, second, "Approve")).startswith("Octet pressed **Approve**")
    await house.done(task)


async def test_an_interrupt_stops_an_agent_at_work(house: House) -> None:
    task = await house.task("Work for long\ndemo: wait 120", "Agent-3")
    await house.card(task, "is working on it")
    said = words(await house.ask("agent interrupt", agent="Agent-3"))
    assert said.startswith("Octet pressed **Interrupt** for Agent-3."), said
    idle = await house.command("agent", "interrupt", "Agent-3", "--home", str(house.home))
    assert idle.code == 1
    assert "Octet pressed nothing for Agent-3" in idle.out
    await house.press_cancel(task)


@pytest.mark.parametrize("point", ["delivery.leased-submitting.committed", "worker.act-pressed"])
async def test_killed_between_press_and_outcome_it_is_unknown_and_never_pressed_twice(house: House, point: str) -> None:
    is_pressed = point.startswith("worker")
    task = await house.task("Ask twice\nask: rm -rf five\nask: rm -rf six", "Agent-4")
    first = await asked(house, task)
    strike(house, point, Strike.KILL_OTHER if is_pressed else Strike.KILL)
    await house.discord.click("Ada", first, "Approve")
    assert house.octet is not None
    async with asyncio.timeout(WITHIN_S):
        await house.octet.process.wait()
    assert await house.stop() == -9
    await house.start()
    doubt = await house.told(task, "Octet does not know whether it pressed Approve for Agent-4")
    assert _labels(doubt) == ["It was pressed", "No longer needed"]
    assert _labels(await shows(house, first, "Octet does not know whether it pressed it")) == []
    listed = await house.command("delivery", "list", "--home", str(house.home))
    assert "Agent-4" in listed.out
    # One of the two dialogs still stands there, whichever way it went, and is asked anew: nothing pressed by itself.
    again = await asked(house, task)
    assert again["id"] != first["id"]
    assert (await press(house, again, "Approve")).startswith("Octet pressed **Approve**")
    if not is_pressed:
        last = await wait_message(
            house.discord,
            lambda one: "waits for an answer" in words(one) and bool(_labels(one)) and one["id"] != again["id"],
            channel=await house.thread(task),
            within_s=WITHIN_S,
        )
        assert (await press(house, last, "Approve")).startswith("Octet pressed **Approve**")
    await house.done(task)
    await shows(house, doubt, "no longer needs a decision")
