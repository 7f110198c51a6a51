"""Interactions end as Discord ends them: late, twice, expired, private."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientWebSocketResponse

from sandbox.discord.model import Json
from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox
from tests.sandbox.discord.wire import frame, known, ok, refusal

PING = {"name": "ping", "description": "Ping", "type": 1}


@asynccontextmanager
async def application(sandbox: Sandbox) -> AsyncIterator[ClientWebSocketResponse]:
    """Open a gateway connection without any library, with /ping synced."""
    await ok(sandbox, "PUT", f"/applications/{sandbox.world.application_id}/commands", [PING])
    async with known(sandbox) as socket:
        yield socket


@asynccontextmanager
async def asked(sandbox: Sandbox) -> AsyncIterator[tuple[Json, asyncio.Task[Any]]]:
    """Send /ping; give it as the application got it, and the person's waiting for it."""
    async with application(sandbox) as socket, asyncio.TaskGroup() as group:
        waiting = group.create_task(sandbox.slash("Ada", "octet", "ping"))
        yield await frame(socket, "INTERACTION_CREATE"), waiting


def callback(interaction: Json) -> str:
    return f"/interactions/{interaction['id']}/{interaction['token']}/callback?with_response=1"


def webhook(sandbox: Sandbox, interaction: Json, rest: str = "") -> str:
    return f"/webhooks/{sandbox.world.application_id}/{interaction['token']}{rest}"


async def test_an_answer_counts_once_in_time_and_when_it_is_valid(sandbox: Sandbox) -> None:
    async with asked(sandbox) as (interaction, waiting):
        for wrong in ({"type": 4, "data": {"content": "x" * 2001}}, {"type": 6}, {"type": 8, "data": {"choices": []}}):
            assert await refusal(sandbox, "POST", callback(interaction), wrong) == (400, 50035)
        first = await ok(sandbox, "POST", callback(interaction), {"type": 4, "data": {"content": "pong"}})
        again = {"type": 4, "data": {"content": "again"}}
        assert await refusal(sandbox, "POST", callback(interaction), again) == (400, 40060)
        assert (await waiting).message_id == first["interaction"]["response_message_id"]
        assert [m["content"] for m in await sandbox.messages()] == ["pong"]
    async with asked(sandbox) as (interaction, waiting):
        sandbox.interactions._expire(sandbox.interactions.by_id[int(interaction["id"])])
        assert (await waiting).kind == "failed"
        assert await refusal(sandbox, "POST", callback(interaction), {"type": 5}) == (404, 10062)


async def test_an_expired_token_is_50027() -> None:
    async with open_sandbox(SandboxSettings(token_ttl_s=0.0)) as sandbox, asked(sandbox) as (interaction, waiting):
        await ok(sandbox, "POST", callback(interaction), {"type": 5})
        await waiting
        for method, rest in (("PATCH", "/messages/@original"), ("POST", "")):
            late = await refusal(sandbox, method, webhook(sandbox, interaction, rest), {"content": "late"})
            assert late == (401, 50027)


async def test_follow_ups_come_only_after_the_answer_and_first_fill_the_thinking_message(sandbox: Sandbox) -> None:
    async with asked(sandbox) as (interaction, waiting):
        url = webhook(sandbox, interaction)
        assert await refusal(sandbox, "POST", url, {"content": "early"}) == (404, 10015)
        await ok(sandbox, "POST", callback(interaction), {"type": 5, "data": {"flags": 64}})
        original = (await waiting).message_id
        assert (await sandbox.messages(user="Ada"))[0]["sandbox"]["thinking"] is True
        first = await ok(sandbox, "POST", url, {"content": "one"}, files={"a.txt": b"alpha"})
        second = await ok(sandbox, "POST", url, {"content": "two", "flags": 64})
        assert first["id"] == original != second["id"]
        assert first["edited_timestamp"] is None
        edited = await ok(sandbox, "PATCH", f"{url}/messages/@original", {"content": "one, edited"})
        assert edited["attachments"][0]["filename"] == "a.txt"
        assert edited["flags"] & 64
        assert edited["edited_timestamp"] is not None
        assert await sandbox.messages(user="Ben") == []
        one = f"{url}/messages/{second['id']}"
        assert (await ok(sandbox, "GET", one))["content"] == "two"
        await ok(sandbox, "DELETE", one)
        assert (await refusal(sandbox, "GET", one))[1] == 10008
