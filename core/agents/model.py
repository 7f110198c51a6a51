"""What an agent is, and the steps its state may take."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from core.journal.model import Event
from core.kit.errors import Conflict, NotFound

AgentName = NewType("AgentName", str)


class Lane(StrEnum):
    """How prompts reach an agent."""

    WINDOW = "window"
    DRYRUN = "dryrun"
    TERMINAL = "terminal"
    BROWSER = "browser"
    MODEL = "model"


IN_WINDOWS = frozenset({Lane.WINDOW, Lane.TERMINAL})
"""Lanes whose agents have a window of a desk: on a display, or a pane of a terminal."""


class AgentState(StrEnum):
    """What an agent is doing, as far as Octet knows."""

    OFFLINE = "offline"
    IDLE = "idle"
    BUSY = "busy"
    NEEDS_INPUT = "needs_input"
    LIMITED = "limited"
    PAUSED = "paused"
    DRAINING = "draining"
    HELD = "held"
    UNKNOWN = "unknown"


_A = AgentState
AGENT_STEPS: dict[AgentState, frozenset[AgentState]] = {
    _A.OFFLINE: frozenset({_A.IDLE, _A.PAUSED, _A.HELD, _A.UNKNOWN}),
    _A.IDLE: frozenset({_A.OFFLINE, _A.BUSY, _A.NEEDS_INPUT, _A.LIMITED, _A.PAUSED, _A.DRAINING, _A.HELD, _A.UNKNOWN}),
    _A.BUSY: frozenset({_A.OFFLINE, _A.IDLE, _A.NEEDS_INPUT, _A.LIMITED, _A.PAUSED, _A.DRAINING, _A.HELD, _A.UNKNOWN}),
    _A.NEEDS_INPUT: frozenset({_A.OFFLINE, _A.IDLE, _A.BUSY, _A.LIMITED, _A.PAUSED, _A.DRAINING, _A.HELD, _A.UNKNOWN}),
    _A.LIMITED: frozenset({_A.OFFLINE, _A.IDLE, _A.BUSY, _A.PAUSED, _A.DRAINING, _A.HELD, _A.UNKNOWN}),
    _A.PAUSED: frozenset({_A.OFFLINE, _A.IDLE, _A.BUSY, _A.DRAINING, _A.HELD, _A.UNKNOWN}),
    _A.DRAINING: frozenset({_A.OFFLINE, _A.IDLE, _A.BUSY, _A.PAUSED, _A.HELD, _A.UNKNOWN}),
    _A.HELD: frozenset({_A.OFFLINE, _A.IDLE, _A.BUSY, _A.PAUSED, _A.UNKNOWN}),
    _A.UNKNOWN: frozenset({_A.OFFLINE, _A.IDLE, _A.BUSY, _A.NEEDS_INPUT, _A.LIMITED, _A.PAUSED, _A.HELD}),
}
"""From which state an agent may go where. States that nothing sets yet stand here from the first schema on."""


OFF_DUTY = frozenset({_A.PAUSED, _A.DRAINING})
"""A person said that the agent gets nothing new; it may still have its task."""
STANDING_STILL = frozenset({_A.NEEDS_INPUT, _A.LIMITED})
"""Its window waits for a person, or for a limit to pass: it gets nothing new until it goes on."""
AT_HAND = frozenset({_A.IDLE, _A.BUSY}) | STANDING_STILL
"""At its place, whatever it does now; only these are what they are by what their window shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One worker as config/agents.toml describes it."""

    name: AgentName
    role: str
    capabilities: frozenset[str]
    lane: Lane
    desk: str | None = None
    window: str | None = None
    allowed_actions: frozenset[str] = frozenset()
    """What people may have pressed in its window through Octet: `interrupt`, `approve`, `deny`, `continue`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStatus:
    """An agent together with what is known of it now."""

    agent: Agent
    state: AgentState
    reason: str
    task: str | None
    since_ms: int


class AgentNotFound(NotFound):
    """There is no agent called {id}. `/agent list` (or `octet agent list`) shows the agents there are."""


class AgentWithoutWindow(Conflict):
    """{id} has no window to deliver to. Give it a `desk` and a `window` in config/agents.toml, then `octet reload`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEvent(Event):
    """Something that happened to an agent."""

    SUBJECT = "agent:{0.agent}"
    agent: str
