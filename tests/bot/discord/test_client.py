"""The bot's life: it connects, is lost, connects again, and says plainly when it cannot connect at all."""

from __future__ import annotations

import asyncio
from pathlib import Path

import discord
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route
from pydantic import SecretStr

from bot.discord import client
from bot.discord.errors import BotTokenRefused
from bot.verbs import tasks
from core.security.model import OPERATOR
from core.settings.model import DiscordSettings
from core.tasks.model import TaskState
from sandbox.discord.server import Sandbox
from tests.bot.discord.town import DRY_RUN, Town, bot_at_work, make_bot, people, settings_for, text_of
from tests.builders import make_new_task
from tests.fakes.sandbox_client import wait_thread


def syncs(sandbox: Sandbox) -> int:
    return sum(one.method == "PUT" and one.route.endswith("/commands") for one in sandbox.record.exchanges)


async def test_commands_are_registered_again_only_after_a_change_or_a_new_invitation(
    quiet_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start() -> int:
        async with bot_at_work(quiet_town):
            assert await quiet_town.sandbox.commands()
        return syncs(quiet_town.sandbox)

    assert [await start(), await start()] == [1, 1]
    monkeypatch.setattr(tasks.cancel.call, "__doc__", "Cancel a task, as an older version said it.")
    assert await start() == 2
    quiet_town.sandbox.world.remove_bot()
    quiet_town.sandbox.world.invite()
    assert await start() == 3


async def test_the_button_of_an_old_card_works_in_a_new_process(sandbox: Sandbox, tmp_path: Path) -> None:
    async with people(tmp_path, sandbox) as town, bot_at_work(town):
        await town.own()
        await town.ask("task new", brief="Count the birds", agent="Dry-1")
        card = await town.card("T-1", DRY_RUN)
        await wait_thread(sandbox)
    async with people(tmp_path, sandbox) as town, bot_at_work(town):
        await town.press(card, "Cancel")
        assert (await town.card("T-1", TaskState.CANCELLED))["id"] == card["id"]
    assert len([m for m in await sandbox.messages() if "### T-1" in text_of(m)]) == 1


async def test_what_happened_while_the_bot_was_away_is_posted_when_it_is_back(quiet_town: Town) -> None:
    await quiet_town.coordinator.tasks.new(make_new_task("Count the birds"), by=OPERATOR)
    async with bot_at_work(quiet_town):
        await quiet_town.card(holds="Count the birds")


async def test_a_wrong_token_is_one_plain_error_and_is_not_tried_again(quiet_town: Town) -> None:
    wrong = settings_for(quiet_town.sandbox).model_copy(update={"discord_token": SecretStr("wrong")})
    async with asyncio.timeout(60):
        with pytest.raises(BotTokenRefused):
            await client.run(wrong, quiet_town.coordinator, up=asyncio.Event())
    assert [one.status for one in quiet_town.sandbox.record.exchanges] == [401]


def test_without_sandbox_the_library_connects_to_discord_again(capsys: pytest.CaptureFixture[str]) -> None:
    local = DiscordSettings(sandbox=True, api_base="http://127.0.0.1:1/api/v10", gateway_url="ws://127.0.0.1:1/")
    client.point_at(local)
    assert Route.BASE.startswith("http://127.0.0.1:1")
    log = capsys.readouterr().out
    assert "NOT_DISCORD" in log
    assert str(local.api_base) in log
    client.point_at(DiscordSettings())
    assert Route.BASE == "https://discord.com/api/v10"
    assert DiscordWebSocket.DEFAULT_GATEWAY.host == "gateway.discord.gg"


async def test_the_bot_asks_for_the_guilds_intent_only_and_mentions_nobody_by_default(town: Town) -> None:
    bot = make_bot(town)
    assert bot.intents == discord.Intents(guilds=True)
    assert bot.allowed_mentions is not None
    assert bot.allowed_mentions.to_dict() == {"parse": []}
    await bot.close()


async def test_the_token_is_in_no_log_line(owned: Town, capsys: pytest.CaptureFixture[str]) -> None:
    await owned.ask("admin version")
    log = capsys.readouterr()
    assert owned.sandbox.token not in log.out + log.err


async def test_without_a_configured_server_every_server_gets_the_commands(quiet_town: Town) -> None:
    async with bot_at_work(quiet_town, settings_for(quiet_town.sandbox, guild_id=None)):
        await quiet_town.own()
