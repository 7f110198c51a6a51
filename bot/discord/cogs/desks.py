"""`/desk`: the displays with the agents' windows, and the switch that stops their hands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord import choices, listing, replies
from bot.discord.bot import PERMISSION
from bot.discord.parts import Attachment, Parts
from core.agents.model import AgentWithoutWindow
from core.desks.model import DeskStatus
from core.security.model import Actor, Permission

if TYPE_CHECKING:
    from bot.discord.bot import Bot


class Desks(commands.GroupCog, group_name="desk", group_description="The displays on which prompts are typed"):
    """The desk commands."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._desks = bot.coordinator.desks

    @app_commands.command(
        name="status", description="Show all desks and their windows", extras={PERMISSION: Permission.DESK_READ}
    )
    async def status(self, interaction: discord.Interaction[Bot]) -> None:
        """Look at each window now and say which can be used, only to you."""
        await replies.defer(interaction)
        await replies.say(interaction, listing.desks(await self._desks.status(by=await self._bot.actor(interaction))))

    @app_commands.command(
        name="screenshot", description="See an agent's window", extras={PERMISSION: Permission.DESK_SEE}
    )
    @app_commands.describe(agent="Whose window")
    @app_commands.autocomplete(agent=choices.agents)
    async def screenshot(self, interaction: discord.Interaction[Bot], agent: str) -> None:
        """Show a picture of this agent's window and of nothing else, only to the owner."""
        await replies.defer(interaction)
        by = await self._bot.actor(interaction)
        who = (await self._bot.coordinator.agents.show(agent, by=by)).agent
        if who.desk is None or who.window is None:
            raise AgentWithoutWindow(id=who.name)
        picture = await self._desks.screenshot(who.desk, who.window, by=by)
        shown = Attachment(name="window.png", data=picture)
        await replies.say(interaction, Parts(content=f"The window of {who.name}:", attachments=(shown,)))

    @app_commands.command(
        name="picture",
        description="See the whole display of a desk that has one of its own",
        extras={PERMISSION: Permission.DESK_SEE},
    )
    @app_commands.describe(desk="Which desk")
    @app_commands.autocomplete(desk=choices.desks)
    async def picture(self, interaction: discord.Interaction[Bot], desk: str) -> None:
        """Show all of a display at which nobody sits, only to the owner."""
        await replies.defer(interaction)
        picture = await self._desks.picture(desk, by=await self._bot.actor(interaction))
        shown = Attachment(name="display.png", data=picture)
        await replies.say(interaction, Parts(content=f"The display of {desk}:", attachments=(shown,)))

    @app_commands.command(
        name="stop", description="Stop before the next key is pressed", extras={PERMISSION: Permission.DESK_USE}
    )
    @app_commands.describe(desk="Which desk; left out: all of them")
    @app_commands.autocomplete(desk=choices.desks)
    async def stop(self, interaction: discord.Interaction[Bot], desk: str | None = None) -> None:
        """Stop the hands before their next key; nothing is typed until `/desk release`."""
        await self._each(interaction, desk, self._desks.stop)

    @app_commands.command(
        name="hold",
        description="Finish what is being typed, then start nothing",
        extras={PERMISSION: Permission.DESK_USE},
    )
    @app_commands.describe(desk="Which desk; left out: all of them")
    @app_commands.autocomplete(desk=choices.desks)
    async def hold(self, interaction: discord.Interaction[Bot], desk: str | None = None) -> None:
        """Let a delivery under way end, and begin no other until `/desk release`."""
        await self._each(interaction, desk, self._desks.hold)

    @app_commands.command(
        name="release", description="Go on after stop or hold", extras={PERMISSION: Permission.DESK_USE}
    )
    @app_commands.describe(desk="Which desk; left out: all of them")
    @app_commands.autocomplete(desk=choices.desks)
    async def release(self, interaction: discord.Interaction[Bot], desk: str | None = None) -> None:
        """Let deliveries begin again."""
        await self._each(interaction, desk, self._desks.release)

    async def _each(
        self, interaction: discord.Interaction[Bot], desk: str | None, verb: Callable[..., Awaitable[DeskStatus]]
    ) -> None:
        await replies.defer(interaction)
        by = await self._bot.actor(interaction)
        names = [desk] if desk else await self._names(by)
        # All at once: a desk whose hands hang must not keep the others from being stopped.
        after = await asyncio.gather(*(verb(name, by=by) for name in names), return_exceptions=True)
        trouble = [one for one in after if isinstance(one, BaseException)]
        if trouble:
            raise trouble[0]
        await replies.say(interaction, listing.desks([one for one in after if isinstance(one, DeskStatus)]))

    async def _names(self, by: Actor) -> list[str]:
        """All desks that agents sit at. Asks no worker: a switch that stops must not wait for hands that hang."""
        rows = await self._bot.coordinator.agents.list(by=by)
        return sorted({row.agent.desk for row in rows if row.agent.desk})
