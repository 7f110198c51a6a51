"""What a failed delivery leaves in a window is cleared later, even if nobody can recognise it, as long as nobody else
was there since; a draft of a person's is left, letter for letter."""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial
from pathlib import Path

import pytest

from core.deliveries.model import Reason, Result
from core.desks.model import DeskMode
from sandbox.thieves.hands import UserHands
from tests.automation.desktop.scenes import Scene, scene, soon
from tests.display import VirtualDisplay
from tests.fakes.desk import CELL_H, TERM, open_tk

pytestmark = pytest.mark.display
LESS_PX = 12 * CELL_H
"""So much that a terminal has to push its first lines away, and does not put them back as they were."""


async def resized_in_the_middle(on: Scene) -> None:
    """Shrink the window during a delivery; it is what it was again afterwards, but for what it shows."""
    window = on.display.connection.create_resource_object("window", on.agent.seen.id)
    box = on.agent.seen.box

    async def sized(height: int) -> None:
        window.configure(width=box.width, height=height)
        on.display.connection.sync()
        await soon(lambda: (seen := on.display.windows.see(on.agent.seen.id)) and seen.box.height == height, "resized")

    async def shrink() -> None:
        await sized(box.height - LESS_PX)

    on.commits.when["staged"] = shrink
    while "could not be cleared" in (outcome := await on.deliver("some\nlines\nto be\npushed\naway")).note:
        on.desk.news.usable.clear()  # a late machine: once more, from the beginning
        await sized(box.height)
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
    assert outcome.reason in {Reason.RESIZED, Reason.MOVED}, "whoever is late clicks once more, and sees only this then"
    assert "cleared unseen" in outcome.note
    await on.desk.client.set_mode(DeskMode.HELD)  # so that a person comes first
    keys = on.agent.log.with_suffix(".keys")
    await soon(lambda: keys.exists() and r"\u0015" in keys.read_text("utf-8"), "its program was told to clear")
    await asyncio.sleep(0.3)  # no event tells when a terminal has drawn
    await sized(box.height)
    await soon(lambda: on.is_drafted, "something stands in the composer that nobody knows")
    on.commits.when.clear()
    on.desk.news.usable.clear()


@pytest.mark.parametrize("is_elsewhere", [False, True], ids=["no user", "a user types elsewhere"])
async def test_a_terminal_that_was_resized_in_the_middle_can_be_used_again(
    display: VirtualDisplay, tmp_path: Path, *, is_elsewhere: bool
) -> None:
    other, hands = open_tk(display, "mine", 600, 50), UserHands(display.connection)
    async with scene(display, tmp_path, profile=TERM) as on:
        if is_elsewhere:
            display.windows.activate(other.seen.id)
            await soon(lambda: display.windows.active() == other.seen.id, "the person is at their own window")
        await resized_in_the_middle(on)
        if is_elsewhere:
            hands.chord("x")
        await on.desk.client.set_mode(DeskMode.OPEN)
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert not on.is_drafted
        assert (await on.deliver("again")).result is Result.DELIVERED
        assert on.agent.heard == ["again"]


@pytest.mark.parametrize("how", ["keyboard", "another tool"])
async def test_what_a_person_wrote_beside_it_is_left(display: VirtualDisplay, tmp_path: Path, how: str) -> None:
    async with scene(display, tmp_path, profile=TERM) as on:
        await resized_in_the_middle(on)
        if how == "keyboard":
            display.windows.activate(on.agent.seen.id)
            await soon(lambda: display.windows.active() == on.agent.seen.id, "the person came to it")
            for letter in "mine":
                UserHands(display.connection).chord(letter)
        else:
            on.person_types("mine")
        await on.desk.client.set_mode(DeskMode.OPEN)
        while (outcome := await on.deliver("again")).reason is Reason.PERSON_TYPING:
            await on.desk.news.until(lambda: on.desk.news.waits[-1:] != [Reason.PERSON_TYPING])
        assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.COMPOSER_NOT_EMPTY)
        assert on.person_sends() == ["mine"]


async def test_a_draft_of_which_there_is_only_a_wrong_picture_goes_when_its_window_is_back(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, profile=TERM) as on:
        window = display.connection.create_resource_object("window", on.agent.seen.id)
        on.commits.when["staged"] = partial(on.desk.client.set_mode, DeskMode.HELD)
        (on.faults / "worker.pasted").write_text("stop")
        delivering = asyncio.create_task(on.deliver())
        await soon(lambda: not (on.faults / "worker.pasted").exists(), "it is pasted, and nobody saw yet how it looks")
        display.xdotool("windowminimize", "--sync", str(on.agent.seen.id))

        def is_over() -> bool:
            assert on.desk.client.worker_pid is not None
            os.kill(on.desk.client.worker_pid, signal.SIGCONT)  # again: a late worker takes the ticket before it stops
            return delivering.done()

        await soon(is_over, "the worker continues")
        outcome = await delivering
        assert "could not be cleared" in outcome.note
        window.map()
        display.connection.sync()
        await soon(lambda: on.is_drafted, "our draft stands there")
        on.desk.news.usable.clear()
        await on.desk.client.set_mode(DeskMode.OPEN)
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert (await on.deliver("again")).result is Result.DELIVERED
        assert on.agent.heard == ["again"]
