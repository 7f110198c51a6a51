"""What a calibration writes into config/, and what it leaves alone there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from automation.desktop.observation.anchors import Anchors
from bot.cli.init.templates import copy_templates
from core.calibration.model import CalibratedWindow, FoundWindow, Measurement, TrialResult
from core.calibration.writer import PROMPT, anchor_file, new_pane_profile, write
from core.config.loader import load
from core.config.profiles import in_pane, nested, read_profiles
from core.desks.learned import Learned
from core.desks.model import Learnable, LearnedFact, Window
from core.home import Home
from core.kit.problems import ConfigWrong
from core.profiles.model import Box

PNG = b"\x89PNG as cut"


def connected(number: int, *, x: int = 0, agent: str = "", label: str = "") -> CalibratedWindow:
    box = Box(x=x, y=500, width=500, height=400)
    composer, anchor = Box(x=20, y=340, width=460, height=40), Box(x=0, y=0, width=300, height=40)
    measured = Measurement(window=number, composer=composer, background="#1e1e1e", anchors=(anchor,), by="picture")
    values = {"anchor": anchor, "composer.box": composer, "composer.background": "#1e1e1e"}
    return CalibratedWindow(
        window=Window(name=f"mine-{number}", profile="mine", title=f"— folder{number}$", box=box),
        agent=agent or f"Agent-{number}",
        calibrated=nested(values),
        measured=measured,
        tried=TrialResult(ok=True, anchor=anchor, anchor_png=PNG),
        found=FoundWindow(id=number, kind="Cursor", title=f"a — folder{number}", program="", box=box, is_shown=True),
    )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    place = Home(root=tmp_path / "home")
    copy_templates(place.config)
    (place.config / "profiles/mine.toml").write_bytes((place.config / "profiles/demo_tk.toml").read_bytes())
    return place


def desk_text(home: Home) -> str:
    return (home.config / "desks/main.toml").read_text("utf-8")


def test_a_persons_windows_take_the_place_of_the_examples_and_every_comment_stays(home: Home) -> None:
    comments = [line for line in desk_text(home).splitlines() if line.startswith("#")]

    changed = write(home, "main", ":0", [connected(1), connected(2, x=500)])

    (desk,) = changed.config.desks
    assert [window.name for window in desk.windows] == ["mine-1", "mine-2"]
    assert [(agent.name, agent.desk, agent.window) for agent in changed.config.agents] == [
        ("Agent-1", "main", "mine-1"),
        ("Agent-2", "main", "mine-2"),
    ]
    assert [line for line in desk_text(home).splitlines() if line.startswith("#")] == comments
    assert (
        desk_text(home).split("[[windows]]", 1)[1].rstrip()
        == """
name = "mine-1"
profile = "mine"
title = "— folder1$"
box = { x = 0, y = 500, width = 500, height = 400 }

[windows.calibrated]
anchor = { x = 0, y = 0, width = 300, height = 40 }
composer = { box = { x = 20, y = 340, width = 460, height = 40 }, background = "#1e1e1e" }

[[windows]]
name = "mine-2"
profile = "mine"
title = "— folder2$"
box = { x = 500, y = 500, width = 500, height = 400 }

[windows.calibrated]
anchor = { x = 0, y = 0, width = 300, height = 40 }
composer = { box = { x = 20, y = 340, width = 460, height = 40 }, background = "#1e1e1e" }"""
    )
    file = anchor_file(home.anchors / "main", "mine-1")
    assert file.read_bytes() == PNG
    assert file.stat().st_mode & 0o777 == 0o600


def test_calibrating_again_changes_what_was_measured_and_keeps_what_somebody_wrote_beside_it(home: Home) -> None:
    write(home, "main", ":0", [connected(1)])
    file = home.config / "desks/main.toml"
    text = desk_text(home).replace('background = "#1e1e1e" }', 'background = "#000000", label = "Ask" }  # mine')
    file.write_text(text.replace('name = "mine-1"', 'name = "mine-1"  # the big one'), "utf-8")

    changed = write(home, "main", ":0", [connected(1, x=700)])

    (window,) = changed.config.desks[0].windows
    assert window.box.x == 700
    assert changed.config.profiles[window.profile].composer.label == "Ask"
    assert changed.config.profiles[window.profile].composer.background == "#1e1e1e"
    assert 'name = "mine-1"  # the big one' in desk_text(home)


def test_calibrating_again_drops_what_octet_learned_before_even_if_every_value_stays_the_same(home: Home) -> None:
    write(home, "main", ":0", [connected(1)])
    learned, anchor = Learned(home), Box(x=1, y=2, width=3, height=4)
    for window in ("mine-1", "mine-2"):
        learned.keep(LearnedFact(desk="main", window=window, what=Learnable.ANCHOR, at_ms=1, value=anchor))

    write(home, "main", ":0", [connected(1)])

    assert [fact.window for fact in learned.read("main")[0]] == ["mine-2"]
    assert anchor_file(home.anchors / "main", "mine-1").read_bytes() == PNG


def test_a_new_desk_gets_a_file_and_an_agent_that_is_new_there_too(home: Home) -> None:
    changed = write(home, "left", ":7", [connected(9, agent="Cursor")])

    assert {desk.name: desk.display for desk in changed.config.desks} == {"main": ":0", "left": ":7"}
    assert changed.config.agents[-1].name == "Cursor"
    assert len(changed.config.agents) == 9


def test_what_would_make_no_right_configuration_leaves_files_and_anchors_alone(home: Home) -> None:
    before = desk_text(home)

    with pytest.raises(ConfigWrong, match="covers the window"):
        write(home, "main", ":0", [connected(1), connected(2, x=499)])

    assert desk_text(home) == before
    assert not home.anchors.exists()


def test_a_persons_own_windows_and_agents_stay_when_others_come(home: Home) -> None:
    write(home, "main", ":0", [connected(1), connected(2, x=500)])

    write(home, "main", ":0", [connected(2, x=600)])

    assert [(window.name, window.box.x) for window in load(home).desks[0].windows] == [("mine-1", 0), ("mine-2", 600)]
    assert [agent.name for agent in load(home).agents] == ["Agent-1", "Agent-2"]


def test_a_window_that_somebody_wrote_by_hand_gets_what_was_measured(home: Home) -> None:
    file = home.config / "desks/main.toml"
    box = "{ x = 0, y = 500, width = 386, height = 413 }"
    own = f'[[windows]]\nname = "mine-1"  # by hand\nprofile = "mine"\ntitle = "— old$"\nbox = {box}'
    (home.config / "agents.toml").write_text("", "utf-8")
    for rest in ("", "\n"):
        file.write_text(f'display = ":0"\n\n{own}{rest}', "utf-8")

        changed = write(home, "main", ":0", [connected(1)])

        assert changed.config.desks[0].windows[0].title == "— folder1$"
        assert "# by hand" in desk_text(home)


def test_a_window_that_is_identified_without_an_anchor_loses_its_old_one(home: Home) -> None:
    home_profile = home.config / "profiles/mine.toml"
    lines = home_profile.read_text("utf-8").splitlines(keepends=True)
    home_profile.write_text("".join(line for line in lines if not line.startswith("anchor ")), "utf-8")
    write(home, "main", ":0", [connected(1)])
    one = connected(1)
    values = {key: value for key, value in one.calibrated.items() if key != "anchor"}

    changed = write(home, "main", ":0", [replace(one, calibrated=values, tried=TrialResult(ok=True))])

    assert changed.config.profiles[changed.config.desks[0].windows[0].profile].anchor is None
    assert not anchor_file(home.anchors / "main", "mine-1").exists()


def test_other_possible_anchors_are_kept_and_pictures_of_an_earlier_calibration_go(home: Home) -> None:
    folder = home.anchors / "main"
    folder.mkdir(parents=True)
    old = ("mine-1.at-9-9-80-14", "mine-1.empty-1", "mine-1.approve", "mine-1.approve.0123456789ab")
    for name in (*old, "mine-10", "mine-1.b"):
        (folder / f"{name}.png").write_bytes(PNG)
    one = connected(1)
    spare = Box(x=0, y=380, width=200, height=20)
    write(home, "main", ":0", [replace(one, tried=replace(one.tried, candidates=((spare, PNG),), tag="word"))])

    kept = {file.name for file in folder.iterdir()}
    assert kept == {"mine-1.png", "mine-1.tag", "mine-1.at-0-380-200-20.png", "mine-10.png", "mine-1.b.png"}
    assert Anchors(folder).candidates("mine-1") == [spare]


def test_a_new_profile_for_panes_waits_for_its_prompt_and_changes_no_profile_that_is_there(home: Home) -> None:
    before = {file.name: file.read_bytes() for file in (home.config / "profiles").iterdir()}
    names = [new_pane_profile(home, program) for program in ("/usr/bin/MyChat", "claude_code", "opencode", "xterm")]
    assert names == ["mychat", "claude_code", "opencode", "xterm_pane"]
    kinds = read_profiles(home.root, []).kinds
    assert [isinstance(in_pane(kinds[name]), tuple) for name in names] == [False] * 4
    assert [PROMPT in kinds[name].calibrate for name in names] == [True, False, False, True]
    assert {name: (home.config / "profiles" / name).read_bytes() for name in before} == before
