"""What was said in a real window is read for its answer, and nobody is disturbed by that."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from Xlib import X
from Xlib.display import Display
from Xlib.ext import xtest

from core.deliveries.model import Reason, Result
from core.desks.model import Transcribed, UserActivityPolicy, WindowNotSeen
from core.profiles.model import Activity
from tests.automation.desktop.scenes import SOON, STAYS_MS, is_drafted, person_types, soon
from tests.display import LIMIT_S, VirtualDisplay
from tests.fakes.desk import (
    PASSES,
    SAYS,
    TERM,
    News,
    RunningDesk,
    deliver,
    make_hands,
    make_order,
    open_term,
    open_tk,
    running,
)
from tests.thieves.hands import Hands

pytestmark = pytest.mark.display
PROFILE = replace(SAYS, name="tk")
BUSY, IDLE = Activity.BUSY, Activity.IDLE


def last_shown(news: News, window: str) -> Activity | None:
    """What was told last of this window."""
    return next((one.activity for one in reversed(news.shown) if one.window == window), None)


async def read(desk: RunningDesk, window: str, *, about: Collection[Reason] = ()) -> Transcribed:
    """As whoever wants an answer does: again after a moment, while something is in the way that passes by itself. What
    the test is `about` is told. A busy program draws late what was covered."""
    passes = PASSES | {Reason.CHANGED}
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                return await desk.hands.transcript(window)
            except WindowNotSeen as trouble:
                if not any(reason.value in trouble.message for reason in passes.difference(about)):
                    raise
                await asyncio.sleep(0.05)


async def test_all_that_was_said_is_read_and_the_focus_is_given_back(display: VirtualDisplay, tmp_path: Path) -> None:
    agent, other = open_tk(display, "agent-1", 50, 50, busy_ms=STAYS_MS), open_tk(display, "agent-2", 500, 50)
    news = News()
    hands = make_hands(display.name, tmp_path, (agent.window, other.window), news, tk=PROFILE, limits=SOON)
    async with running(hands, news) as desk:
        text = "Count\nthe birds: <<<k3v9x2qa and k3v9x2qa>>>"
        assert (await deliver(desk.lane, make_order("agent-1", text))).result is Result.DELIVERED
        await news.until(lambda: last_shown(news, "agent-1") is BUSY)
        agent.rests()
        await news.until(lambda: last_shown(news, "agent-1") is IDLE)
        display.windows.activate(other.seen.id)
        await soon(lambda: display.windows.active() == other.seen.id, "another window is in use")
        said = await read(desk, "agent-1")
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
        await soon(lambda: is_drafted(display, agent, PROFILE), "it is drawn")
        with pytest.raises(WindowNotSeen, match="composer not empty"):
            await read(desk, "agent-1")
        assert is_drafted(display, agent, PROFILE)
        display.xdotool("key", "ctrl+a", "BackSpace")
        await soon(lambda: not is_drafted(display, agent, PROFILE), "it is empty")
        await desk.hands.hold()
        with pytest.raises(WindowNotSeen, match="the desk is held"):
            await read(desk, "agent-1")
        await desk.hands.release()
        cover = display.lay_over(60, 60, 100, 100)
        with pytest.raises(WindowNotSeen, match="covered"):
            await read(desk, "agent-1")
        display.take_away(cover)
        assert "nothing was said yet" in (await read(desk, "agent-1")).text


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
        display.name,
        tmp_path,
        (agent.window,),
        news,
        tk=PROFILE,
        limits=SOON,
        user_activity=UserActivityPolicy(idle_s=0),
    )
    async with running(hands, news) as desk:
        await soon(lambda: display.windows.active() == agent.seen.id, "it is in use")
        with moving(display, by_hand=True), pytest.raises(WindowNotSeen, match="a user is typing"):
            await read(desk, "agent-1", about={Reason.KEYS_DOWN})
        with moving(display, by_hand=False):
            assert "nothing was said yet" in (await read(desk, "agent-1")).text


async def test_an_agent_at_work_and_a_window_without_a_transcript_are_not_read(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    tk, term = open_tk(display, "agent-1", 50, 50, busy_ms=STAYS_MS), open_term(display, "agent-2", 500, 50)
    news = News()
    hands = make_hands(display.name, tmp_path, (tk.window, term.window), news, tk=PROFILE, limits=SOON)
    async with running(hands, news) as desk:
        assert (await deliver(desk.lane, make_order("agent-1", "work"))).result is Result.DELIVERED
        with pytest.raises(WindowNotSeen, match="busy"):
            await read(desk, "agent-1", about={Reason.BUSY})
        assert TERM.transcript is None
        with pytest.raises(WindowNotSeen, match="does not say how its transcript is read"):
            await read(desk, "agent-2")
