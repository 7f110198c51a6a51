"""What `octet doctor` says about the port, and about Discord's answer to the token."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.cli.checkups import discord as checkup
from bot.cli.checkups import running
from bot.cli.checkups.finding import Level
from core.home import Home
from core.settings.model import Http, Settings

SECRET = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDE.secret-part-of-the-token-of-a-test"


def settings(**changes: object) -> Settings:
    return Settings.model_construct(**{**Settings.model_construct().__dict__, **changes})


def test_a_taken_port_is_a_warning_and_a_free_one_is_fine(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        assert running.port(Home(root=tmp_path), settings(http=Http(port=taken))).level is Level.WARNING
    assert running.port(Home(root=tmp_path), settings(http=Http(port=taken))).level is Level.OK


@asynccontextmanager
async def discord(status: int) -> AsyncGenerator[tuple[str, list[str]]]:
    """Something that answers GET /users/@me, and what it was shown."""
    shown: list[str] = []

    async def me(request: web.Request) -> web.Response:
        shown.append(request.headers["Authorization"])
        return web.json_response({"username": "octet-bot"}, status=status)

    app = web.Application()
    app.router.add_get("/api/users/@me", me)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/api", shown
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "level", "words"),
    [(200, Level.OK, "octet-bot"), (401, Level.PROBLEM, "not take this token"), (503, Level.WARNING, "status 503")],
)
async def test_online_the_token_is_shown_to_discord_and_its_answer_told(status: int, level: Level, words: str) -> None:
    async with discord(status) as (api, shown):
        right = settings(discord_token=SecretStr(SECRET))
        found = await asyncio.to_thread(checkup.token, right, online=True, api=api)
    assert (found.level, shown) == (level, [f"Bot {SECRET}"])
    assert words in found.what
    assert SECRET not in found.what + found.cure


async def test_a_discord_that_cannot_be_reached_is_a_problem_of_the_network() -> None:
    async with discord(200) as (api, _):
        pass
    found = await asyncio.to_thread(checkup.token, settings(discord_token=SecretStr(SECRET)), online=True, api=api)
    assert (found.level, found.what.split(":")[0]) == (Level.PROBLEM, "Discord cannot be reached")
