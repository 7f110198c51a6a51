"""`/admin`: this Octet itself."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord import replies, upkeep
from bot.discord.bot import OPEN_TO_ALL, PERMISSION
from core.security.model import Permission, require
from core.upkeep.model import NotReloaded

if TYPE_CHECKING:
    from bot.discord.bot import Bot


class Admin(commands.GroupCog, group_name="admin", group_description="This Octet itself"):
    """The admin commands."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    @app_commands.command(
        name="version", description="Show which Octet this is", extras={PERMISSION: Permission.VERSION_READ}
    )
    async def version(self, interaction: discord.Interaction[Bot]) -> None:
        """Show the versions of Octet, Python and discord.py, only to you."""
        await replies.defer(interaction)
        require(await self._bot.actor(interaction), Permission.VERSION_READ)
        octet, python = self._bot.coordinator.version, platform.python_version()
        await replies.say(interaction, f"Octet {octet} · Python {python} · discord.py {discord.__version__}")

    @app_commands.command(
        name="reload",
        description="Work by what config/ says now: agents, desks and profiles",
        extras={PERMISSION: Permission.CONFIG_RELOAD},
    )
    async def reload(self, interaction: discord.Interaction[Bot]) -> None:
        """Read config/ anew, check all of it, and take it over; or say every problem, and change nothing."""
        await replies.defer(interaction)
        by = await self._bot.actor(interaction)
        try:
            said = upkeep.reloaded(await self._bot.coordinator.upkeep.reload(by=by))
        except NotReloaded as wrong:
            said = upkeep.not_reloaded(wrong.lines)
        await replies.say(interaction, said)

    @app_commands.command(
        name="claim",
        description="Become the owner, with the code printed on the console",
        extras={PERMISSION: None, OPEN_TO_ALL: True},
    )
    @app_commands.describe(code="The code that Octet printed when it started")
    async def claim(self, interaction: discord.Interaction[Bot], code: str) -> None:
        """Make you the owner, once. Whoever can read the console can do this; afterwards nobody can."""
        await replies.defer(interaction)
        user = interaction.user
        await self._bot.coordinator.people.claim(code, user_id=str(user.id), name=user.display_name)
        await replies.say(interaction, "You are the owner of this Octet now. `/task new` gives the first task.")
