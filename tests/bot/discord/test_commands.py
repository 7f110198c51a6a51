"""One walk over all commands: each has what a person needs to use it, and its line in the documentation."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import discord
import pytest
from discord import app_commands

from bot.discord.bot import OPEN_TO_ALL, Bot
from bot.verbs.catalogue import VERBS
from bot.verbs.declare import On
from tests.bot.discord.town import Town, make_bot

DOCS = Path(__file__).parents[3] / "docs" / "discord.md"
Command = app_commands.Command[Any, ..., Any]


@pytest.fixture
async def bot(quiet_town: Town) -> AsyncIterator[Bot]:
    made = make_bot(quiet_town)
    yield made
    await made.close()


def commands_of(bot: Bot) -> list[Command]:
    return [one for one in bot.tree.walk_commands() if isinstance(one, app_commands.Command)]


async def test_no_two_commands_have_one_name(bot: Bot) -> None:
    names = [command.qualified_name for command in commands_of(bot)]
    assert len(names) == len(set(names)) == sum(On.DISCORD in verb.on for verb in VERBS)


async def test_each_command_has_description_and_help(bot: Bot) -> None:
    for command in commands_of(bot):
        assert command.description not in {"", "…"}, command.qualified_name
        assert inspect.getdoc(command.callback), command.qualified_name
        for option in command.parameters:
            assert str(option.description) not in {"", "…"}, f"{command.qualified_name} {option.name}"


async def test_each_group_has_a_description(bot: Bot) -> None:
    for group in bot.tree.get_commands():
        assert isinstance(group, app_commands.Group)
        assert group.description not in {"", "…"}


async def test_only_claim_is_open_to_people_without_a_role(bot: Bot) -> None:
    assert [one.qualified_name for one in commands_of(bot) if one.extras.get(OPEN_TO_ALL)] == ["admin claim"]


async def test_each_option_that_names_an_agent_a_desk_or_a_task_is_completed(bot: Bot) -> None:
    for command in commands_of(bot):
        for option in command.parameters:
            if option.name in {"agent", "task", "desk"}:
                assert option.autocomplete, f"{command.qualified_name} {option.name}"


def test_the_invitation_asks_for_the_permissions_it_names_and_no_others() -> None:
    needed = discord.Permissions(
        view_channel=True,
        send_messages=True,
        create_public_threads=True,
        send_messages_in_threads=True,
        attach_files=True,
        embed_links=True,
        read_message_history=True,
    )
    assert f"permissions={needed.value}\n" in DOCS.read_text(encoding="utf-8")
