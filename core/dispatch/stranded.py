"""What no step would ever lead on from, found at the start: no crash is known to leave it, but who knows."""

from __future__ import annotations

from core.agents.service import Agents
from core.deliveries.service import Deliveries
from core.store.engine import Tx
from core.tasks.ledger import Ledger
from core.tasks.model import ENDED, ParkCause, TaskState

_ON_THE_WAY = frozenset({TaskState.ASSIGNED, TaskState.DELIVERING})
_NOTE = "nothing is on its way to {agent} any more"


def mend(tx: Tx, *, ledger: Ledger, deliveries: Deliveries, agents: Agents) -> list[str]:
    """Park tasks that are on their way by no delivery, and free agents from tasks that are not theirs. Their names."""
    lost = [task for task in ledger.in_states(tx, _ON_THE_WAY) if deliveries.open_of(tx, task.id) is None]
    for task in lost:
        note = _NOTE.format(agent=task.agent or "its agent")
        ledger.hold(tx, task.id, TaskState.PARKED, reason=ParkCause.LOST, note=note)
        if task.agent is not None:
            agents.free(tx, task.agent, task=task.id)
    mended = [str(task.id) for task in lost]
    for name in agents.states(tx):
        held_by = agents.status(tx, name).task
        if held_by is None:
            continue
        task = ledger.find(tx, held_by)
        if task.state in ENDED or task.agent != name:
            agents.free(tx, name, task=held_by)
            mended.append(name)
    return mended
