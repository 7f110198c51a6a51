"""The buttons under a prompt that nobody saw arrive. Their ids carry all, so that they work after any restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import ui

from bot.discord import replies
from bot.discord.text import inline
from bot.discord.views.press import Press
from core.deliveries.model import Delivery, DeliveryId
from core.dispatch.model import Decision
from core.security.model import Actor

if TYPE_CHECKING:
    from bot.discord.bot import Bot

LABELS: dict[Decision, tuple[str, discord.ButtonStyle]] = {
    Decision.ARRIVED: ("Arrived", discord.ButtonStyle.success),
    Decision.SEND_AGAIN: ("Not arrived, send again", discord.ButtonStyle.primary),
    Decision.DROP: ("Drop", discord.ButtonStyle.danger),
}


class ResolveUnknown(
    Press,
    ui.DynamicItem[ui.Button[ui.LayoutView]],
    template=r"v1:unknown:(?P<decision>arrived|again|drop):(?P<delivery>[0-9A-Z]{26}):(?P<fence>[0-9]{1,9})",
):
    """One press is one person's word, if the presser may give it and nothing else has settled it before."""

    def __init__(self, decision: str, delivery: str, fence: int | str, *, label: str = "") -> None:
        self.decision, self.delivery, self.fence = Decision(decision), DeliveryId(delivery), int(fence)
        usual, style = LABELS[self.decision]
        custom_id = f"v1:unknown:{self.decision.value}:{delivery}:{fence}"
        super().__init__(ui.Button(label=label or usual, style=style, custom_id=custom_id))

    async def press(self, interaction: discord.Interaction[Bot], actor: Actor) -> None:
        unknowns = interaction.client.coordinator.unknowns
        after = await unknowns.resolve(self.delivery, self.decision, by=actor, fence=self.fence)
        await replies.say(interaction, resolved(after, self.decision))


def resolved(after: Delivery, decision: Decision) -> str:
    """What the person who decided is told."""
    what, agent = after.task or "What was said", inline(after.agent, 60)
    if after.act is not None:
        return f"Noted. {agent} can be interrupted and answered as before."
    match decision:
        case Decision.ARRIVED:
            return f"{what} arrived, by your word. {agent} has it."
        case Decision.SEND_AGAIN:
            return f"{what} is sent again, as soon as a window can be used."
        case Decision.DROP:
            return f"{what} is dropped. Whoever asked for it is told." if after.task else f"{what} is dropped."
