"""What the packages from tasks to supervision work with: the database, the clock and the services of lower packages."""

from __future__ import annotations

from dataclasses import dataclass

from core.agents.service import Agents
from core.deliveries.service import Deliveries
from core.desks.service import Desks
from core.journal.service import Journal
from core.kit.clock import SteadyClock
from core.kit.ids import Ids
from core.messages.service import Messages
from core.notices.service import Notices
from core.security.codes import TaskCodes
from core.store.engine import Store
from core.workspaces.service import Workspaces


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskServices:
    """Made once per process, by the coordinator."""

    store: Store
    journal: Journal
    notices: Notices
    agents: Agents
    desks: Desks
    messages: Messages
    deliveries: Deliveries
    workspaces: Workspaces
    codes: TaskCodes
    clock: SteadyClock
    ids: Ids
