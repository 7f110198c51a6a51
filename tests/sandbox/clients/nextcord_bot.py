"""A bot of nextcord."""

import os

import nextcord
from nextcord.ext import commands
from nextcord.http import Route

Route.BASE = f"{os.environ['API']}/v10"
bot = commands.Bot(intents=nextcord.Intents(guilds=True))


class Again(nextcord.ui.View):
    @nextcord.ui.button(label="Again", custom_id="again", style=nextcord.ButtonStyle.primary)
    async def again(self, _button, interaction):
        await interaction.response.edit_message(content="pong again", view=None)


@bot.slash_command(guild_ids=[int(os.environ["GUILD"])], default_member_permissions=2048)
async def ping(interaction: nextcord.Interaction, text: str):
    """Answer."""
    await interaction.response.send_message(f"pong {text}", view=Again())


bot.run(os.environ["TOKEN"])
