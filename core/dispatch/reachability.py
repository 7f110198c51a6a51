"""Which agents prompts can be brought to now: by the lanes of the present config and by how their desks stand."""

from __future__ import annotations

from collections.abc import Iterable

from core.agents.model import Agent, Route
from core.desks.service import Desks


class Reachability:
    """Answers from memory."""

    def __init__(self, desks: Desks, routes: Iterable[Route]) -> None:
        self._desks = desks
        self.routes = frozenset(routes)  # The routes of the present config; none of its other agents can be reached

    def why_unreachable(self, agent: Agent) -> str:
        """Return why no prompt can be brought to the agent now; empty if one can."""
        if agent.desk is None:
            return "" if agent.route in self.routes else f"no lane for {agent.lane.value}"
        return self.why_unusable(agent.desk)

    def why_unusable(self, desk: str | None) -> str:
        """Return why no delivery may begin at the desk now; empty if one may, or where there is no desk."""
        return self._desks.state(desk).describe(desk) if desk else ""
