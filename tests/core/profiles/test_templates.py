"""The profiles that ship: right, explained and marked key by key, with the habits of those that the tests drive."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from core.config.profiles import NEEDED, Kind, ProfileFiles, complete, in_pane, leaves, nested, read_profiles
from core.profiles.model import Box, PaneProfile, Profile, StateSigns
from scripts import schemas

ROOT = Path(__file__).parents[3]
GENERIC = {"generic", "generic_terminal"}
PROVEN = {"chromium": "contenteditable", "gtk": "gtk", "xterm": "xterm", "xfce4_terminal": "xfce4_terminal"}
"""Each template, and the profile in tests/data by which a real program of its kind is driven in the tests."""
DEMO = {"demo_page", "demo_tk", "demo_xterm"}
CHATS = {"cursor", "vscode_chat", "windsurf", "claude_desktop", "claude_web", "chatgpt_web"}
CONSUMER = {"claude_desktop", "claude_web", "chatgpt_web"}
CLI = {"claude_code", "codex", "gemini_cli", "opencode"}
SHIPPED = DEMO | GENERIC | set(PROVEN) | CHATS | CLI
FILES = sorted((ROOT / "config/profiles").glob("*.toml"), key=lambda file: file.name)
WINDOW = {
    "match_class": "^Mine$",
    "anchor": Box(x=0, y=0, width=200, height=20),
    "composer.box": Box(x=10, y=500, width=600, height=80),
    "composer.background": "#ffffff",
    "submit": "enter",
}
"""What somebody may have measured at a window."""


def read(root: Path) -> ProfileFiles:
    problems: list[Any] = []
    found = read_profiles(root, problems)
    assert problems == []
    return found


@pytest.fixture(scope="module")
def shipped() -> ProfileFiles:
    return read(ROOT)


@pytest.fixture
def proven(tmp_path: Path) -> ProfileFiles:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/profiles").symlink_to(ROOT / "tests/data/profiles")
    return read(tmp_path)


def whole(kind: Kind) -> Profile:
    """Return the profile with only what is needed measured at a window."""
    wanted = {one.path for one in kind.wanted() if one.is_needed}
    profile = complete(kind, nested({path: value for path, value in WINDOW.items() if path in wanted}))
    assert isinstance(profile, Profile), profile
    return profile


def test_what_ships_is_right(shipped: ProfileFiles) -> None:
    assert set(shipped.kinds) == SHIPPED
    assert set(shipped.profiles) == DEMO, "only the demo's windows are the same everywhere"


@pytest.mark.parametrize("name", sorted(SHIPPED - DEMO))
def test_what_ships_drives_a_window_once_what_is_needed_is_measured_there(shipped: ProfileFiles, name: str) -> None:
    kind = shipped.kinds[name]
    assert {"composer.box", "composer.background"} <= {one.path for one in kind.wanted() if one.is_needed}
    profile = whole(kind)
    assert profile.busy == StateSigns()
    assert not profile.listens, "a window that does not speak would be refused for what only some speak of"
    assert "busy_seen" not in profile.confirm


def marks_of(path: str, marks: list[str]) -> list[str]:
    """Return the marks that fit a value, the nearest last."""
    return sorted((one for one in marks if one in {"*", path} or path.startswith(f"{one}.")), key=len)


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_every_value_that_ships_has_exactly_one_mark(shipped: ProfileFiles, name: str) -> None:
    kind = shipped.kinds[name]
    assert not set(kind.sources) & set(kind.calibrate)
    assert all({**kind.sources, **kind.calibrate}.values())
    given = [path for path, _ in leaves(kind.data)]
    assert [path for path in given if not marks_of(path, [*kind.sources, *kind.calibrate])] == []
    for marked in kind.sources:
        covers = [path for path in given if marks_of(path, [marked])]
        assert covers, f"{name}: a source for {marked}, which has no value"


@pytest.mark.parametrize("name", sorted(SHIPPED - DEMO))
def test_no_place_and_no_colour_that_is_measured_has_one_to_start_with(shipped: ProfileFiles, name: str) -> None:
    kind = shipped.kinds[name]
    nearest = {path: marks_of(path, [*kind.sources, *kind.calibrate])[-1] for path, _ in leaves(kind.data)}
    starts = {path for path, mark in nearest.items() if mark in kind.calibrate}
    assert starts <= {"max_chars", "normalise", "submit", "max_clipboard_reads"}


@pytest.mark.parametrize("name", sorted(SHIPPED - DEMO))
def test_no_source_claims_to_have_tried_what_was_only_read_about(shipped: ProfileFiles, name: str) -> None:
    for path, note in shipped.kinds[name].sources.items():
        assert note.startswith(("measured: ", "documented: ", "reported: ", "every window", "nothing is")), path
        if note.startswith("measured: tests/"):
            assert (ROOT / note.removeprefix("measured: ").split(",")[0]).is_file(), note


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_profiles_of_consumer_chats_ship_disabled_with_the_reason_and_no_other(
    shipped: ProfileFiles, name: str
) -> None:
    assert bool(shipped.kinds[name].disabled) is (name in CONSUMER)
    assert not shipped.kinds[name].enabled


@pytest.mark.parametrize("name", sorted(CLI))
def test_profiles_of_the_command_line_drive_a_pane_as_they_are(shipped: ProfileFiles, name: str) -> None:
    pane = in_pane(shipped.kinds[name])
    assert isinstance(pane, PaneProfile)
    assert pane.terminal.busy
    assert pane.terminal.paste_placeholders
    assert pane.settle_ms >= 150
    assert all(press.chord for press in pane.acts.values())


def test_a_pane_whose_composer_cannot_be_found_is_refused_by_name(shipped: ProfileFiles) -> None:
    assert in_pane(shipped.kinds["xterm"]) == ("it has no table [terminal], which describes its program's screen",)


@pytest.mark.parametrize(("template", "driven"), PROVEN.items())
def test_a_template_with_what_is_measured_at_a_proven_window_drives_it_as_its_own_profile_does(
    template: str, driven: str, shipped: ProfileFiles, proven: ProfileFiles
) -> None:
    theirs = proven.kinds[driven].data
    measured = {key: theirs[key] for key in ("match_class", "anchor", "composer", "busy", "confirm", "max_chars")}
    ours = complete(shipped.kinds[template], measured)
    assert isinstance(ours, Profile)
    assert replace(ours, acts={}) == replace(proven.profiles[driven], name=template, acts={})


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_key_that_ships_is_explained_in_the_lines_above_it(file: Path) -> None:
    is_explained, is_marks = False, False
    told: set[str] = set()
    for number, line in enumerate(file.read_text("utf-8").splitlines()):
        is_marks = is_marks or line == "[sources]"
        if line.startswith("#"):
            is_explained = not line.startswith("#:")
        elif line.startswith("[["):  # the next of several is explained at the first
            is_explained = is_explained or line in told
            told.add(line)
        elif not line:
            is_explained = False
        elif not is_marks and not line.startswith((" ", "]")):
            assert is_explained or line.startswith("["), f"{file.name}: line {number + 1} says nothing of {line}"


@pytest.mark.parametrize("name", sorted(schemas.PUBLISHED))
def test_the_published_schemas_are_those_of_the_code(name: str) -> None:
    published = (ROOT / f"config/schemas/{name}.json").read_text("utf-8")
    assert published == schemas.text(name), "`make schemas` writes them anew"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_editors_find_the_schema_by_the_first_line_of_each_profile(file: Path) -> None:
    first = file.read_text("utf-8").splitlines()[0]
    assert first.startswith("#:schema ")
    assert (file.parent / first.removeprefix("#:schema ")).resolve() == ROOT / "config/schemas/profile.json"


def test_every_key_in_the_published_schema_of_a_profile_says_what_it_is() -> None:
    published = json.loads(schemas.text("profile"))
    tables = {"": published, **{name: one for name, one in published["$defs"].items() if "properties" in one}}
    for table, described in tables.items():
        for key, one in described["properties"].items():
            assert one.get("description"), f"{table}.{key}"


def test_editors_ask_for_no_value_that_is_measured_at_a_window() -> None:
    published = json.loads(schemas.text("profile"))
    required = set(published.get("required", []))
    required |= {f"composer.{key}" for key in published["$defs"]["Composer"].get("required", [])}
    assert not required & NEEDED


def test_the_page_about_profiles_names_each_that_ships_with_the_longest_prompt_it_takes(shipped: ProfileFiles) -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs/profiles.md").read_text("utf-8").splitlines()
        if line.startswith("| `") and line.rstrip("| ").endswith("00")
    ]
    told = {name.strip("` "): int(row[-1]) for row in rows for name in row[0].split(",")}
    assert told == {name: kind.data["max_chars"] for name, kind in shipped.kinds.items()}
    disabled = {name.strip("` ") for row in rows for name in row[0].split(",") if "**disabled**" in row[1]}
    assert disabled == CONSUMER


TAKEN = {
    "profile": [*FILES, *sorted((ROOT / "tests/data/profiles").glob("*.toml"))],
    "desk": [ROOT / "config/desks/main.toml"],
    "agents": [ROOT / "config/agents.toml"],
}


@pytest.mark.parametrize("name", sorted(TAKEN))
def test_editors_underline_nothing_in_the_files_that_ship_and_what_is_misspelt(name: str) -> None:
    judge = Draft7Validator(json.loads(schemas.text(name)))
    for file in TAKEN[name]:
        written = tomllib.loads(file.read_text("utf-8"))
        assert list(judge.iter_errors(written)) == [], file.name
        assert list(judge.iter_errors({**written, "sumbit": 1})), file.name


def test_editors_complete_what_was_measured_at_a_window_as_they_do_a_profile() -> None:
    judge = Draft7Validator(json.loads(schemas.text("desk")))
    desk = tomllib.loads((ROOT / "config/desks/main.toml").read_text("utf-8"))
    desk["windows"][0]["calibrated"] = {"acts": {"approve": "y"}, "composer": {"background": "#ffffff"}}
    assert list(judge.iter_errors(desk)) == []
    desk["windows"][0]["calibrated"]["sumbit"] = "enter"
    assert list(judge.iter_errors(desk))
