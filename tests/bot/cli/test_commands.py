"""The command line as a whole: its door, its help, its first steps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from bot.cli import commands, errors, terminal
from core.kit.errors import Denied, NotFound, Unavailable
from core.kit.problems import ConfigWrong, Problem
from core.remedies import refused
from tests.bot.cli.test_broken_config import ROOT, run_octet

HEAVY = {
    "sqlalchemy",
    "aiosqlite",
    "alembic",
    "discord",
    "fastapi",
    "uvicorn",
    "openai",
    "pyautogui",
    "PIL",
}


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    return set(done.stdout.split())


def test_a_verb_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    done = run_octet("chekc", around=tmp_path)

    assert done.returncode == 2
    assert "check" in done.stderr


def test_the_door_and_the_list_of_verbs_import_nothing_heavy() -> None:
    assert not modules_after("import bot.cli.commands") & HEAVY
    assert not modules_after("import bot.__main__") & {*HEAVY, "typer", "core"}


def test_every_command_that_ends_prints_json() -> None:
    conversations = {
        "octet run",
        "octet demo",
        "octet init",
        "octet calibrate",
        "octet page",
        "octet hooks add",
        "octet hooks remove",
    }
    of_agents = {
        "octet reply",
        "octet done",
        "octet progress",
        "octet blocked",
        "octet failed",
        "octet ask",
        "octet inbox",
        "octet send",
        "octet subtask",
    }  # they print nothing but their result's sentence
    of_programs = {
        "octet mcp serve",
        "octet mcp config",
        "octet acp run",
        "octet hook",
    }  # they print what a program reads
    found, open_ = set[str](), list[tuple[str, Any]]([("octet", typer.main.get_command(commands.app))])
    for name, command in open_:
        parts = getattr(command, "commands", None)
        open_ += [(f"{name} {part}", one) for part, one in (parts or {}).items()]
        if parts is None and not command.hidden and "--json" not in {opt for one in command.params for opt in one.opts}:
            found.add(name)
    assert found == conversations | of_agents | of_programs
    assert len(open_) > 60
    assert {"octet reply", "octet task new", "octet agent drain", "octet desk screenshot"} < {name for name, _ in open_}


def test_lines_become_json_with_the_exit_code(tmp_path: Path) -> None:
    run_octet("init", "--home", str(tmp_path), around=tmp_path)
    done = run_octet("check", "--json", "--home", str(tmp_path), around=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["lines"][0][:15]) == (0, "config is valid")


def test_octet_run_in_an_empty_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    done = run_octet("run", "--home", str(tmp_path / "new"), around=tmp_path)
    assert (done.returncode, "Create it with `octet init`" in done.stderr) == (78, True)
    assert not (tmp_path / "new").exists()
    assert list((tmp_path / "user").iterdir()) == []


def test_colours_appear_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show("ok       T-1\x1b[2J")
    with terminal.waiting("waits"):
        assert capsys.readouterr().out == "ok       T-1\x1b[2J\n"  # `speak_utf8` filters the real stream
    monkeypatch.setattr(terminal, "is_terminal", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    terminal.show("ok       T-1\x1b[2J")
    shown = capsys.readouterr().out
    assert ("\x1b[32mok\x1b[0m" in shown, "\x1b[2J" in shown) == (True, False)
    monkeypatch.setenv("NO_COLOR", "1")
    terminal.show("ok       fine")
    assert "\x1b[3" not in capsys.readouterr().out


def test_a_stranger_with_one_of_our_names_is_told_before_it_is_run(tmp_path: Path) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core/__init__.py").write_text("raise SystemExit('the stranger ran')")
    code = f"import sys; sys.path.insert(1, {str(ROOT)!r}); import bot.__main__ as door; sys.exit(door.main())"

    door = [sys.executable, "-c", code, "check"]
    done = subprocess.run(door, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)

    assert done.returncode == 78
    assert f"the package `core` is not Octet's but {tmp_path / 'core'}" in done.stderr


def test_init_writes_what_is_missing_and_overwrites_nothing(tmp_path: Path) -> None:
    home = tmp_path / "new home"
    (home / "config").mkdir(parents=True)
    (home / "config/octet.toml").write_text("# mine\n")

    first = run_octet("init", "--no-input", "--home", str(home), around=tmp_path)  # scripts may rely on it
    second = run_octet("init", "--home", str(home), around=tmp_path)

    templates = {str(path.relative_to(ROOT)) for path in (ROOT / "config").rglob("*") if path.is_file()}
    assert first.returncode == second.returncode == 0
    assert (home / "config/octet.toml").read_text() == "# mine\n"
    assert {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()} == templates
    assert f"wrote {home / 'config/octet.toml'}" not in first.stdout
    assert first.stdout.count("wrote ") == len(templates) - 1
    assert f"octet check --home '{home}'" in first.stdout
    assert "nothing was written" in second.stdout


def test_init_into_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    done = run_octet("init", "--home", str(tmp_path / "file"), around=tmp_path)

    assert done.returncode == 2
    assert done.stderr.startswith("octet: ")
    assert "Traceback" not in done.stderr


def test_the_family_of_an_error_decides_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert errors.tell(ConfigWrong([Problem(file="a.toml", line=2, key="b", text="is wrong")])) == 78
    assert errors.tell(Unavailable(why="the disk is full")) == 75
    assert errors.tell(NotFound(what="task", id="T-1")) == 2
    assert errors.tell(Denied()) == 2
    assert errors.tell(errors.FileNotWritten(file="x", why="read-only", then="Make it writable.")) == 2

    assert capsys.readouterr().err.splitlines()[0] == "a.toml:2: b: is wrong"


def test_an_error_names_the_command_of_the_machine(capsys: pytest.CaptureFixture[str]) -> None:
    errors.tell(refused("delivery_unresolved", id="T-1"))
    assert "`octet task cancel` ends the task." in capsys.readouterr().err
