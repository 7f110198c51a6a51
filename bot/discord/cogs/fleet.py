"""`/fleet`: what needs a person, the live board, and whether all is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord import listing, overview, replies
from bot.discord.bot import PERMISSION
from bot.discord.views.board import REMOVED
from core.notices.model import Place
from core.security.model import Permission

if TYPE_CHECKING:
    from bot.discord.bot import Bot


class Fleet(commands.GroupCog, group_name="fleet", group_description="Everything at a glance"):
    """The fleet commands."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._fleet = bot.coordinator.fleet

    @app_commands.command(
        name="needs-me",
        description="Show everything that waits for a person, worst and oldest first",
        extras={PERMISSION: Permission.FLEET_READ},
    )
    async def needs_me(self, interaction: discord.Interaction[Bot]) -> None:
        """List what stands still, why, and what to do next, with links, only to you."""
        await replies.defer(interaction)
        found = await self._fleet.needs_me(by=await self._bot.actor(interaction))
        await replies.say(interaction, overview.needs(found, guild=interaction.guild_id))

    @app_commands.command(
        name="board",
        description="Keep a live board at the end of this channel",
        extras={PERMISSION: Permission.FLEET_BOARD},
    )
    @app_commands.describe(remove="Take the board away from this channel instead")
    async def board(self, interaction: discord.Interaction[Bot], remove: bool = False) -> None:  # noqa: FBT001, FBT002 - Discord's option
        """Post a board that everybody sees and that follows what happens; one that stands here already moves down."""
        await replies.defer(interaction)
        by, channel = await self._bot.actor(interaction), str(interaction.channel_id or "")
        if remove:
            await self._fleet.boards.remove(channel, by=by)
            await replies.say(interaction, REMOVED)
        else:
            await self._fleet.boards.place(Place(channel=channel, guild=str(interaction.guild_id or "")), by=by)
            await replies.say(interaction, "The board appears below and follows what happens.")

    @app_commands.command(
        name="health",
        description="Show whether all is well",
        extras={PERMISSION: Permission.FLEET_READ},
    )
    async def health(self, interaction: discord.Interaction[Bot]) -> None:
        """Look at what must be well, and at the ping that tells an outside service so, only to you."""
        await replies.defer(interaction)
        now = await self._fleet.health.look(by=await self._bot.actor(interaction))
        await replies.say(interaction, listing.health(now))
