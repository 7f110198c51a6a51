"""Agents with lane "acp" in config/agents.toml: what they need, and what no other agent may have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.agents.model import Agent, Lane, Program
from core.config.agents import read_agents, read_programs
from core.config.desks import read_desks
from core.kit.problems import Problem

ROOT = Path(__file__).parents[3]
BEGIN = '[[agents]]\nname = "A"\nabout = "x"\ncapabilities = ["code"]\n'


def _read(home: Path, text: str) -> tuple[tuple[Agent, ...], list[str]]:
    (home / "config/desks").mkdir(parents=True)
    (home / "config/agents.toml").write_text(BEGIN + text, encoding="utf-8")
    problems = list[Problem]()
    found = read_desks(home, [])
    return read_agents(home, found, set(), problems, programs={"opencode"}), [one.code for one in problems]


def _programs(home: Path, text: str) -> tuple[dict[str, Program], list[str]]:
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config/programs.toml").write_text(text, encoding="utf-8")
    problems = list[Problem]()
    return read_programs(home, problems), [one.code for one in problems]


def test_an_agent_has_a_queue_of_its_own_and_a_command(tmp_path: Path) -> None:
    (agent,), problems = _read(tmp_path, 'lane = "acp"\ncommand = ["my-agent", "acp"]\nmode = "plan"\n')
    assert problems == []
    assert (agent.route, agent.command, agent.mode) == ((Lane.ACP, "A"), ("my-agent", "acp"), "plan")
    assert (agent.conversation, agent.end_of_turn) == ("continue", "answer")
    assert (agent.abilities.has_turns, agent.abilities.queues, agent.is_reachable) == (True, True, True)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('lane = "acp"', "no_program"),
        ('lane = "acp"\nprogram = "opencode"\ncommand = ["opencode"]', "no_program"),
        ('lane = "acp"\nprogram = "opencod"', "unknown_program"),
        ('lane = "dryrun"\nmode = "plan"', "wrong_lane"),
        ('lane = "dryrun"\nend_of_turn = "ask"', "wrong_lane"),
        ('lane = "acp"\ncommand = ["a"]\nconversation = "new"', "literal_error"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, text: str, code: str) -> None:
    assert code in _read(tmp_path, text)[1]


def test_the_shipped_programs_are_valid_and_prove_nothing_untested() -> None:
    problems = list[Problem]()
    programs = read_programs(ROOT, problems)
    assert problems == []
    assert {"opencode", "gemini", "claude", "codex", "qwen", "antigravity"} == programs.keys()
    assert not any(one.asks_in & one.asks_no_one_in for one in programs.values())


def test_octet_trusts_the_history_of_no_program_that_was_not_killed_a_hundred_times_without_a_loss() -> None:
    table = (ROOT / "docs/inside/agents-tested.md").read_text(encoding="utf-8").lower().splitlines()
    proved = [
        line for line in table if "| acp |" in line and re.search(r"100 kills, [5-9]\d after .*: 0 missing \|$", line)
    ]
    trusted = [name for name, one in read_programs(ROOT, []).items() if one.writes_history_first]
    assert all(any(line.startswith(f"| {name}") for line in proved) for name in trusted)


def test_a_home_without_the_file_has_no_programs(tmp_path: Path) -> None:
    assert read_programs(tmp_path, []) == {}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[programs.a]", "missing"),
        ("[programs.a]\ncommand = []", "too_short"),
        ('[programs.a]\ncommand = ["a"]\nlimit_errors = "("', "bad_pattern"),
        ('[programs.a]\ncommand = ["a"]\nnode = "22"', "int_type"),
        ('[programs.a]\ncommand = ["a"]\nmodes = []', "unexpected_keyword_argument"),
        ("[program.a]", "unexpected_keyword_argument"),
        ("programs = 3", "dict_type"),
        ("[programs]\na = 3", "dict_type"),
    ],
)
def test_what_is_wrong_with_a_program_is_named(tmp_path: Path, text: str, code: str) -> None:
    assert code in _programs(tmp_path, text)[1]
