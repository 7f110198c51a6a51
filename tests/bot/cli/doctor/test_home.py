"""What `octet doctor` says about the home: who can read it, and the room on its disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli.doctor import home as checkup
from bot.cli.doctor.command import check
from bot.cli.doctor.model import Finding, FindingLevel
from bot.cli.init.templates import copy_templates
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
            level=FindingLevel.PROBLEM,
            what=f"other accounts of this machine can read {home.env_file}",
            cure=f"chmod 600 {home.env_file}",
        )
    ]
    home.root.chmod(0o700)
    assert [finding.level for finding in checkup.modes(home)] == [FindingLevel.OK]


def test_an_address_to_ping_that_others_can_read_is_warned_of_and_not_repeated(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    copy_templates(home.config)
    home.config.chmod(0o755)
    file = home.config / "octet.toml"
    file.chmod(0o644)
    assert list(checkup.open_ping_url(home)) == []
    file.write_text(file.read_text("utf-8").replace("# ping_url =", "ping_url ="), "utf-8")
    [found] = checkup.open_ping_url(home)
    assert (found.level, str(file) in found.what) == (FindingLevel.WARNING, True)
    assert f"{home.env_file}, as OCTET_ALARM__PING_URL=" in found.cure
    check(home.root)
    told = capsys.readouterr()
    assert told.out.startswith("config is valid: ")
    assert told.err == f"warning: {found.what}. {found.cure}\n"
    assert "hc.example" not in told.err
    for private in (file, home.config, home.root):
        mode = private.stat().st_mode
        private.chmod(0o700)
        assert list(checkup.open_ping_url(home)) == []
        private.chmod(mode)


def test_check_reports_an_env_file_that_others_may_read(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    copy_templates(home.config)
    home.env_file.write_text("")
    for mode, is_open in ((0o600, False), (0o640, True), (0o604, True), (0o622, True)):
        home.env_file.chmod(mode)
        check(home.root)
        told = capsys.readouterr().err
        assert (f"chmod 600 {home.env_file}" in told) is is_open, oct(mode)


def test_a_home_that_is_not_there_is_told(tmp_path: Path) -> None:
    (found,) = checkup.modes(Home(root=tmp_path / "none"))
    assert (found.level, found.cure) == (FindingLevel.WARNING, "octet init")


@pytest.mark.parametrize(
    ("free", "level", "words"),
    [
        (10 * MIB, FindingLevel.PROBLEM, "only 10 MiB"),
        (500 * MIB, FindingLevel.WARNING, "only 500 MiB"),
        (5_000 * MIB, FindingLevel.OK, "4.9 GiB"),
    ],
)
def test_a_disk_is_judged_by_the_room_it_has_left(home: Home, free: int, level: FindingLevel, words: str) -> None:
    found = checkup.room(home, free)
    assert (found.level, bool(found.cure)) == (level, level is not FindingLevel.OK)
    assert words in found.what


def test_the_use_of_the_limit_of_files_is_told(home: Home) -> None:
    folder = home.attachments / "01H"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_bytes(bytes(3 * MIB))
    found = checkup.files(home)
    assert (found.level, found.what.split(" are ")[0]) == (FindingLevel.OK, "3 MiB of 1.9 GiB")
    assert checkup.files(home, 1_900_000_000).level is FindingLevel.WARNING


def test_the_room_of_a_home_that_is_not_there_yet_is_that_of_the_folder_above_it(tmp_path: Path) -> None:
    assert "free on the disk" in checkup.room(Home(root=tmp_path / "a" / "b" / "c")).what
