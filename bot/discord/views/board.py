"""The Remove button of a live board."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import ui

from bot.discord import replies
from bot.discord.views.press import Press
from bot.verbs import fleet
from core.security.model import Actor

if TYPE_CHECKING:
    from bot.discord.bot import Bot


class RemoveBoard(Press, ui.DynamicItem[ui.Button[ui.LayoutView]], template=r"v1:fleet:board:remove"):
    """One press takes the board of this channel away, if the presser may."""

    def __init__(self) -> None:
        super().__init__(
            ui.Button(label="Remove", style=discord.ButtonStyle.secondary, custom_id="v1:fleet:board:remove")
        )

    async def press(self, interaction: discord.Interaction[Bot], actor: Actor) -> None:
        await interaction.client.coordinator.fleet.boards.remove(str(interaction.channel_id), by=actor)
        await replies.say(interaction, fleet.REMOVED)
