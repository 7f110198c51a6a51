"""Real programs as targets: what stands in their composers is read, the best way that each of them allows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.cli.doctor import Level, accessibility
from core.deliveries.model import Outcome, Result
from core.desks.model import Box, Desk, Readback, Window
from tests.automation.desktop.scenes import soon
from tests.display import VirtualDisplay
from tests.fakes.desk import Commits, News, RunningDesk, make_order, running
from tests.fakes.targets import GTK, WEBS, Targets, all_targets
from tests.fakes.web_window import open_web

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


def test_the_doctor_says_which_windows_can_be_read_and_what_a_browser_was_started_without(targets: Targets) -> None:
    display = targets.display
    only = replace(WEBS["rich"], name="only", readback=(Readback.ACCESSIBILITY,))
    profiles = {one.name: one for one in (GTK, only, *WEBS.values())}
    read = [targets.agents[kind].window for kind in ("rich", "gtk")]
    closed = replace(read[1], name="closed", title="^nobody")
    dumb = open_web(display, targets.address, "agent-dumb", 850, 490, kind="rich", accessible=False).window
    windows = (*read, closed, dumb, replace(dumb, profile="only"))
    found = list(accessibility(Desk(name="main", display=display.name, windows=windows), profiles))
    assert [one.level for one in found] == [Level.OK, Level.OK, Level.WARNING, Level.WARNING, Level.PROBLEM]
    assert "not open" in found[2].what
    assert "its profile's next way is used" in found[3].what
    for cure in (found[3].cure, found[4].cure):
        assert "ACCESSIBILITY_ENABLED=1 /" in cure
        assert cure.endswith("--force-renderer-accessibility …")


def test_the_doctor_says_what_to_install_where_there_is_no_bus(display: VirtualDisplay) -> None:
    window = Window(name="one", profile="gtk", title="^one", box=Box(x=0, y=0, width=9, height=9))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
        (found,) = accessibility(Desk(name="main", display=display.name, windows=(window,)), {"gtk": GTK})
    assert found.level is Level.WARNING
    assert "there is no accessibility bus" in found.what
    assert "at-spi2-core" in found.cure
