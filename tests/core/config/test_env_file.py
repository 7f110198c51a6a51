"""A variable is set in .env with everything else as it was."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from core.config.settings import read_env_file, set_variable
from core.kit.errors import Invalid
from core.kit.problems import Problem

TOKEN = "OCTET_DISCORD_TOKEN=new\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", TOKEN),
        ("A=1", f"A=1\n{TOKEN}"),
        ("# mine\nA=1\n\nOCTET_DISCORD_TOKEN=old # c\n\nB=2\n", f"# mine\nA=1\n\n{TOKEN}\nB=2\n"),
        ("export octet_discord_token='old one'\nB=2", f"{TOKEN}B=2"),
        ("OCTET_DISCORD_TOKEN=a\nA=1\nOCTET_DISCORD_TOKEN=b\n", f"{TOKEN}A=1\n"),
        ("no line of any sense\nA=1\n", f"no line of any sense\nA=1\n{TOKEN}"),
    ],
)
def test_one_variable_is_set_and_no_other_line_changes(tmp_path: Path, before: str, after: str) -> None:
    file = tmp_path / ".env"
    file.write_text(before)
    set_variable(file, "OCTET_DISCORD_TOKEN", "new")
    assert file.read_text() == after
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_is_not_there_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    set_variable(tmp_path / ".env", "OCTET_DISCORD_TOKEN", "new")
    assert (tmp_path / ".env").read_text() == TOKEN
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_the_line_ends_of_a_file_from_windows_stay_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"A=1\r\nOCTET_DISCORD_TOKEN=old\r\n# last\r\n")
    set_variable(file, "OCTET_DISCORD_TOKEN", "new")
    set_variable(file, "B", "2")
    assert file.read_bytes() == b"A=1\r\nOCTET_DISCORD_TOKEN=new\r\n# last\r\nB=2\r\n"


def test_a_file_that_is_a_link_stays_one_and_what_it_leads_to_is_changed(tmp_path: Path) -> None:
    real, link = tmp_path / "secrets", tmp_path / ".env"
    real.write_text("A=1\n")
    link.symlink_to(real)
    set_variable(link, "A", "2")
    assert (link.is_symlink(), real.read_text()) == (True, "A=2\n")
    assert stat.S_IMODE(real.stat().st_mode) == 0o600


def test_a_file_that_is_not_utf_8_is_left_as_it_is_and_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes("A=1".encode("utf-16"))
    with pytest.raises(Invalid) as refused:
        set_variable(file, "A", "2")
    assert "save it as UTF-8" in refused.value.message
    assert file.read_bytes() == "A=1".encode("utf-16")


def test_a_mark_before_the_first_name_is_a_problem_and_not_part_of_the_name(tmp_path: Path) -> None:
    file, problems = tmp_path / ".env", list[Problem]()
    file.write_bytes(b"\xef\xbb\xbfOCTET_DISCORD_TOKEN=x\n")
    assert read_env_file(file, ".env", problems) == {}
    assert [(one.line, "without BOM" in one.text) for one in problems] == [(1, True)]
