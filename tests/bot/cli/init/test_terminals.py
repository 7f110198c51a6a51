"""From `octet init` to an answered task without any screen: agents in panes of tmux, driven by a shipped profile."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.config.desks import read_desks
from tests.bot.cli.init.place import REPOSITORY, Place, open_place
from tests.fakes.terminal import Terminal

pytestmark = [pytest.mark.contract, pytest.mark.timeout(400)]  # a person answers, and Octet starts

TOKEN = "the-token-of-a-new-user"
AGENT = REPOSITORY / "tests/fakes/cli_agent.py"
BARRED = REPOSITORY / "tests/fakes/bar_agent.py"
LONG_S = 90.0
"""For what takes a start of Octet and a delivery, on a busy machine."""


@asynccontextmanager
async def open_panes(root: Path) -> AsyncIterator[Place]:
    """Open a machine on which panes may be laid out; they end with it."""
    async with open_place(root, token=TOKEN) as place:
        try:
            yield place
        finally:
            await asyncio.to_thread(_end_panes, place)


def _end_panes(place: Place) -> None:
    for desk in read_desks(place.home, []).desks:
        if desk.tmux is not None:
            subprocess.run(["tmux", "-L", desk.tmux.server, "kill-server"], check=False, capture_output=True)


def heard(place: Place) -> list[list[str]]:
    """Return what was submitted in each pane that received anything."""
    logs = sorted((place.root / "person").glob("*.heard"))
    return [[json.loads(line) for line in log.read_text("utf-8").splitlines()] for log in logs]


def set_up(person: Terminal, place: Place, number: int, *options: str) -> None:
    """Answer from the token to the panes, which then run."""
    person.answer("The bot's token", TOKEN)
    person.answer("The channel for messages", "1")
    person.answer("Make Ada", "y")
    person.answer("Where are your agents?", "terminals")
    person.answer("The agents' programs, and how many of each", f"claude_code {number}")
    log = place.root / "person" / "{agent}.heard"
    person.answer(
        "The command of claude_code [claude]", " ".join((sys.executable, str(AGENT), "{agent}", str(log), *options))
    )
    person.answer("Their working folder", "")
    person.expect(f"{number} of {number} panes run", LONG_S)
    person.expect("Look at them:")


async def test_panes_are_laid_out_by_four_answers_and_the_test_task_is_delivered_and_answered(tmp_path: Path) -> None:
    def person(place: Place) -> None:
        with place.init() as terminal:
            set_up(terminal, place, 2, "busy=3", f"done={AGENT}")
            terminal.answer("Start Octet whenever you log in", "n")
            terminal.expect("T-1 is delivered to Agent-", LONG_S)
            terminal.expect("answers: hello from Agent-", LONG_S)
            terminal.expect("Octet runs here until Ctrl-C")
            terminal.interrupt()
            assert terminal.end() == 0
            assert len(terminal.questions) <= 10, terminal.questions

    async with open_panes(tmp_path) as place:
        await asyncio.to_thread(person, place)
    assert [len(prompts) for prompts in heard(place)] == [1]
    agents = tomllib.loads(place.text("config/agents.toml"))["agents"]
    assert [(agent["name"], agent["lane"]) for agent in agents] == [("Agent-1", "terminal"), ("Agent-2", "terminal")]


async def test_a_mixed_fleet_waits_until_each_start_question_is_answered_and_gets_its_buttons(tmp_path: Path) -> None:
    log = tmp_path / "person" / "{agent}.heard"
    command = " ".join((sys.executable, str(AGENT), "{agent}", str(log)))

    def person(place: Place) -> None:
        with place.init("--no-task", "--no-login") as terminal:
            terminal.answer("The bot's token", TOKEN)
            terminal.answer("The channel for messages", "1")
            terminal.answer("Make Ada", "y")
            terminal.answer("Where are your agents?", "terminals")
            terminal.answer("The agents' programs, and how many of each", "claude 1, opencode 1")
            terminal.answer("The command of claude_code [claude]", f"{command} trust")
            terminal.answer("The command of opencode [opencode]", f"{sys.executable} {BARRED} {place.root / 'barred'}")
            terminal.answer("Their working folder", "")
            terminal.expect("agent-1 waits for you in its pane. It shows:", LONG_S)
            terminal.expect("Yes, I trust this folder")
            (desk,) = (desk for desk in read_desks(place.home, []).desks if desk.tmux is not None)
            assert desk.tmux is not None
            subprocess.run(["tmux", "-L", desk.tmux.server, "send-keys", "-t", "agent-1", "1"], check=True)
            terminal.expect("Every pane can be used.", LONG_S)
            assert terminal.end() == 0

    async with open_panes(tmp_path) as place:
        await asyncio.to_thread(person, place)
    agents = tomllib.loads(place.text("config/agents.toml"))["agents"]
    assert [agent["allowed_actions"] for agent in agents] == [["interrupt", "approve", "deny"]] * 2
    windows = tomllib.loads(place.text("config/desks/panes.toml"))["windows"]
    assert [window["profile"] for window in windows] == ["claude_code", "opencode"]


async def test_a_prompt_that_nobody_saw_arrive_is_settled_by_its_answer_or_told_as_it_stands(tmp_path: Path) -> None:
    """The agent shows neither that it works nor an empty composer; its answer comes once the test says so, and the
    second one never."""

    def person(place: Place) -> None:
        go = place.root / "go"
        with place.init("--no-login", "--leave") as terminal:
            set_up(terminal, place, 1, "busy=0", "keeps=5", f"done={go}")
            terminal.expect("Octet does not know whether it arrived:", LONG_S)
            terminal.answer("Look at Agent-1: did it arrive? [y/N]", "n")
            terminal.expect("Waiting for the answer")
            go.touch()
            terminal.expect("T-1 is delivered to Agent-1 (answered)", LONG_S)
            terminal.expect("  Agent-1 answers: hello from Agent-1")
            assert terminal.end() == 0
            go.unlink()
        with place.init("--no-login", "--leave", "--answer", "0.5") as terminal:
            terminal.expect("Agents: kept as config/agents.toml has them: 1 in terminals.")
            terminal.expect("To choose again: octet init --agents")
            terminal.expect("Octet does not know whether it arrived:", LONG_S)
            terminal.answer("Look at Agent-1: did it arrive? [y/N]", "")
            terminal.expect("T-2 · Parked")
            terminal.expect("➜ ")
            assert terminal.end() == 75

    async with open_panes(tmp_path) as place:
        await asyncio.to_thread(person, place)
    assert [len(prompts) for prompts in heard(place)] == [2]


@pytest.mark.long(short="test_a_prompt_that_nobody_saw_arrive_is_settled_by_its_answer_or_told_as_it_stands")
async def test_a_prompt_that_only_the_user_sees_arrive_is_delivered_at_a_yes(tmp_path: Path) -> None:
    def person(place: Place) -> None:
        with place.init("--no-login", "--leave", "--answer", "0.5") as terminal:
            set_up(terminal, place, 1, "busy=0", "keeps=60")
            terminal.expect("Octet does not know whether it arrived:", LONG_S)
            terminal.answer("did it arrive? [y/N]", "y")
            terminal.expect("T-1 is delivered to Agent-1 (person)", LONG_S)
            assert terminal.end() == 0

    async with open_panes(tmp_path) as place:
        await asyncio.to_thread(person, place)


async def test_a_program_or_folder_that_is_not_there_is_asked_for_again_and_ctrl_c_keeps_what_was_finished(
    tmp_path: Path,
) -> None:
    def person(place: Place) -> None:
        with place.init("--no-task", "--no-login") as terminal:
            terminal.answer("The bot's token", TOKEN)
            terminal.answer("The channel for messages", "1")
            terminal.answer("Make Ada", "y")
            terminal.answer("Where are your agents?", "terminals")
            terminal.answer("The agents' programs", "claude_code 1 2")
            terminal.expect("Type names of the list, each with a number")
            terminal.answer("The agents' programs", "claude_code 1")
            terminal.answer("The command of claude_code [claude]", "no-such-program --here")
            terminal.expect("No program “no-such-program” found. Type")
            terminal.answer("The command of claude_code [claude]", "cat")
            terminal.answer("Their working folder", str(place.root / "nowhere"))
            terminal.answer("There is no folder", "n")
            terminal.expect("Type another folder.")
            terminal.expect("Their working folder")
            terminal.interrupt()
            assert terminal.end() == 130
            assert f"continue with:  octet init --home {place.home}" in terminal.shown
        with place.init("--no-task", "--no-login") as terminal:
            terminal.expect("Owner: Ada (kept).")
            terminal.expect("Where are your agents?")
            terminal.interrupt()
            terminal.end()

    async with open_panes(tmp_path) as place:
        await asyncio.to_thread(person, place)


async def test_a_program_that_no_profile_knows_is_learned_in_its_first_pane(tmp_path: Path) -> None:
    """Its folders do not exist before either."""

    def person(place: Place) -> None:
        program = place.root / "MyChat"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {AGENT} "$@"\n', "utf-8")
        program.chmod(0o700)
        with place.init("--no-task", "--no-login") as terminal:
            terminal.answer("The bot's token", TOKEN)
            terminal.answer("The channel for messages", "1")
            terminal.answer("Make Ada", "y")
            terminal.answer("Where are your agents?", "terminals")
            terminal.answer("The agents' programs", "another 2")
            terminal.answer("The command of another", f"{program} {{agent}} {place.root / 'person' / '{agent}.heard'}")
            terminal.answer("Their working folder", str(place.root / "work" / "{number}"))
            terminal.answer("Create it?", "y")
            terminal.expect("Agent-1 to Agent-2 work in 2 panes of desk panes now")
            terminal.expect("2 of 2 panes run", LONG_S)
            terminal.expect("When its input line is empty, answer:")
            terminal.answer("Octet types a draft into", "1")
            terminal.expect("mychat now describes its composer", LONG_S)
            terminal.expect("Agents: 2 in terminals.")
            assert terminal.end() == 0

    async with open_panes(tmp_path) as place:
        await asyncio.to_thread(person, place)
    profile = tomllib.loads(place.text("config/profiles/mychat.toml"))
    assert profile["terminal"]["prompt"] != "(?!)"
    assert "terminal.prompt" not in profile["calibrate"]
    assert heard(place) == []


async def test_a_program_that_cannot_be_learned_yet_ends_with_the_commands_that_continue(tmp_path: Path) -> None:
    def person(place: Place) -> None:
        with place.init("--no-task", "--no-login") as terminal:
            terminal.answer("The bot's token", TOKEN)
            terminal.answer("The channel for messages", "1")
            terminal.answer("Make Ada", "y")
            terminal.answer("Where are your agents?", "terminals")
            terminal.answer("The agents' programs", "another 1")
            terminal.answer("The command of another", "sleep 1000")
            terminal.answer("Their working folder", "")
            terminal.answer("Octet types a draft into", "n")
            terminal.expect(f"octet calibrate panes agent-1 --home {place.home}")
            assert terminal.end() == 2

    async with open_panes(tmp_path) as place:
        await asyncio.to_thread(person, place)


async def test_agents_over_acp_are_checked_before_the_first_task_and_answer_it(tmp_path: Path) -> None:
    def person(place: Place) -> None:
        with place.init("--no-login", "--leave") as terminal:
            terminal.answer("The bot's token", TOKEN)
            terminal.answer("The channel for messages", "1")
            terminal.answer("Make Ada", "y")
            words = [sys.executable, "-m", "sandbox.acp", "--name", "one", "--history", str(tmp_path / "history")]
            (place.home / "config/programs.toml").write_text(f"[programs.scripted]\ncommand = {words!r}\n", "utf-8")
            terminal.answer("Where are your agents?", "acp")
            terminal.answer("The agents' programs, and how many of each", "scripted 2")
            terminal.answer("Their working folder", "")
            terminal.expect("ok: agent Agent-1:", LONG_S)
            terminal.expect("Agents: 2 over ACP.", LONG_S)
            terminal.expect("T-1 is delivered to Agent-1", LONG_S)
            assert terminal.end() == 0

    async with open_place(tmp_path, token=TOKEN) as place:
        await asyncio.to_thread(person, place)
    agents = tomllib.loads(place.text("config/agents.toml"))["agents"]
    assert [(agent["lane"], agent["program"]) for agent in agents] == [("acp", "scripted")] * 2
