"""Takes a message back from every agent that does not have it yet, and says why."""

from __future__ import annotations

from core.deliveries.model import OPEN_STATES, DeliveryState
from core.kit.ids import MessageId
from core.reasons import Reason
from core.store.engine import Tx
from core.tasks.services import TaskServices


def withdraw(
    tx: Tx,
    services: TaskServices,
    message: MessageId,
    reason: Reason,
    *,
    to: DeliveryState = DeliveryState.CANCELLED,
    agent: str | None = None,
) -> None:
    """End the queued deliveries (to `agent`, or to all) and drop the unread entries. What is under way continues."""
    under_way = set[str]()
    for delivery in services.deliveries.find_for_message(tx, message):
        if delivery.state is DeliveryState.QUEUED and not delivery.share.is_later and agent in {None, delivery.agent}:
            services.deliveries.step(tx, delivery, to, reason=reason)
        elif delivery.state in OPEN_STATES:
            under_way.add(delivery.agent)
    for holder in services.messages.inboxes.holders(tx, message):
        if holder not in under_way and agent in {None, holder}:
            services.messages.inboxes.drop(tx, holder, message, reason)
