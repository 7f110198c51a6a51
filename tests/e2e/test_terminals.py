"""Octet on a machine without a screen: agents in panes of tmux, from Discord to the answer, also over kills."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import tomlkit

from core.config.loader import load
from core.home import Home
from core.kit.faults import FaultAction
from tests.e2e.house import House, open_house, words
from tests.fakes.desk import ROOT
from tests.fakes.window_log import WindowLog
from tests.long_forms import mostly_long

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
    """Move three agents into panes; leave the others as they were."""
    (config / "profiles" / "cli.toml").write_text(PROFILE)
    agents = tomlkit.parse((config / "agents.toml").read_text())
    windows = tomlkit.aot()
    for number in range(1, AGENTS + 1):
        name = f"agent-{number}"
        script, log = str(ROOT / "tests/fakes/cli_agent.py"), str(config.parents[1] / f"{name}.heard")
        program = [sys.executable, script, name, log, "busy=0.5", "answers", "asks"]
        windows.append(tomlkit.item({"name": name, "profile": "cli", "program": program}))
        agent = agents["agents"][number - 1]  # type: ignore[index] a list of tables
        agent |= {"lane": "terminal", "desk": "panes", "window": name, "allowed_actions": ["approve", "deny"]}
    (config / "desks" / "panes.toml").write_text(tomlkit.dumps({"tmux": {}, "windows": windows}))
    (config / "agents.toml").write_text(tomlkit.dumps(agents))


def heard(house: House, agent: str) -> list[str]:
    """Return what was really submitted in this pane."""
    return WindowLog(house.world / f"{agent}.heard").texts()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    world = tmp_path_factory.mktemp("terminals")
    try:
        async with open_house(world, windows=0, prepare=_in_terminals, has_fault_points=True) as house:
            yield house
    finally:
        (desk,) = [desk for desk in load(Home(root=world / "octet")).desks if desk.tmux]
        assert desk.tmux is not None
        end = await asyncio.create_subprocess_exec("tmux", "-L", desk.tmux.server, "kill-server")
        await end.wait()


async def test_a_task_reaches_a_pane_and_its_answer_is_read_there(house: House) -> None:
    task = await house.task("Count the birds:\n\n  one\n  two", "Agent-1")
    await house.told(task, "an answer of agent-1", "nverified")
    await house.card(task, "Done, as read in its agent's window (unverified)")
    (prompt,) = heard(house, "agent-1")
    assert "Count the birds:\n\n  one\n  two" in prompt
    receipt = await house.command("receipt", task, "--home", str(house.home))
    assert (receipt.code, "screen" in receipt.out) == (0, True), receipt


async def test_a_dialog_in_a_pane_is_answered_from_discord(house: House) -> None:
    task = await house.task("ask first, then clean up", "Agent-2")
    message = await house.told(task, "rm -rf build")
    assert len(message["sandbox"]["files"]) == 1
    said = await house.press(message, "Approve")
    assert said.startswith("Octet pressed **Approve** for Agent-2"), said
    await house.told(task, "an answer of agent-2")


@pytest.mark.parametrize(
    ("point", "victim"),
    mostly_long(
        [
            ("worker.key-pressed", FaultAction.KILL_OTHER),
            ("worker.pasted", FaultAction.KILL_BOTH),
            ("worker.submitting-granted", FaultAction.KILL),
        ]
    ),
)
async def test_a_prompt_arrives_once_when_a_kill_falls_around_enter(
    house: House, point: str, victim: FaultAction
) -> None:
    before = len(heard(house, "agent-3"))
    house.strike(point, victim)
    task = await house.task(f"survive {victim.value} at {point}", "Agent-3")
    if victim is not FaultAction.KILL:
        await house.come_back()
    await house.told(task, "an answer of agent-3")
    (prompt,) = heard(house, "agent-3")[before:]
    assert f"survive {victim.value} at {point}" in prompt


async def test_a_kill_between_two_parts_of_a_long_prompt_repeats_no_part(house: House) -> None:
    before = len(heard(house, "agent-3"))
    brief = "\n".join(f"{number}. Count the birds in garden number {number}, all of them." for number in range(30))
    house.strike("dispatch.noted", FaultAction.KILL)
    task = await house.task(brief, "Agent-3")
    await house.octet_ended()
    assert len(heard(house, "agent-3")) == before + 1, "it was killed when the first part was there"
    await house.come_back()
    await house.told(task, "an answer of agent-3")
    parts = heard(house, "agent-3")[before:]
    frame = r"(?m)\A.*\n\((?:This text|The last)[^\n]*\)\n|\n(?:\(End of part|While you work: )(?s:.*)\Z"
    assert "".join(re.sub(frame, "", one) for one in parts) == brief
    total = len(parts)
    assert total > 2
    assert [one.partition("\n")[0].rpartition(" · ")[2] for one in parts] == [
        f"part {number} of {total}" for number in range(1, total + 1)
    ]
    assert ["--code" in one for one in parts] == [False] * (total - 1) + [True]


async def test_panes_are_tested_examined_and_pictured(house: House) -> None:
    before = heard(house, "agent-1")
    tried = words(await house.ask("desk test", agent="Agent-1"))
    assert "✓ **Agent-1**: read back from the pane's screen" in tried, tried
    assert heard(house, "agent-1") == before
    assert "no problems" in words(await house.ask("desk doctor", desk="panes"))
    for asked in ({"agent": "Agent-1"}, {"desk": "panes"}):
        (picture,) = (await house.ask("desk screenshot", **asked))["sandbox"]["files"]
        assert picture["content_type"] == "image/png"
    shown = await house.command("desk", "picture", "panes", "-", "--home", str(house.home))
    assert all(f"panes · agent-{number}" in shown.out for number in (1, 2, 3)), shown
