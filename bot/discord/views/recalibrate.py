"""The button that recalibrates a window. Its id carries the window, so that it works after any restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import ui

from bot.discord import replies
from bot.discord.views.calibration import asked
from bot.discord.views.press import Press
from core.security.model import Actor

if TYPE_CHECKING:
    from bot.discord.bot import Bot


class Recalibrate(
    Press,
    ui.DynamicItem[ui.Button[ui.LayoutView]],
    template=r"v1:recalibrate:(?P<desk>.+):(?P<window>[A-Za-z0-9_.-]+)",
):
    """Measures this very window again; core lets only the owner."""

    def __init__(self, desk: str, window: str) -> None:
        super().__init__(ui.Button(label=f"Recalibrate {window}", custom_id=f"v1:recalibrate:{desk}:{window}"))
        self.desk = desk
        self.window = window

    async def press(self, interaction: discord.Interaction[Bot], actor: Actor) -> None:
        octet = interaction.client.coordinator
        step = await octet.maintenance.recalibrate(self.desk, self.window, by=actor)
        await replies.say(interaction, await asked(octet, self.desk, step, by=actor))
