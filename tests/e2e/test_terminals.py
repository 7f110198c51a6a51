"""Octet on a machine without a screen: agents in panes of tmux, from Discord to the answer, also over kills."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import tomlkit

from core.config.loader import load
from core.home import Home
from core.kit.faults import FaultAction as Strike
from tests.e2e.house import House, open_house, words
from tests.e2e.test_dialogs import press, strike
from tests.fakes.desk import ROOT

pytestmark = [pytest.mark.display, pytest.mark.asyncio(loop_scope="module")]
AGENTS = 3
PROFILE = r"""
submit = "enter"
newline = "keep"
clear = ["ctrl+u"]
normalise = "raw"
confirm = ["composer_empty"]
paste_timeout_ms = 3000
confirm_timeout_ms = 5000
max_chars = 1000
too_long = "split"

[acts]
approve = "1"
deny = "2"

[terminal]
prompt = '^❯ '
end = '^─{6,}$'
margin = '^  '
busy = '^✻ .*esc to interrupt'
echo = '^you: '
masks = ['octet\.[A-Z0-9]+']

[[terminal.dialogs]]
shows = "needs_input"
text = '^Run this command\?(?=\n(.*\n)*❯ 1\. Yes)'
answers = ["approve", "deny"]
"""


def _in_terminals(config: Path) -> None:
    """Three agents in panes; the others as they were."""
    (config / "profiles" / "cli.toml").write_text(PROFILE)
    world = config.parents[1]
    agents = tomlkit.parse((config / "agents.toml").read_text())
    desk = tomlkit.document()
    desk["tmux"] = {}
    windows = tomlkit.aot()
    for number in range(1, AGENTS + 1):
        name = f"agent-{number}"
        script, log = str(ROOT / "tests/fakes/cli_agent.py"), str(world / f"{name}.heard")
        program = [sys.executable, script, name, log, "busy=0.5", "answers", "asks"]
        windows.append(tomlkit.item({"name": name, "profile": "cli", "program": program}))
        agent = agents["agents"][number - 1]  # type: ignore[index] a list of tables
        agent |= {"lane": "terminal", "desk": "panes", "window": name, "allowed_actions": ["approve", "deny"]}
    desk["windows"] = windows
    (config / "desks" / "panes.toml").write_text(tomlkit.dumps(desk))
    (config / "agents.toml").write_text(tomlkit.dumps(agents))


def heard(house: House, agent: str) -> list[str]:
    """What was really submitted in this pane."""
    log = house.world / f"{agent}.heard"
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    world = tmp_path_factory.mktemp("terminals")
    (world / "tickets").mkdir(mode=0o700)
    settings = {"OCTET_FAULT_POINTS": str(world / "tickets")}
    try:
        async with open_house(world, windows=0, prepare=_in_terminals, settings=settings) as house:
            yield house
    finally:
        (desk,) = [desk for desk in load(Home(root=world / "octet")).desks if desk.tmux]
        assert desk.tmux is not None
        end = await asyncio.create_subprocess_exec("tmux", "-L", desk.tmux.server, "kill-server")
        await end.wait()


async def test_a_task_reaches_a_pane_and_its_answer_is_read_there(house: House) -> None:
    task = await house.task("Count the birds:\n\n  one\n  two", "Agent-1")
    told = words(await house.told(task, "an answer of agent-1"))
    assert "unverified" in told or "Unverified" in told, told
    await house.card(task, "done, as read in its agent's window (unverified)")
    (prompt,) = heard(house, "agent-1")
    assert "Count the birds:\n\n  one\n  two" in prompt
    receipt = await house.command("receipt", task, "--home", str(house.home))
    assert receipt.code == 0, receipt.err
    assert "screen" in receipt.out, receipt.out


async def test_a_dialog_in_a_pane_is_answered_from_discord(house: House) -> None:
    task = await house.task("ask first, then clean up", "Agent-2")
    message = await house.told(task, "rm -rf build")
    assert len(message["sandbox"]["files"]) == 1
    said = await press(house, message, "Approve")
    assert said.startswith("Octet pressed **Approve** for Agent-2"), said
    await house.told(task, "an answer of agent-2")


async def test_it_says_how_its_panes_are_and_shows_them(house: House) -> None:
    listed = await house.command("desk", "list", "--home", str(house.home))
    assert f"{AGENTS} of {AGENTS} panes run" in listed.out, listed
    shown = await house.command("desk", "picture", "panes", "-", "--home", str(house.home))
    assert "agent-3 is ready." in shown.out, shown
    status = words(await house.ask("desk status"))
    assert "panes" in status, status


@pytest.mark.parametrize(
    ("point", "victim"),
    [
        ("worker.pasted", Strike.KILL_BOTH),
        ("worker.submitting-granted", Strike.KILL),
        ("worker.key-pressed", Strike.KILL_OTHER),
    ],
)
async def test_killed_around_enter_every_prompt_arrives_once(house: House, point: str, victim: Strike) -> None:
    before = len(heard(house, "agent-3"))
    strike(house, point, victim)
    task = await house.task(f"survive {victim.value} at {point}", "Agent-3")
    if victim is not Strike.KILL:
        assert house.octet is not None
        async with asyncio.timeout(60):
            await house.octet.process.wait()
        await house.stop()
        await house.start()
    await house.told(task, "an answer of agent-3")
    prompts = heard(house, "agent-3")[before:]
    assert len(prompts) == 1, prompts
    assert f"survive {victim.value} at {point}" in prompts[0]


async def test_killed_between_two_parts_of_a_long_prompt_the_rest_comes_and_no_part_twice(house: House) -> None:
    before = len(heard(house, "agent-3"))
    brief = "\n".join(f"{number}. Count the birds in garden number {number}, all of them." for number in range(30))
    strike(house, "dispatch.noted", Strike.KILL)
    task = await house.task(brief, "Agent-3")
    assert house.octet is not None
    async with asyncio.timeout(60):
        await house.octet.process.wait()
    assert len(heard(house, "agent-3")) == before + 1, "it was killed when the first part was there"
    await house.stop()
    await house.start()
    await house.told(task, "an answer of agent-3")
    parts = heard(house, "agent-3")[before:]
    bodies = [
        re.sub(r"(?m)\A.*\n\((?:This text|The last)[^\n]*\)\n|\n(?:\(End of part|While you work: )(?s:.*)\Z", "", one)
        for one in parts
    ]
    assert "".join(bodies) == brief
    total = len(parts)
    assert total > 2
    assert [one.partition("\n")[0].rpartition(" · ")[2] for one in parts] == [
        f"part {number} of {total}" for number in range(1, total + 1)
    ]
    assert ["--code" in one for one in parts] == [False] * (total - 1) + [True]


async def test_a_pane_is_tried_out_examined_and_pictured_from_discord(house: House) -> None:
    before = heard(house, "agent-1")
    tried = words(await house.ask("desk test", agent="Agent-1"))
    assert "✓ **Agent-1**: read back from the pane's screen" in tried, tried
    assert heard(house, "agent-1") == before
    assert "no problems" in words(await house.ask("desk doctor", desk="panes"))
    assert "gent-3" in words(await house.ask("desk arrange", desk="panes"))
    for asked in ({"agent": "Agent-1"}, {"desk": "panes"}):
        (picture,) = (await house.ask("desk screenshot", **asked))["sandbox"]["files"]
        assert picture["content_type"] == "image/png"
