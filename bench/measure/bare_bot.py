"""The plainest bot with discord.py that has the commands of the benchmark `ack`: it answers each at once.

Run as a program with the sandbox's API, gateway, token and server; it prints READY once its commands are registered.
"""

from __future__ import annotations

import sys

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

NAMES = [app_commands.Choice(name=f"Agent-{number}", value=f"Agent-{number}") for number in range(1, 26)]


class BareBot(discord.Client):
    """Registers its commands and answers them."""

    def __init__(self, guild: int) -> None:
        super().__init__(intents=discord.Intents.default())
        self._tree, self._guild = app_commands.CommandTree(self), discord.Object(guild)
        for group, names in (("agent", ("list", "show")), ("task", ("list", "show")), ("admin", ("version",))):
            commands = app_commands.Group(name=group, description="bare")
            for name in names:
                commands.add_command(_command(name, group))
            self._tree.add_command(commands, guild=self._guild)

    async def on_ready(self) -> None:
        await self._tree.sync(guild=self._guild)
        print("READY", flush=True)


def _command(name: str, option: str) -> app_commands.Command[app_commands.Group, ..., None]:
    async def plain(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("It is so.", ephemeral=True)

    async def show(interaction: discord.Interaction, what: str) -> None:
        await interaction.response.send_message(f"{what} is so.", ephemeral=True)

    async def suggest(_interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return [one for one in NAMES if typed.casefold() in one.name.casefold()]

    if name != "show":
        return app_commands.Command(name=name, description="bare", callback=plain)
    show = app_commands.autocomplete(what=suggest)(app_commands.rename(what=option)(show))
    return app_commands.Command(name=name, description="bare", callback=show)


if __name__ == "__main__":
    Route.BASE, gateway, token, server = sys.argv[1:]
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
    BareBot(int(server)).run(token, log_handler=None)
