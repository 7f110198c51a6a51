"""What dispatch works with: the lower rooms, and the routes by which agents are reached."""

from __future__ import annotations

from dataclasses import dataclass

from core.agent_actions.blocked_windows import BlockedWindows
from core.agent_actions.service import AgentActions
from core.rooms import Rooms
from core.supervision.screen_locks import ScreenLocks


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchRooms(Rooms):
    """The lower rooms that dispatch works with."""

    agent_actions: AgentActions
    screen_locks: ScreenLocks
    blocked_windows: BlockedWindows
