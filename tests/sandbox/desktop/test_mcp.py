"""A scripted agent that brings its answer over MCP, by the official client, to a real coordinator."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from core.reasons import Reason
from core.security.model import OPERATOR
from core.tasks.model import TaskId, TaskState
from sandbox.desktop.agent.goals import GOALS
from sandbox.desktop.agent.prompt import TalkKind, read_prompt
from sandbox.desktop.agent.work import Finished, Said, ScriptedAgent, Voice
from tests.fakes.lane import ARRIVES, bounced
from tests.house import House, code_in, open_house
from tests.pace import patience

REPOSITORY = Path(__file__).resolve().parents[3]


def brought(agent: ScriptedAgent, prompt: str) -> str:
    """Let the agent work on a prompt; return what it says of its calls."""
    agent.submit(prompt)
    said: list[str] = []
    while not isinstance(one := agent._news.get(timeout=patience(60)), Finished):
        if isinstance(one, Said) and one.voice is Voice.COMMAND:
            said.append(one.text)
    agent.rest()
    return "\n".join(said)


@pytest.fixture(autouse=True)
def finds_octet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))


async def scripted(house: House, task: TaskId, folder: Path) -> tuple[ScriptedAgent, str]:
    """Return the agent of the task, and its prompt with a command that is there."""
    agent = ScriptedAgent(name=str((await house.task(task)).agent), folder=folder, work_seconds=0)
    prompt = next(text for text in reversed(house.lane.submitted) if task in text)
    return agent, prompt.replace("octet done", f"{sys.executable} -m bot done")


def test_the_lines_of_a_prompt_say_that_an_agent_speaks_mcp_or_lies() -> None:
    script = read_prompt("demo: mcp\nlie: all tests pass\n").script
    assert (script.mcp, script.lie) == (True, "all tests pass")
    assert not read_prompt("tell no lie: it is wrong").script.lie


def test_the_lines_of_a_prompt_say_whom_an_agent_asks_and_tells() -> None:
    script = read_prompt("ask person: Red or blue? | Red | Blue\ntalk: Agent-2: Reply with a bird.\nask: ls").script
    asked, told = script.talks
    assert (asked.kind, asked.text, asked.choices) == (TalkKind.ASK_PERSON, "Red or blue?", ("Red", "Blue"))
    assert (told.kind, told.to, told.text) == (TalkKind.TELL, "Agent-2", "Reply with a bird.")
    assert [one.text for one in script.stops] == ["ls"]


async def test_a_scripted_agent_reports_and_ends_its_task_over_mcp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house(tmp_path / "home") as house, house.served():
        task, code = await house.working("demo: mcp\nlie: all tests pass")
        monkeypatch.setenv("OCTET_HOME", str(house.home))
        agent, prompt = await scripted(house, task, tmp_path)
        said = await asyncio.to_thread(brought, agent, prompt)
        assert "MCP report_progress" in said
        assert code not in said
        ended = await house.task(task)
        assert (ended.state, ended.progress) == (TaskState.DONE, "sending the answer over MCP")
        assert [one.body for one in await house.answers(task)] == ["all tests pass"]
        refused = await asyncio.to_thread(brought, agent, prompt)
        assert "refused" in refused


async def test_a_scripted_agent_asks_its_user_and_tells_what_came_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its token in its environment."""
    async with open_house(tmp_path / "home") as house, house.served() as run:
        task, _ = await house.working("ask person: Red or blue? | Red | Blue")
        agent, prompt = await scripted(house, task, tmp_path)
        monkeypatch.setenv("OCTET_URL", f"http://{run.address}:{run.port}")
        monkeypatch.setenv("OCTET_AGENT_TOKEN", house.core.reply_keys.key(agent.name))
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(brought, agent, prompt))
            await house.until(task, TaskState.BLOCKED)
            (open_one,) = await house.core.questions.list_open()
            assert (open_one.text, open_one.question.choices) == ("Red or blue?", ("Red", "Blue"))
            await house.core.questions.answer(f"M-{open_one.question.id}", "Blue", by=OPERATOR)
        (answer,) = await house.answers(task)
        assert answer.body.startswith("- asked “Red or blue?”: operator answered: Blue\n")
        assert (await house.task(task)).state is TaskState.DONE


async def test_a_scripted_agent_tells_another_one_and_reads_its_reply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    async with open_house(tmp_path / "home") as house, house.served(os.environ):
        monkeypatch.setenv("OCTET_HOME", str(house.home))
        task, _ = await house.working("talk: Agent-4: Reply with a bird.")
        agent, prompt = await scripted(house, task, tmp_path)
        house.lane.script += [ARRIVES, *[bounced(Reason.BUSY)] * 100]  # the asking agent works until it has its reply
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(brought, agent, prompt))
            asked = await house.prompt_to("Agent-4")
            other = ScriptedAgent(name="Agent-4", folder=tmp_path / "home", work_seconds=0)
            await asyncio.to_thread(brought, other, asked.replace("octet reply", f"{sys.executable} -m bot reply"))
        (answer,) = await house.answers(task)
        assert answer.body.startswith("- told Agent-4 “Reply with a bird.”: > ")


async def test_a_scripted_chief_pursues_a_goal_and_sums_it_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    async with open_house(tmp_path / "home", agents=6, chief="Agent-1") as house, house.served(os.environ):
        monkeypatch.setenv("OCTET_HOME", str(house.home))
        task, _ = await house.working("goal: garden")
        agent, prompt = await scripted(house, task, tmp_path)
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(brought, agent, prompt))
            for number, step in enumerate(GOALS["garden"], 2):
                part, text = TaskId(f"T-{number}"), await house.prompt_to(step.agent)
                await house.until(part, TaskState.WORKING)
                found = await house.task(part)
                assert (found.agent, found.parent) == (step.agent, task)
                assert f"\n> {step.brief}\n" in text
                await house.core.tasks.accept_answer(part, code_in(text), f"Part {number}", final=True, key="k")
        (answer,) = await house.answers(task)
        assert [
            f"T-{number}, {step.agent}: done. Part {number}" in answer.body
            for number, step in enumerate(GOALS["garden"], 2)
        ] == [True] * 4
        assert (await house.task(task)).state is TaskState.DONE


async def test_a_scripted_chief_names_the_goals_that_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    async with open_house(tmp_path / "home", chief="Agent-1") as house, house.served(os.environ):
        monkeypatch.setenv("OCTET_HOME", str(house.home))
        task, _ = await house.working("goal: world")
        await asyncio.to_thread(brought, *await scripted(house, task, tmp_path))
        assert (await house.answers(task))[0].body.startswith(
            "- there is no goal “world”; the demo has: release, garden"
        )
