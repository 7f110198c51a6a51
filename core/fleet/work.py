"""At which desks work waits or goes on, so that their machine must not fall asleep."""

from __future__ import annotations

from collections.abc import Collection

from core.deliveries.model import OPEN_STATES, DeliveryState
from core.dispatch.services import Services
from core.security.model import HUB
from core.tasks.model import ENDED, TaskState

_MOST = 200
_OPEN = OPEN_STATES - {DeliveryState.UNKNOWN}
"""What a person has still to decide about may lie for days: nothing is kept awake for it."""
_RESTS = ENDED | {TaskState.PARKED, TaskState.DRAFT}


async def work_at(services: Services, desks: Collection[str]) -> frozenset[str]:
    """Those of `desks` with work: a task that an agent there has, or that waits for one of them, or words on their way.

    A parked task is no work: it waits for a person, perhaps for days.
    """
    if not desks:
        return frozenset()
    found: set[str | None] = set()
    held = [status for status in await services.agents.list(by=HUB) if status.task and status.agent.desk in desks]
    lines = await services.tasks.ledger.lines(status.task for status in held if status.task) if held else {}
    working = {task for task, line in lines.items() if line.state not in _RESTS}
    found |= {status.agent.desk for status in held if status.task in working}
    for demand in await services.tasks.ledger.demands_in(TaskState.READY, TaskState.WAITING):
        found |= {agent.desk for agent in services.agents.who_can(demand.needs, demand.wanted)}
    found |= {one.desk for one in await services.deliveries.newest_in(_OPEN, limit=_MOST)}
    return frozenset(desk for desk in desks if desk in found)
