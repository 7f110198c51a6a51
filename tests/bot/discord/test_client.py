"""The bot's life: it comes, is lost, comes again, and says plainly when it cannot come at all."""

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
from core.settings.model import DiscordSettings, Settings
from sandbox.discord.server import Sandbox
from tests.bot.discord.town import Town, bot_at_work, make_bot, people, settings_for, text_of
from tests.builders import make_new_task
from tests.fakes.sandbox_client import wait_thread


def syncs(sandbox: Sandbox) -> int:
    return sum(one.method == "PUT" and one.route.endswith("/commands") for one in sandbox.record.exchanges)


async def run(town: Town, settings: Settings) -> None:
    async with asyncio.timeout(60):
        await client.run(settings, town.coordinator, up=asyncio.Event())


async def test_commands_are_registered_once_and_again_only_when_they_changed(
    quiet_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        async with bot_at_work(quiet_town):
            pass
    assert syncs(quiet_town.sandbox) == 1
    monkeypatch.setattr(tasks.cancel.call, "__doc__", "Cancel a task, as an older version said it.")
    async with bot_at_work(quiet_town):
        pass
    assert syncs(quiet_town.sandbox) == 2


async def test_commands_are_registered_again_after_the_bot_was_removed_and_invited_while_octet_was_down(
    quiet_town: Town,
) -> None:
    async with bot_at_work(quiet_town):
        pass
    quiet_town.sandbox.world.remove_bot()
    quiet_town.sandbox.world.invite()
    async with bot_at_work(quiet_town):
        assert await quiet_town.sandbox.commands()
    assert syncs(quiet_town.sandbox) == 2


async def test_the_button_of_an_old_card_works_in_a_new_process(sandbox: Sandbox, tmp_path: Path) -> None:
    async with people(tmp_path, sandbox) as town, bot_at_work(town):
        await town.own()
        await town.ask("task new", brief="Count the birds", agent="Dry-1")
        card = await town.card(holds="sent (dry run)")
        await wait_thread(sandbox)
    async with people(tmp_path, sandbox) as town, bot_at_work(town):
        pressed = await sandbox.click("Ada", card, "Cancel")
        assert text_of(await town.answered(pressed)) == "Cancelled T-1."
        assert (await town.card(holds="**cancelled**"))["id"] == card["id"]
    assert len([m for m in await sandbox.messages() if "### T-1" in text_of(m)]) == 1


async def test_what_was_asked_while_the_bot_was_away_is_told_when_it_is_back(quiet_town: Town) -> None:
    async with bot_at_work(quiet_town):
        await quiet_town.own()
    ada = await quiet_town.coordinator.people.discord_actor(str(quiet_town.sandbox.world.ada.id), "Ada")
    await quiet_town.coordinator.tasks.new(make_new_task("Count the birds"), by=ada)
    async with bot_at_work(quiet_town):
        await quiet_town.card(holds="Count the birds")


async def test_a_wrong_token_is_one_plain_error_and_is_not_tried_again(quiet_town: Town) -> None:
    wrong = settings_for(quiet_town.sandbox).model_copy(update={"discord_token": SecretStr("wrong")})
    with pytest.raises(BotTokenRefused):
        await run(quiet_town, wrong)
    assert [one.status for one in quiet_town.sandbox.record.exchanges] == [401]


async def test_without_sandbox_the_library_speaks_to_discord_again() -> None:
    client.point_at(
        DiscordSettings(sandbox=True, api_base="http://127.0.0.1:1/api/v10", gateway_url="ws://127.0.0.1:1/")
    )
    assert Route.BASE.startswith("http://127.0.0.1:1")
    client.point_at(DiscordSettings())
    assert Route.BASE == "https://discord.com/api/v10"
    assert DiscordWebSocket.DEFAULT_GATEWAY.host == "gateway.discord.gg"


async def test_the_sandbox_is_logged_loudly(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    client.point_at(settings_for(town.sandbox).discord)
    told = capsys.readouterr()
    assert "NOT_DISCORD" in told.out + told.err
    assert town.sandbox.api_base in told.out + told.err


async def test_the_bot_asks_for_the_guilds_intent_only_and_mentions_nobody_by_default(town: Town) -> None:
    bot = make_bot(town)
    assert bot.intents == discord.Intents(guilds=True)
    assert bot.allowed_mentions is not None
    assert bot.allowed_mentions.to_dict() == {"parse": []}
    await bot.close()


async def test_the_token_is_in_no_log_line(owned: Town, capsys: pytest.CaptureFixture[str]) -> None:
    await owned.ask("admin version")
    told = capsys.readouterr()
    assert owned.sandbox.token not in told.out + told.err


async def test_without_a_configured_server_every_server_gets_the_commands(quiet_town: Town) -> None:
    async with bot_at_work(quiet_town, settings_for(quiet_town.sandbox, guild_id=None)):
        await quiet_town.own()
        assert "**Dry-1**" in await quiet_town.ask("agent list")
