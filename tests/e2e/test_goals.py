"""A goal from a person to its summary: a chief splits it over MCP, three agents work in order and talk to each other,
one of them asks the person. The same with a kill of Octet in the middle."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.desktop.agent.goals import GOALS
from tests.e2e.house import House, open_house, words
from tests.long_forms import mostly_long

pytestmark = [pytest.mark.display, pytest.mark.timeout(300)]


async def _kill(house: House) -> None:
    await house.kill()
    await house.start()


@pytest.mark.parametrize("is_killed", mostly_long([True, False]))
async def test_a_chief_splits_a_goal_and_its_agents_reach_it_in_order(tmp_path: Path, *, is_killed: bool) -> None:
    async with open_house(tmp_path) as house:
        goal = await house.task("Ship it.\ngoal: release", "Agent-8")
        await house.card(goal, "Working", "T-2", "T-3", "T-4")
        await house.done("T-2")
        if is_killed:
            await _kill(house)
        question = await house.told("T-3", "What is the release called?", "Agent-4")
        await house.fill_in(question, "Answer …", "Sparrow", field="text")
        await house.done("T-3")
        if is_killed:
            await _kill(house)
        await house.done(goal)
        summary = words(await house.told(goal, "The goal “release” has ended."))
        order = [f"T-{number}, {step.agent}: done" for number, step in enumerate(GOALS["release"], 2)]
        assert [summary.index(one) for one in order] == sorted(summary.index(one) for one in order)
        assert "Sparrow" in words(await house.told("T-3", "finished T-3"))
        review = words(await house.told("T-4", "finished T-4"))
        assert "told Agent-4" in review
        assert "no reply yet" not in review
        heard = await house.heard()
        briefs = {
            name: sum(f" done {task} " in one for one in prompts for task in ("T-1", "T-2", "T-3", "T-4"))
            for name, prompts in heard.items()
        }
        assert briefs == {"agent-8": 1, "agent-2": 1, "agent-4": 1, "agent-3": 1}, "each brief arrived once"
        asked = [one for one in heard["agent-4"] if "Reply with the first line of the notes." in one]
        assert len(asked) == 1, "the message arrived once"
