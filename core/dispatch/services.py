"""The services that dispatch works with, and which agents are reachable now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.agent_actions.blocked_windows import BlockedWindows
from core.agent_actions.service import AgentActions
from core.agent_messages.questions import Questions
from core.agent_messages.service import AgentMessages
from core.agents.model import Agent, Route
from core.desks.service import Desks
from core.retry_policy import RetryPolicy
from core.supervision.screen_locks import ScreenLocks
from core.tasks.service import Tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchServices:
    """What a round of dispatch asks and moves, beside the services below tasks. The fleet lists the same."""

    tasks: Tasks
    agent_messages: AgentMessages
    questions: Questions
    agent_actions: AgentActions
    blocked_windows: BlockedWindows
    screen_locks: ScreenLocks
    policy: RetryPolicy


class Reachability:
    """Which agents are reachable now, by the lanes of the present config and their desks."""

    def __init__(self, desks: Desks, routes: Iterable[Route]) -> None:
        self._desks = desks
        self.use(routes)

    def use(self, routes: Iterable[Route]) -> None:
        """Count the agents of these routes as reachable from now on, and no others."""
        self.routes = frozenset(routes)

    def why_unreachable(self, agent: Agent) -> str:
        """Return why no prompt can reach the agent now; empty if one can."""
        if agent.desk is None:
            return "" if agent.route in self.routes else f"no lane for {agent.lane.value}"
        return self.why_unusable(agent.desk)

    def why_unusable(self, desk: str | None) -> str:
        """Return why no delivery may begin at the desk now; empty if one may, or where there is no desk."""
        return self._desks.state(desk).describe(desk) if desk else ""
