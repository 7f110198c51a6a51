"""A bot of discord.py."""

import os

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

Route.BASE = f"{os.environ['API']}/v10"
DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["GATEWAY"])


class Again(discord.ui.View):
    @discord.ui.button(label="Again", custom_id="again", style=discord.ButtonStyle.primary)
    async def again(self, interaction, _button):
        await interaction.response.edit_message(content="pong again", view=None)


class Bot(discord.Client):
    async def setup_hook(self):
        guild = discord.Object(int(os.environ["GUILD"]))
        tree = app_commands.CommandTree(self)

        @tree.command(guild=guild)
        @app_commands.default_permissions(send_messages=True)
        async def ping(interaction: discord.Interaction, text: str):
            """Answer."""
            await interaction.response.send_message(f"pong {text}", view=Again())

        await tree.sync(guild=guild)


Bot(intents=discord.Intents(guilds=True)).run(os.environ["TOKEN"])
