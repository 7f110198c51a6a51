"""What an attempt's outcome means for the delivery, its task and its agent: one transaction per outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.agents.model import AgentState
from core.agents.service import Agents
from core.deliveries.model import Delivery, DeliveryId, DeliveryState, Outcome, Reason, Result
from core.deliveries.service import Deliveries
from core.dispatch.model import Patience
from core.kit.clock import Clock
from core.store.engine import Tx
from core.tasks.model import ENDED, ParkCause, TaskState, WaitReason
from core.tasks.service import Tasks

_NEVER_FITS = frozenset({Reason.TEXT_REFUSED, Reason.TOO_LONG})
"""Refusals that no return of the window mends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Writes down what a lane saw. `deliveries`, `tasks` and `agents` change together or not at all."""

    deliveries: Deliveries
    tasks: Tasks
    agents: Agents
    clock: Clock
    patience: Patience

    def give(self, tx: Tx, delivery: DeliveryId, fence: int, outcome: Outcome) -> None:
        """Apply the outcome of the attempt with this fence. An attempt that lost its delivery changes nothing."""
        now = self.deliveries.find(tx, delivery)
        if now.fence != fence or now.state in {DeliveryState.DELIVERED, DeliveryState.CANCELLED}:
            # Answered or cancelled while the lane still looked: that stands.
            return
        match outcome.result:
            case Result.DELIVERED:
                self._arrived(tx, now, DeliveryState.DELIVERED, outcome)
            case Result.SENT:
                self._arrived(tx, now, DeliveryState.SENT, outcome)
            case Result.BOUNCED if not self.patience.is_spent(now, outcome, self.clock.now_ms()):
                self.deliveries.bounce(tx, now, outcome, after_ms=self.patience.pause_ms(now.bounces))
            case Result.BOUNCED:
                self._refused(tx, now, _spent(now, outcome))
            case Result.REFUSED:
                self._refused(tx, now, outcome)
            case Result.STOPPED:
                # The desk was stopped: the same row waits until somebody releases it.
                self.deliveries.step(tx, now, DeliveryState.QUEUED, reason=Reason.DESK_STOPPED.value)
            case Result.NOT_ARRIVED:
                self.deliveries.end(tx, now, DeliveryState.QUEUED, outcome)
            case Result.FAILED:
                self.deliveries.end(tx, now, DeliveryState.FAILED, outcome)
                self._fail_task(tx, now, outcome)
            case Result.UNKNOWN:
                self.deliveries.end(tx, now, DeliveryState.UNKNOWN, outcome)
                self.unknown(tx, now, note=outcome.note)

    def unknown(self, tx: Tx, delivery: Delivery, *, note: str) -> None:
        """Nobody knows whether it arrived: the task needs a person, and its agent gets nothing more meanwhile."""
        task = self.tasks.find(tx, delivery.task or "")
        if task.state not in ENDED:
            self.tasks.hold(tx, task.id, TaskState.PARKED, reason=ParkCause.DELIVERY_UNKNOWN, note=note)
            self.agents.move(tx, delivery.agent, AgentState.HELD, reason=ParkCause.DELIVERY_UNKNOWN.value, task=task.id)

    def _arrived(self, tx: Tx, delivery: Delivery, to: DeliveryState, outcome: Outcome) -> None:
        self.deliveries.end(tx, delivery, to, outcome)
        task = self.tasks.find(tx, delivery.task or "")
        if task.state is not TaskState.DELIVERING:
            return
        if outcome.reason is Reason.DRY_RUN:
            self.tasks.move(tx, task.id, TaskState.WAITING, reason=WaitReason.DRY_RUN.value, note=outcome.note)
            self.agents.move(tx, delivery.agent, AgentState.IDLE)
        else:
            self.tasks.move(tx, task.id, TaskState.WORKING)

    def _refused(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        if outcome.reason in _NEVER_FITS:
            self.deliveries.end(tx, delivery, DeliveryState.FAILED, outcome)
            self._fail_task(tx, delivery, outcome)
            return
        self.deliveries.end(tx, delivery, DeliveryState.REFUSED, outcome)
        task = self.tasks.find(tx, delivery.task or "")
        why = f"window {outcome.reason.value if outcome.reason else 'refused'}"
        note = outcome.note or why
        self.agents.move(tx, delivery.agent, AgentState.OFFLINE, reason=why)
        since_ms = self.clock.now_ms() - self.patience.refusals_within_ms
        if self.deliveries.refusals(tx, task.id, since_ms=since_ms) >= self.patience.refusals:
            self.tasks.hold(tx, task.id, TaskState.PARKED, reason=ParkCause.WINDOW, note=note)
        else:
            self.tasks.hold(tx, task.id, TaskState.WAITING, reason=WaitReason.WINDOW, note=note)

    def _fail_task(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        task = self.tasks.find(tx, delivery.task or "")
        if task.state is TaskState.DELIVERING:
            reason = outcome.reason.value if outcome.reason else "the delivery failed"
            self.tasks.fail(tx, task.id, reason=reason, note=outcome.note)


def _spent(delivery: Delivery, outcome: Outcome) -> Outcome:
    """The last bounce as a refusal that says so."""
    if outcome.reason in {Reason.COVERED, Reason.MOVED}:
        return replace(outcome, result=Result.REFUSED)
    last = outcome.reason.value if outcome.reason else "unknown"
    note = f"{delivery.bounces + 1} attempts; the last one: {last}. {outcome.note}".strip()
    return replace(outcome, result=Result.REFUSED, reason=Reason.BOUNCED_TOO_LONG, note=note)
