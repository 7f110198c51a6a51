"""The services whose packages lie below supervision and dispatch, in one bag."""

from __future__ import annotations

from dataclasses import dataclass

from core.agent_messages.service import AgentMessages
from core.agents.service import Agents
from core.deliveries.service import Deliveries
from core.desks.service import Desks
from core.journal.service import Journal
from core.kit.clock import Clock
from core.store.engine import Store
from core.tasks.service import Tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What supervision and dispatch work with."""

    store: Store
    journal: Journal
    agents: Agents
    desks: Desks
    deliveries: Deliveries
    tasks: Tasks
    agent_messages: AgentMessages
    clock: Clock
