"""Agents with lane `acp`: whether each one's program starts, speaks ACP and is logged in, and who approves its acts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from automation.acp.driver import AgentDriver
from automation.acp.messages import AcpAgent, Prepare
from bot.cli.doctor.model import Finding, ok, problem, warning
from bot.desk_workers import make_acp_agent
from core.agents.model import Lane
from core.config.loader import Config
from core.config.settings import environment
from core.deliveries.model import Approver, Outcome, ProgramStatus
from core.remedies import explain, next_step


def agents(config: Config) -> Iterator[Finding]:
    """Start each agent's program a second time, for a conversation that nothing is sent to."""
    for agent in config.agents:
        if agent.lane is Lane.ACP:
            with TemporaryDirectory() as folder:  # what Octet runs stays as it is
                acp = replace(make_acp_agent(config, agent, environment()), state=str(Path(folder) / agent.name))
                trouble, status = asyncio.run(_look(acp))
            yield _finding(acp, trouble, status)


async def _look(acp: AcpAgent) -> tuple[Outcome | None, ProgramStatus]:
    async with asyncio.TaskGroup() as group:
        driver = AgentDriver(acp, group, report=lambda _: None)
        try:
            trouble, _ = await driver.prepare(Prepare(agent=acp.name, begins_task=True, is_asked=True))
            return trouble, driver.status()
        finally:
            await driver.end_program()


def _finding(acp: AcpAgent, trouble: Outcome | None, status: ProgramStatus) -> Finding:
    program = acp.program
    what = f"agent {acp.name}: {' '.join(filter(None, (status.program or program.command[0], status.version)))}"
    if trouble is not None:
        assert trouble.reason is not None
        return problem(f"{what}: {explain(trouble.reason, trouble.note)}", next_step(trouble.reason))
    mode = f"mode {status.mode} of {', '.join(status.modes)}" if status.mode else "no modes"
    history = "" if status.can_load else "; it keeps no history, so Octet asks you after a crash"
    what = f"{what} speaks ACP and opens a conversation, {mode}{history}"
    if status.version and _numbers(status.version) < _numbers(program.least):
        needs_node = f"; it needs Node.js {program.node} or newer" if program.node else ""
        return warning(f"{what}; Octet was tried with {program.least} and newer", f"Update the program{needs_node}.")
    if status.approves is Approver.NO_ONE:
        cure = "Set `mode` in config/agents.toml to one in which it asks, unless you want that."
        return warning(f"{what}; in this mode it asks no user before it acts", cure)
    return ok(what)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]
