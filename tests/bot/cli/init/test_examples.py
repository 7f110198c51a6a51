"""A new home has the demo's windows as examples: they go once the user's own agents come, and stay away."""

from __future__ import annotations

import tomllib
from pathlib import Path

from bot.cli.init.agents import drop_examples
from bot.cli.init.templates import copy_templates
from core.calibration.writer import DeskTemplate, write_panes
from core.config.loader import load
from core.home import Home

EXAMPLE = Path("desks/main.toml")


def make_home(root: Path) -> Home:
    home = Home(root=root)
    copy_templates(home.config)
    return home


def test_agents_in_panes_take_the_place_of_the_demos_windows_and_one_line_says_so(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    lines = write_panes(home, [DeskTemplate(program=["cat"], profile="claude_code")] * 8, replaces=True)
    assert lines == ["Agent-1 to Agent-8 work in 8 panes of desk panes now"]
    drop_examples(home)
    assert [desk.name for desk in load(home).desks] == ["panes"]
    assert copy_templates(home.config) == [], "`octet init` runs again"


def test_without_other_agents_the_examples_get_the_dry_run(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    drop_examples(home)
    agents = tomllib.loads((home.config / "agents.toml").read_text("utf-8"))["agents"]
    assert [agent["lane"] for agent in agents] == ["dryrun"] * 8
    assert not (home.config / EXAMPLE).exists()


def test_a_desk_with_a_window_of_the_users_own_stays_with_its_agents(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    desk, profiles = home.config / EXAMPLE, home.config / "profiles"
    (profiles / "mine.toml").write_bytes((profiles / "demo_tk.toml").read_bytes())
    desk.write_text(desk.read_text("utf-8").replace('"demo_tk"', '"mine"', 1), "utf-8")
    before = desk.read_bytes(), (home.config / "agents.toml").read_bytes()
    drop_examples(home)
    assert (desk.read_bytes(), (home.config / "agents.toml").read_bytes()) == before
    lines = write_panes(home, [DeskTemplate(program=["cat"], profile="claude_code")] * 2)
    assert lines == ["Agent-1 to Agent-2 work in 2 panes of desk panes now (they were at main)"]


def test_an_example_that_a_new_home_lacks_comes_back_with_its_agents(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    (home.config / EXAMPLE).unlink()
    assert copy_templates(home.config) == [EXAMPLE]
