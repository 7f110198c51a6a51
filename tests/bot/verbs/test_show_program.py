"""`agent show` of an agent whose program Octet talks to: what it is, and who approves what it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli.present import FORM
from bot.verbs import agents, results
from core.deliveries.model import Approver, ProgramStatus
from core.fleet.model import AgentDetails
from tests.builders import ADA
from tests.fakes.turn_lane import AGENT, TurnLane, turn_house


@pytest.mark.parametrize(
    ("approves", "words"),
    [
        (Approver.USER, "It asks users before it acts."),
        (Approver.NO_ONE, "It acts without asking any user."),
        (Approver.UNKNOWN, "Octet does not know whether it asks users before it acts."),
    ],
)
async def test_users_see_versions_and_mode_and_who_approves(approves: Approver, words: str, tmp_path: Path) -> None:
    async with turn_house(tmp_path, lane := TurnLane()) as octet:
        lane.status = ProgramStatus(program="codex-acp", version="2.6.0", mode="agent", approves=approves)
        found = await agents.show.call(octet, AGENT, by=ADA)
        shown = "\n".join(results.LINES[AgentDetails][0](found, FORM))
        assert "Program: codex-acp 2.6.0 · mode agent" in shown
        assert words in shown
