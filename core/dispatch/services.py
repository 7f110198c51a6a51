"""What dispatch and the packages above it work with, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from core.agent_actions.blocked_windows import BlockedWindows
from core.agent_actions.service import AgentActions
from core.agent_messages.service import AgentMessages
from core.retry_policy import RetryPolicy
from core.supervision.screen_locks import ScreenLocks
from core.tasks.service import Tasks
from core.tasks.services import TaskServices


@dataclass(frozen=True, slots=True, kw_only=True)
class Services(TaskServices):
    """Made once per process, by the coordinator, from those of TaskServices."""

    tasks: Tasks
    agent_messages: AgentMessages
    agent_actions: AgentActions
    blocked_windows: BlockedWindows
    screen_locks: ScreenLocks
    policy: RetryPolicy
