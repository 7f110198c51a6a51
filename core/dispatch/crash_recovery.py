"""Recovers what a former process left under way; dispatches again what a changed config moved."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import structlog

from core.agents.model import Agent
from core.deliveries.model import Delivery, DeliveryState, Outcome, Result
from core.dispatch.outcomes import Outcomes
from core.dispatch.services import DispatchServices, Reachability
from core.reasons import ParkCause, Reason
from core.store.engine import Tx, at_row
from core.tasks.model import ENDED, InvalidTaskId, TaskNotFound, TaskState
from core.tasks.services import TaskServices

log = structlog.get_logger(__name__)

_ON_THE_WAY = frozenset({TaskState.ASSIGNED, TaskState.DELIVERING})


class CrashRecovery:
    """See docs/architecture.md, "After a restart"."""

    def __init__(
        self, services: TaskServices, work: DispatchServices, reachability: Reachability, outcomes: Outcomes
    ) -> None:
        self._agents, self._deliveries, self._repository = services.agents, services.deliveries, work.tasks.repository
        self._actions, self._agent_messages = work.agent_actions, work.agent_messages
        self._reachability, self._outcomes = reachability, outcomes

    def moved_by(self, agents: Sequence[Agent]) -> frozenset[str]:
        """Return the present agents that are gone, or have another window, once the config has these."""
        places = {agent.name: (agent.desk, agent.window) for agent in agents}
        before = self._agents.all()
        return frozenset(agent.name for agent in before if places.get(agent.name) != (agent.desk, agent.window))

    def follow_change(self, tx: Tx, moved: Collection[str]) -> None:
        """Follow a config that changed while nothing was under way to the agents that it `moved`."""
        self._actions.follow_config(tx, sorted(moved))
        for delivery in self._deliveries.find_interrupted(tx, sorted(moved)):
            with at_row(delivery=delivery.id):
                self._ask_if_no_agent_can_look(tx, delivery)
        self.follow_config(tx)
        for task in self._repository.find_in_states(tx, {TaskState.WORKING, TaskState.BLOCKED}):
            if task.agent in moved and self._agents.named(task.agent) is None:
                note = f"{task.agent} is no longer in config/agents.toml; its answers still count"
                self._repository.set_note(tx, task.id, note)

    def requeue_interrupted(self, tx: Tx) -> None:
        """Put back the acts and deliveries of a former process. If Enter may have been pressed, the worker looks."""
        self._actions.recover_after_restart(tx)
        again, interrupted = self._deliveries.put_back_after_restart(tx)
        note = "Octet restarted around Enter"
        outcome = Outcome(result=Result.UNKNOWN, reason=Reason.RESTARTED, note=note)
        for delivery in interrupted:
            with at_row(delivery=delivery.id):
                self._outcomes.interrupted(tx, delivery, outcome)
                self._ask_if_no_agent_can_look(tx, self._deliveries.find(tx, delivery.id))
        if again or interrupted:
            log.warning("deliveries_requeued", queued=len(again), interrupted=len(interrupted))

    def _ask_if_no_agent_can_look(self, tx: Tx, delivery: Delivery) -> None:
        """Ask a user what became of the delivery where the config leaves no worker that could look."""
        agent = self._agents.named(delivery.agent)
        if agent is None:
            self._outcomes.record_not_examined(tx, delivery, f"{delivery.agent} is no longer in config/agents.toml")
        elif (agent.desk, agent.window) != (delivery.desk, delivery.window):
            self._outcomes.record_not_examined(tx, delivery, f"{delivery.agent} has another window since")
        elif agent.route not in self._reachability.routes:
            self._outcomes.record_not_examined(tx, delivery, f"nothing serves the desk of {delivery.agent}")

    def follow_config(self, tx: Tx) -> None:
        """Dispatch again the queued deliveries of agents that were removed or have another window now."""
        for delivery in self._deliveries.find_in_states(tx, {DeliveryState.QUEUED}):
            agent = self._agents.named(delivery.agent)
            if agent is None or (agent.desk, agent.window) != (delivery.desk, delivery.window):
                with at_row(delivery=delivery.id):
                    self._redispatch(tx, delivery, agent)
        agents = [str(agent.name) for agent in self._agents.all()]
        for task in self._repository.queue.find_waiting_for_removed(tx, agents):
            with at_row(task.id):
                self._repository.move(tx, task.id, TaskState.READY)  # the next round says what it waits for

    def _redispatch(self, tx: Tx, delivery: Delivery, agent: Agent | None) -> None:
        """Move a message to its agent's new window, and offer a task to other agents."""
        if (task := delivery.task) is None:
            self._agent_messages.readdress(tx, delivery, agent)
        else:
            self._deliveries.step(tx, delivery, DeliveryState.SUPERSEDED, reason=Reason.CONFIG_CHANGED)
            self._agents.free(tx, delivery.agent, task=task)
            self._repository.move(tx, task, TaskState.READY)

    def repair_orphans(self, tx: Tx) -> None:
        """Park tasks on their way without a delivery, and free agents from tasks that are not theirs."""
        repaired: list[str] = []
        for task in self._repository.find_in_states(tx, _ON_THE_WAY):
            if self._deliveries.open_for_task(tx, task.id) is not None:
                continue
            note = f"nothing is being delivered to {task.agent or 'its agent'} any more"
            self._repository.suspend(tx, task.id, TaskState.PARKED, reason=ParkCause.LOST, note=note)
            if task.agent is not None:
                self._agents.free(tx, task.agent, task=task.id)
            repaired.append(task.id)
        for name in self._agents.states(tx):
            held_by = self._agents.status(tx, name).task
            try:
                task = None if held_by is None else self._repository.find(tx, held_by)
                is_lost = task is not None and (task.state in ENDED or task.agent != name)
            except (TaskNotFound, InvalidTaskId):
                is_lost = True
            if is_lost and held_by is not None:
                self._agents.free(tx, name, task=held_by)
                repaired.append(name)
        if repaired:
            log.error("orphaned_agents_freed", ids=repaired)
