"""Requests that no client library sends: Discord refuses them, and the sandbox does not fail at them."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession

from sandbox.discord.rest.api import Exchange
from sandbox.discord.server import Sandbox
from tests.sandbox.discord.wire import call

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"
FIELD = b'--x\r\nContent-Disposition: form-data; name="content"\r\n'


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        (JSON, b"[" * 100_000, 50109),
        (JSON, b'{"content":"\xff"}', 50109),
        (FORM, b"content=\xff", 50035),
        ("multipart/form-data", b"x", 50035),
        (MULTIPART, b"", 50035),
        (MULTIPART, b"x", 50035),
        (MULTIPART, FIELD + b"\r\nwords", 50035),
        (MULTIPART, FIELD + b"\r\n\xff\r\n--x--\r\n", 50035),
        (MULTIPART, FIELD + b"no header\r\n\r\nwords\r\n--x--\r\n", 50035),
        (MULTIPART, FIELD + b"Content-Transfer-Encoding: none\r\n\r\nwords\r\n--x--\r\n", 50035),
        (MULTIPART, FIELD + b"Content-Transfer-Encoding: base64\r\n\r\na\r\n--x--\r\n", 50035),
    ],
)
async def test_an_unreadable_body_is_refused(sandbox: Sandbox, kind: str, body: bytes, code: int) -> None:
    sandbox.record.listeners.clear()
    headers = {"Authorization": f"Bot {sandbox.token}", "Content-Type": kind}
    url = f"{sandbox.api_base}/channels/{sandbox.world.home.id}/messages"
    async with ClientSession(headers=headers) as session, session.post(url, data=body) as response:
        assert (response.status, (await response.json())["code"]) == (400, code)


async def test_a_wrong_content_encoding_is_refused(sandbox: Sandbox) -> None:
    headers = {"Authorization": f"Bot {sandbox.token}", "Content-Type": JSON, "Content-Encoding": "gzip"}
    url = f"{sandbox.api_base}/channels/{sandbox.world.home.id}/messages"
    async with ClientSession(headers=headers) as session, session.post(url, data=b"\x1f\x8bxx") as response:
        assert (response.status, (await response.json())["code"]) == (400, 50109)


async def test_a_client_that_leaves_within_its_request_is_no_failure_of_the_sandbox(sandbox: Sandbox) -> None:
    asked: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
    sandbox.record.listeners[:] = [asked.set_result]
    address = urlsplit(sandbox.api_base)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"POST {address.path}/channels/{sandbox.world.home.id}/messages HTTP/1.1\r\nHost: {address.netloc}\r\n"
    writer.write(f"{head}Authorization: Bot {sandbox.token}\r\nContent-Length: 9\r\n\r\n{{".encode())
    await writer.drain()
    writer.transport.abort()
    await asked
    assert sandbox.record.failures == []


async def test_a_null_among_the_allowed_users_allows_no_mention(sandbox: Sandbox) -> None:
    body = {"content": f"<@{sandbox.world.ada.id}>", "allowed_mentions": {"users": [None]}}
    status, message = await call(sandbox, "POST", f"/channels/{sandbox.world.home.id}/messages", body)
    assert (status, message["mentions"]) == (200, [])
