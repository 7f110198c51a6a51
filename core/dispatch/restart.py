"""After a restart: what a former process left under way is put back, and what the config changed is dispatched anew."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import structlog

from core.agents.model import Agent
from core.deliveries.model import Delivery, DeliveryState, Outcome, Reason, Result
from core.dispatch.rooms import DispatchRooms, Route
from core.store.engine import Tx
from core.tasks.model import TaskState, WaitReason
from core.verdicts.verdict import Verdict

log = structlog.get_logger(__name__)


class Restart:
    """See docs/architecture.md, "After a restart"."""

    def __init__(
        self, *, rooms: DispatchRooms, agents: Sequence[Agent], served: Collection[Route], verdict: Verdict
    ) -> None:
        """`agents` as the config has them now; `served` are the routes that there are lanes for."""
        self._rooms = rooms
        self._agents = agents
        self._places = {str(agent.name): (agent.desk, agent.window) for agent in agents}
        self._served = served
        self._verdict = verdict

    def put_back(self, tx: Tx) -> None:
        """Acts and deliveries that nobody carries out any more."""
        self._rooms.controls.after_restart(tx)
        again, interrupted = self._rooms.deliveries.put_back_after_restart(tx)
        for delivery in interrupted:
            self._take_up(tx, delivery)
        if again or interrupted:
            log.warning("deliveries_put_back", queued=len(again), interrupted=len(interrupted))

    def _take_up(self, tx: Tx, delivery: Delivery) -> None:
        """Enter may have been pressed: its courier looks what became of it, if there is anybody who can look."""
        note = "Octet was restarted while Enter may have been pressed"
        self._verdict.interrupted(tx, delivery, Outcome(result=Result.UNKNOWN, reason=Reason.RESTARTED, note=note))
        delivery = self._rooms.deliveries.find(tx, delivery.id)
        agent = next((agent for agent in self._agents if agent.name == delivery.agent), None)
        if agent is None:
            self._verdict.nobody_looked(tx, delivery, f"{delivery.agent} is gone from config/agents.toml")
        elif (agent.desk, agent.window) != (delivery.desk, delivery.window):
            self._verdict.nobody_looked(tx, delivery, f"{delivery.agent} has another window since")
        elif (agent.lane, agent.desk) not in self._served:
            self._verdict.nobody_looked(tx, delivery, f"nothing serves the desk of {delivery.agent}")

    def follow_config(self, tx: Tx) -> None:
        """What was on its way to an agent that is gone, or stands elsewhere now, is dispatched anew."""
        for delivery in self._rooms.deliveries.in_states(tx, {DeliveryState.QUEUED}):
            if self._places.get(delivery.agent) == (delivery.desk, delivery.window):
                continue
            if (task := delivery.task) is None:
                moved = self._rooms.agents.get(delivery.agent) if delivery.agent in self._places else None
                self._rooms.words.readdress(tx, delivery, moved)
            else:
                self._rooms.deliveries.step(tx, delivery, DeliveryState.SUPERSEDED, reason="the config changed")
                self._rooms.agents.free(tx, delivery.agent, task=task)
                self._rooms.tasks.ledger.move(tx, task, TaskState.READY)
        for task in self._rooms.tasks.ledger.waiting_for(tx, WaitReason.WINDOW):
            if task.agent and task.agent not in self._places:
                self._rooms.tasks.ledger.move(tx, task.id, TaskState.READY)
