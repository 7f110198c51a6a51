"""The configuration as a whole: what ships is right, and nothing anybody writes is more than a list of problems."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.agents.model import Job, Lane
from core.config.loader import Config, load
from core.home import Home
from core.kit.problems import ConfigWrong

ROOT = Path(__file__).parents[3]
RIGHT = {
    "config/octet.toml": """
[http]
port = 8321
[discord]
sandbox = false
[dispatch]
retry_window_s = 60.0
[log]
level = "info"
""",
    "config/agents.toml": """
[[agents]]
name = "Agent-1"
about = "builder"
capabilities = ["code", "tests"]
lane = "window"
desk = "main"
window = "agent-1"

[[agents]]
name = "Agent-2"
about = "writer"
capabilities = []
lane = "dryrun"
""",
    "config/desks/main.toml": """
display = ":0"

[[windows]]
name = "agent-1"
profile = "chat"
title = "— apollo$"
box = { x = -400, y = -20, width = 400, height = 300 }
""",
    "config/profiles/chat.toml": """
match_class = "^Chat$"
paste = "ctrl+v"
selection = "clipboard"
submit = "enter"
newline = "keep"
readback = "copy"
normalise = "raw"
clear = ["ctrl+a", "backspace"]
confirm = ["composer_empty", "busy_seen"]

[anchor]
x = 0
y = 0
width = 100
height = 20

[composer]
box = { x = 10, y = 200, width = 300, height = 80 }
background = "#FFFFFF"

[busy]
box = { x = 0, y = 0, width = 9, height = 9 }
colour = "#ff0000"
""",
    ".env": "# nothing\nOCTET_HTTP__PORT=8322\n",
}


def write_home(root: Path, files: dict[str, str | bytes]) -> Home:
    shutil.rmtree(root, ignore_errors=True)
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "replace"))
    return Home(root=root)


def test_a_right_home_becomes_models(tmp_path: Path) -> None:
    config = load(write_home(tmp_path / "home", dict(RIGHT)))

    assert [(agent.name, agent.lane, agent.window) for agent in config.agents] == [
        ("Agent-1", Lane.WINDOW, "agent-1"),
        ("Agent-2", Lane.DRYRUN, None),
    ]
    assert config.desks[0].windows[0].box.x == -400
    assert config.profiles["chat"].composer.background == "#ffffff"
    assert config.profiles["chat"].max_chars == 20_000
    assert config.settings.http.port == 8322


def test_the_agents_of_a_home_of_0_2_0_load_with_their_role_as_what_they_are_about(tmp_path: Path) -> None:
    old = RIGHT["config/agents.toml"].replace('about = "builder"', 'role = "builder"')
    agents = load(write_home(tmp_path / "home", {**RIGHT, "config/agents.toml": old})).agents
    assert [(agent.about, agent.job) for agent in agents] == [("builder", Job.WORKER), ("writer", Job.WORKER)]

    both = old.replace('role = "builder"', 'role = "builder"\nabout = "builder"\njob = "chief"')
    wrong = outcome(write_home(tmp_path / "home", {**RIGHT, "config/agents.toml": both}))
    assert isinstance(wrong, ConfigWrong)
    assert [(problem.key, problem.code, problem.line) for problem in wrong.problems] == [
        ("agents[0].role", "renamed_key", 4)
    ]
    chief = load(write_home(tmp_path / "home", {**RIGHT, "config/agents.toml": both.replace('role = "builder"', "")}))
    assert chief.agents[0].job is Job.CHIEF


@pytest.mark.parametrize("given", ['["code", "python:3"]', "{ code = 1, python = 3 }"])
def test_capabilities_have_levels(tmp_path: Path, given: str) -> None:
    agents = RIGHT["config/agents.toml"].replace('["code", "tests"]', given)
    config = load(write_home(tmp_path / "home", {**RIGHT, "config/agents.toml": agents}))
    assert config.agents[0].levels == {"code": 1, "python": 3, "job:worker": 1}


@pytest.mark.parametrize("given", ['["python:0"]', '["python:10"]', '{ python = "much" }', '["a:b"]'])
def test_a_wrong_level_is_reported(tmp_path: Path, given: str) -> None:
    agents = RIGHT["config/agents.toml"].replace('["code", "tests"]', given)
    with pytest.raises(ConfigWrong) as wrong:
        load(write_home(tmp_path / "home", {**RIGHT, "config/agents.toml": agents}))
    assert [one.code for one in wrong.value.problems] == ["bad_capability"]


def test_an_act_that_only_a_dialog_of_the_window_has_may_be_allowed(tmp_path: Path) -> None:
    dialog = """
[[dialogs]]
shows = "needs_input"
answers = ["approve"]
box = { x = 0, y = 0, width = 9, height = 9 }
sign = { box = { x = 0, y = 0, width = 9, height = 9 }, colour = "#00ff00" }
acts = { approve = "y" }
"""
    agents = RIGHT["config/agents.toml"].replace(
        'window = "agent-1"', 'window = "agent-1"\nallowed_actions = ["approve"]'
    )
    profile = RIGHT["config/profiles/chat.toml"] + dialog
    home = write_home(tmp_path / "home", {**RIGHT, "config/agents.toml": agents, "config/profiles/chat.toml": profile})

    assert load(home).agents[0].allowed_actions == {"approve"}


def test_what_ships_is_right() -> None:
    config = load(Home(root=ROOT))

    assert len(config.agents) == 8
    assert len({(agent.desk, agent.window) for agent in config.agents}) == 8
    assert config.profiles


def outcome(home: Home) -> Config | ConfigWrong:
    try:
        return load(home)
    except ConfigWrong as error:
        wrong = error
    assert wrong.problems
    assert all(len(str(problem).splitlines()) == 1 for problem in wrong.problems)
    return wrong


pieces = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["\n", '"', "'", "[", "]", "{", "}", "=", ",", "#", "[[agents]]\n", "[a]\n", "x = 1\n", "-1", "9e999", "\x00"]
    ),
)
leaves = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.text(max_size=12),
    st.dates(),
    st.just(":0"),
    st.just(".*"),
    st.just("ctrl++"),
)
anything = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("abx", max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(name=st.sampled_from(sorted(RIGHT)), start=st.floats(0, 1), length=st.integers(0, 30), piece=pieces)
def test_any_slip_of_the_pen_is_only_a_problem(
    tmp_path: Path, name: str, start: float, length: int, piece: str
) -> None:
    text = RIGHT[name]
    at = int(start * len(text))

    outcome(write_home(tmp_path / "home", {**RIGHT, name: text[:at] + piece + text[at + length :]}))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data(), value=anything)
def test_any_value_in_the_place_of_any_other_is_only_a_problem(
    tmp_path: Path, data: st.DataObject, value: object
) -> None:
    name = data.draw(st.sampled_from([name for name in sorted(RIGHT) if name.endswith(".toml")]))
    document: Any = tomllib.loads(RIGHT[name])
    place = document
    while True:
        choices: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(choices))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = value
    try:
        text = tomlkit.dumps(document)
    except ValueError:
        return  # not to be written as TOML at all

    outcome(write_home(tmp_path / "home", {**RIGHT, name: text}))


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_bytes_that_are_no_text_and_folders_in_the_place_of_files_are_only_problems(tmp_path: Path, name: str) -> None:
    wrong = outcome(write_home(tmp_path / "bytes", {**RIGHT, name: b"\xff\xfe\x00a"}))
    assert isinstance(wrong, ConfigWrong)
    assert any(problem.file == name for problem in wrong.problems)

    home = write_home(tmp_path / "folder", {key: text for key, text in RIGHT.items() if key != name})
    (home.root / name).mkdir(parents=True)
    wrong = outcome(home)
    assert isinstance(wrong, ConfigWrong)
    assert any(problem.file == name for problem in wrong.problems)


def test_a_broken_desk_hides_no_problem_of_an_agent_but_brings_none_that_is_not_there(tmp_path: Path) -> None:
    unreadable = outcome(write_home(tmp_path / "a", {**RIGHT, "config/desks/main.toml": "display ="}))
    assert isinstance(unreadable, ConfigWrong)
    assert {problem.file for problem in unreadable.problems} == {"config/desks/main.toml"}

    wrong_display = RIGHT["config/desks/main.toml"].replace(":0", "first")
    partly = outcome(write_home(tmp_path / "b", {**RIGHT, "config/desks/main.toml": wrong_display}))
    assert isinstance(partly, ConfigWrong)
    assert [problem.key for problem in partly.problems] == ["display"]
