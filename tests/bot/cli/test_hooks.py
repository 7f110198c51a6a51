"""`octet hooks add` and `remove`: nothing is written before a yes, and one command undoes it, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli.commands import app
from core.kit.errors import OctetError

MINE = '{\n\t"model": "opus",\n\t"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "say ünd"}]}]}}'


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "octet.toml").write_text("")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    monkeypatch.setenv("OCTET_HOME", str(tmp_path))
    (tmp_path / "claude").mkdir()
    return tmp_path / "claude" / "settings.json"


def run(*words: str, types: str = "") -> tuple[int, str]:
    done = CliRunner().invoke(app, ["hooks", *words], input=types)
    if isinstance(done.exception, OctetError):
        raise done.exception
    return done.exit_code, done.output


def test_the_change_is_shown_and_nothing_is_written_without_a_yes(file: Path) -> None:
    file.write_text(MINE)
    code, shown = run("add", "claude_code", types="n\n")
    assert (code, file.read_text(), list(file.parent.iterdir())) == (1, MINE, [file])
    assert "+" in shown
    assert "hook claude_code --home" in shown


def test_the_users_own_hooks_stay_and_remove_restores_each_byte(file: Path) -> None:
    file.write_text(MINE)
    file.chmod(0o640)
    assert run("add", "claude_code", types="y\n")[0] == 0
    first, ours = json.loads(file.read_text())["hooks"]["Stop"]
    assert first == {"hooks": [{"type": "command", "command": "say ünd"}]}
    assert "hook claude_code --home" in ours["hooks"][0]["command"]
    assert file.stat().st_mode & 0o777 == 0o640
    assert run("add", "claude_code", "--yes")[0] == 0
    assert len(json.loads(file.read_text())["hooks"]["Stop"]) == 2
    assert run("remove", "claude_code", types="y\n")[0] == 0
    assert (file.read_text(), list(file.parent.iterdir())) == (MINE, [file])


def test_what_the_user_changed_meanwhile_stays(file: Path) -> None:
    file.write_text(MINE)
    run("add", "claude_code", "--yes")
    changed = json.loads(file.read_text()) | {"model": "sonnet"}
    file.write_text(json.dumps(changed))
    run("remove", "claude_code", "--yes")
    assert json.loads(file.read_text()) == json.loads(MINE) | {"model": "sonnet"}


def test_a_file_that_only_octet_wrote_goes(file: Path) -> None:
    run("add", "claude_code", "--yes")
    assert file.exists()
    run("remove", "claude_code", "--yes")
    assert list(file.parent.iterdir()) == []


@pytest.mark.parametrize("text", ["{", "[]", '{"hooks": []}', '{"hooks": {"enabled": true}}', "// mine\n{}"])
def test_what_is_no_plain_settings_file_is_not_touched(file: Path, text: str) -> None:
    file.write_text(text)
    for verb in ("add", "remove"):
        with pytest.raises(OctetError, match="Nothing was changed"):
            run(verb, "claude_code", "--yes")
    assert file.read_text() == text
