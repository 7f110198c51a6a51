"""Acts under way: what an attempt's outcome means for them. Nothing here presses anything twice."""

from __future__ import annotations

from dataclasses import dataclass

from core.agent_actions.service import AgentActions
from core.deliveries.model import Delivery, DeliveryState, Outcome, Reason, Result
from core.deliveries.service import Deliveries
from core.retry_policy import RetryPolicy
from core.store.engine import Tx

_ENDS = {
    Result.DELIVERED: DeliveryState.DELIVERED,
    Result.SENT: DeliveryState.SENT,
    Result.UNKNOWN: DeliveryState.UNKNOWN,
    Result.REFUSED: DeliveryState.REFUSED,
    Result.FAILED: DeliveryState.FAILED,
}
_DOES_NOT_PASS = frozenset({Reason.CHANGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlVerdict:
    """Writes down what a lane saw of an act. It is tried again only while it is certain that nothing was pressed."""

    controls: AgentActions
    deliveries: Deliveries
    patience: RetryPolicy

    def give(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """Apply the outcome of the attempt that holds this act."""
        if outcome.result in _ENDS:
            self.controls.record_end(tx, self.deliveries.end(tx, delivery, _ENDS[outcome.result], outcome))
        elif outcome.result is Result.STOPPED:
            reason = (outcome.reason or Reason.DESK_STOPPED).value
            after = self.deliveries.step(tx, delivery, DeliveryState.CANCELLED, reason=reason, note=outcome.note)
            self.controls.record_end(tx, after)
        elif outcome.reason in _DOES_NOT_PASS or self.controls.is_expired(delivery):
            self._give_up(tx, delivery, outcome)
        else:
            self.deliveries.bounce(tx, delivery, outcome, after_ms=self.patience.retry_delay_ms(delivery.bounces))

    def _give_up(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """Nothing was pressed, and nothing will be. If that had been granted it is taken back first."""
        if delivery.state is DeliveryState.SUBMITTING:
            back = self.deliveries.end(tx, delivery, DeliveryState.QUEUED, outcome)
            delivery = self.deliveries.lease(tx, back.id, sha256="")
        self.controls.record_end(tx, self.deliveries.end(tx, delivery, DeliveryState.REFUSED, outcome))
