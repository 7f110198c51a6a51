"""Makes the slash commands from the verbs of `bot.verbs`: options, autocomplete, the call, the private answer."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Choice

from bot.discord import lists, replies
from bot.discord.bot import OPEN_TO_ALL, Bot
from bot.discord.channel_client import origin_of, read_attached
from bot.discord.present import present
from bot.discord.text import NAME_LIMIT, plain
from bot.discord.views import new_task
from bot.verbs import tasks
from bot.verbs.catalogue import ABOUT, VERBS
from bot.verbs.declare import Parameter, ParameterKind, Picks, Verb

FORMS: dict[Verb, Callable[[discord.Interaction[Bot], Mapping[str, Any]], Awaitable[None]]] = {
    tasks.new: new_task.open_form
}
"""Verbs with a form that asks for a text that the user left out."""
_DIALOG = " Without it, a dialog opens for a longer text"
_MOST_CHOICES = 25
_PICKERS: Mapping[Picks, Any] = {
    Picks.USER: discord.User,
    Picks.USER_OR_ROLE: discord.User | discord.Role,
    Picks.CHANNEL: discord.TextChannel,
}


def add_commands(bot: Bot) -> None:
    """Fill the bot's tree with the commands that are offered now."""
    tree = bot.tree
    tree.clear_commands(guild=None)
    for verb in VERBS:
        if verb.is_offered(bot.command_groups):
            if not verb.group:
                tree.add_command(command_of(verb))
                continue
            group = tree.get_command(verb.group)
            if group is None:
                group = app_commands.Group(name=verb.group, description=ABOUT[verb.group])
                tree.add_command(group)
            assert isinstance(group, app_commands.Group)
            group.add_command(command_of(verb))
    tree.add_command(app_commands.ContextMenu(name="Make a task of this", callback=new_task.open_form_with))


def command_of(verb: Verb) -> app_commands.Command[Any, ..., None]:
    page = {"limit": lists.ROWS} if verb.result in lists.KINDS else {}

    async def run(interaction: discord.Interaction[Bot], **given: Any) -> None:
        if any(_has_form(verb, one) and given[one.name] is None for one in verb.parameters):
            await FORMS[verb](interaction, given)
            return
        await replies.defer(interaction)
        given = {name: await read_attached(_id_of(value)) for name, value in given.items()} | page
        by = await interaction.client.actor(interaction)
        result = await verb.run(interaction.client.coordinator, given, by=by, origin=origin_of(interaction))
        await replies.say(interaction, await present(verb, result, given, interaction, by=by))

    offered = [one for one in verb.parameters if not one.kind.for_programs]
    first = inspect.Parameter("interaction", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=discord.Interaction)
    run.__signature__ = inspect.Signature([first, *(_option(verb, one) for one in offered)])  # pyright: ignore[reportFunctionMemberAccess] - what inspect reads
    run.__doc__ = verb.help
    extras = {OPEN_TO_ALL: verb.permission is None}
    make: Any = app_commands.Command
    command: app_commands.Command[Any, ..., None]
    command = make(name=verb.name, description=verb.summary, callback=run, extras=extras)
    app_commands.describe(**{one.name: one.help + (_DIALOG if _has_form(verb, one) else "") for one in offered})(
        command
    )
    for one in offered:
        if one.kind.choices:
            listed = [Choice(name=words, value=value) for value, words in one.kind.choices.items()]
            app_commands.choices(**{one.name: listed})(command)
        if one.kind.suggest:
            app_commands.autocomplete(**{one.name: _completion(one.kind)})(command)
    return command


def _has_form(verb: Verb, one: Parameter) -> bool:
    return one.kind.is_text and verb in FORMS


def _option(verb: Verb, one: Parameter) -> inspect.Parameter:
    """Describe one option. Discord has no lists: a text with commas replaces one. A form's text is optional."""
    kind: Any = _PICKERS[one.kind.picks] if one.kind.picks else str if one.type == list[str] else one.type
    kind = discord.Attachment if one.kind.is_file else kind
    default: Any = inspect.Parameter.empty
    if not one.is_required or _has_form(verb, one):
        kind, default = kind | None, None
    return inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)


def _id_of(value: Any) -> Any:
    """Return what the user picked as the id that verbs know; anything else unchanged."""
    if isinstance(value, discord.Role):
        return f"discord-role:{value.id}"
    if isinstance(value, discord.abc.User):
        return f"discord:{value.id}"
    return str(value.id) if isinstance(value, discord.TextChannel) else value


def _completion(kind: ParameterKind) -> Any:
    async def complete(interaction: discord.Interaction[Bot], current: str) -> list[Choice[str]]:
        assert kind.suggest is not None
        bot = interaction.client
        found = kind.suggest(bot.coordinator, current, await bot.actor(interaction))[:_MOST_CHOICES]
        return [Choice(name=plain(label, NAME_LIMIT), value=value) for value, label in found]

    return complete
