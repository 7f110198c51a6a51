"""What real windows show by each kind of sign that needs no accessibility: colour, picture, a window of its own."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from core.deliveries.model import Result
from core.profiles.model import Activity, Box, Dialog, Likeness, Modal, Sign, StateSigns
from tests.automation.desktop.test_reading import deliver
from tests.display import VirtualDisplay
from tests.fakes.desk import TK, News, make_hands, open_tk, running

pytestmark = pytest.mark.display

STRIP = Box(x=10, y=60, width=380, height=60)
"""Where the window paints what it is told to; its background stands there while it has nothing to say."""
SHOWS = {
    "show strip #cf222e": Activity.ERROR,
    "show strip #9a6700": Activity.LIMITED,
    "show message no network": Activity.ERROR,
    "show strip #123456": Activity.UNKNOWN,
}


def amber() -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (STRIP.width, STRIP.height), "#9a6700").save(kept, "PNG")
    return kept.getvalue()


async def test_an_error_and_a_limit_are_told_by_colour_picture_and_window_and_anything_else_is_unknown(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    by_colour = Sign(box=STRIP, colour="#cf222e", share=0.9)
    box = Modal(match_class="Dialog", title="^Permission$")
    dialogs = (
        Dialog(shows=Activity.ERROR, answers=(), box=STRIP, sign=by_colour),
        Dialog(
            shows=Activity.LIMITED, answers=(), box=STRIP, picture=Likeness(file="amber.png", box=STRIP, png=amber())
        ),
        Dialog(shows=Activity.ERROR, answers=(), window=box),
    )
    profile = replace(
        TK, confirm_timeout_ms=400, dialogs=dialogs, idle=StateSigns(box=STRIP, colour="#f0f0f0", share=0.5)
    )
    places = [(20, 20), (440, 20), (860, 20), (20, 360)]
    agents = {words: open_tk(display, f"agent-{number}", *places[number]) for number, words in enumerate(SHOWS)}
    news = News()
    hands = make_hands(display.name, tmp_path, tuple(one.window for one in agents.values()), news, tk=profile)

    def last(name: str) -> Activity | None:
        return next((one.activity for one in reversed(news.shown) if one.window == name), None)

    async with running(hands, news) as desk:
        await news.until(lambda: all(last(one.name) is Activity.IDLE for one in agents.values()))
        for words, agent in agents.items():
            outcome = await deliver(desk, agent.name, words)
            assert outcome.result in {Result.DELIVERED, Result.UNKNOWN}, (words, outcome)
            expected = SHOWS[words]
            so_far = len(news.shown)
            await news.until(lambda agent=agent, expected=expected: last(agent.name) is expected)
            seen = [one.activity for one in news.shown[so_far:] if one.window == agent.name]
            assert Activity.IDLE not in seen, words
        pictures = {one.window: bool(one.png) for one in news.shown if one.activity in set(SHOWS.values())}
        assert pictures == {"agent-0": True, "agent-1": True, "agent-2": True, "agent-3": False}
