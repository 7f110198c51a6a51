"""Bodies at and beyond their limits, and requests that no library sends: Discord's refusal, never a failure."""

from __future__ import annotations

import asyncio
import io
from urllib.parse import urlsplit

import discord
import pytest
from aiohttp import ClientSession

from sandbox.discord.rest.api import Exchange
from sandbox.discord.server import Sandbox
from tests.sandbox.discord.trial_bot import TrialBot
from tests.sandbox.discord.wire import call, home

MIB = 1024 * 1024
JSON, MULTIPART = "application/json", "multipart/form-data; boundary=x"
FIELD = b'--x\r\nContent-Disposition: form-data; name="content"\r\n'


@pytest.mark.parametrize("size", [128 * 1024, 128 * 1024 + 1, 10 * MIB])
async def test_discord_py_uploads_files_up_to_ten_mebibytes(sandbox: Sandbox, bot: TrialBot, size: int) -> None:
    channel = bot.get_partial_messageable(sandbox.world.home.id)
    sent = await channel.send("a picture", file=discord.File(io.BytesIO(b"x" * size), "shot.png"))
    async with ClientSession() as session, session.get(sent.attachments[0].url) as response:
        assert len(await response.read()) == sent.attachments[0].size == size
    if size == 10 * MIB:
        with pytest.raises(discord.HTTPException) as refused:
            await channel.send(file=discord.File(io.BytesIO(b"x" * (size + 1)), "shot.png"))
        assert (refused.value.status, refused.value.code) == (413, 40005)


@pytest.mark.parametrize(
    ("headers", "body", "answer"),
    [
        ({"Content-Type": JSON}, b"[" * 100_000, (400, 50109)),
        ({"Content-Type": JSON}, b'{"content":"\xff"}', (400, 50109)),
        ({"Content-Type": JSON, "Content-Encoding": "gzip"}, b"\x1f\x8bxx", (400, 50109)),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"content=\xff", (400, 50035)),
        ({"Content-Type": "multipart/form-data"}, b"x", (400, 50035)),
        ({"Content-Type": MULTIPART}, b"", (400, 50035)),
        ({"Content-Type": MULTIPART}, FIELD + b"\r\n\xff\r\n--x--\r\n", (400, 50035)),
        ({"Content-Type": MULTIPART}, FIELD + b"no header\r\n\r\nwords\r\n--x--\r\n", (400, 50035)),
        ({"Content-Type": MULTIPART}, FIELD + b"Content-Transfer-Encoding: base64\r\n\r\na\r\n--x--\r\n", (400, 50035)),
        ({}, b"x" * 33 * MIB, (413, 40005)),
    ],
)
async def test_an_unreadable_or_too_large_body_is_refused(
    sandbox: Sandbox, headers: dict[str, str], body: bytes, answer: tuple[int, int]
) -> None:
    sandbox.record.listeners.clear()
    async with (
        ClientSession(headers={"Authorization": f"Bot {sandbox.token}"} | headers) as session,
        session.post(sandbox.api_base + home(sandbox, "/messages"), data=io.BytesIO(body)) as response,
    ):
        assert (response.status, (await response.json())["code"]) == answer


async def test_a_client_that_disconnects_within_its_request_causes_no_failure(sandbox: Sandbox) -> None:
    asked: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
    sandbox.record.listeners[:] = [asked.set_result]
    address = urlsplit(sandbox.api_base)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"POST {address.path}{home(sandbox, '/messages')} HTTP/1.1\r\nHost: {address.netloc}\r\n"
    writer.write(f"{head}Authorization: Bot {sandbox.token}\r\nContent-Length: 9\r\n\r\n{{".encode())
    await writer.drain()
    writer.transport.abort()
    await asked
    assert sandbox.record.failures == []


async def test_a_token_that_is_no_text_is_refused(sandbox: Sandbox) -> None:
    address = urlsplit(sandbox.api_base)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"GET {address.path}/users/@me HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bot "
    writer.write(head.encode() + b"\xff\r\nConnection: close\r\n\r\n")
    assert (await reader.readline()).split()[1] == b"401"
    writer.close()


async def test_a_failure_of_the_sandbox_and_an_unknown_route_are_recorded(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.record.listeners.clear()
    monkeypatch.setattr(sandbox.payloads, "channel", lambda *_, **__: {}["missing"])
    monkeypatch.setattr(sandbox.views, "channels", lambda: {}["missing"])
    broken = (500, {"message": "500: Internal Server Error", "code": 0})
    assert await call(sandbox, "GET", home(sandbox)) == broken
    headers = {"Authorization": f"Bearer {sandbox.keys.key}"}
    async with (
        ClientSession(headers=headers) as session,
        session.get(f"{sandbox.page}sandbox/channels") as response,
    ):
        assert (response.status, await response.json()) == broken
    assert [one.partition(" ")[2] for one in sandbox.record.failures] == [
        f"/api/v10{home(sandbox)}: KeyError('missing')",
        "/sandbox/channels: KeyError('missing')",
    ]
    assert await call(sandbox, "GET", "/no/such/route") == (404, {"message": "404: Not Found", "code": 0})
    assert sandbox.record.unknown_routes == ["GET /api/v10/no/such/route"]
    sandbox.record.failures.clear()
    sandbox.record.unknown_routes.clear()
