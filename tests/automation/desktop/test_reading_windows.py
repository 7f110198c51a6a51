"""What was said in a real window is read for its answer, and no user is disturbed by that."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from Xlib import X
from Xlib.display import Display
from Xlib.ext import xtest

from core.deliveries.model import Reason, Result
from core.desks.model import DeskMode, Transcribed, UserActivityPolicy, WindowNotSeen
from core.profiles.model import Activity
from sandbox.thieves.hands import UserHands
from tests.automation.desktop.scenes import STAYS_MS, Scene, scene, soon
from tests.display import LIMIT_S, VirtualDisplay
from tests.fakes.desk import PASSES, SAYS, TERM, open_tk

pytestmark = pytest.mark.display
AT_ONCE = UserActivityPolicy(idle_s=0)


async def read(on: Scene, *, about: Collection[Reason] = ()) -> Transcribed:
    """Read again, while something is in the way that passes and that the test is not `about`. A busy program draws late
    what was covered."""
    passes = (PASSES | {Reason.CHANGED}).difference(about)
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                return await on.desk.client.transcript("agent-1")
            except WindowNotSeen as trouble:
                if not any(reason.value in trouble.message for reason in passes):
                    raise


async def test_all_that_was_said_is_read_when_its_agent_rests_and_the_focus_is_given_back(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, profile=SAYS, busy_ms=STAYS_MS) as on:
        other, text = open_tk(display, "agent-2", 500, 50), "Count\nthe birds: <<<k3v9x2qa and k3v9x2qa>>>"
        assert (await on.deliver(text)).result is Result.DELIVERED
        with pytest.raises(WindowNotSeen, match="busy"):
            await read(on, about={Reason.BUSY})
        shown = on.desk.news.shown
        await on.desk.news.until(lambda: [one.activity for one in shown][-1:] == [Activity.BUSY])
        on.agent.rests()
        await on.desk.news.until(lambda: shown[-1].activity is Activity.IDLE)
        display.windows.activate(other.seen.id)
        await soon(lambda: display.windows.active() == other.seen.id, "another window is in use")
        said = await read(on)
        assert text in said.text
        assert said.by == "copy"
        await soon(lambda: display.windows.active() == other.seen.id, "the other window is in use again")
        assert (on.agent.heard, on.is_drafted) == ([text], False)


async def test_where_a_person_writes_or_the_desk_is_held_nothing_is_touched(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, profile=SAYS) as on:
        on.person_types("mine")
        await soon(lambda: on.is_drafted, "it is drawn")
        with pytest.raises(WindowNotSeen, match="composer not empty"):
            await read(on)
        assert on.is_drafted
        display.xdotool("key", "ctrl+a", "BackSpace")
        await soon(lambda: not on.is_drafted, "it is empty")
        await on.desk.client.set_mode(DeskMode.HELD)
        with pytest.raises(WindowNotSeen, match="the desk is held"):
            await read(on)
        await on.desk.client.set_mode(DeskMode.OPEN)
        cover = display.lay_over(60, 60, 100, 100)
        with pytest.raises(WindowNotSeen, match="covered"):
            await read(on)
        display.take_away(cover)
        assert "nothing was said yet" in (await read(on)).text


@contextmanager
def moving(display: VirtualDisplay, *, by_hand: bool) -> Iterator[None]:
    """Move the pointer all the time within the window: by the mouse, or by the test device as Octet does."""
    connection = Display(display.name)
    hands, over = UserHands(connection), threading.Event()

    def move() -> None:
        x = 60
        while not over.wait(0.05):
            x = 130 - x
            if by_hand:
                hands.move(x, 120)
            else:
                xtest.fake_input(connection, X.MotionNotify, x=x, y=120)
                connection.sync()

    thread = threading.Thread(target=move)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        connection.close()


async def test_a_person_at_the_mouse_is_waited_for_and_what_programs_press_is_not(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, profile=SAYS, user_activity=AT_ONCE) as on:
        await soon(lambda: display.windows.active() == on.agent.seen.id, "it is in use")
        with moving(display, by_hand=True), pytest.raises(WindowNotSeen, match="is typing"):
            await read(on, about={Reason.KEYS_DOWN})
        with moving(display, by_hand=False):
            assert "nothing was said yet" in (await read(on)).text


async def test_a_window_without_a_transcript_is_not_read(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path, profile=TERM) as on:
        with pytest.raises(WindowNotSeen):
            await read(on)
