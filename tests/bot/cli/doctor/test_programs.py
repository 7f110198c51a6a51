"""What `octet doctor` says about agents that speak ACP, with scripted programs of the sandbox."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from automation.acp.messages import AcpAgent
from automation.desktop.displays.child_process import marked
from bot.cli.doctor.model import FindingLevel
from bot.cli.doctor.programs import _finding, agents
from bot.cli.init.templates import copy_templates
from core.agents.model import Program
from core.config.loader import load
from core.deliveries.model import ProgramStatus
from core.home import Home
from tests.fakes.acp import ROOT

pytestmark = pytest.mark.contract


@pytest.mark.parametrize(
    ("more", "level", "said"),
    [
        ("", FindingLevel.OK, "speaks ACP and opens a conversation, mode "),
        ('mode = "auto"', FindingLevel.WARNING, "asks no user before it acts"),
        ('mode = "nonsense"', FindingLevel.PROBLEM, "nonsense"),
        ("# login", FindingLevel.PROBLEM, "log"),
    ],
)
def test_each_program_says_its_version_and_modes_or_what_keeps_it_from_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str, level: FindingLevel, said: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("ACP_FAULTS", more.partition("# ")[2])
    home = Home(root=tmp_path / "home")
    copy_templates(home.config)
    argv = [sys.executable, "-m", "sandbox.acp", "--name", "one", "--history", str(tmp_path / "history")]
    programs = f"[programs.scripted]\ncommand = {argv!r}\nasks_in = ['default']\nasks_no_one_in = ['auto']\n"
    (home.config / "programs.toml").write_text(programs)
    agent = f'[[agents]]\nname = "A"\nabout = "x"\ncapabilities = []\nlane = "acp"\nprogram = "scripted"\n{more}\n'
    (home.config / "agents.toml").write_text(agent)
    (found,) = agents(load(home))
    assert found.level is level, found
    assert said in found.what
    assert not home.acp.exists(), "the state of the agent that Octet runs stays as it is"


def test_a_program_that_is_not_installed_is_a_problem(tmp_path: Path) -> None:
    home = Home(root=tmp_path / "home")
    copy_templates(home.config)
    agent = '[[agents]]\nname = "A"\nabout = "x"\ncapabilities = []\nlane = "acp"\ncommand = ["no-such-program"]\n'
    (home.config / "agents.toml").write_text(agent)
    (found,) = agents(load(home))
    assert found.level is FindingLevel.PROBLEM
    assert found.cure
    assert not marked("agent A")


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ("1.17.9", FindingLevel.WARNING),
        ("1.19", FindingLevel.OK),
        ("1.18.0-beta", FindingLevel.OK),
        ("", FindingLevel.OK),
    ],
)
def test_an_old_version_is_a_warning(version: str, level: FindingLevel) -> None:
    program = Program(command=("a",), least="1.18.0", node=22)
    acp = AcpAgent(name="A", program=program, variables={}, folder="/", state="/")
    found = _finding(acp, None, ProgramStatus(program="a", version=version))
    assert found.level is level
    assert ("tried with 1.18.0" in found.what) == (level is FindingLevel.WARNING)
