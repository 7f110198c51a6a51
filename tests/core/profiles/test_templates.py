"""The profiles that people start from: right, explained key by key, with the habits of those that the tests drive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.profiles.config import ProfileFiles, read_profiles
from core.profiles.model import Profile

ROOT = Path(__file__).parents[3]
PROVEN = {"chromium": "contenteditable", "gtk": "gtk", "xterm": "xterm", "xfce4_terminal": "xfce4_terminal"}
"""Each template, and the profile in tests/data by which a real program of its kind is driven in the tests."""
DEMO = {"demo_page", "demo_tk", "demo_xterm"}
FILES = sorted((ROOT / "config/profiles").glob("*.toml"), key=lambda file: file.name)


def read(root: Path) -> ProfileFiles:
    problems: list = []
    found = read_profiles(root, problems)
    assert problems == []
    return found


@pytest.fixture
def proven(tmp_path: Path) -> ProfileFiles:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/profiles").symlink_to(ROOT / "tests/data/profiles")
    return read(tmp_path)


def habits(profile: Profile) -> Profile:
    """The profile without what everybody measures on their own windows, or chooses."""
    composer = replace(profile.composer, box=profile.anchor, background="", label="")
    window = {"match_class": "", "composer": composer, "anchor": profile.anchor, "busy": None}
    return replace(profile, name="", acts={}, max_chars=0, **window)


def test_what_is_shipped_is_right_and_is_either_the_demos_or_a_template() -> None:
    assert set(read(ROOT).profiles) == DEMO | set(PROVEN)


@pytest.mark.parametrize(("template", "driven"), PROVEN.items())
def test_a_template_has_the_habits_of_the_profile_that_drives_such_a_program_in_the_tests(
    template: str, driven: str, proven: ProfileFiles
) -> None:
    ours, theirs = read(ROOT).profiles[template], proven.profiles[driven]
    assert habits(ours) == habits(replace(theirs, anchor=ours.anchor))
    assert set(theirs.acts.items()) <= set(ours.acts.items())


@pytest.mark.parametrize("file", [file for file in FILES if file.stem in PROVEN], ids=lambda file: file.stem)
def test_every_key_of_a_template_is_explained_in_the_lines_above_it(file: Path) -> None:
    lines = file.read_text("utf-8").splitlines()
    is_explained = False
    for number, line in enumerate(lines):
        if line.startswith("#"):
            is_explained = True
        elif not line:
            is_explained = False
        else:
            is_table = line.startswith("[")
            assert is_explained or is_table, f"{file.name}: line {number + 1} says nothing of {line}"


@pytest.mark.parametrize("file", [file for file in FILES if file.stem in PROVEN], ids=lambda file: file.stem)
def test_a_template_says_that_it_is_one_and_what_is_to_be_measured(file: Path) -> None:
    text = file.read_text("utf-8")
    assert text.startswith("# A template: ")
    for key in ("anchor", "box", "background", "colour"):
        at = text.index(f"\n{key} = ")
        assert "Yours" in text[max(0, at - 420) : at], f"{file.name}: {key}"
