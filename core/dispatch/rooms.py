"""What dispatch works with: the lower rooms, and the routes by which agents are reached."""

from __future__ import annotations

from dataclasses import dataclass

from core.agents.model import Lane
from core.agents.service import Agents
from core.controls.blocked_windows import BlockedWindows
from core.controls.service import Controls
from core.deliveries.service import Deliveries
from core.desks.service import Desks
from core.duty.locks import Locks
from core.journal.service import Journal
from core.kit.clock import Clock
from core.store.engine import Store
from core.tasks.service import Tasks
from core.words.service import Words

Route = tuple[Lane, str | None]
"""A lane together with its desk; None for lanes without desks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchRooms:
    """The lower rooms that dispatch works with."""

    store: Store
    journal: Journal
    agents: Agents
    desks: Desks
    deliveries: Deliveries
    tasks: Tasks
    words: Words
    controls: Controls
    locks: Locks
    blocked: BlockedWindows
    clock: Clock
