"""`/desk`: the displays with the agents' windows, and the switch that stops their hands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord import choices, listing, replies, upkeep
from bot.discord.bot import PERMISSION
from bot.discord.parts import Attachment, Parts
from bot.discord.views import calibration
from core.desks.model import DeskStatus
from core.kit.errors import Invalid
from core.security.model import Actor, Permission, require

if TYPE_CHECKING:
    from bot.discord.bot import Bot


class NameOne(Invalid):
    """Name an agent, to see its window, or a desk, to see its whole display."""


class Desks(commands.GroupCog, group_name="desk", group_description="The displays on which prompts are typed"):
    """The desk commands."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._desks = bot.coordinator.desks
        self._upkeep = bot.coordinator.upkeep

    @app_commands.command(
        name="status", description="Show all desks and their windows", extras={PERMISSION: Permission.DESK_READ}
    )
    async def status(self, interaction: discord.Interaction[Bot]) -> None:
        """Look at each window now and say which can be used, only to you."""
        await replies.defer(interaction)
        await replies.say(interaction, listing.desks(await self._desks.status(by=await self._bot.actor(interaction))))

    @app_commands.command(
        name="screenshot",
        description="See an agent's window, or the whole display of a desk that has one of its own",
        extras={PERMISSION: Permission.DESK_LOOK},
    )
    @app_commands.describe(agent="Whose window", desk="The whole display of this desk; for the owner only")
    @app_commands.autocomplete(agent=choices.agents, desk=choices.desks)
    async def screenshot(
        self, interaction: discord.Interaction[Bot], agent: str | None = None, desk: str | None = None
    ) -> None:
        """Show a picture privately: of this agent's window and of nothing else; or, to the owner, of a display."""
        await replies.defer(interaction)
        by = await self._bot.actor(interaction)
        if (agent is None) == (desk is None):
            raise NameOne
        if desk is not None:
            picture, name, of = await self._desks.picture(desk, by=by), "display.png", f"The display of {desk}:"
        else:
            require(by, Permission.DESK_LOOK)
            who = self._bot.coordinator.agents.in_window(agent or "")
            picture = await self._desks.screenshot(who.desk or "", who.window or "", by=by)
            name, of = "window.png", f"The window of {who.name}:"
        await replies.say(interaction, Parts(content=of, attachments=(Attachment(name=name, data=picture),)))

    @app_commands.command(
        name="test",
        description="Try windows out: a harmless line is pasted, read back and cleared, never sent",
        extras={PERMISSION: Permission.DESK_USE},
    )
    @app_commands.describe(agent="Whose window; left out: all of them", desk="All windows of this desk")
    @app_commands.autocomplete(agent=choices.agents, desk=choices.desks)
    async def try_out(
        self, interaction: discord.Interaction[Bot], agent: str | None = None, desk: str | None = None
    ) -> None:
        """Say of each window how it was read back and how long that took, or what is in the way and what to do."""
        await replies.defer(interaction)
        by = await self._bot.actor(interaction)
        await replies.say(interaction, upkeep.tried(await self._upkeep.try_out(agent=agent, desk=desk, by=by)))

    @app_commands.command(
        name="arrange", description="Put windows back to their places", extras={PERMISSION: Permission.DESK_USE}
    )
    @app_commands.describe(desk="Which desk")
    @app_commands.autocomplete(desk=choices.desks)
    async def arrange(self, interaction: discord.Interaction[Bot], desk: str) -> None:
        """Have the window manager move them, and say of each what was done and seen afterwards."""
        await replies.defer(interaction)
        by = await self._bot.actor(interaction)
        await replies.say(interaction, upkeep.placed(await self._upkeep.arrange(desk, by=by)))

    @app_commands.command(
        name="calibrate",
        description="Connect agents' windows: Octet numbers them, tries a draft in each and saves what works",
        extras={PERMISSION: Permission.DESK_SEE},
    )
    @app_commands.describe(desk="Which desk")
    @app_commands.autocomplete(desk=choices.desks)
    async def calibrate(self, interaction: discord.Interaction[Bot], desk: str) -> None:
        """Show the display with a number on each window, only to the owner, and ask which are agents'."""
        await replies.defer(interaction)
        by = await self._bot.actor(interaction)
        step = await self._upkeep.calibrate.start(desk, by=by)
        await replies.say(interaction, await calibration.asked(self._bot.coordinator, desk, step, by=by))

    @app_commands.command(
        name="forget",
        description="Forget what Octet learned of a window automatically",
        extras={PERMISSION: Permission.CONFIG_RELOAD},
    )
    @app_commands.describe(desk="Which desk", window="Which window, as `/desk status` names it")
    @app_commands.autocomplete(desk=choices.desks)
    async def forget(self, interaction: discord.Interaction[Bot], desk: str, window: str) -> None:
        """Let the desk work by config/ alone again for this window, only to you."""
        await replies.defer(interaction)
        gone = await self._upkeep.forget(desk, window, by=await self._bot.actor(interaction))
        what = ", ".join(fact.what.words for fact in gone) or "what it could not read"
        await replies.say(interaction, f"Octet forgot {what} and restarted the desk's worker.")

    @app_commands.command(
        name="doctor",
        description="Say what is wrong with desks and windows, and what to do about each",
        extras={PERMISSION: Permission.DESK_READ},
    )
    @app_commands.describe(desk="Which desk; left out: all of them")
    @app_commands.autocomplete(desk=choices.desks)
    async def doctor(self, interaction: discord.Interaction[Bot], desk: str | None = None) -> None:
        """Look each window over and name each trouble with its cure, only to you."""
        await replies.defer(interaction)
        by = await self._bot.actor(interaction)
        await replies.say(interaction, upkeep.diagnoses(await self._upkeep.doctor(desk, by=by)))

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
