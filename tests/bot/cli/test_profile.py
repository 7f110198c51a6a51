"""`octet profile list|enable` as a person runs them: against a home with the files that ship."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

import pytest

from bot.cli.commands import main
from core.config.loader import load
from core.config.profiles import enable
from core.home import Home
from core.kit.problems import ConfigWrong
from tests.bot.cli.test_verbs import Console, console, served
from tests.builders import entries_of

__all__ = ["console", "served"]
ROOT = Path(__file__).parents[3]
WEB = "config/profiles/chatgpt_web.toml"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return tmp_path


def said(home: Path, *arguments: str, typed: str = "", monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    return main(["profile", *arguments, "--home", str(home)])


def test_the_list_says_of_each_profile_whether_it_can_be_used(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(home, "list", monkeypatch=monkeypatch) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "yes" in rows["demo_tk"]
    assert "main agent-1 and 3 more" in rows["demo_tk"]
    measured = "once measured at its window: composer.box, composer.background"
    assert f"  in a pane of tmux; in a window {measured}" in rows["codex"]
    assert f"  {measured}" in rows["xterm"], "which describes no screen of a pane"
    assert "no, it is disabled: `octet profile enable chatgpt_web`" in rows["chatgpt_web"]
    (home / "config/profiles/codex.toml").write_text("submit = 3", encoding="utf-8")
    assert said(home, "list", monkeypatch=monkeypatch) == 0
    assert "config/profiles/codex.toml is invalid; `octet check` says why" in capsys.readouterr().out


def test_a_name_that_no_profile_has_and_a_file_that_is_wrong_say_what_to_do(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(home, "enable", "nothing", monkeypatch=monkeypatch) != 0
    assert "`octet profile list` shows all profiles" in capsys.readouterr().err
    (home / "config/profiles/codex.toml").write_text("submit = 3", encoding="utf-8")
    assert said(home, "enable", "codex", monkeypatch=monkeypatch) != 0
    assert "config/profiles/codex.toml:1: submit: must be text in quotes" in capsys.readouterr().err


def test_a_home_without_profiles_is_told_where_they_come_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(tmp_path, "list", monkeypatch=monkeypatch) == 2
    told = capsys.readouterr()
    assert not told.out
    assert "`octet init` copies Octet's own" in told.err


@pytest.mark.parametrize("typed", ["", "no\n", "y\n", "yess\n"])
def test_only_a_typed_yes_enables(
    typed: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (home / WEB).read_bytes()
    assert said(home, "enable", "chatgpt_web", typed=typed, monkeypatch=monkeypatch) != 0
    told = capsys.readouterr()
    assert "its terms of use may forbid" in told.out
    assert ("stays disabled" if typed else "no answer: nothing was changed (use --yes)") in told.err
    assert (home / WEB).read_bytes() == before


def test_a_yes_is_written_above_the_reason_with_who_and_when_and_asked_for_once(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (home / WEB).read_text("utf-8")
    monkeypatch.setenv("LOGNAME", 'an"n')
    assert said(home, "enable", "chatgpt_web", typed="Yes\n", monkeypatch=monkeypatch) == 0
    after = (home / WEB).read_text("utf-8")
    [line] = [one for one in after.splitlines() if one not in before.splitlines()]
    assert line.startswith('enabled = { by = "an\\"n", at = "20')
    assert after.replace(f"{line}\n", "") == before
    kind = load(Home(root=home)).kinds["chatgpt_web"]
    assert (kind.disabled, kind.enabled[:6]) == ("", 'by an"')
    assert said(home, "enable", "chatgpt_web", typed="yes\n", monkeypatch=monkeypatch) != 0
    assert "is not disabled (enabled by an" in capsys.readouterr().err


def test_a_window_that_is_not_measured_yet_does_not_stand_in_the_way_of_a_yes(home: Path) -> None:
    desk = home / "config/desks/main.toml"
    desk.write_text(desk.read_text("utf-8").replace('"demo_tk"', '"chatgpt_web"', 1), encoding="utf-8")
    with pytest.raises(ConfigWrong) as both:
        load(Home(root=home))
    assert len(both.value.problems) == 2
    enable(Home(root=home), "chatgpt_web", who="ann", now_ms=0)
    with pytest.raises(ConfigWrong) as one:
        load(Home(root=home))
    assert "to be measured at this window" in str(one.value.problems[0])
    assert len(one.value.problems) == 1


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_the_yes_of_any_account_leaves_the_file_one_of_toml(ends: str, home: Path) -> None:
    text = (home / WEB).read_text("utf-8").replace("\n", ends)
    for number, who in enumerate(['"', "a\\", "ß\x00\n", "x" * 300, " "]):
        (home / WEB).write_bytes(text.encode())
        enable(Home(root=home), "chatgpt_web", who=who, now_ms=number)
        assert (home / WEB).read_bytes().count(ends.encode()) == text.count(ends) + 1


async def test_the_journal_of_a_running_octet_has_who_said_yes(served: Console) -> None:
    shutil.copytree(ROOT / "config", served.house.home / "config", dirs_exist_ok=True)
    done = await served.octet("profile", "enable", "claude_web", text="yes\n")
    assert (done.code, done.err) == (0, "")
    assert "the journal has it too" in done.out
    [row] = await entries_of(served.house.core.journal, "profile:claude_web")
    assert (row.name, row.actor, row.data["profile"]) == ("ProfileEnabled", "operator", "claude_web")
    assert row.data["who"]
