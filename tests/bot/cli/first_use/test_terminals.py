"""From `octet init` to a delivered task without any screen: agents in panes of tmux, driven by a shipped profile."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from core.desks.config import read_desks
from tests.bot.cli.first_use.place import REPOSITORY, Place, open_place

pytestmark = pytest.mark.contract

TOKEN = "the-token-of-a-new-user"
AGENT = REPOSITORY / "tests/fakes/cli_agent.py"


async def test_panes_are_laid_out_by_four_answers_and_the_test_task_is_delivered_into_one(tmp_path: Path) -> None:
    async with open_place(tmp_path, token=TOKEN) as place:
        try:
            await asyncio.to_thread(_first_use, place)
        finally:
            await asyncio.to_thread(_end_panes, place)
    heard = {file.stem: [json.loads(line) for line in file.read_text("utf-8").splitlines()] for file in _logs(place)}
    assert [len(prompts) for prompts in heard.values()] == [1]
    agents = tomllib.loads(place.text("config/agents.toml"))["agents"]
    assert [(agent["name"], agent["lane"]) for agent in agents] == [("Agent-1", "terminal"), ("Agent-2", "terminal")]


def _end_panes(place: Place) -> None:
    for desk in read_desks(place.home, []).desks:
        if desk.tmux is not None:
            subprocess.run(["tmux", "-L", desk.tmux.server, "kill-server"], check=False, capture_output=True)


def _logs(place: Place) -> list[Path]:
    return sorted((place.root / "person").glob("*.heard"))


def _first_use(place: Place) -> None:
    with place.init() as person:
        person.answer("The bot's token", TOKEN)
        person.answer("The channel for news", "1")
        person.answer("Make Ada", "y")
        person.answer("Where your agents are", "terminals")
        person.answer("The agents' program", "claude_code")
        log = place.root / "person" / "{agent}.heard"
        person.answer("Its command [claude]", f"{sys.executable} {AGENT} {{agent}} {log} busy=0.5 answers")
        person.answer("How many of them", "2")
        person.answer("The folder they work in", "")
        person.expect("2 of 2 panes run")
        person.expect("Look at them:")
        person.answer("Start Octet whenever you log in", "n")
        person.expect("T-1 is delivered to Agent-")
        person.expect("Octet runs here until Ctrl-C")
        person.interrupt()
        assert person.end() == 0
        assert len(person.questions) <= 10, person.questions
