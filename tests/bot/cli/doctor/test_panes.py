"""What `octet doctor` says about a desk of panes: its tmux server, the panes of a person, the programs to start."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from bot.cli.doctor import desks
from bot.cli.doctor.model import Finding, FindingLevel
from core.desks.model import Desk, Pane, Tmux, Window
from core.profiles.model import Box


def look(place: Tmux, *panes: Pane) -> list[Finding]:
    box = Box(x=0, y=0, width=80, height=24)
    windows = tuple(
        Window(name=f"agent-{number}", profile="p", title="", box=box, pane=pane)
        for number, pane in enumerate(panes, 1)
    )
    return list(desks.panes(Desk(name="main", display="", windows=windows, tmux=place), place))


@pytest.fixture
def socket(tmp_path: Path) -> Generator[str]:
    """Start a user's server with one session."""
    path = str(tmp_path / "s")
    subprocess.run(["tmux", "-S", path, "-f", "/dev/null", "new-session", "-d", "-s", "work", "sleep 1000"], check=True)
    yield path
    subprocess.run(["tmux", "-S", path, "kill-server"], check=True)


def test_the_panes_of_a_person_are_there_or_named(socket: str) -> None:
    server, there, gone = look(Tmux(socket=socket), Pane(target="work:0.0"), Pane(target="work:7.0"))
    assert [one.level for one in (server, there, gone)] == [FindingLevel.OK, FindingLevel.OK, FindingLevel.WARNING]
    assert "tmux list-panes -a" in gone.cure


def test_a_server_of_octets_own_need_not_run_yet_and_a_persons_must(tmp_path: Path) -> None:
    [own] = look(Tmux(server="away-test-none"))
    assert (own.level, "Octet starts it" in own.what) == (FindingLevel.OK, True)
    [theirs] = look(Tmux(socket=str(tmp_path / "none")))
    assert theirs.level is FindingLevel.WARNING


def test_a_program_that_is_not_there_is_a_problem() -> None:
    found = look(Tmux(server="away-test-none"), Pane(program=("no-such-agent", "--now")), Pane(program=("sh",)))
    assert [one.level for one in found] == [FindingLevel.OK, FindingLevel.PROBLEM]
    assert "no program no-such-agent" in found[1].what


def test_a_machine_without_tmux_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    [found] = look(Tmux(server="away-test-none"))
    assert (found.level, "apt-get install tmux" in found.cure) == (FindingLevel.PROBLEM, True)
