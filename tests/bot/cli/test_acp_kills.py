"""`octet run`, or its worker of ACP agents, killed around a prompt: the agent gets it once, and Octet asks no user
whether it arrived."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.runfile import Run, running
from tests.bot.cli.test_fault_points import LIMIT_S, Account, account, ask
from tests.forked import Forked
from tests.long_forms import mostly_long

__all__ = ["account"]
pytestmark = pytest.mark.timeout(300)  # each test starts Octet twice
ROOT = Path(__file__).parents[3]
AGENTS = '[[agents]]\nname = "Coder"\nabout = "codes"\ncapabilities = []\nlane = "acp"\nprogram = "scripted"\n'
PROGRAMS = """[programs.scripted]
command = {command}
environment = {{ PYTHONPATH = "{root}" }}
writes_history_first = true
"""
NOT_WRITTEN = (
    "delivery.queued-leased.committed",
    "dispatch.taken",
    "delivery.staged-submitting.written",
    "delivery.staged-submitting.committed",
    "acp.prompt-noted",
)
"""The program did not get the prompt."""
WRITTEN = ("dispatch.seen", "acp.arrived", "delivery.submitting-delivered.written", "acp.turn-over")
"""The program has the prompt, and its turn is lost."""


@pytest.fixture
def coder(account: Account) -> Account:
    config, history = account.home / "config", account.home / "scripted"
    command = json.dumps([sys.executable, "-m", "sandbox.acp", "--history", str(history)])
    (config / "agents.toml").write_text(AGENTS)
    (config / "programs.toml").write_text(PROGRAMS.format(command=command, root=ROOT))
    return account


def heard(coder: Account) -> list[str]:
    file = coder.home / "scripted" / "heard.jsonl"
    return [json.loads(line)["prompt"] for line in file.read_text("utf-8").splitlines()] if file.exists() else []


async def settled(run: Run) -> dict[str, Any]:
    async with asyncio.timeout(LIMIT_S):
        while True:
            found = await ask(run, "GET", "/tasks/T-1")
            if found["task"]["state"] in {"done", "parked", "failed"}:
                return found
            await asyncio.sleep(0.05)  # another process: HTTP tells of no change


async def started(coder: Account) -> tuple[Forked, Run]:
    child = await coder.start("run")
    async with asyncio.timeout(LIMIT_S):
        while b"Octet is ready" not in (line := await child.stdout.readline()):
            assert line, (await child.communicate())[1].decode()
    run = await asyncio.to_thread(running, coder.home)
    assert run is not None
    return child, run


async def killed_at(coder: Account, point: str) -> dict[str, Any]:
    """Ask for a task; the ticket ends Octet, or its worker, on the way. Return the task as it is in the end."""
    child, run = await started(coder)
    coder.ticket(point)
    async with asyncio.timeout(LIMIT_S):
        await ask(run, "POST", "/tasks", brief="Count the birds\ndemo: think of birds")
        if point.startswith("acp."):
            found = await settled(run)
            child.send_signal(signal.SIGTERM)
            await child.communicate()
            return found
        await child.communicate()
    assert child.returncode == -signal.SIGKILL, point
    async with coder.running() as again:
        return await settled(again)


@pytest.mark.parametrize("point", mostly_long(NOT_WRITTEN))
async def test_a_kill_before_the_prompt_was_written_sends_it_once(coder: Account, point: str) -> None:
    found = await killed_at(coder, point)
    assert (found["task"]["state"], len(heard(coder)), len(found["answers"])) == ("done", 1, 1)


@pytest.mark.parametrize("point", mostly_long(WRITTEN))
async def test_a_kill_after_it_was_written_finds_it_in_the_history_and_sends_nothing_again(
    coder: Account, point: str
) -> None:
    found = await killed_at(coder, point)
    assert len(heard(coder)) == 1
    assert found["deliveries"][-1]["state"] == "delivered", found["deliveries"]
    assert found["task"]["reason"] != "delivery_unknown"
