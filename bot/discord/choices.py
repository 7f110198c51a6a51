"""What autocomplete offers. From memory only: there are three seconds and no way to say "wait"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord.app_commands import Choice

from bot.discord.text import NAME_LIMIT, plain

if TYPE_CHECKING:
    from bot.discord.bot import Bot

_MOST = 25


async def agents(interaction: discord.Interaction[Bot], current: str) -> list[Choice[str]]:
    """Agents whose name fits what is typed."""
    bot = interaction.client
    names = bot.coordinator.agents.suggest(current, by=await bot.actor(interaction))
    return [Choice(name=plain(name, NAME_LIMIT), value=name) for name in names[:_MOST]]


async def desks(interaction: discord.Interaction[Bot], current: str) -> list[Choice[str]]:
    """Desks whose name fits what is typed."""
    bot = interaction.client
    names = bot.coordinator.desks.suggest(current, by=await bot.actor(interaction))
    return [Choice(name=plain(name, NAME_LIMIT), value=name) for name in names[:_MOST]]


async def tasks(interaction: discord.Interaction[Bot], current: str) -> list[Choice[str]]:
    """Tasks that fit what is typed."""
    return await _tasks(interaction, current, open_only=False)


async def open_tasks(interaction: discord.Interaction[Bot], current: str) -> list[Choice[str]]:
    """Tasks that have not ended and fit what is typed."""
    return await _tasks(interaction, current, open_only=True)


async def _tasks(interaction: discord.Interaction[Bot], current: str, *, open_only: bool) -> list[Choice[str]]:
    bot = interaction.client
    found = bot.coordinator.tasks.suggest(current, by=await bot.actor(interaction), open_only=open_only)
    return [Choice(name=plain(f"{task} · {title}", NAME_LIMIT), value=task) for task, title in found[:_MOST]]
