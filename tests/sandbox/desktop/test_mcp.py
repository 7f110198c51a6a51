"""A scripted agent that brings its answer over MCP, by the official client, to a real coordinator."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from core.tasks.model import TaskState
from sandbox.desktop.agent.prompt import read_prompt
from sandbox.desktop.agent.work import Finished, Said, ScriptedAgent, Voice
from tests.house import open_house

REPOSITORY = Path(__file__).resolve().parents[3]


def brought(agent: ScriptedAgent, prompt: str) -> str:
    """Let the agent work on a prompt; return what it says of its calls."""
    agent.submit(prompt)
    said: list[str] = []
    while not isinstance(one := agent._news.get(timeout=60), Finished):
        if isinstance(one, Said) and one.voice is Voice.COMMAND:
            said.append(one.text)
    agent.rest()
    return "\n".join(said)


def test_the_lines_of_a_prompt_say_that_an_agent_speaks_mcp_or_lies() -> None:
    script = read_prompt("demo: mcp\nlie: all tests pass\n").script
    assert (script.mcp, script.lie) == (True, "all tests pass")
    assert not read_prompt("tell no lie: it is wrong").script.lie


async def test_a_scripted_agent_reports_and_ends_its_task_over_mcp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house(tmp_path / "home") as house, house.served():
        task, code = await house.working("demo: mcp\nlie: all tests pass")
        name = str((await house.task(task)).agent)
        monkeypatch.setenv("OCTET_HOME", str(house.home))
        monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
        agent = ScriptedAgent(name=name, folder=tmp_path, work_seconds=0)
        prompt = house.lane.submitted[-1].replace("octet done", f"{sys.executable} -m bot done")
        said = await asyncio.to_thread(brought, agent, prompt)
        assert "MCP report_progress" in said
        assert code not in said
        ended = await house.task(task)
        assert (ended.state, ended.progress) == (TaskState.DONE, "bringing the answer over MCP")
        assert [one.body for one in await house.answers(task)] == ["all tests pass"]
        refused = await asyncio.to_thread(brought, agent, prompt)
        assert "refused" in refused
