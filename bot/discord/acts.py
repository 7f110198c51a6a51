"""Acts upon agents in words: their names, and how they ended. Pure."""

from __future__ import annotations

from bot.discord.text import inline
from core.controls.model import Pressed
from core.deliveries.model import Delivery, DeliveryState, Reason
from core.profiles.model import Act

LABELS: dict[Act, str] = {
    Act.INTERRUPT: "Interrupt",
    Act.APPROVE: "Approve",
    Act.DENY: "Deny",
    Act.CONTINUE: "Continue",
}
_NOT_PRESSED: dict[str, str] = {
    Reason.CHANGED: "the window shows something else than what you were shown",
    Reason.DESK_STOPPED: "the desk was stopped",
    Reason.RESTARTED: "Octet was restarted before",
}
"""Why nothing was pressed, where the lane's own word for it is not enough."""


def outcome(pressed: Pressed) -> str:
    """What the person who asked for an act is told."""
    what, agent = LABELS[pressed.act], inline(pressed.agent, 60)
    match pressed.state:
        case DeliveryState.DELIVERED | DeliveryState.SENT:
            return f"**{what}** was pressed for {agent}. {seen(pressed.delivery) or 'The window went on.'}"
        case DeliveryState.UNKNOWN:
            return (
                f"**{what}** may have been pressed for {agent}, and nobody knows. {seen(pressed.delivery)}\n"
                "It is not pressed again by itself: look at the window. If it still asks, a new message has buttons."
            )
        case DeliveryState.QUEUED | DeliveryState.LEASED | DeliveryState.SUBMITTING:
            return f"**{what}** for {agent} takes longer than it should: `/agent show` and `/fleet needs-me` tell more."
        case _:
            why = _NOT_PRESSED.get(pressed.delivery.reason, inline(pressed.delivery.reason, 100))
            return f"Nothing was pressed for {agent}: {why}. {seen(pressed.delivery)}".rstrip()


def seen(delivery: Delivery) -> str:
    """What was seen, as a sentence; empty where nobody noted anything."""
    return f"Seen: {inline(delivery.note, 500)}" if delivery.note else ""
