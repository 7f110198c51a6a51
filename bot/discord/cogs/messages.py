"""`/msg`: say something to an agent, to whoever has a task, or to all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord import choices, replies, words
from bot.discord.bot import PERMISSION
from bot.discord.channel_client import place_of
from core.agent_messages.model import NewAgentMessage
from core.security.model import Permission

if TYPE_CHECKING:
    from bot.discord.bot import Bot

Text = app_commands.Range[str, 1, 4000]


class Messages(commands.GroupCog, group_name="msg", group_description="Say something to the agents"):
    """The message commands."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._words = bot.coordinator.agent_messages

    @app_commands.command(
        name="send", description="Say something to an agent", extras={PERMISSION: Permission.MESSAGE_SEND}
    )
    @app_commands.describe(
        text="What is to be said",
        agent="To whom; left out: whoever has the task",
        task="The task it is about; left out inside a task's thread: that task",
    )
    @app_commands.autocomplete(agent=choices.agents, task=choices.open_tasks)
    async def send(
        self, interaction: discord.Interaction[Bot], text: Text, agent: str | None = None, task: str | None = None
    ) -> None:
        """Bring words into an agent's window. Whoever asked for a task may speak to the agent that has it."""
        await replies.defer(interaction)
        draft = _draft(interaction, text, agent=agent or None, task=task or None)
        sent = await self._words.send(draft, by=await self._bot.actor(interaction))
        await replies.say(interaction, words.answer(sent))

    @app_commands.command(
        name="broadcast",
        description="Say something to all agents that can be reached",
        extras={PERMISSION: Permission.MESSAGE_BROADCAST},
    )
    @app_commands.describe(text="What is to be said", needs="Only to those who can do all of this, separated by commas")
    async def broadcast(self, interaction: discord.Interaction[Bot], text: Text, needs: str | None = None) -> None:
        """Bring the same words into every agent's window, and say who is left out."""
        await replies.defer(interaction)
        asked = frozenset(need.strip() for need in (needs or "").split(",") if need.strip())
        sent = await self._words.broadcast(
            _draft(interaction, text), needs=asked, by=await self._bot.actor(interaction)
        )
        await replies.say(interaction, words.answer(sent))


def _draft(
    interaction: discord.Interaction[Bot], text: str, *, agent: str | None = None, task: str | None = None
) -> NewAgentMessage:
    thread = str(interaction.channel_id) if isinstance(interaction.channel, discord.Thread) else ""
    key = f"discord:{interaction.id}"
    return NewAgentMessage(text=text, agent=agent, task=task, thread=thread, place=place_of(interaction), key=key)
