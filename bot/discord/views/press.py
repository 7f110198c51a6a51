"""What all buttons of messages have in common. Their ids carry all, so that they work after any restart."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import discord
from discord import ui

from bot.discord import errors, replies
from core.security.model import Actor

if TYPE_CHECKING:
    from bot.discord.bot import Bot


class Press(ABC):
    """One press: acknowledged first, its error answered. The message itself belongs to its writer, not to the press."""

    @classmethod
    async def from_custom_id(
        cls,
        _interaction: discord.Interaction[Any],
        _item: ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        """Make the button of an old message again: its constructor takes the groups of its template."""
        return cls(**match.groupdict())

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Acknowledge, and do what the button is for."""
        try:
            await replies.defer(interaction)
            await self.press(interaction, await interaction.client.actor(interaction))
        except Exception as error:  # noqa: BLE001 - the outer edge of a press; `answer` logs what nobody expected
            await errors.answer(interaction, error)

    @abstractmethod
    async def press(self, interaction: discord.Interaction[Bot], actor: Actor) -> None:
        """Let core do it if this actor may, and say privately what became of it."""
