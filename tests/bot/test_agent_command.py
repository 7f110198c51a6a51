"""How prompts write the command that agents answer with."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.app import agent_command


def make_script(folder: Path, text: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "octet"
    script.write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
    script.chmod(0o755)
    return script


def test_what_is_configured_is_written_as_it_is() -> None:
    assert agent_command("ssh hub octet") == "ssh hub octet"


def test_octet_on_the_path_of_login_shells_needs_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_script(tmp_path)
    monkeypatch.setattr("bot.app.LOGIN_PATH", str(tmp_path))
    assert agent_command("octet", executable=tmp_path / "python") == "octet"


def test_octet_off_path_is_written_with_its_whole_path_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = make_script(tmp_path / "two words")
    monkeypatch.setattr("bot.app.LOGIN_PATH", str(tmp_path))
    assert agent_command("octet", executable=script.with_name("python")) == f"'{script}'"


def test_a_stranger_called_octet_on_path_is_not_taken_for_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_script(tmp_path / "stranger")
    ours = make_script(tmp_path / "ours")
    monkeypatch.setattr("bot.app.LOGIN_PATH", str(tmp_path / "stranger"))
    assert agent_command("octet", executable=ours.with_name("python")) == str(ours)
