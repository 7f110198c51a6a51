"""Red, with one cog. Its instance lives in a folder of its own, which it chooses when it is imported."""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

Route.BASE = f"{os.environ['API']}/v10"
DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["GATEWAY"])
folder = TemporaryDirectory(prefix="red-")
os.environ |= dict.fromkeys(("XDG_CONFIG_HOME", "XDG_DATA_HOME", "HOME"), folder.name)
os.environ["RED_TOKEN"] = os.environ["TOKEN"]

from redbot.__main__ import main
from redbot.core import commands
from redbot.core.bot import Red
from redbot.setup import basic_setup


class Again(discord.ui.View):
    @discord.ui.button(label="Again", custom_id="again", style=discord.ButtonStyle.primary)
    async def again(self, interaction, _button):
        await interaction.response.edit_message(content="pong again", view=None)


class Ping(commands.Cog):
    @app_commands.command()
    @app_commands.default_permissions(send_messages=True)
    async def ping(self, interaction: discord.Interaction, text: str):
        """Answer."""
        await interaction.response.send_message(f"pong {text}", view=Again())


async def add_ping(bot, *, start=Red.setup_hook):
    await start(bot)
    guild = discord.Object(int(os.environ["GUILD"]))
    await bot.add_cog(Ping(), guild=guild)
    await bot.enable_app_command("ping")
    await bot.tree.red_check_enabled()
    await bot.tree.sync(guild=guild)


Red.setup_hook = add_ping
basic_setup(name="ping", data_path=Path(folder.name), backend="json", interactive=False, overwrite_existing_instance=True)
sys.argv = ["redbot", "ping", "--no-prompt", "--prefix", "!"]
main()
