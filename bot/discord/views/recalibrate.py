"""The button that recalibrates a window. Its id carries the window, so that it works after any restart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

import discord
from discord import ui

from bot.discord import errors, replies

if TYPE_CHECKING:
    from bot.discord.bot import Bot


class Recalibrate(
    ui.DynamicItem[ui.Button[ui.LayoutView]],
    template=r"v1:recalibrate:(?P<desk>.+):(?P<window>[A-Za-z0-9_.-]+)",
):
    """Measures this very window again; core lets only the owner."""

    def __init__(self, desk: str, window: str) -> None:
        super().__init__(ui.Button(label=f"Recalibrate {window}", custom_id=f"v1:recalibrate:{desk}:{window}"))
        self.desk = desk
        self.window = window

    @classmethod
    async def from_custom_id(
        cls,
        _interaction: discord.Interaction[Any],
        _item: ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        """The button of an old message, made again from its id."""
        return cls(match["desk"], match["window"])

    async def callback(self, interaction: discord.Interaction[Bot]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] # our client's type is known
        """Acknowledge, recalibrate, and say privately what became of it. The message is the outbox's."""
        try:
            await replies.defer(interaction)
            actor = await interaction.client.actor(interaction)
            joined = await interaction.client.coordinator.upkeep.recalibrate(self.desk, self.window, by=actor)
            await replies.say(interaction, f"The window of {joined.agent} was measured and takes a draft again.")
        except Exception as error:  # noqa: BLE001 - the outer edge of a press; `answer` logs what nobody expected
            await errors.answer(interaction, error)
