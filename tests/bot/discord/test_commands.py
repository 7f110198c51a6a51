"""The commands as Discord gets them, and who may use them: the owner all, other users none but `/admin claim`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord import app_commands

from bot.discord.bot import OPEN_TO_ALL, Bot
from bot.discord.channel_client import read_attached
from bot.discord.errors import DiscordBusy, sentence_of
from bot.discord.views.buttons import MessageButton
from bot.discord.views.menus import MessageMenu
from bot.verbs.catalogue import VERBS
from core.limits import FILE_BYTES
from core.maintenance.model import ConfigReloaded
from core.messages.model import NewFile
from core.remedies import refused
from core.security.model import WrongClaim
from core.settings.model import CommandGroup
from tests.bot.discord.town import Town, make_bot, text_of
from tests.builders import refuses

Command = app_commands.Command[Any, ..., Any]


@pytest.fixture
async def bot(quiet_town: Town) -> AsyncIterator[Bot]:
    made = make_bot(quiet_town)
    yield made
    await made.close()


@pytest.fixture
def commands(bot: Bot) -> list[Command]:
    return [one for one in bot.tree.walk_commands() if isinstance(one, app_commands.Command)]


async def test_every_button_and_menu_works_after_a_restart(bot: Bot) -> None:
    known = {*leaves(MessageButton), *leaves(MessageMenu)}
    assert set(bot._connection._view_store._dynamic_items.values()) == known


def leaves(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield from leaves(one) if one.__subclasses__() else (one,)


async def test_each_verb_for_discord_is_one_command_with_descriptions(commands: list[Command]) -> None:
    verbs = {verb.full_name: verb for verb in VERBS if verb.discord != "off"}
    assert set(CommandGroup) == {verb.group for verb in VERBS if verb.discord == "group"}
    assert sorted(command.qualified_name for command in commands) == sorted(verbs)
    for command in commands:
        texts = [command.description, *(str(option.description) for option in command.parameters)]
        assert command.description == verbs[command.qualified_name].summary
        assert not {"", "…"} & set(texts), command.qualified_name


async def test_some_twenty_commands_are_offered_until_a_group_is_switched_on(owned: Town) -> None:
    configuration = owned.coordinator.configuration
    assert "/desk arrange" in await owned.ask("help", topic="desk")
    configuration.command_groups = frozenset()
    await owned.coordinator.store.write(
        lambda tx: owned.coordinator.journal.append(tx, ConfigReloaded(agents=(), gone=(), desks=(), restart=()), by="")
    )
    async with asyncio.timeout(60):
        while len(offered := await _offered(owned)) > 25:  # noqa: ASYNC110 - Discord's own state has no event
            await asyncio.sleep(0.01)
    assert {"task new", "agent pause", "fleet needs-me", "admin commands", "notify", "help"} <= set(offered)
    assert len(offered) >= 18
    assert "/desk arrange" not in (desk := await owned.ask("help", topic="desk"))
    assert "- `/desk stop`: Stop before the next key is pressed" in desk
    assert "More (status, test, arrange, calibrate, doctor, hold) are off here." in desk
    assert "More commands of task, msg, agent, desk, fleet, admin are off here." in await owned.ask("help")
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    assert "*Undo*" in await owned.ask("task cancel", task="T-1")


async def _offered(town: Town) -> list[str]:
    return [
        f"{command['name']} {one['name']}" if one.get("type") == 1 else command["name"]
        for command in await town.sandbox.commands()
        for one in command.get("options") or [{}]
        if command["type"] == 1
    ]


async def test_all_commands_together_keep_discords_limits(bot: Bot) -> None:
    def size(one: dict[str, Any]) -> int:
        """Count what Discord counts: names, descriptions and values, of the options too."""
        texts = [one["name"], one.get("description", ""), one.get("value", "")]
        below = [*(one.get("options") or ()), *(one.get("choices") or ())]
        return sum(len(str(text)) for text in texts) + sum(map(size, below))

    for command in bot.tree.get_commands():
        payload = command.to_dict(bot.tree)
        assert size(payload) <= 8000, payload["name"]
        assert len(payload.get("options") or ()) <= 25, payload["name"]
        for one in payload.get("options") or ():
            assert len(one.get("options") or ()) <= 25, one["name"]


async def test_only_claim_and_help_are_open_to_users_without_a_role(commands: list[Command]) -> None:
    assert [one.qualified_name for one in commands if one.extras.get(OPEN_TO_ALL)] == ["admin claim", "help"]


async def test_each_option_that_names_an_agent_a_desk_or_a_task_is_completed(commands: list[Command]) -> None:
    for command in commands:
        for option in command.parameters:
            if option.name in {"agent", "task", "desk"}:
                assert option.autocomplete, f"{command.qualified_name} {option.name}"


FILE = discord.AppCommandOptionType.attachment.value
VALUES = {
    "after": "T-1",
    "wait_minutes": 0,
    "expires_minutes": 60,
    **dict.fromkeys(("message", "question", "search", "supersedes"), "x"),
    **dict.fromkeys(("about", "account", "model", "pane", "profile", "window"), "x"),
    "agent": "Dry-1",
    "capabilities": "code",
    "best_of": 2,
    "project": "shop",
    "squash": False,
    "checks": "tests",
    "brief": "Count the birds",
    "desk": "main",
    "due": "2h",
    "label": "bug",
    "labels": "bug",
    "needs": "python",
    "not_before": "2h",
    "part_of": "T-1",
    "parts": "one",
    "remove": False,
    "task": "T-1",
    "text": "x",
    "why": "x",
    "window": "agent-1",
    "who": "Ben",
    "channel": "general",
    "hours": 1,
    "days": 1,
    "reason": "on call",
    "name": "ci",
    "scopes": "viewer",
    "zone": "Europe/Berlin",
    "filter": "x",
    "program": "opencode",
    "folder": "/srv/app",
    "sort": "-changed",
    "on": True,
}


def options_of(command: dict[str, Any]) -> dict[str, Any]:
    """Return a valid value for each option, but for files."""
    return {
        one["name"]: one["choices"][0]["value"] if one.get("choices") else VALUES[one["name"]]
        for one in command.get("options", [])
        if one["type"] != FILE
    }


async def test_the_commands_that_take_a_file_have_discords_option_for_one(owned: Town) -> None:
    groups = {group["name"]: group.get("options", ()) for group in await owned.sandbox.commands()}
    files = [
        f"{group} {one['name']} {option['name']}"
        for group, commands in groups.items()
        for one in commands
        for option in one.get("options", ())
        if option["type"] == FILE
    ]
    assert sorted(files) == ["msg send attach", "task new attach"]


def uploaded(size: int, content: bytes | Exception) -> discord.Attachment:
    """Make a file as a command brings it, which Discord's file server returns, or fails to."""

    async def get_from_cdn(_url: str) -> bytes:
        if isinstance(content, Exception):
            raise content
        return content

    data: Any = {"id": "1", "size": size, "filename": "birds.csv", "url": "u", "proxy_url": "p"}
    state: Any = SimpleNamespace(http=SimpleNamespace(get_from_cdn=get_from_cdn))
    return discord.Attachment(data=data, state=state)


async def test_a_file_of_a_command_is_fetched_if_it_is_not_too_large() -> None:
    assert await read_attached(uploaded(3, b"a,b")) == NewFile(name="birds.csv", content=b"a,b")
    assert [await read_attached(one) for one in ("x", None, 7)] == ["x", None, 7]
    with refuses("files_too_large"):
        await read_attached(uploaded(FILE_BYTES.most + 1, AssertionError("fetched all the same")))
    with pytest.raises(DiscordBusy):
        await read_attached(uploaded(3, ConnectionResetError()))


async def test_every_command_and_completion_denies_a_stranger_privately(owned: Town) -> None:
    for group in await owned.sandbox.commands():
        if group["type"] != 1:  # a message's menu: see test_tasks
            continue
        subcommands = [one for one in group.get("options", ()) if one["type"] == 1]
        for one in subcommands or [group]:
            name = f"{group['name']} {one['name']}" if subcommands else one["name"]
            given = {} if one["name"] == "claim" else options_of(one)
            if one["name"] in {"claim", "help"}:  # open to all
                continue
            answer = await owned.answer(name, "Ben", **given)
            assert text_of(answer) == owned.stranger, name
            assert answer["sandbox"]["only_for"] == str(owned.sandbox.world.ben.id)
            for option in [option["name"] for option in one.get("options", []) if option.get("autocomplete")]:
                assert await owned.complete(name, option, "", "Ben", **{**given, option: ""}) == [], name
    assert (owned.worker.told, await owned.sandbox.threads(), await owned.tasks()) == ([], [], [])


async def test_help_is_for_everyone_and_says_whom_to_ask_for_a_role(owned: Town) -> None:
    ask = f"ask <@{owned.ada}> for a role"
    assert ask in await owned.ask("help", "Ben")
    assert "/desk stop" in await owned.ask("help", "Ben", topic="desk")
    assert ask not in await owned.ask("help")


async def test_a_stranger_gets_no_dialog(owned: Town) -> None:
    answer = await owned.sandbox.slash("Ben", "#octet", "task new", {})
    assert answer.kind != "modal"
    assert text_of(await owned.answered(answer)) == owned.stranger


async def test_the_first_user_with_the_code_of_the_console_becomes_the_owner_and_no_user_after(town: Town) -> None:
    code = str(town.coordinator.people.claim_code())
    assert await town.ask("task list") == sentence_of(refused("owner_missing"))
    assert await town.ask("admin claim", code="guess") == sentence_of(WrongClaim())
    await town.ask("admin claim", code=f" {code} ")
    assert await town.ask("admin claim", user="Ben", code=code) == sentence_of(refused("owner_exists"))
    assert await town.ask("task list", user="Ben") == town.stranger
    assert town.coordinator.version in await town.ask("admin version")


@pytest.mark.parametrize("guild", [None, 4711])
async def test_direct_messages_and_other_servers_are_refused(town: Town, guild: int | None) -> None:
    bot = make_bot(town)
    user = SimpleNamespace(id=town.sandbox.world.ada.id, display_name="Ada")
    with refuses("wrong_server"):
        await bot.actor(SimpleNamespace(guild_id=guild, user=user))  # pyright: ignore[reportArgumentType] - what `actor` looks at
    await bot.close()


async def test_an_unexpected_error_is_in_the_log_and_not_in_the_answer(
    owned: Town, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(*_args: object, **_options: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(type(owned.coordinator.agents), "list", broken)
    number = (await owned.ask("agent list")).rstrip(".").split()[-1]
    log = capsys.readouterr().out
    assert "secret" not in str(await owned.sandbox.messages())
    assert "secret" in log
    assert number in log
