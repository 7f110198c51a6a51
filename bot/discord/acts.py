"""Acts upon agents in words: their names, how they ended, and what was seen afterwards. Pure but for `ended`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.discord import text
from bot.discord.parts import Attachment, Parts
from bot.discord.text import inline
from core.agent_actions.model import ActionResult
from core.deliveries.model import Delivery, DeliveryState, Reason
from core.profiles.model import Act
from core.security.model import Actor

if TYPE_CHECKING:
    from core.coordinator import Coordinator

LABELS: dict[Act, str] = {
    Act.INTERRUPT: "Interrupt",
    Act.APPROVE: "Approve",
    Act.DENY: "Deny",
    Act.CONTINUE: "Continue",
    Act.NEW_CHAT: "New conversation",
}
_NOT_PRESSED: dict[str, str] = {
    Reason.CHANGED: "the window shows something else than what you were shown",
    Reason.DESK_STOPPED: "the desk was stopped",
    Reason.RESTARTED: "Octet was restarted before",
}
"""Why nothing was pressed, where the lane's own word for it is not enough."""


def outcome(pressed: ActionResult) -> str:
    """What the person who asked for an act is told."""
    what, agent = LABELS[pressed.act], inline(pressed.agent, 60)
    note = f"\n{said}" if (said := seen(pressed.delivery)) else ""
    match pressed.state:
        case DeliveryState.DELIVERED | DeliveryState.SENT:
            return f"**{what}** was pressed for {agent}.{note or ' The window went on.'}"
        case DeliveryState.UNKNOWN:
            return (
                f"**{what}** may have been pressed for {agent}, and nobody knows.{note}\n"
                "It is not pressed again by itself: look at the window. If it still asks, a new message has buttons."
            )
        case DeliveryState.QUEUED | DeliveryState.LEASED | DeliveryState.SUBMITTING:
            return f"**{what}** for {agent} takes longer than it should: `/agent show` and `/fleet needs-me` tell more."
        case _:
            why = _NOT_PRESSED.get(pressed.delivery.reason, inline(pressed.delivery.reason, 100))
            return f"Nothing was pressed for {agent}: {why}.{note}"


async def ended(pressed: ActionResult, *, core: Coordinator, by: Actor) -> Parts:
    """Say how an act ended, with the window as it was afterwards for those who may see it."""
    shots = await core.receipts.afterwards(pressed.delivery, by=by)
    attached = tuple(Attachment(name=f"{one.name}.png", data=one.png) for one in shots)
    return Parts(content=outcome(pressed), attachments=attached)


def seen(delivery: Delivery) -> str:
    """Quote what was seen; empty where the delivery has no note."""
    return text.seen(delivery.note, 500) if delivery.note else ""
