"""`octet desk up --tmux` and what belongs to it, with a real tmux server."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from typer.testing import CliRunner

from automation.terminal.panes import Panes
from bot.cli import logs, panes
from bot.cli.commands import app
from bot.cli.init.templates import copy_templates
from core.agents.model import Lane
from core.calibration.writer import DeskTemplate, write_panes
from core.config.loader import load
from core.home import Home
from core.security.codes import ReplyKeys
from core.security.keys import load_key
from tests.display import until

pytestmark = pytest.mark.contract
STILL = ["env: no such file", "Pane is dead", ""]
SLEEPS = ["--", "sh", "-c", "echo octet-client:; echo here is {agent}; exec sleep 1000"]
"""They also show a line that looks like one of Octet's own."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    for name in ("HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.setattr(logs, "log_to_stderr", lambda _level: None)  # this process lives on, and its stream does not
    home = Home(root=tmp_path / "home")
    copy_templates(home.config)
    yield home
    with contextlib.suppress(Exception):
        for desk in load(home).desks:
            if desk.tmux is not None:
                subprocess.run(["tmux", "-L", desk.tmux.server, "kill-server"], check=False, capture_output=True)


def octet(home: Home, *words: str) -> tuple[int, str]:
    options = words.index("--") if "--" in words else len(words)
    argv = [*words[:options], "--home", str(home.root), *words[options:]]
    done = CliRunner().invoke(app, argv)
    return done.exit_code, done.output + str(done.exception or "")


def test_eight_panes_are_written_started_shown_and_ended(home: Home) -> None:
    code, out = octet(home, "desk", "up", "--tmux", "--agents", "8", "--profile", "claude_code", *SLEEPS)
    assert code == 0, out
    assert "8 of 8 panes run" in out
    config = load(home)
    assert [agent.lane for agent in config.agents] == [Lane.TERMINAL] * 8
    (desk,) = [desk for desk in config.desks if desk.tmux]
    assert desk.tmux is not None
    assert f"tmux -L {desk.tmux.server} attach -t octet" in out
    windows = subprocess.run(
        ["tmux", "-L", desk.tmux.server, "list-windows", "-t", "octet", "-F", "#{window_name}"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert windows.stdout.split() == [f"agent-{number}" for number in range(1, 9)]
    again, said = octet(home, "desk", "up", "--tmux")
    assert again == 0, said
    assert "8 of 8 panes run" in said, "nothing is started twice"
    text = home.root / "panes.txt"
    until(lambda: "here is Agent-8" in octet(home, "desk", "picture", "panes", "-")[1], "the last program speaks")
    assert octet(home, "desk", "picture", "panes", str(text))[0] == 0
    assert "here is Agent-8" in text.read_text()
    assert octet(home, "desk", "picture", "panes", str(home.root / "panes.png"))[0] == 0
    assert (home.root / "panes.png").read_bytes().startswith(b"\x89PNG")
    assert "8 panes ended" in octet(home, "desk", "down", "panes")[1]
    told = json.loads(octet(home, "desk", "list", "--json")[1])
    assert told[0]["is_wanted"] is False
    gone = subprocess.run(["tmux", "-L", desk.tmux.server, "has-session"], check=False, capture_output=True)
    assert gone.returncode != 0, "the server is gone when the command ends"


def test_each_program_has_its_agents_token_which_no_command_line_and_no_log_shows(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    said = home.root / "said"
    caplog.set_level(0)
    says = f"printenv OCTET_AGENT_TOKEN OCTET_HOME > {said}.new.{{agent}}; mv {said}.new.{{agent}} {said}.{{agent}}"
    program = ["--", "sh", "-c", f"{says}; exec sleep 1000"]
    code, out = octet(home, "desk", "up", "--tmux", "--agents", "2", "--profile", "claude_code", *program)
    assert code == 0, out
    (tmux,) = [desk.tmux for desk in load(home).desks if desk.tmux]
    asked = (["list-panes", "-a", "-F", "#{pane_start_command}"], ["show-environment", "-g"])
    answers = (subprocess.run(["tmux", "-L", tmux.server, *one], check=True, capture_output=True) for one in asked)
    shown = b"".join(one.stdout for one in answers).decode()
    lines = b" ".join(file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if file.exists()).decode()
    assert f"{home.displays}/panes/agent-1.env" in shown
    for agent in ("Agent-1", "Agent-2"):
        file = Path(f"{said}.{agent}")
        until(file.exists, "the program has looked at its environment")
        token = ReplyKeys(key=load_key(home.codes_key)).key(agent)
        assert file.read_text() == f"{token}\n{home.root.resolve()}\n"
        assert token[-64:] not in lines + shown + out + caplog.text


def test_processes_that_outlive_their_pane_are_named_with_the_command_that_ends_them(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panes, "LEFT_S", 0.2)
    program = ["--", "sh", "-c", f"setsid sleep 1000 & echo $! > {home.root}/left; exec sleep 1000"]
    code, out = octet(home, "desk", "up", "--tmux", "--agents", "1", "--profile", "claude_code", *program)
    assert code == 0, out
    until((home.root / "left").exists, "the process is there")
    _, out = octet(home, "desk", "down", "panes")
    pid = out.rpartition("kill ")[2].strip()
    assert "1 panes ended" in out
    assert pid.isdigit(), out
    subprocess.run(["kill", pid], check=True)
    assert octet(home, "desk", "down", "panes") == (0, "panes is down\n")


def test_a_server_that_somebody_else_uses_too_stays(home: Home) -> None:
    assert octet(home, "desk", "up", "--tmux", "--agents", "1", "--profile", "claude_code", *SLEEPS)[0] == 0
    (tmux,) = [desk.tmux for desk in load(home).desks if desk.tmux]
    mine = ["tmux", "-L", tmux.server, "new-session", "-d", "-s", "mine", "sleep", "1000"]
    subprocess.run(mine, check=True)
    assert "1 panes ended" in octet(home, "desk", "down", "panes")[1]
    assert subprocess.run(["tmux", "-L", tmux.server, "has-session", "-t", "mine"], check=False).returncode == 0


def test_a_program_that_is_not_there_is_said_and_fails(home: Home) -> None:
    words = ["desk", "up", "--tmux", "--agents", "1", "--profile", "claude_code", "--", "no-such-agent-program"]
    code, out = octet(home, *words)
    assert code != 0
    assert "agent-1: its program ended" in out
    assert "no-such-agent-program" in out


def test_words_that_come_after_the_end_of_their_program_are_read_whole() -> None:
    shows = iter((["env:", ""], ["env: no such", ""], STILL))
    pane = SimpleNamespace(look=lambda _name, history: SimpleNamespace(view=SimpleNamespace(lines=next(shows, STILL))))
    assert panes._last_words(cast("Panes", pane), "agent-1") == "env: no such file"


def test_a_folder_that_is_not_there_is_said_and_nothing_is_written(home: Home) -> None:
    words = ["desk", "up", "--tmux", "--agents", "2", "--profile", "claude_code", "--directory", "/no/where/{number}"]
    code, out = octet(home, *words, *SLEEPS)
    assert code != 0
    assert "The folder /no/where/1 for Agent-1 does not exist" in out
    assert not (home.config / "desks" / "panes.toml").exists()


def test_panes_are_written_anew_for_who_has_answered_anew(home: Home) -> None:
    first = DeskTemplate(program=["cat"], profile="claude_code")
    write_panes(home, [first])
    assert write_panes(home, [first], replaces=True) == []
    (line,) = write_panes(home, [replace(first, program=["sleep", "{number}"])], replaces=True)
    assert line.startswith("changed the pane agent-1 of desk panes")
    (desk,) = [desk for desk in load(home).desks if desk.tmux]
    assert [window.pane and window.pane.program for window in desk.windows] == [("sleep", "1")]


def test_without_a_program_nothing_is_written(home: Home) -> None:
    before = (home.config / "agents.toml").read_text()
    code, out = octet(home, "desk", "up", "--tmux", "--agents", "2")
    assert code != 0
    assert "--profile NAME -- PROGRAM" in out
    assert (home.config / "agents.toml").read_text() == before
    assert not (home.config / "desks" / "panes.toml").exists()
    assert "octet desk up --tmux --agents 8" in octet(home, "desk", "up", "--tmux")[1]
