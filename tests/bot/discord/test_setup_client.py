"""What a token shows over REST: against the local Discord, and against answers that it never gives."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import discord
import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.cli.doctor import discord as doctor
from bot.cli.doctor.model import FindingLevel
from bot.discord import setup_client
from bot.discord.setup_client import (
    ADMINISTRATOR,
    NEEDED,
    PERMISSIONS,
    PIN_MESSAGES,
    ChannelAccess,
    DiscordServer,
    DiscordUnreachable,
    DiscordUser,
    NotVisible,
    SetupClient,
    TokenInvalid,
    invite_link,
    missing_permissions,
)
from core.settings.model import DiscordSettings, Settings
from sandbox.discord.server import Sandbox

PAGE = Path(__file__).parents[3] / "docs" / "discord.md"
VIEW, SEND, ATTACH = NEEDED["View Channels"], NEEDED["Send Messages"], NEEDED["Attach Files"]
Json = dict[str, Any]


def test_the_permissions_are_those_of_discord_by_their_names() -> None:
    asked = discord.Permissions(
        view_channel=True,
        send_messages=True,
        create_public_threads=True,
        send_messages_in_threads=True,
        attach_files=True,
        embed_links=True,
        read_message_history=True,
        pin_messages=True,
    )
    assert (asked.value, discord.Permissions(administrator=True).value) == (PERMISSIONS, ADMINISTRATOR)
    assert missing_permissions(PERMISSIONS & ~SEND) == ("Send Messages",)
    assert missing_permissions(ADMINISTRATOR) == missing_permissions(PERMISSIONS) == ()
    page = PAGE.read_text(encoding="utf-8")
    assert invite_link("APPLICATION_ID") in page
    assert set(re.findall(r"permissions=(\d+)", page)) == {str(PERMISSIONS)}
    listed = " ".join(page.lower().split())
    assert [name for name in (*NEEDED, "pin messages") if name.lower() not in listed] == []


async def test_it_sees_what_the_local_discord_shows(sandbox: Sandbox) -> None:
    world = sandbox.world
    asks = SetupClient(sandbox.token, api_base=sandbox.api_base)
    found = await asyncio.to_thread(asks.application)
    assert (found.id, found.bot_name) == (str(world.application_id), "Octet")
    assert found.owners == (DiscordUser(id=str(world.ada.id), name="Ada"),)
    (server,) = await asyncio.to_thread(asks.servers)
    assert server == DiscordServer(id=str(world.guild_id), name="Octet sandbox")
    await sandbox.forbid("general", ["send_messages"])
    channels = await asyncio.to_thread(asks.text_channels, server.id, found.bot_id)
    assert [(one.name, one.missing) for one in channels] == [("octet", ()), ("general", ("Send Messages",))]
    ben = DiscordUser(id=str(world.ben.id), name="Ben")
    assert await asyncio.to_thread(asks.find_member, server.id, ben.id) == ben
    assert await asyncio.to_thread(asks.find_member, server.id, "7") is None
    with pytest.raises(NotVisible, match="server with the id 7"):
        await asyncio.to_thread(asks.text_channels, "7", found.bot_id)
    with pytest.raises(TokenInvalid):
        await asyncio.to_thread(SetupClient("wrong", api_base=sandbox.api_base).application)


async def test_the_doctor_tries_a_channel_and_leaves_nothing_open(sandbox: Sandbox) -> None:
    given = DiscordSettings(sandbox=True, api_base=sandbox.api_base, channel_id=sandbox.world.home.id)
    settings = Settings(discord_token=SecretStr(sandbox.token), discord=given)
    (found,) = await asyncio.to_thread(lambda: list(doctor.trial(settings)))
    assert found.level is FindingLevel.OK
    assert found.what.endswith("posted a message, edited it, started a thread, removed them")
    assert await sandbox.messages(channel="octet") == []
    assert [thread.archived for thread in sandbox.world.threads()] == [True]  # it takes Manage Threads to delete one
    await sandbox.forbid("octet", ["create_public_threads"])
    (found,) = await asyncio.to_thread(lambda: list(doctor.trial(settings)))
    assert (found.level, "edited it; then Discord refused" in found.what) == (FindingLevel.PROBLEM, True)
    assert await sandbox.messages(channel="octet") == []


@asynccontextmanager
async def serving(answers: dict[str, Callable[[web.Request], Any]]) -> AsyncGenerator[SetupClient]:
    """Something that answers as Discord does, as told: `answers` by path."""

    async def give(request: web.Request) -> web.StreamResponse:
        found = answers[request.path](request)
        return found if isinstance(found, web.Response) else web.json_response(found)

    app = web.Application()
    app.router.add_get("/{path:.*}", give)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield SetupClient("t", api_base="http://{}:{}".format(*runner.addresses[0]))
    finally:
        await runner.cleanup()


def user(number: int, name: str) -> Json:
    return {"id": str(number), "username": name.lower(), "global_name": name}


@pytest.mark.parametrize("token", ["a.b\nc", "a.b\r\nX: y", "tökén…", "a\x00b"])
def test_an_impossible_token_is_refused_and_never_repeated(token: str) -> None:
    with pytest.raises(TokenInvalid) as refused:
        SetupClient(token, api_base="http://127.0.0.1:9").application()
    assert token not in str(refused.value)
    assert refused.value.__cause__ is None


async def test_an_answer_that_is_no_http_is_a_discord_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup_client, "_pause", lambda _: None)

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"this is no http\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(DiscordUnreachable):
            await asyncio.to_thread(SetupClient("a.b.c", api_base=f"http://127.0.0.1:{port}").servers)


async def test_of_a_team_those_are_offered_who_may_change_the_application_its_owner_first() -> None:
    members = [
        {"membership_state": 2, "role": "developer", "user": user(1, "Ada")},
        {"membership_state": 1, "role": "admin", "user": user(2, "Invited")},
        {"membership_state": 2, "role": "read_only", "user": user(3, "Reader")},
        {"membership_state": 2, "role": "admin", "user": user(4, "Owen")},
    ]
    team = {"id": "9", "name": "Crew", "owner_user_id": "4", "members": members}
    answers = {
        "/users/@me": lambda _: user(8, "Octet"),
        "/applications/@me": lambda _: {"id": "8", "owner": user(9, "team9"), "team": team, "bot_public": True},
    }
    async with serving(answers) as asks:
        found = await asyncio.to_thread(asks.application)
    assert found.is_public
    assert found.owners == (DiscordUser(id="4", name="Owen"), DiscordUser(id="1", name="Ada"))


async def test_more_servers_than_fit_on_one_page_are_all_found() -> None:
    def page(request: web.Request) -> list[Json]:
        after = int(request.query.get("after", "0"))
        return [{"id": str(number), "name": f"S{number}"} for number in range(after + 1, min(after + 200, 450) + 1)]

    async with serving({"/users/@me/guilds": page}) as asks:
        found = await asyncio.to_thread(asks.servers)
    assert [one.id for one in found] == [str(number) for number in range(1, 451)]


async def test_what_the_bot_may_in_a_channel_is_reckoned_as_discord_does() -> None:
    """Everybody's overwrite first, then those of its roles together, then its own; in each a permission given wins."""

    def channel(number: int, name: str, *overwrites: tuple[str, int, int], kind: int = 0) -> Json:
        listed = [{"id": one, "type": 0, "allow": str(allow), "deny": str(deny)} for one, allow, deny in overwrites]
        return {"id": str(number), "name": name, "type": kind, "position": -number, "permission_overwrites": listed}

    channels = [
        channel(1, "open"),
        channel(2, "closed", ("5", 0, VIEW | PIN_MESSAGES)),
        channel(3, "for the role", ("5", 0, VIEW), ("6", VIEW, 0), ("7", 0, VIEW)),
        channel(4, "not for the bot", ("6", SEND, 0), ("8", 0, SEND)),
        channel(9, "voice", kind=2),
    ]
    roles = [
        {"id": "5", "permissions": str(PERMISSIONS & ~ATTACH)},
        {"id": "6", "permissions": str(ATTACH)},
        {"id": "7", "permissions": "0"},
        {"id": "66", "permissions": str(ADMINISTRATOR)},
    ]
    answers: dict[str, Callable[[web.Request], Any]] = {
        "/guilds/5/roles": lambda _: roles,
        "/guilds/5/members/8": lambda _: {"roles": ["6", "7"], "user": user(8, "Octet")},
        "/guilds/5/channels": lambda _: channels,
    }
    async with serving(answers) as asks:
        found = await asyncio.to_thread(asks.text_channels, "5", "8")
        answers["/guilds/5/members/8"] = lambda _: {"roles": ["66"], "user": user(8, "Octet")}
        as_administrator = await asyncio.to_thread(asks.text_channels, "5", "8")
    assert found == [
        ChannelAccess(id="4", name="not for the bot", missing=("Send Messages",), may_pin=True),
        ChannelAccess(id="3", name="for the role", missing=(), may_pin=True),
        ChannelAccess(id="2", name="closed", missing=("View Channels",), may_pin=False),
        ChannelAccess(id="1", name="open", missing=(), may_pin=True),
    ]
    assert all(one.missing == () and one.may_pin for one in as_administrator)


async def test_a_busy_discord_is_asked_again_and_one_that_stays_so_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []
    monkeypatch.setattr(setup_client, "_pause", rests.append)
    tries = 0

    def limited(_: web.Request) -> Any:
        nonlocal tries
        tries += 1
        return web.Response(status=429, headers={"Retry-After": "2.5"}) if tries < 3 else []

    answers = {"/users/@me/guilds": limited, "/users/7": lambda _: web.Response(status=503)}
    async with serving(answers) as asks:
        assert await asyncio.to_thread(asks.servers) == []
        assert rests == [2.5, 2.5]
        with pytest.raises(DiscordUnreachable, match="status 503"):
            await asyncio.to_thread(asks.find_user, "7")
    with pytest.raises(DiscordUnreachable, match="internet connection"):
        await asyncio.to_thread(SetupClient("t", api_base="http://127.0.0.1:9").servers)
