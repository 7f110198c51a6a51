"""The client over real sockets: each way in which its connection is lost or ends, and what Octet does about it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import discord
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route
from pydantic import SecretStr

from bot.discord import bot as bot_module
from bot.discord import client
from bot.discord.bot import Bot
from bot.discord.errors import BotTokenRefused
from bot.verbs import tasks
from core.notices.model import DISCORD
from core.security.model import OPERATOR
from core.settings.model import DiscordSettings
from core.tasks.model import TaskState
from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox
from tests.bot.discord.town import DRY_RUN, Town, bot_at_work, make_bot, people, settings_for, text_of
from tests.builders import make_new_task, refuses
from tests.fakes.sandbox_client import wait_thread
from tests.sandbox.discord.spec import SpecChecker

Loss = Callable[[Sandbox], Awaitable[None] | None]
NEW_TASK = {"brief": "Count the birds", "agent": "Dry-1"}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Open a sandbox whose heart beats fast, so that a dead connection is found soon."""
    checker = SpecChecker()
    async with open_sandbox(SandboxSettings(heartbeat_ms=300, ack_deadline_s=60.0, identify_every_s=0.0)) as opened:
        opened.record.listeners.append(checker.check)
        yield opened
        checker.raise_if_any()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the five seconds that the library waits before it identifies anew."""

    async def at_once(_bot: Bot, _shard: int | None, *, initial: bool = False) -> None:
        pass

    monkeypatch.setattr(Bot, "before_identify_hook", at_once)


@pytest.fixture
def soon_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a silent connection for dead after a moment; on a busy machine also one that is only slow."""
    monkeypatch.setattr(bot_module, "HEARTBEAT_S", 0.8)


async def until(sandbox: Sandbox, holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        version = 0
        while not holds():
            version = await sandbox.changed(version, 0.01)


def logins(sandbox: Sandbox) -> int:
    """Count the clients that there were."""
    return sum(one.route == "/users/@me" for one in sandbox.record.exchanges)


def writes(sandbox: Sandbox) -> int:
    """Count the messages posted and edited."""
    routes = "/channels/{channel_id}/messages", "/channels/{channel_id}/messages/{message_id}"
    return sum(one.method in {"POST", "PATCH"} and one.route in routes for one in sandbox.record.exchanges)


def syncs(sandbox: Sandbox) -> int:
    return sum(one.method == "PUT" and one.route.endswith("/commands") for one in sandbox.record.exchanges)


async def one_task_has_one_card(town: Town) -> None:
    await town.card("T-1", DRY_RUN)
    await wait_thread(town.sandbox)
    assert await town.tasks() == ["T-1"]
    assert len([m for m in await town.sandbox.messages() if "-# T-1 ·" in text_of(m)]) == 1


RESUMED: dict[str, Loss] = {
    "op 7": lambda s: s.gateway.ask_reconnect(),
    "op 9, resumable": lambda s: s.gateway.invalidate(resumable=True),
    "connection reset": lambda s: s.gateway.abort(),
    **{f"closed with {code}": lambda s, code=code: s.disconnect(code) for code in (1000, 1001, 4000, 4008, 4009)},
}


@pytest.mark.parametrize("how", RESUMED)
async def test_a_command_given_while_the_connection_is_lost_is_carried_out_once_after_resume(
    owned: Town, how: str
) -> None:
    if (loss := RESUMED[how](owned.sandbox)) is not None:
        await loss
    await owned.sandbox.slash("Ada", "#octet", "task new", NEW_TASK)
    await one_task_has_one_card(owned)
    assert (owned.sandbox.gateway.identified, owned.sandbox.gateway.resumed, logins(owned.sandbox)) == (1, 1, 1)


@pytest.mark.usefixtures("soon_dead")
async def test_a_command_given_to_a_connection_that_is_open_and_dead_is_carried_out_once_after_resume(
    owned: Town,
) -> None:
    owned.sandbox.gateway.freeze()
    await owned.sandbox.slash("Ada", "#octet", "task new", NEW_TASK)
    await one_task_has_one_card(owned)
    assert owned.sandbox.gateway.resumed >= 1
    assert (owned.sandbox.gateway.identified, logins(owned.sandbox)) == (1, 1)


async def test_discord_counts_as_connected_only_while_its_connection_is_open(quiet_town: Town) -> None:
    sandbox = quiet_town.sandbox
    async with bot_at_work(quiet_town) as connected:
        for times, how in enumerate(("closed with 4000", "connection reset"), start=1):
            sandbox.gateway.refuse_connections(times)
            if (loss := RESUMED[how](sandbox)) is not None:
                await loss
            await until_event(connected, is_set=False)
            await until_event(connected, is_set=True)
            assert (sandbox.gateway.resumed, logins(sandbox)) == (times, 1)
        sandbox.gateway.invalidate(resumable=False)
        await until(sandbox, lambda: sandbox.gateway.identified == 2)
        await until_event(connected, is_set=True)


async def test_a_session_that_is_over_is_begun_anew_and_a_second_ready_changes_nothing(owned: Town) -> None:
    owned.sandbox.gateway.invalidate(resumable=False)
    await until(owned.sandbox, lambda: owned.sandbox.gateway.identified == 2)
    await owned.ask("task new", **NEW_TASK)
    await one_task_has_one_card(owned)
    assert (owned.sandbox.gateway.resumed, logins(owned.sandbox), syncs(owned.sandbox)) == (0, 1, 1)


async def test_a_first_connection_that_is_refused_costs_one_client_and_no_more(quiet_town: Town) -> None:
    """The library ends with an AttributeError here."""
    quiet_town.sandbox.gateway.refuse_connections(1)
    async with bot_at_work(quiet_town):
        await quiet_town.own()
    assert (quiet_town.sandbox.gateway.identified, logins(quiet_town.sandbox)) == (1, 2)


async def test_an_event_that_the_library_cannot_read_costs_one_client_and_no_task(owned: Town) -> None:
    await owned.ask("task new", **NEW_TASK)
    owned.sandbox.gateway.emit("CHANNEL_UPDATE", {"half": "an event"})
    await until(owned.sandbox, lambda: owned.sandbox.gateway.identified == 2 and bool(owned.sandbox.gateway.sessions))
    await owned.ask("task list")
    await one_task_has_one_card(owned)
    assert logins(owned.sandbox) == 2


@pytest.mark.parametrize(
    ("code", "end"), [(4004, "bot_token_refused"), (4013, "intents_refused"), (4014, "intents_refused")]
)
async def test_a_refusal_for_good_ends_the_bot_with_its_reason_and_is_not_tried_again(
    quiet_town: Town, code: int, end: str
) -> None:
    with pytest.RaisesGroup(refuses(end), flatten_subgroups=True):
        async with bot_at_work(quiet_town):
            await quiet_town.sandbox.disconnect(code)
            async with asyncio.timeout(60):
                await asyncio.Event().wait()
    assert (quiet_town.sandbox.gateway.identified, logins(quiet_town.sandbox)) == (1, 1)


async def test_what_is_being_posted_at_the_end_is_posted_and_noted(sandbox: Sandbox, tmp_path: Path) -> None:
    async with people(tmp_path, sandbox) as town:
        async with bot_at_work(town):
            await town.own()
            await sandbox.fault(kind="delay", route=r"POST /channels/\d+/messages", times=1, seconds=0.5)
            await town.ask("task new", **NEW_TASK)
            await until(sandbox, lambda: len(sandbox.faults.hits) == 1)
        card = await town.coordinator.notices.on(DISCORD).card_of("T-1")
        assert card is not None
        assert (card.posted_message, card.thread) == (card.thread, card.posted_message)
        assert card.posted_message in {m["id"] for m in await sandbox.messages()}


async def test_what_takes_too_long_at_the_end_is_posted_once_after_the_next_start(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "DRAIN_S", 0.2)
    async with people(tmp_path, sandbox) as town:
        async with bot_at_work(town):
            await town.own()
            await sandbox.fault(kind="delay", route=r"POST /channels/\d+/messages", times=1, seconds=1.0)
            await town.ask("task new", **NEW_TASK)
            await until(sandbox, lambda: len(sandbox.faults.hits) == 1)
        card = await town.coordinator.notices.on(DISCORD).card_of("T-1")
        assert card is not None
        assert card.posted_message == ""
        async with bot_at_work(town):
            await one_task_has_one_card(town)
            await until(sandbox, lambda: writes(sandbox) >= 2)  # the request that was left alone has been carried out
            await one_task_has_one_card(town)


async def until_event(event: asyncio.Event, *, is_set: bool) -> None:
    async with asyncio.timeout(60):
        while event.is_set() is not is_set:  # noqa: ASYNC110 - it may be set again at once
            await asyncio.sleep(0.002)  # a cleared event wakes no waiter


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
    assert len([m for m in await sandbox.messages() if "-# T-1 ·" in text_of(m)]) == 1


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


async def test_the_bot_asks_for_the_guilds_intent_only_and_mentions_no_user_by_default(town: Town) -> None:
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
