"""A bot of hikari."""

import os

import hikari

API, GUILD = f"{os.environ['API']}/v10", int(os.environ["GUILD"])
bot = hikari.GatewayBot(os.environ["TOKEN"], rest_url=API, intents=hikari.Intents.GUILDS, banner=None)


@bot.listen()
async def start(event: hikari.StartedEvent):
    application = await bot.rest.fetch_application()
    ping = bot.rest.slash_command_builder("ping", "Answers").set_default_member_permissions(2048)
    text = hikari.CommandOption(
        type=hikari.OptionType.STRING, name="text", description="What comes back", is_required=True
    )
    await bot.rest.set_application_commands(application, [ping.add_option(text)], guild=GUILD)


@bot.listen()
async def answer(event: hikari.InteractionCreateEvent):
    found = event.interaction
    if isinstance(found, hikari.CommandInteraction):
        row = bot.rest.build_message_action_row()
        row.add_interactive_button(hikari.ButtonStyle.PRIMARY, "again", label="Again")
        text = f"pong {found.options[0].value}"
        await found.create_initial_response(hikari.ResponseType.MESSAGE_CREATE, text, component=row)
    else:
        await found.create_initial_response(hikari.ResponseType.MESSAGE_UPDATE, "pong again", components=[])


bot.run(check_for_updates=False)
