"""How a profile says how its window is read back: one word or several, in their order; unread only in so many words."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from core.config.desks import read_desks
from core.kit.field_types import FROM_FILE
from core.kit.problems import Problem
from core.profiles.model import Box, Readback

PROFILES = Path(__file__).parents[2] / "data/profiles"


def read(folder: Path, said: str) -> tuple[tuple[Readback, ...], str]:
    """Return what a profile with these lines in place of its read-back is, and what is wrong with it."""
    place = folder / "config/profiles"
    place.mkdir(parents=True)
    (folder / "config/desks").mkdir()
    text = (PROFILES / "gtk.toml").read_text("utf-8")
    (place / "gtk.toml").write_text(text.replace('readback = ["accessibility", "copy"]', said))
    problems: list[Problem] = []
    found = read_desks(folder, problems).profiles
    return found["gtk"].readback if "gtk" in found else (), "\n".join(map(str, problems))


@pytest.mark.parametrize(
    ("said", "ways"),
    [
        ('readback = "copy"', (Readback.COPY,)),
        ('readback = ["accessibility", "pixels"]', (Readback.ACCESSIBILITY, Readback.PIXELS)),
    ],
)
def test_one_word_or_several_in_their_order(tmp_path: Path, said: str, ways: tuple[Readback, ...]) -> None:
    found, wrong = read(tmp_path, said)
    assert found == ways
    assert "readback" not in wrong


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('readback = ["copy", "copy"]', "contains a duplicate"),
        ("readback = []", "readback"),
        ('readback = "ocr"', "readback"),
    ],
)
def test_what_cannot_be_meant_is_said(tmp_path: Path, said: str, words: str) -> None:
    _, wrong = read(tmp_path, said)
    assert words in wrong


def test_the_profiles_of_the_test_data_are_right(tmp_path: Path) -> None:
    shutil.copytree(PROFILES, tmp_path / "config/profiles")
    (tmp_path / "config/desks").mkdir()
    problems: list[Problem] = []
    found = read_desks(tmp_path, problems).profiles
    assert set(found) == {path.stem for path in PROFILES.glob("*.toml")}
    assert not [problem for problem in problems if "profiles" in str(problem)]


def test_the_limits_of_a_file_do_not_hold_for_what_octets_own_processes_send_each_other() -> None:
    adapter = TypeAdapter(Box)
    nowhere = Box(x=0, y=0, width=0, height=0)
    assert adapter.validate_json(adapter.dump_json(nowhere)) == nowhere
    with pytest.raises(ValidationError):
        adapter.validate_python({"x": 0, "y": 0, "width": 0, "height": 0}, context=FROM_FILE)
