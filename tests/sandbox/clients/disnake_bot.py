"""A bot of disnake."""

import os

import disnake
from disnake.ext import commands
from disnake.http import Route

Route.BASE = f"{os.environ['API']}/v10"
bot = commands.InteractionBot(intents=disnake.Intents(guilds=True), test_guilds=[int(os.environ["GUILD"])])


class Again(disnake.ui.View):
    @disnake.ui.button(label="Again", custom_id="again", style=disnake.ButtonStyle.primary)
    async def again(self, _button, interaction):
        await interaction.response.edit_message(content="pong again", view=None)


@bot.slash_command(default_member_permissions=disnake.Permissions(send_messages=True))
async def ping(interaction: disnake.ApplicationCommandInteraction, text: str):
    """Answer."""
    await interaction.response.send_message(f"pong {text}", view=Again())


bot.run(os.environ["TOKEN"])
