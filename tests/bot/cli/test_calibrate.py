"""`octet calibrate` on real windows: what it measures, tries and writes; and a delivery through what it wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.cli.init.templates import copy_templates
from core.calibration.writer import anchor_file
from core.config.loader import load
from core.deliveries.model import Result
from core.home import Home
from tests.automation.desktop.scenes import soon
from tests.bot.cli.calibrating import client_of, nobody_sits_there
from tests.bot.cli.test_calibrating_by_hand import console
from tests.fakes.desk import News, deliver, make_order, running
from tests.fakes.targets import FOLDER, Targets, all_targets

KINDS = ("gtk", "contenteditable", "xterm")
WRONG = "box = { x = 0, y = 0, width = 5, height = 5 }"

pytestmark = [pytest.mark.display, pytest.mark.timeout(300)]  # it connects three windows


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    with all_targets(tmp_path_factory.mktemp("calibrate"), KINDS, busy_ms=1500) as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Make a new home with the profiles of the targets, whose places are those of no window."""
    place = Home(root=tmp_path / "home")
    copy_templates(place.config)
    nobody_sits_there(place)
    for kind in KINDS:
        text = (FOLDER / f"{kind}.toml").read_text("utf-8")
        text = re.sub(r"(?m)(?<=^\[composer\]\n)box = .*$", WRONG, text)
        text = re.sub(r"(?m)^paste_timeout_ms = .*$", "paste_timeout_ms = 10000\nconfirm_timeout_ms = 10000", text)
        text = re.sub(r"(?m)^anchor = .*$", f"anchor{WRONG[3:].replace('x = 0', 'x = 5')}", text)  # beside the composer
        (place.config / f"profiles/{kind}.toml").write_text(text)
    return place


async def test_windows_of_three_kinds_are_connected_and_then_take_a_prompt(targets: Targets, home: Home) -> None:
    term = (200, -30)
    with console(targets.display, home, "calibrate") as here:
        here.until("saves what works")
        number = {kind: found for found, kind in re.findall(r"(?m)^(\d+) +agent-(\w+)", here.said)}
        here.type(
            f"{number['gtk']}=Agent-1:gtk,{number['contenteditable']}=Cursor:contenteditable,{number['xterm']}=Agent-3:xterm"
        )
        here.until("Where is the composer of Agent-3")
        here.type(f"{term[0]},{term[1]}")
        assert here.ends() == 0, here.said
    config = load(home)
    assert [(agent.name, agent.window) for agent in config.agents] == [
        ("Agent-1", "agent-1"), ("Agent-3", "agent-3"), ("Cursor", "cursor"),
    ]  # fmt: skip
    kept = {
        window.name for window in config.desks[0].windows if anchor_file(home.anchors / "main", window.name).is_file()
    }
    assert kept == {"agent-3"}, "the others are identified by what their programs tell"
    assert {kind: agent.heard for kind, agent in targets.agents.items()} == {kind: [] for kind in KINDS}, (
        "nothing is sent"
    )

    news = News()
    async with running(client_of(config, home, targets.display, news), news) as desk:
        for name, kind in (("agent-1", "gtk"), ("cursor", "contenteditable"), ("agent-3", "xterm")):
            text = f"Hello {kind}, 1 + 1 = 2"
            outcome = await deliver(desk.lane, make_order(name, text, desk="main"))
            assert outcome.result is Result.DELIVERED, outcome
            agent, wanted = targets.agents[kind], [text]
            await soon(lambda agent=agent, wanted=wanted: agent.heard == wanted, "it was heard, once")
