"""A variable is set in .env with everything else as it was."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from core.kit.env_file import set_variable

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
