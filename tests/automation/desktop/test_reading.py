"""Real programs as targets: what stands in their composers is read, the best way that each of them allows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.deliveries.model import Outcome, Result
from tests.automation.desktop.scenes import soon
from tests.fakes.desk import Commits, News, RunningDesk, make_order, running
from tests.fakes.targets import Targets, all_targets

pytestmark = [pytest.mark.display, pytest.mark.browser]

RICH = "First line\n\n\tcode  with   blanks\n日本語 👩‍👩‍👧‍👦 🇩🇪 e\u0301 ✅\nשלום עולם\n```python\nx = 1\n```\nlast"
READ_BY = {
    "textarea": "read back over the accessibility bus",
    "contenteditable": "read back over the accessibility bus",
    "rich": "read back over the accessibility bus",
    "gtk": "read back over the accessibility bus",
    "xterm": "read back by pixels only",
    "xfce4_terminal": "read back by pixels only",
}


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    with all_targets(tmp_path_factory.mktemp("targets")) as found:
        yield found


async def deliver(desk: RunningDesk, agent: str, text: str, *, tries: int = 20) -> Outcome:
    """Deliver, as the courier does: after a bounce again."""
    while True:
        outcome = await desk.lane.deliver(make_order(agent, text), Commits())
        tries -= 1
        if outcome.result is not Result.BOUNCED or not tries:
            return outcome
        await asyncio.sleep(0.1)


async def test_a_prompt_arrives_whole_in_each_kind_of_program(targets: Targets, tmp_path: Path) -> None:
    news = News()
    async with running(targets.hands(tmp_path, news), news) as desk:
        for kind, agent in targets.agents.items():
            text = RICH.replace("\n", " ⏎ ") if kind == "xfce4_terminal" else RICH
            outcome = await deliver(desk, agent.name, text)
            assert outcome.result is Result.DELIVERED, (kind, outcome)
            assert READ_BY[kind] in outcome.note
            expected = RICH.replace("\n\n", "\n") if kind == "rich" else text
            await soon(lambda agent=agent, expected=expected: agent.heard[-1:] == [expected], f"{kind} heard it")
