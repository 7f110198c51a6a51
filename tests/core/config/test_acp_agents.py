"""Agents with lane "acp" in config/agents.toml: what they need, and what no other agent may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.agents.model import Agent, Lane
from core.config.agents import read_agents
from core.config.desks import read_desks
from core.kit.problems import Problem

BEGIN = '[[agents]]\nname = "A"\nabout = "x"\ncapabilities = ["code"]\n'


def _read(home: Path, text: str) -> tuple[tuple[Agent, ...], list[str]]:
    (home / "config/desks").mkdir(parents=True)
    (home / "config/agents.toml").write_text(BEGIN + text, encoding="utf-8")
    problems = list[Problem]()
    found = read_desks(home, [])
    return read_agents(home, found, set(), problems), [one.code for one in problems]


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
        ('lane = "dryrun"\nmode = "plan"', "wrong_lane"),
        ('lane = "dryrun"\nend_of_turn = "ask"', "wrong_lane"),
        ('lane = "acp"\ncommand = ["a"]\nconversation = "new"', "literal_error"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, text: str, code: str) -> None:
    assert code in _read(tmp_path, text)[1]
