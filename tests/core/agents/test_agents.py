"""Agents: found by name, chosen by what they can, moved only along their table."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.agents.model import AGENT_STEPS, OFF_DUTY, AgentState, Lane
from core.coordinator import Coordinator
from core.kit.transitions import IllegalStep
from core.store.engine import Tx
from tests.builders import ADA, entries_of, make_agent, make_window_agent, open_coordinator, refuses

AGENTS = [
    make_agent("Ann", can="python git"),
    make_window_agent("Bob", can="python"),
    make_agent("Cy", lane=Lane.WINDOW),
]


async def test_agents_are_listed_as_configured_and_found_whatever_the_case(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=AGENTS, lanes={}) as octet:
        assert [(s.agent.name, s.state) for s in await octet.agents.list(by=ADA)] == [
            ("Ann", AgentState.IDLE),
            ("Bob", AgentState.OFFLINE),
            ("Cy", AgentState.IDLE),
        ]
        assert (await octet.agents.show(" aNN ", by=ADA)).agent.name == "Ann"
        with refuses("agent_not_found", match="Zed"):
            await octet.agents.show("Zed", by=ADA)
        with refuses("agent_without_window", match="Cy"):
            octet.agents.reachable("cy")
        assert list(octet.agents.suggest("N", by=ADA)) == ["Ann"]


async def test_only_reachable_agents_with_all_that_is_needed_are_chosen(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=AGENTS, lanes={}) as octet:

        def names(*needs: str, wanted: str | None = None) -> list[str]:
            return [agent.name for agent in octet.agents.who_can(frozenset(needs), wanted)]

        assert names() == ["Ann", "Bob"]
        assert names("python", "git") == ["Ann"]
        assert names("python", wanted="Bob") == ["Bob"]
        assert names("git", wanted="Bob") == []
        assert [agent.name for agent in octet.agents.at("main")] == ["Bob"]
        assert octet.agents.at("main", "elsewhere") == []


def step(octet: Coordinator, tx: Tx, name: str, to: AgentState) -> None:
    """Off duty, only a person's word counts."""
    now = octet.agents.status(tx, name)
    if now.state in OFF_DUTY:
        octet.agents.set_duty(tx, now, to, note="so", by=ADA)
    else:
        octet.agents.move(tx, name, to, note="so")


@pytest.mark.parametrize("was", AgentState)
async def test_an_agent_moves_along_its_table_and_each_step_stands_in_the_journal(
    tmp_path: Path, was: AgentState
) -> None:
    async with open_coordinator(
        tmp_path, agents=[make_agent(f"to-{to.value}") for to in AgentState], lanes={}
    ) as octet:
        way = [AgentState.IDLE, was] if was is not AgentState.IDLE else [AgentState.IDLE]
        for to in AgentState:
            name = f"to-{to.value}"
            for state in way:
                await octet.store.write(lambda tx, s=state, n=name: octet.agents.move(tx, n, s))
            if to is was or to in AGENT_STEPS[was]:
                await octet.store.write(lambda tx, t=to, n=name: step(octet, tx, n, t))
                assert (await octet.agents.show(name, by=ADA)).state is to
                assert (await entries_of(octet.journal, f"agent:{name}"))[-1].data["now"] == to.value
            else:
                with pytest.raises(IllegalStep):
                    await octet.store.write(lambda tx, t=to, n=name: step(octet, tx, n, t))
                assert (await octet.agents.show(name, by=ADA)).state is was


async def test_staying_as_it_is_writes_nothing(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        for _ in range(3):
            await octet.store.write(lambda tx: octet.agents.move(tx, "Agent-1", AgentState.BUSY, task="T-1"))
        assert len(await entries_of(octet.journal, "agent:Agent-1")) == 1


async def test_only_the_task_that_holds_an_agent_frees_it(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        await octet.store.write(lambda tx: octet.agents.move(tx, "Agent-1", AgentState.BUSY, task="T-2"))
        await octet.store.write(lambda tx: octet.agents.free(tx, "Agent-1", task="T-1"))
        assert (await octet.agents.show("Agent-1", by=ADA)).state is AgentState.BUSY
        await octet.store.write(lambda tx: octet.agents.free(tx, "Agent-1", task="T-2"))
        status = await octet.agents.show("Agent-1", by=ADA)
        assert (status.state, status.task) == (AgentState.IDLE, None)
