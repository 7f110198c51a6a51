"""The Remove button of a live board."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

import discord
from discord import ui

from bot.discord import errors, replies

if TYPE_CHECKING:
    from bot.discord.bot import Bot

REMOVED = "The board leaves this channel. `/fleet board` brings it back."


class RemoveBoard(ui.DynamicItem[ui.Button[ui.LayoutView]], template=r"v1:fleet:board:remove"):
    """One press takes the board of this channel away, if the presser may."""

    def __init__(self) -> None:
        super().__init__(
            ui.Button(label="Remove", style=discord.ButtonStyle.secondary, custom_id="v1:fleet:board:remove")
        )

    @classmethod
    async def from_custom_id(
        cls,
        _interaction: discord.Interaction[Any],
        _item: ui.Item[Any],
        _match: re.Match[str],
        /,
    ) -> Self:
        """The button of an old message."""
        return cls()

    async def callback(self, interaction: discord.Interaction[Bot]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] # our client's type is known
        """Acknowledge, check who pressed, remove, and say so privately. The message itself is its writer's."""
        try:
            await replies.defer(interaction)
            by = await interaction.client.actor(interaction)
            await interaction.client.coordinator.fleet.boards.remove(str(interaction.channel_id), by=by)
            await replies.say(interaction, REMOVED)
        except Exception as error:  # noqa: BLE001 - the outer edge of a press; `answer` logs what nobody expected
            await errors.answer(interaction, error)
