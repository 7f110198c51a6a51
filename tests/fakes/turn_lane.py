"""A lane of agents that have turns: each prompt arrives, and the test says what happens in its turn."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.agents.model import Lane
from core.coordinator import Coordinator
from core.deliveries.model import (
    Assurance,
    DeliveryId,
    LaneAnswer,
    Outcome,
    PermissionAsk,
    PermissionChoice,
    ProgramStatus,
    Result,
    StopReason,
    TurnAct,
    TurnEnd,
    TurnText,
    Usage,
)
from core.kit.clock import Clock
from core.reasons import Reason
from core.retry_policy import RetryPolicy
from tests.builders import make_agent, open_coordinator
from tests.core.dispatch.test_loop import QUICK, running
from tests.fakes.lane import FakeLane

AGENT = "Agent-1"
CHOICES = (
    PermissionChoice(id="1", name="Allow once", kind="allow_once"),
    PermissionChoice(id="2", name="Always allow npm", kind="allow_always"),
    PermissionChoice(id="3", name="No", kind="reject_once"),
)


class TurnLane(FakeLane):
    """Each order arrives. `octet` hears the turn of the newest prompt to the agent."""

    octet: Coordinator

    def __init__(self, *script: Outcome) -> None:
        super().__init__(*script or [Outcome(result=Result.DELIVERED, assurance=Assurance.RECEIPT)])
        self.open: dict[str, PermissionAsk] = {}
        self.got: list[tuple[str, str | None]] = []
        self.interrupted: list[str] = []
        self.renewed: list[str] = []
        self.status, self.is_at_work = ProgramStatus(), True

    def fact(self, delivery: DeliveryId | None = None) -> dict[str, Any]:
        return {"agent": AGENT, "delivery": delivery or self.orders[-1].delivery}

    async def writes(self, text: str) -> None:
        await self.octet.dispatch.turns.turn_text(TurnText(**self.fact(), text=text))

    async def does(self, title: str, *, done: int = 0, total: int = 0) -> None:
        act = TurnAct(**self.fact(), id="a", title=title, kind="execute", done=done, total=total)
        await self.octet.dispatch.turns.turn_act(act)

    async def ends(
        self,
        text: str = "",
        stop: StopReason = StopReason.END_TURN,
        *,
        usage: Usage | None = None,
        reason: Reason | None = None,
        note: str = "",
        delivery: DeliveryId | None = None,
    ) -> None:
        """End the turn as a lane does: every open question of it ends first."""
        self.open.clear()
        said = LaneAnswer(text=text, is_whole=stop is StopReason.END_TURN, usage=usage)
        end = TurnEnd(**self.fact(delivery), stop=stop, said=said, reason=reason, note=note)
        await self.octet.dispatch.turns.turn_ended(end)

    async def asks(self, number: str = "q1", **changes: Any) -> PermissionAsk:
        asked = PermissionAsk(**self.fact(), id=number, title="Run npm", raw="npm i", choices=CHOICES)
        self.open[number] = asked = replace(asked, **changes)
        await self.octet.dispatch.turns.permission_asked(asked)
        return asked

    async def answer_permission(self, ask: str, choice: str | None) -> bool:
        if self.open.pop(ask, None) is None:
            return False
        self.got.append((ask, choice))
        return True

    async def interrupt(self, agent: str) -> bool:
        self.interrupted.append(agent)
        return self.is_at_work

    async def new_conversation(self, agent: str) -> bool:
        self.renewed.append(agent)
        return True

    async def about(self, agent: str) -> ProgramStatus:
        del agent
        return self.status


@asynccontextmanager
async def turn_house(
    home: Path, lane: TurnLane, *, clock: Clock | None = None, policy: RetryPolicy = QUICK, **changes: Any
) -> AsyncGenerator[Coordinator]:
    """Open a coordinator whose one agent has turns, with dispatch at work."""
    agent = replace(make_agent(AGENT, lane=Lane.ACP), command=("agent",), **changes)
    async with open_coordinator(home, agents=[agent], lanes={agent.route: lane}, clock=clock, policy=policy) as octet:
        lane.octet = octet
        async with running(octet):
            yield octet
