"""A bot of py-cord."""

import os

import discord
from discord.http import Route

Route.API_BASE_URL = f"{os.environ['API']}/v10"
bot = discord.Bot(intents=discord.Intents(guilds=True))


class Again(discord.ui.View):
    @discord.ui.button(label="Again", custom_id="again", style=discord.ButtonStyle.primary)
    async def again(self, _button, interaction):
        await interaction.response.edit_message(content="pong again", view=None)


@bot.slash_command(guild_ids=[int(os.environ["GUILD"])])
@discord.default_permissions(send_messages=True)
async def ping(interaction: discord.ApplicationContext, text: str):
    """Answer."""
    await interaction.respond(f"pong {text}", view=Again())


bot.run(os.environ["TOKEN"])
