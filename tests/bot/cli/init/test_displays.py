"""`octet init` to a delivered task in a window that nobody sees: a virtual display for each agent."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from automation.desktop.displays.child_process import marked
from tests.bot.cli.init.place import REPOSITORY, Place, open_place
from tests.fakes.terminal import Terminal

pytestmark = [pytest.mark.display, pytest.mark.timeout(300)]  # a person answers, and Octet starts

TOKEN = "the-token-of-a-new-user"
SCRIPT = REPOSITORY / "tests/fakes/term_window.py"
XTERM = "xterm -fn 6x13 -b 2 +sb -bg #101010 -fg #e0e0e0 -cr #e0e0e0 -bw 0 -title {agent} -class Octetterm -e"


def answers(person: Terminal) -> None:
    person.answer("The bot's token", TOKEN)
    person.answer("The channel for messages", "1")
    person.answer("Make Ada", "y")


async def test_displays_are_made_by_four_answers_and_the_test_task_arrives_on_one(tmp_path: Path) -> None:
    """By a profile that the person has: there nothing is left to measure."""

    def person(place: Place) -> None:
        own = place.home / "config/profiles/mine.toml"
        own.parent.mkdir(parents=True)
        shutil.copy(REPOSITORY / "tests/data/profiles/xterm.toml", own)
        log = place.root / "{agent}.heard"
        with place.init("--no-login", "--leave", "--answer", "0") as terminal:
            answers(terminal)
            terminal.answer("Where are your agents?", "displays")
            terminal.answer("The agents' profile", "mine")
            terminal.answer("The agents' program", f"{XTERM} {sys.executable} {SCRIPT} {{agent}} {log} 3")
            terminal.answer("How many?", "1")
            terminal.expect("desk-1.toml; Agent-1 works there now")
            terminal.expect("Agents: 1 in windows.")
            terminal.expect("T-1 is delivered to Agent-1 (receipt)", 90)
            assert terminal.end() == 0

    async with open_place(tmp_path, token=TOKEN) as place:
        await asyncio.to_thread(person, place)
    heard = (tmp_path / "Agent-1.heard").read_text("utf-8").splitlines()
    assert [("This is a test of Octet" in json.loads(one)) for one in heard] == [True]
    assert marked(f"desk-1 {place.home / 'displays/desk-1'}") == [], "the display ended with Octet"


async def test_windows_that_are_to_be_measured_are_not_sent_to_yet_and_the_way_on_is_said(tmp_path: Path) -> None:
    def person(place: Place) -> None:
        with place.init("--no-login", "--no-task") as terminal:
            answers(terminal)
            terminal.answer("Where are your agents?", "displays")
            terminal.answer("The agents' profile", "xterm")
            terminal.answer("The agents' program", "xterm")
            terminal.answer("How many?", "2")
            terminal.expect("once it is up, `octet calibrate desk-2` measures its window and sends an agent there")
            terminal.expect("Until then Octet only shows prompts. First: octet desk up --detach")
            terminal.expect("Agents: 8 on the dry run.")
            assert terminal.end() == 0

    async with open_place(tmp_path, token=TOKEN) as place:
        await asyncio.to_thread(person, place)
    desks = [tomllib.loads(place.text(f"config/desks/desk-{number}.toml")) for number in (1, 2)]
    assert [(desk["virtual"]["program"], desk.get("windows")) for desk in desks] == [(["xterm"], None)] * 2


async def test_what_this_machine_lacks_is_named_and_another_way_can_be_chosen(tmp_path: Path) -> None:
    def person(place: Place) -> None:
        programs = place.root / "programs"
        programs.mkdir()
        (programs / "env").symlink_to("/usr/bin/env")
        (programs / "setsid").symlink_to("/usr/bin/setsid")
        with place.init("--no-login", "--no-task", PATH=str(programs)) as terminal:
            answers(terminal)
            terminal.answer("Where are your agents?", "terminals")
            terminal.expect("tmux is not installed: sudo apt-get install tmux")
            terminal.answer("Where are your agents?", "displays")
            terminal.expect("sudo apt-get install xvfb openbox")
            terminal.expect("choose the same again, or choose another answer")
            terminal.answer("Where are your agents?", "dryrun")
            terminal.expect("Agents: 8 on the dry run.")
            assert terminal.end() == 0

    async with open_place(tmp_path, token=TOKEN) as place:
        await asyncio.to_thread(person, place)
