"""Windows whose programs tell their text over the accessibility bus: read and delivered into without a copy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.deliveries.model import Outcome, Result
from tests.display import VirtualDisplay
from tests.fakes.desk import Commits, News, RunningDesk, make_order, running
from tests.fakes.web_window import KINDS, Site, WebAgent, make_web_hands, open_web, site

pytestmark = [pytest.mark.display, pytest.mark.browser]

RICH = "First line\n\n\tcode  with   blanks\n日本語 👩‍👩‍👧‍👦 🇩🇪 e\u0301 ✅\nשלום עולם\n```python\nx = 1\n```\nlast"


@dataclass(slots=True)
class Browser:
    """Three pages of one Chromium on a display with an accessibility bus."""

    display: VirtualDisplay
    pages: Site
    agents: dict[str, WebAgent]


@pytest.fixture
def browser(display: VirtualDisplay) -> Iterator[Browser]:
    with site() as pages, display.accessible():
        agents = {
            kind: open_web(display, pages, f"agent-{kind}", 20 + 420 * number, 20, kind=kind)
            for number, kind in enumerate(KINDS)
        }
        yield Browser(display=display, pages=pages, agents=agents)


async def deliver(desk: RunningDesk, agent: str, text: str, *, tries: int = 20) -> Outcome:
    """Deliver, as the courier does: after a bounce again."""
    while True:
        outcome = await desk.lane.deliver(make_order(agent, text), Commits())
        tries -= 1
        if outcome.result is not Result.BOUNCED or not tries:
            return outcome
        await asyncio.sleep(0.1)


async def test_prompts_arrive_whole_in_three_kinds_of_chromium_editors(browser: Browser, tmp_path: Path) -> None:
    news = News()
    windows = tuple(agent.window for agent in browser.agents.values())
    async with running(make_web_hands(browser.display.name, tmp_path, windows, news), news) as desk:
        for kind, agent in browser.agents.items():
            outcome = await deliver(desk, agent.name, RICH)
            print(kind, outcome)
            assert outcome.result is Result.DELIVERED, (kind, outcome)
            assert "read back over the accessibility bus" in outcome.note
    assert browser.agents["textarea"].heard == [RICH]
    assert [text.rstrip("\n") for text in browser.agents["contenteditable"].heard] == [RICH]
    assert browser.agents["rich"].heard == [RICH.replace("\n\n", "\n")]
