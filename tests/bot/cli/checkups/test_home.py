"""What `octet doctor` says about the home: who can read it, and the room on its disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli.checkups import home as checkup
from bot.cli.checkups.finding import Finding, Level
from core.home import Home

MIB = 1024**2


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o755)
    return Home(root=tmp_path / "home")


def test_files_that_others_can_read_are_problems_unless_nobody_else_can_enter(home: Home) -> None:
    (home.root / ".env").write_text("x")
    (home.root / ".env").chmod(0o644)
    (home.root / "audit.key").write_text("x")
    (home.root / "audit.key").chmod(0o600)
    found = list(checkup.modes(home))
    assert found == [
        Finding(
            level=Level.PROBLEM,
            what=f"other accounts of this machine can read {home.env_file}",
            cure=f"chmod 600 {home.env_file}",
        )
    ]
    home.root.chmod(0o700)
    assert [finding.level for finding in checkup.modes(home)] == [Level.OK]


def test_a_home_that_is_not_there_is_told(tmp_path: Path) -> None:
    (found,) = checkup.modes(Home(root=tmp_path / "none"))
    assert (found.level, found.cure) == (Level.WARNING, "octet init")


@pytest.mark.parametrize(
    ("free", "level", "words"),
    [
        (10 * MIB, Level.PROBLEM, "only 10 MiB"),
        (500 * MIB, Level.WARNING, "only 500 MiB"),
        (5_000 * MIB, Level.OK, "4.9 GiB"),
    ],
)
def test_a_disk_is_judged_by_the_room_it_has_left(home: Home, free: int, level: Level, words: str) -> None:
    found = checkup.room(home, free)
    assert (found.level, bool(found.cure)) == (level, level is not Level.OK)
    assert words in found.what


def test_the_room_of_a_home_that_is_not_there_yet_is_that_of_the_folder_above_it(tmp_path: Path) -> None:
    assert "free on the disk" in checkup.room(Home(root=tmp_path / "a" / "b" / "c")).what
