"""Deliveries with an unknown result: a user decides whether the prompt arrived, and what waited for that continues."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.deliveries.model import Assurance, Delivery, DeliveryEvent, DeliveryId, DeliveryState, Settled
from core.dispatch.model import Decision
from core.dispatch.services import DispatchServices
from core.notices.model import EndCause
from core.reasons import ParkCause, Reason
from core.remedies import refused, sentence
from core.security.model import HUB, Actor, Permission, require
from core.store.engine import Tx
from core.tasks.model import InvalidTaskId, Task, TaskState, parse_task_id
from core.tasks.services import TaskServices

_NEWEST = 100
_SURER: dict[Assurance | None, frozenset[Assurance]] = {
    Assurance.WEAK: frozenset({Assurance.RECEIPT, Assurance.EXACT}),
    Assurance.RECEIPT: frozenset({Assurance.EXACT}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResolved(DeliveryEvent):
    """A user decided, or the agent's program reported, what became of a delivery that Octet did not see arrive."""

    decision: str


class UnknownDeliveries:
    """The deliveries with an unknown result, and the one verb that settles them."""

    def __init__(self, services: TaskServices, work: DispatchServices, *, hold_agents: Callable[[Tx], None]) -> None:
        """`hold_agents` holds the agents with an unknown message, and releases the others."""
        self._services, self._repository, self._agent_messages = services, work.tasks.repository, work.agent_messages
        self._agents, self._deliveries, self._hold_agents = services.agents, services.deliveries, hold_agents

    async def list(
        self, *, by: Actor, states: frozenset[DeliveryState] = frozenset({DeliveryState.UNKNOWN})
    ) -> tuple[Delivery, ...]:
        """List the newest deliveries that wait for a user's decision, or those in `states`, oldest first."""
        require(by, Permission.TASK_READ)
        return await self._deliveries.newest_in(states, limit=_NEWEST)

    async def resolve(
        self, delivery_or_task: str, decision: Decision, *, by: Actor, fence: int | None = None
    ) -> Delivery:
        """Settle one delivery, named by its id or its task; with `fence` only if it is still that unknown. Raises
        delivery_not_found, TaskNotFound, no_unknown_delivery when it was settled meanwhile, or action_not_repeated."""
        require(by, Permission.DELIVERY_RESOLVE)

        def settle(tx: Tx) -> Delivery:
            found = self._find(tx, delivery_or_task)
            if found.state is not DeliveryState.UNKNOWN or fence not in {None, found.fence}:
                raise refused("no_unknown_delivery", what=found.task or found.id, how=_describe(found))
            if found.act is not None and decision is Decision.SEND_AGAIN:
                raise refused("action_not_repeated")
            of_task, chosen = found.task or "", decision.value
            event = DeliveryResolved(delivery=found.id, task=of_task, agent=found.agent, decision=chosen)
            self._services.journal.append(tx, event, by=by.id)
            task = self._repository.find(tx, found.task) if found.task else None
            match decision:
                case Decision.ARRIVED:
                    return self._arrived(tx, found, task, by, Assurance.PERSON)
                case Decision.SEND_AGAIN:
                    return self._bring(tx, self._deliveries.requeue(tx, found, by=by), task, by)
                case Decision.DROP:
                    return self._drop(tx, found, task, by)

        return await self._services.store.write(settle)

    def _find(self, tx: Tx, named: str) -> Delivery:
        try:
            task = self._repository.find(tx, parse_task_id(named)).id
        except InvalidTaskId:
            found = self._deliveries.known(tx, DeliveryId(named.strip().upper()))
            if found is None:
                raise refused("delivery_not_found", id=named[:40]) from None
            return found
        found = self._deliveries.open_for_task(tx, task) or self._deliveries.last_for_task(tx, task)
        if found is None:
            raise refused("no_unknown_delivery", what=task, how="Octet has delivered nothing yet")
        return found

    def was_reported(self, tx: Tx, delivery: Delivery, assurance: Assurance) -> None:
        """Count the delivery as arrived, because the agent's program said by its hook that it got the prompt: settle an
        unknown one, and raise what a delivered one rests on."""
        if delivery.state is DeliveryState.UNKNOWN:
            of_task, chosen = delivery.task or "", Settled.REPORTED.value
            event = DeliveryResolved(delivery=delivery.id, task=of_task, agent=delivery.agent, decision=chosen)
            self._services.journal.append(tx, event, by=HUB.id)
            task = self._repository.find(tx, of_task) if of_task else None
            self._arrived(tx, delivery, task, HUB, assurance)
        elif delivery.state is DeliveryState.DELIVERED and assurance in _SURER.get(delivery.assurance, ()):
            self._deliveries.assure(tx, delivery, assurance)

    def _arrived(self, tx: Tx, delivery: Delivery, task: Task | None, by: Actor, assurance: Assurance) -> Delivery:
        after = self._deliveries.step(tx, delivery, DeliveryState.DELIVERED, assurance=assurance, by=by)
        rest = self._deliveries.queue_next_part(tx, after)
        if rest is not None:
            self._bring(tx, rest, task, by)
        elif task is None:
            self._hold_agents(tx)
        elif task.state is TaskState.PARKED and task.reason == ParkCause.DELIVERY_UNKNOWN:
            self._repository.move(tx, task.id, TaskState.WORKING, by=by)
            self._agents.is_at_work(tx, delivery.agent, task=task.id)
        return after

    def _bring(self, tx: Tx, queued: Delivery, task: Task | None, by: Actor) -> Delivery:
        """Deliver again what the user decided about, or the part after it."""
        after, agent = queued, self._agents.named(queued.agent)
        if agent is None or (agent.desk, agent.window) != (queued.desk, queued.window):
            after = self._send_elsewhere(tx, after, task, by)
        elif task is not None:
            # Not a new lease: the code of the first prompt stays valid, which may have arrived after all.
            self._repository.move(tx, task.id, TaskState.READY, keeps_lease=True, by=by)
            self._repository.move(tx, task.id, TaskState.ASSIGNED, by=by)
            self._agents.is_at_work(tx, queued.agent, task=task.id)
        if task is None:
            self._hold_agents(tx)
        return after

    def _send_elsewhere(self, tx: Tx, delivery: Delivery, task: Task | None, by: Actor) -> Delivery:
        """Move a message with its agent, and offer a task to any agent: the window is another's now."""
        if task is None:
            self._agent_messages.readdress(tx, delivery, self._agents.named(delivery.agent))
            return self._deliveries.find(tx, delivery.id)
        after = self._deliveries.step(tx, delivery, DeliveryState.SUPERSEDED, reason=Reason.CONFIG_CHANGED, by=by)
        self._agents.free(tx, delivery.agent, task=task.id)
        self._repository.reopen(tx, task, by=by)
        return after

    def _drop(self, tx: Tx, delivery: Delivery, task: Task | None, by: Actor) -> Delivery:
        after = self._deliveries.step(tx, delivery, DeliveryState.CANCELLED, reason=Reason.DROPPED, by=by)
        if task is None:
            self._hold_agents(tx)
        else:
            self._repository.abandon(tx, task, by=by, why=EndCause(reason=Reason.DROPPED, by=by.name))
        return after


def _describe(delivery: Delivery) -> str:
    """Describe the state of a delivery that is not unknown, for a user who wanted to decide about it."""
    match delivery.state, delivery.assurance:
        case DeliveryState.DELIVERED, Assurance.PERSON:
            return "a user has already said that it arrived"
        case DeliveryState.DELIVERED, Assurance.ANSWERED:
            return "its answer came, so it arrived"
        case DeliveryState.DELIVERED, _:
            return "Octet saw it arrive, or its agent's program said so"
        case DeliveryState.SENT, _:
            return "it was a dry run: Octet typed nothing"
        case DeliveryState.CANCELLED, _:
            return f"it is already cancelled ({sentence(delivery.reason)})"
        case DeliveryState.UNKNOWN, _:
            return "Octet sent it again, and does not know whether that arrived; decide in the newest message"
        case _:
            return f"it is {delivery.state.value} now, and needs no decision"
