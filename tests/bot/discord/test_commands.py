"""The commands as Discord gets them: those of the verbs, each option of which can be completed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from discord import app_commands

from bot.discord.bot import OPEN_TO_ALL, Bot
from bot.discord.views.buttons import MessageButton
from bot.verbs.catalogue import VERBS
from bot.verbs.declare import On
from tests.bot.discord.town import Town, make_bot

Command = app_commands.Command[Any, ..., Any]


@pytest.fixture
async def bot(quiet_town: Town) -> AsyncIterator[Bot]:
    made = make_bot(quiet_town)
    yield made
    await made.close()


@pytest.fixture
def commands(bot: Bot) -> list[Command]:
    return [one for one in bot.tree.walk_commands() if isinstance(one, app_commands.Command)]


async def test_every_button_works_after_a_restart(bot: Bot) -> None:
    assert set(bot._connection._view_store._dynamic_items.values()) == set(MessageButton.__subclasses__())


async def test_each_verb_for_discord_is_one_command_with_descriptions(commands: list[Command]) -> None:
    verbs = {f"{verb.group} {verb.name}": verb for verb in VERBS if On.DISCORD in verb.on}
    assert sorted(command.qualified_name for command in commands) == sorted(verbs)
    for command in commands:
        texts = [command.description, *(str(option.description) for option in command.parameters)]
        assert command.description == verbs[command.qualified_name].summary
        assert not {"", "…"} & set(texts), command.qualified_name


async def test_only_claim_is_open_to_users_without_a_role(commands: list[Command]) -> None:
    assert [one.qualified_name for one in commands if one.extras.get(OPEN_TO_ALL)] == ["admin claim"]


async def test_each_option_that_names_an_agent_a_desk_or_a_task_is_completed(commands: list[Command]) -> None:
    for command in commands:
        for option in command.parameters:
            if option.name in {"agent", "task", "desk"}:
                assert option.autocomplete, f"{command.qualified_name} {option.name}"
