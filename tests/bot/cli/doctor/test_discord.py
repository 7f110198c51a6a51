"""What `octet doctor --online` says of Discord: the token, the server, the channel, the clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.cli.doctor import discord as checkup
from bot.cli.doctor.model import Finding, FindingLevel
from bot.discord.setup_client import PERMISSIONS, PIN_MESSAGES
from core.settings.model import DiscordSettings, Settings

SECRET = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDE.secret-part-of-the-token-of-a-test"


def settings(**discord: Any) -> Settings:
    plain = Settings.model_construct().__dict__
    return Settings.model_construct(
        **{
            **plain,
            "discord_token": SecretStr(SECRET),
            "discord": DiscordSettings.model_construct(**{**DiscordSettings().__dict__, **discord}),
        }
    )


@dataclass
class Api:
    """What stands in for Discord's REST interface."""

    status: int = 200
    url: str = ""
    shown: list[str] = field(default_factory=list[str])
    application: dict[str, Any] = field(default_factory=lambda: {"id": "5", "bot_public": False})
    guilds: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "7", "name": "Home"}])
    permissions: int = PERMISSIONS

    async def answer(self, request: web.Request) -> web.Response:
        if "Authorization" in request.headers:
            self.shown.append(request.headers["Authorization"])
        path = request.path.removeprefix("/api")
        pages: dict[str, Any] = {
            "/users/@me": {"id": "6", "username": "octet-bot"},
            "/applications/@me": self.application,
            "/users/@me/guilds": self.guilds,
            "/guilds/7/roles": [{"id": "7", "permissions": str(self.permissions)}],
            "/guilds/7/members/6": {"user": {"id": "6", "username": "octet-bot"}, "roles": []},
            "/guilds/7/channels": [{"id": "77", "name": "octet", "type": 0, "position": 0}],
        }
        status = self.status if path in pages else 404
        date = formatdate(time.time(), usegmt=True)
        return web.json_response(pages.get(path, {}), status=status, headers={"Date": date})


@asynccontextmanager
async def discord() -> AsyncGenerator[Api]:
    api = Api()
    app = web.Application()
    app.router.add_get("/{path:.*}", api.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api"
    try:
        yield api
    finally:
        await runner.cleanup()


async def look(api: Api, **given: Any) -> list[Finding]:
    found = await asyncio.to_thread(lambda: list(checkup.look(settings(**given), api=api.url)))
    assert SECRET not in str(found)
    return found


def trouble(found: list[Finding]) -> list[Finding]:
    return [one for one in found if one.level is not FindingLevel.OK]


def test_a_home_without_a_token_is_told_and_discord_is_left_alone() -> None:
    none = Settings.model_construct()
    assert checkup.token(none, online=True).level is FindingLevel.WARNING
    assert list(checkup.look(none)) == []
    assert "--online" in checkup.token(settings(), online=False).what


async def test_messages_in_threads_need_the_intent_of_the_application() -> None:
    async with discord() as api:
        (missing,) = trouble(await look(api, guild_id=7, channel_id=77, thread_messages=True))
        assert "Message Content Intent" in missing.cure
        api.application["flags"] = 1 << 19
        assert trouble(await look(api, guild_id=7, channel_id=77, thread_messages=True)) == []


async def test_a_bot_that_has_all_it_needs_is_all_right() -> None:
    async with discord() as api:
        found = await look(api, guild_id=7, channel_id=77)
        assert trouble(found) == []
        said = "\n".join(one.what for one in found)
        for words in ("octet-bot", "server Home", "#octet", "no privileged intent", "clock agrees"):
            assert words in said
        assert set(api.shown) == {f"Bot {SECRET}"}
        assert "in 1 of 1 text channels" in "\n".join(one.what for one in await look(api))


async def test_a_token_that_is_refused_is_a_problem_and_a_discord_that_is_away_another() -> None:
    async with discord() as api:
        api.status = 401
        [refused] = trouble(await look(api))
        assert (refused.level, "refuses this token" in refused.what) == (FindingLevel.PROBLEM, True)
        api.status = 400
        assert "status 400" in trouble(await look(api))[0].what
    gone = trouble(await look(api))[0]
    assert (gone.level, gone.what.split(":")[0]) == (FindingLevel.PROBLEM, "Octet cannot reach Discord")
    assert "proxy" in gone.what


async def test_a_server_the_bot_is_no_member_of_is_a_problem_with_the_invitation() -> None:
    async with discord() as api:
        [found] = trouble(await look(api, guild_id=8))
        assert (found.level, "server 8" in found.what) == (FindingLevel.PROBLEM, True)
        assert f"client_id=5&scope=bot+applications.commands&permissions={PERMISSIONS}" in found.cure
        api.guilds = []
        assert "no server" in trouble(await look(api))[0].what


async def test_what_the_bot_lacks_in_its_channel_is_named() -> None:
    async with discord() as api:
        api.permissions = PERMISSIONS & ~(1 << 15) & ~(1 << 38)
        [found] = trouble(await look(api, guild_id=7, channel_id=77))
        assert found.level is FindingLevel.PROBLEM
        assert "Attach Files" in found.what
        assert "Send Messages in Threads" in found.what
        assert "in 0 of 1 text channels" in trouble(await look(api, guild_id=7))[0].what
        assert "channel 78" in trouble(await look(api, guild_id=7, channel_id=78))[0].what


async def test_without_pins_it_works_and_is_warned() -> None:
    async with discord() as api:
        api.permissions = PERMISSIONS & ~PIN_MESSAGES
        for place in ({"channel_id": 77}, {}):
            [found] = trouble(await look(api, guild_id=7, **place))
            assert (found.level, "unpinned" in found.what) == (FindingLevel.WARNING, True)
            assert "Pin Messages" in found.cure


async def test_an_application_that_anybody_may_invite_or_nobody_can_is_told() -> None:
    async with discord() as api:
        api.application = {"id": "5", "bot_public": True, "bot_require_code_grant": True}
        assert [one.level for one in trouble(await look(api, guild_id=7))] == [
            FindingLevel.PROBLEM,
            FindingLevel.WARNING,
        ]


@pytest.mark.parametrize(
    ("behind_s", "level", "words"),
    [(0, FindingLevel.OK, "agrees"), (120, FindingLevel.WARNING, "ahead of"), (-900, FindingLevel.PROBLEM, "behind")],
)
def test_a_clock_that_differs_from_discords_is_told_with_how_to_set_it(
    behind_s: int, level: FindingLevel, words: str
) -> None:
    [found] = checkup.clock(formatdate(1_000_000 - behind_s, usegmt=True), now_s=1_000_000)
    assert (found.level, words in found.what) == (level, True)
    assert ("timedatectl" in found.cure) is (level is not FindingLevel.OK)
