"""Files reach the sandbox whole up to Discord's limit; a larger one gets 413 and code 40005."""

from __future__ import annotations

import io

import discord
import pytest
from aiohttp import ClientSession

from sandbox.discord.server import Sandbox
from tests.sandbox.discord.trial_bot import TrialBot
from tests.sandbox.discord.wire import call

MIB = 1024 * 1024


def file_of(size: int) -> discord.File:
    return discord.File(io.BytesIO(b"x" * size), "shot.png")


@pytest.mark.parametrize("size", [64 * 1024, 128 * 1024, 128 * 1024 + 1, 180_000, 10 * MIB])
async def test_discord_py_uploads_files_up_to_ten_mebibytes(sandbox: Sandbox, bot: TrialBot, size: int) -> None:
    channel = bot.get_partial_messageable(sandbox.world.home.id)
    sent = await channel.send("a picture", file=file_of(size))
    assert sent.attachments[0].size == size
    async with ClientSession() as session, session.get(sent.attachments[0].url) as response:
        assert len(await response.read()) == size


async def test_a_larger_file_is_refused_with_40005(sandbox: Sandbox, bot: TrialBot) -> None:
    channel = bot.get_partial_messageable(sandbox.world.home.id)
    with pytest.raises(discord.HTTPException) as refused:
        await channel.send(file=file_of(10 * MIB + 1))
    assert (refused.value.status, refused.value.code) == (413, 40005)


async def test_a_request_beyond_every_limit_is_refused_with_40005_too(sandbox: Sandbox) -> None:
    path = f"/channels/{sandbox.world.home.id}/messages"
    async with (
        ClientSession(headers={"Authorization": f"Bot {sandbox.token}"}) as session,
        session.post(sandbox.api_base + path, data=io.BytesIO(b"x" * 33 * MIB)) as response,
    ):
        assert (response.status, (await response.json())["code"]) == (413, 40005)


async def test_a_failure_of_the_sandbox_is_a_json_500_that_its_test_sees(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.record.listeners.clear()
    monkeypatch.setattr(sandbox.payloads, "channel", lambda *_, **__: {}["missing"])
    answer = await call(sandbox, "GET", f"/channels/{sandbox.world.home.id}")
    assert answer == (500, {"message": "500: Internal Server Error", "code": 0})
    assert sandbox.record.failures == [f"GET /api/v10/channels/{sandbox.world.home.id}: KeyError('missing')"]
    sandbox.record.failures.clear()


async def test_a_failure_of_the_page_is_a_json_500_that_its_test_sees(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox.views, "channels", lambda: {}["missing"])
    url, headers = f"{sandbox.page}sandbox/channels", {"Authorization": f"Bearer {sandbox.keys.key}"}
    async with ClientSession(headers=headers) as session, session.get(url) as response:
        assert (response.status, await response.json()) == (500, {"message": "500: Internal Server Error", "code": 0})
    assert sandbox.record.failures == ["GET /sandbox/channels: KeyError('missing')"]
    sandbox.record.failures.clear()
