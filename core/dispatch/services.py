"""The services of dispatch and the packages above it, and which agents are reachable now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.agent_actions.blocked_windows import BlockedWindows
from core.agent_actions.service import AgentActions
from core.agent_messages.delegation import Delegation
from core.agent_messages.questions import Questions
from core.agent_messages.service import AgentMessages
from core.agent_messages.talk import AgentTalk
from core.agent_messages.traces import Traces
from core.agents.model import Agent, Route
from core.desks.service import Desks
from core.retry_policy import RetryPolicy
from core.supervision.screen_locks import ScreenLocks
from core.tasks.service import Tasks
from core.tasks.services import TaskServices


@dataclass(frozen=True, slots=True, kw_only=True)
class Services(TaskServices):
    """Made once per process, by the coordinator, from those of TaskServices."""

    tasks: Tasks
    agent_messages: AgentMessages
    traces: Traces
    talk: AgentTalk
    questions: Questions
    delegation: Delegation
    agent_actions: AgentActions
    blocked_windows: BlockedWindows
    screen_locks: ScreenLocks
    policy: RetryPolicy


class Reachability:
    """Which agents are reachable now, by the lanes of the present config and their desks."""

    def __init__(self, desks: Desks, routes: Iterable[Route]) -> None:
        self._desks = desks
        self.routes = frozenset(routes)  # The routes of the present config; none of its other agents can be reached

    def why_unreachable(self, agent: Agent) -> str:
        """Return why no prompt can reach the agent now; empty if one can."""
        if agent.desk is None:
            return "" if agent.route in self.routes else f"no lane for {agent.lane.value}"
        return self.why_unusable(agent.desk)

    def why_unusable(self, desk: str | None) -> str:
        """Return why no delivery may begin at the desk now; empty if one may, or where there is no desk."""
        return self._desks.state(desk).describe(desk) if desk else ""
