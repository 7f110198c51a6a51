"""A lane that goes through all states of a delivery and touches nothing."""

from __future__ import annotations

import hashlib

from core.deliveries.model import DeliveryId, DeliveryRequest, Outcome, Reason, Result
from core.deliveries.ports import Progress
from core.kit.errors import Conflict


class DryRunLane:
    """Ends each order as `sent (dry run)`: no agent has read it, and it closes no task."""

    at_once = 1_000  # as many as there may be: they touch nothing

    def __init__(self) -> None:
        self._under_way: set[DeliveryId] = set()
        self._given_up: set[DeliveryId] = set()

    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        if order.is_dry_run:
            return Outcome(result=Result.FAILED, reason=Reason.DRY_RUN, note="there is no window to try out")
        self._under_way.add(order.delivery)
        try:
            await progress.staging()
            await progress.staged(sha256=hashlib.sha256(order.text.encode()).hexdigest())
            if order.delivery in self._given_up:
                return Outcome(result=Result.STOPPED, note="it was given up")
            await progress.submitting()
        except Conflict as taken_away:
            return Outcome(result=Result.STOPPED, note=taken_away.message)
        finally:
            self._under_way.discard(order.delivery)
            self._given_up.discard(order.delivery)
        return Outcome(result=Result.SENT, reason=Reason.DRY_RUN, note="nothing was pressed anywhere")

    async def settle(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        return Outcome(result=Result.NOT_ARRIVED, reason=Reason.RESTARTED, note="a dry run presses nothing")

    async def give_up(self, delivery: DeliveryId, *, answered: bool = False) -> None:
        if delivery in self._under_way:
            self._given_up.add(delivery)
