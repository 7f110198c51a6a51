"""From the files of a home to a prompt in a window: a shipped profile, and what was measured at that very window."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from core.config.loader import load
from core.deliveries.model import Result
from core.home import Home
from core.kit.problems import ConfigWrong
from tests.automation.desktop.scenes import soon
from tests.fakes.desk import News, deliver, make_hands, make_order, running
from tests.fakes.targets import Targets, all_targets

pytestmark = pytest.mark.display

ROOT = Path(__file__).parents[3]
DRIVEN = {"gtk": "gtk", "xterm": "codex"}
"""Each target, and the shipped profile that drives it here."""
MEASURED = ("match_class", "anchor", "composer", "busy", "confirm")
TEXT = "[D2A] hub → Agent-1 · task T-1 · P2\nMend the build,\n\tand then /clear nothing.\n" + "word " * 300


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    with all_targets(tmp_path_factory.mktemp("targets"), tuple(DRIVEN)) as found:
        yield found


def make_home(root: Path, targets: Targets, *, is_measured: bool = True) -> Home:
    """The config that ships, and one desk with these windows."""
    shutil.copytree(ROOT / "config", root / "config")
    desk, agents = tomlkit.document(), tomlkit.document()
    desk["display"], desk["windows"], agents["agents"] = targets.display.name, tomlkit.aot(), tomlkit.aot()
    for kind, agent in targets.agents.items():
        box = agent.window.box
        window: dict[str, Any] = {"name": agent.name, "profile": DRIVEN[kind], "title": agent.window.title}
        window["box"] = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
        if is_measured:
            proven = tomllib.loads((ROOT / f"tests/data/profiles/{kind}.toml").read_text("utf-8"))
            window["calibrated"] = {key: proven[key] for key in MEASURED}
        desk["windows"].append(tomlkit.item(window))
        works = {"lane": "window", "desk": "main", "window": agent.name}
        agents["agents"].append(tomlkit.item({"name": agent.name, "role": "r", "capabilities": [], **works}))
    (root / "config/desks/main.toml").write_text(tomlkit.dumps(desk), encoding="utf-8")
    (root / "config/agents.toml").write_text(tomlkit.dumps(agents), encoding="utf-8")
    return Home(root=root)


async def test_windows_are_driven_by_shipped_profiles_and_what_was_measured_there(
    targets: Targets, tmp_path: Path
) -> None:
    config = load(make_home(tmp_path / "home", targets))
    (main,) = config.desks
    assert [window.kind for window in main.windows] == list(DRIVEN.values())
    assert all(window.profile in config.profiles for window in main.windows)
    news = News()
    profiles = [
        replace(profile, confirm_timeout_ms=20_000) for profile in config.profiles.values()
    ]  # on a busy machine
    hands = make_hands(main.display, tmp_path, main.windows, news, profiles=profiles)
    async with running(hands, news) as desk:
        for kind, agent in targets.agents.items():
            outcome = await deliver(desk.lane, make_order(agent.name, TEXT))
            assert outcome.result is Result.DELIVERED, (kind, outcome)
            await soon(lambda agent=agent: agent.heard[-1:] == [TEXT], f"{kind} heard it")


def test_the_same_windows_are_refused_as_long_as_nobody_has_measured_them(targets: Targets, tmp_path: Path) -> None:
    with pytest.raises(ConfigWrong) as wrong:
        load(make_home(tmp_path / "home", targets, is_measured=False))
    said = [str(problem) for problem in wrong.value.problems]
    assert len(said) == len(DRIVEN)
    for agent, line in zip(targets.agents.values(), said, strict=True):
        assert f"`octet calibrate main {agent.name}` does that with you" in line
