"""`octet calibrate` on real windows: what it measures, tries and writes; and a delivery through what it wrote."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from automation.desktop.lane import DeskHands
from bot.cli.init import copy_templates
from core.calibration.files import anchor_file
from core.config import Config, load
from core.deliveries.model import Result
from core.home import Home
from tests.fakes.desk import WORKER, Commits, Leftovers, News, make_order, running
from tests.fakes.targets import FOLDER, Targets, all_targets

ROOT = Path(__file__).parents[3]
KINDS = ("gtk", "contenteditable", "xterm")
WRONG = "box = { x = 0, y = 0, width = 5, height = 5 }"

pytestmark = pytest.mark.display


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    with all_targets(tmp_path_factory.mktemp("calibrate"), KINDS) as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A new home with the profiles of the targets, whose places are those of no window."""
    place = Home(root=tmp_path / "home")
    copy_templates(place.config)
    for kind in KINDS:
        text = (FOLDER / f"{kind}.toml").read_text("utf-8")
        text = re.sub(r"(?m)(?<=^\[composer\]\n)box = .*$", WRONG, text)
        (place.config / f"profiles/{kind}.toml").write_text(re.sub(r"(?m)^anchor = .*$", f"anchor{WRONG[3:]}", text))
    return place


def octet(targets: Targets, home: Home, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OCTET_", "XDG_"))}
    environ = {**kept, **targets.display.environ, "XDG_STATE_HOME": str(home.root / "state"), "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-m", "bot", words[0], "--home", str(home.root), *words[1:]]
    return subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False)


def hands_of(config: Config, home: Home, targets: Targets, news: News) -> DeskHands:
    """Hands as `octet run` makes them of this configuration."""
    from core.kit.clock import SystemClock

    (desk,) = config.desks
    return DeskHands(
        desk,
        config.profiles,
        argv=(sys.executable, "-c", WORKER, desk.name),
        environ={**targets.display.environ, "PYTHONPATH": str(ROOT)},
        anchors=home.anchors / desk.name,
        locks=home.root / "locks",
        news=news,
        leftovers=Leftovers(),
        clock=SystemClock(),
    )


async def test_windows_of_three_kinds_are_connected_without_a_question_and_then_take_a_prompt(
    targets: Targets, home: Home
) -> None:
    term = (200, -30)
    told = octet(
        targets,
        home,
        "calibrate",
        "--window",
        "title=agent-gtk,profile=gtk",
        "--window",
        "title=agent-contenteditable,profile=contenteditable,agent=Cursor",
        "--window",
        f"title=agent-xterm,profile=xterm,composer={term[0]},{term[1]}",
    )

    assert told.returncode == 0, told.stdout + told.stderr
    print(told.stdout)
    config = load(home)
    print((home.config / "desks/main.toml").read_text())
    assert [(agent.name, agent.window) for agent in config.agents] == [
        ("Agent-1", "agent-1"), ("Agent-2", "agent-2"), ("Cursor", "cursor"),
    ]  # fmt: skip
    assert all(anchor_file(home.anchors / "main", window.name).is_file() for window in config.desks[0].windows)
    assert [agent.heard for agent in targets.agents.values()] == [[], [], []]

    news = News()
    async with running(hands_of(config, home, targets, news), news) as desk:
        for name, kind in (("agent-1", "gtk"), ("cursor", "contenteditable"), ("agent-2", "xterm")):
            text = f"Hello {kind}, 1 + 1 = 2"
            outcome = await desk.lane.deliver(make_order(name, text, desk="main"), Commits())
            assert outcome.result is Result.DELIVERED, outcome
            assert targets.agents[kind].heard == [text]
