"""After a restart what a former process left under way is put back; then, and whenever config/ is read anew, what that
changed is dispatched anew."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import structlog

from core.agents.model import Agent, Route
from core.deliveries.model import Delivery, DeliveryState, Outcome, Reason, Result
from core.dispatch.outcomes import Verdict
from core.dispatch.services import Services
from core.store.engine import Tx, at_row
from core.tasks.model import ENDED, ParkCause, TaskState

log = structlog.get_logger(__name__)


_ON_THE_WAY = frozenset({TaskState.ASSIGNED, TaskState.DELIVERING})
_NOTE = "nothing is on its way to {agent} any more"


class Restart:
    """See docs/architecture.md, "After a restart"."""

    def __init__(
        self, *, services: Services, agents: Sequence[Agent], served: Collection[Route], verdict: Verdict
    ) -> None:
        """`agents` as the config has them now; `served` are the routes that there are lanes for."""
        self._services = services
        self._ledger, self._deliveries = services.tasks.ledger, services.deliveries
        self._agents = agents
        self._places = {str(agent.name): (agent.desk, agent.window) for agent in agents}
        self._served = served
        self._verdict = verdict

    def take(self, agents: Sequence[Agent]) -> frozenset[str]:
        """The config has these agents from now on; those who are gone since, or stand elsewhere."""
        before, self._agents = self._places, agents
        self._places = {str(agent.name): (agent.desk, agent.window) for agent in agents}
        return frozenset(name for name, place in before.items() if self._places.get(name) != place)

    def follow_change(self, tx: Tx, moved: Collection[str]) -> None:
        """The config changed while Octet ran, and nothing is under way to these agents, who are gone or stand elsewhere
        now."""
        self._services.agent_actions.follow_config(tx, sorted(moved))
        for delivery in self._deliveries.interrupted(tx, sorted(moved)):
            with at_row(delivery=delivery.id):
                self._nobody_can_look(tx, delivery)
        self.follow_config(tx)
        for task in self._ledger.in_states(tx, {TaskState.WORKING, TaskState.BLOCKED}):
            if task.agent in moved and task.agent not in self._places:
                note = f"{task.agent} is not in config/agents.toml any more; what it answers still counts"
                self._ledger.remark(tx, task.id, note)

    def put_back(self, tx: Tx) -> None:
        """Acts and deliveries that nobody carries out any more."""
        self._services.agent_actions.recover_after_restart(tx)
        again, interrupted = self._deliveries.put_back_after_restart(tx)
        for delivery in interrupted:
            with at_row(delivery=delivery.id):
                self._take_up(tx, delivery)
        if again or interrupted:
            log.warning("deliveries_put_back", queued=len(again), interrupted=len(interrupted))

    def _take_up(self, tx: Tx, delivery: Delivery) -> None:
        """Enter may have been pressed: its courier looks what became of it, if there is anybody who can look."""
        note = "Octet was restarted while Enter may have been pressed"
        self._verdict.interrupted(tx, delivery, Outcome(result=Result.UNKNOWN, reason=Reason.RESTARTED, note=note))
        self._nobody_can_look(tx, self._deliveries.find(tx, delivery.id))

    def _nobody_can_look(self, tx: Tx, delivery: Delivery) -> None:
        """Where the config leaves nobody who could look what became of it, a person is asked."""
        agent = next((agent for agent in self._agents if agent.name == delivery.agent), None)
        if agent is None:
            self._verdict.nobody_looked(tx, delivery, f"{delivery.agent} is gone from config/agents.toml")
        elif (agent.desk, agent.window) != (delivery.desk, delivery.window):
            self._verdict.nobody_looked(tx, delivery, f"{delivery.agent} has another window since")
        elif agent.route not in self._served:
            self._verdict.nobody_looked(tx, delivery, f"nothing serves the desk of {delivery.agent}")

    def follow_config(self, tx: Tx) -> None:
        """What was on its way to an agent that is gone, or stands elsewhere now, is dispatched anew."""
        for delivery in self._deliveries.in_states(tx, {DeliveryState.QUEUED}):
            if self._places.get(delivery.agent) == (delivery.desk, delivery.window):
                continue
            with at_row(delivery=delivery.id):
                self._dispatch_anew(tx, delivery)
        for task in self._ledger.waiting_for_gone(tx, self._places):
            with at_row(task.id):
                self._ledger.move(tx, task.id, TaskState.READY)  # the next round says what it waits for

    def _dispatch_anew(self, tx: Tx, delivery: Delivery) -> None:
        """Follow the agent to its new window with what was queued for the old one; or let others have the task."""
        if (task := delivery.task) is None:
            moved = self._services.agents.get(delivery.agent) if delivery.agent in self._places else None
            self._services.agent_messages.readdress(tx, delivery, moved)
        else:
            self._deliveries.step(tx, delivery, DeliveryState.SUPERSEDED, reason="the config changed")
            self._services.agents.free(tx, delivery.agent, task=task)
            self._ledger.move(tx, task, TaskState.READY)


def mend(tx: Tx, services: Services) -> list[str]:
    """What no step would ever lead on from: park tasks that are on their way by no delivery, and free agents from tasks
    that are not theirs; the names of both. No crash is known to leave such a thing, but who knows."""
    ledger, deliveries, agents = services.tasks.ledger, services.deliveries, services.agents
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
