"""What was said in a real window is read for its answer, and nobody is disturbed by that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from Xlib import X
from Xlib.display import Display
from Xlib.ext import xtest

from core.deliveries.model import Result
from core.desks.model import Manners, WindowNotSeen
from core.profiles.model import Activity
from tests.automation.desktop.scenes import SOON, is_drafted, person_types, soon
from tests.display import VirtualDisplay
from tests.fakes.desk import SAYS, TERM, Commits, News, make_hands, make_order, open_term, open_tk, running
from tests.thieves.hands import Hands

pytestmark = pytest.mark.display
PROFILE = replace(SAYS, name="tk")
BUSY, IDLE = Activity.BUSY, Activity.IDLE


async def test_all_that_was_said_is_read_and_the_focus_is_given_back(display: VirtualDisplay, tmp_path: Path) -> None:
    agent, other = open_tk(display, "agent-1", 50, 50, busy_ms=800), open_tk(display, "agent-2", 500, 50)
    news = News()
    hands = make_hands(display.name, tmp_path, (agent.window, other.window), news, tk=PROFILE, limits=SOON)
    async with running(hands, news) as desk:
        text = "Count\nthe birds: <<<k3v9x2qa and k3v9x2qa>>>"
        assert (await desk.lane.deliver(make_order("agent-1", text), Commits())).result is Result.DELIVERED
        await news.until(lambda: [one.activity for one in news.shown if one.window == "agent-1"][-2:] == [BUSY, IDLE])
        display.windows.activate(other.seen.id)
        await soon(lambda: display.windows.active() == other.seen.id, "another window is in use")
        said = await desk.hands.transcript("agent-1")
        assert text in said.text
        assert said.by == "copy"
        await soon(lambda: display.windows.active() == other.seen.id, "the other window is in use again")
        assert agent.heard == [text]
        assert not is_drafted(display, agent, PROFILE)


async def test_where_somebody_writes_nothing_is_touched(display: VirtualDisplay, tmp_path: Path) -> None:
    agent = open_tk(display, "agent-1", 50, 50)
    news = News()
    async with running(
        make_hands(display.name, tmp_path, (agent.window,), news, tk=PROFILE, limits=SOON), news
    ) as desk:
        person_types(display, agent, PROFILE, "mine")
        with pytest.raises(WindowNotSeen, match="composer not empty"):
            await desk.hands.transcript("agent-1")
        assert is_drafted(display, agent, PROFILE)
        display.xdotool("key", "ctrl+a", "BackSpace")
        await soon(lambda: not is_drafted(display, agent, PROFILE), "it is empty")
        await desk.hands.hold()
        with pytest.raises(WindowNotSeen, match="the desk is held"):
            await desk.hands.transcript("agent-1")
        await desk.hands.release()
        cover = display.lay_over(60, 60, 100, 100)
        with pytest.raises(WindowNotSeen, match="covered"):
            await desk.hands.transcript("agent-1")
        display.take_away(cover)
        assert "nothing was said yet" in (await desk.hands.transcript("agent-1")).text


@contextmanager
def moving(display: VirtualDisplay, *, by_hand: bool) -> Iterator[None]:
    """The pointer moves all the time within the window: by the mouse, or by the test device as we do it ourselves."""
    connection = Display(display.name)
    hands, over = Hands(connection), threading.Event()

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
    agent = open_tk(display, "agent-1", 50, 50)
    news = News()
    hands = make_hands(
        display.name, tmp_path, (agent.window,), news, tk=PROFILE, limits=SOON, manners=Manners(idle_s=0)
    )
    async with running(hands, news) as desk:
        await soon(lambda: display.windows.active() == agent.seen.id, "it is in use")
        with moving(display, by_hand=True), pytest.raises(WindowNotSeen, match="somebody types"):
            await desk.hands.transcript("agent-1")
        with moving(display, by_hand=False):
            assert "nothing was said yet" in (await desk.hands.transcript("agent-1")).text


async def test_an_agent_at_work_and_a_window_without_a_transcript_are_not_read(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    tk, term = open_tk(display, "agent-1", 50, 50, busy_ms=60_000), open_term(display, "agent-2", 500, 50)
    news = News()
    hands = make_hands(display.name, tmp_path, (tk.window, term.window), news, tk=PROFILE, limits=SOON)
    async with running(hands, news) as desk:
        assert (await desk.lane.deliver(make_order("agent-1", "work"), Commits())).result is Result.DELIVERED
        with pytest.raises(WindowNotSeen, match="busy"):
            await desk.hands.transcript("agent-1")
        assert TERM.transcript is None
        with pytest.raises(WindowNotSeen, match="does not say how its transcript is read"):
            await desk.hands.transcript("agent-2")
