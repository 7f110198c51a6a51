"""`/agent`: who there is and what each is doing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord import choices, listing, replies
from bot.discord.bot import PERMISSION
from core.security.model import Permission

if TYPE_CHECKING:
    from bot.discord.bot import Bot


class Agents(commands.GroupCog, group_name="agent", group_description="The agents and what they are doing"):
    """The agent commands."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._agents = bot.coordinator.agents

    @app_commands.command(name="list", description="List all agents", extras={PERMISSION: Permission.AGENT_READ})
    async def list(self, interaction: discord.Interaction[Bot]) -> None:
        """Show every agent with its state and task, only to you."""
        await replies.defer(interaction)
        await replies.say(interaction, listing.agents(await self._agents.list(by=await self._bot.actor(interaction))))

    @app_commands.command(name="show", description="Show one agent", extras={PERMISSION: Permission.AGENT_READ})
    @app_commands.describe(agent="The agent's name")
    @app_commands.autocomplete(agent=choices.agents)
    async def show(self, interaction: discord.Interaction[Bot], agent: str) -> None:
        """Show an agent's role, capabilities, window and state, only to you."""
        await replies.defer(interaction)
        status = await self._agents.show(agent, by=await self._bot.actor(interaction))
        await replies.say(interaction, listing.agent(status))
