"""Interactions end as Discord ends them: late, twice, expired, private."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientWebSocketResponse

from sandbox.discord.model import Json
from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox
from tests.sandbox.discord.wire import call, gateway, identify

PING = {"name": "ping", "description": "Ping", "type": 1}


async def frame(socket: ClientWebSocketResponse, event: str) -> Json:
    async with asyncio.timeout(60):
        while True:
            found: Json = json.loads((await socket.receive()).data)
            if found["t"] == event:
                return found["d"]


@asynccontextmanager
async def application(sandbox: Sandbox) -> AsyncIterator[ClientWebSocketResponse]:
    """A gateway connection without any library, with /ping synced."""
    await call(sandbox, "PUT", f"/applications/{sandbox.world.application_id}/commands", [PING])
    async with gateway(sandbox) as socket:
        assert (await socket.receive_json())["op"] == 10
        await socket.send_json(identify(sandbox))
        await frame(socket, "GUILD_CREATE")
        yield socket


@asynccontextmanager
async def asked(sandbox: Sandbox) -> AsyncIterator[tuple[Json, asyncio.Task[Any]]]:
    """A /ping under way, as the application got it, and the person's waiting for it."""
    async with application(sandbox) as socket, asyncio.TaskGroup() as group:
        waiting = group.create_task(sandbox.slash("Ada", "octet", "ping"))
        yield await frame(socket, "INTERACTION_CREATE"), waiting


def callback(interaction: Json) -> str:
    return f"/interactions/{interaction['id']}/{interaction['token']}/callback?with_response=1"


def webhook(sandbox: Sandbox, interaction: Json, rest: str = "") -> str:
    return f"/webhooks/{sandbox.world.application_id}/{interaction['token']}{rest}"


async def test_a_late_answer_is_10062(sandbox: Sandbox) -> None:
    async with asked(sandbox) as (interaction, waiting):
        sandbox.interactions._expire(sandbox.interactions.by_id[int(interaction["id"])])
        assert (await waiting).kind == "failed"
        status, answer = await call(sandbox, "POST", callback(interaction), {"type": 5})
        assert (status, answer["code"]) == (404, 10062)


async def test_a_second_answer_is_40060_and_changes_nothing(sandbox: Sandbox) -> None:
    async with asked(sandbox) as (interaction, waiting):
        status, first = await call(sandbox, "POST", callback(interaction), {"type": 4, "data": {"content": "pong"}})
        assert (status, first["resource"]["message"]["content"]) == (200, "pong")
        status, answer = await call(sandbox, "POST", callback(interaction), {"type": 4, "data": {"content": "again"}})
        assert (status, answer["code"]) == (400, 40060)
        assert (await waiting).message_id == first["interaction"]["response_message_id"]
        assert [m["content"] for m in await sandbox.messages()] == ["pong"]


async def test_a_refused_answer_leaves_the_interaction_open(sandbox: Sandbox) -> None:
    async with asked(sandbox) as (interaction, waiting):
        for body in (
            {"type": 4, "data": {"content": "x" * 2001}},
            {"type": 6},
            {"type": 8, "data": {"choices": []}},
            {"type": 99},
        ):
            status, answer = await call(sandbox, "POST", callback(interaction), body)
            assert (status, answer["code"]) == (400, 50035)
        assert (await call(sandbox, "POST", callback(interaction), {"type": 4, "data": {"content": "ok"}}))[0] == 200
        assert (await waiting).kind == "message"


async def test_an_expired_token_is_50027() -> None:
    async with open_sandbox(SandboxSettings(token_ttl_s=0.0)) as sandbox, asked(sandbox) as (interaction, waiting):
        await call(sandbox, "POST", callback(interaction), {"type": 5})
        await waiting
        for method, rest in (("PATCH", "/messages/@original"), ("POST", "")):
            status, answer = await call(sandbox, method, webhook(sandbox, interaction, rest), {"content": "late"})
            assert (status, answer["code"]) == (401, 50027)


async def test_follow_ups_come_only_after_the_answer_and_first_fill_the_thinking_message(sandbox: Sandbox) -> None:
    async with asked(sandbox) as (interaction, waiting):
        status, answer = await call(sandbox, "POST", webhook(sandbox, interaction), {"content": "early"})
        assert (status, answer["code"]) == (404, 10015)
        await call(sandbox, "POST", callback(interaction), {"type": 5, "data": {"flags": 64}})
        original = (await waiting).message_id
        assert (await sandbox.messages(user="Ada"))[0]["sandbox"]["thinking"] is True
        _, first = await call(
            sandbox, "POST", webhook(sandbox, interaction), {"content": "one"}, files={"a.txt": b"alpha"}
        )
        _, second = await call(sandbox, "POST", webhook(sandbox, interaction), {"content": "two", "flags": 64})
        assert first["id"] == original != second["id"]
        assert first["edited_timestamp"] is None
        _, edited = await call(
            sandbox, "PATCH", webhook(sandbox, interaction, "/messages/@original"), {"content": "one, edited"}
        )
        assert edited["attachments"][0]["filename"] == "a.txt"
        assert edited["flags"] & 64
        assert edited["edited_timestamp"] is not None
        assert await sandbox.messages(user="Ben") == []
        one = webhook(sandbox, interaction, f"/messages/{second['id']}")
        assert (await call(sandbox, "GET", one))[1]["content"] == "two"
        assert (await call(sandbox, "DELETE", one))[0] == 204
        assert (await call(sandbox, "GET", one))[1]["code"] == 10008


async def test_the_gateway_acknowledges_heartbeats_and_counts_its_events(sandbox: Sandbox) -> None:
    async with gateway(sandbox) as socket:
        assert (await socket.receive_json())["d"]["heartbeat_interval"] > 0
        await socket.send_json({"op": 1, "d": None})
        assert (await socket.receive_json())["op"] == 11
        await socket.send_json({"op": 6, "d": {"token": sandbox.token, "session_id": "x", "seq": 1}})
        assert await socket.receive_json() == {"op": 9, "s": None, "t": None, "d": False}
        await socket.send_json(identify(sandbox))
        ready, guild = await socket.receive_json(), await socket.receive_json()
        assert [(f["t"], f["s"]) for f in (ready, guild)] == [("READY", 1), ("GUILD_CREATE", 2)]
        assert [member["user"]["username"] for member in guild["d"]["members"]] == ["Octet"]
        await socket.send_str("no json")
        await socket.receive()
        assert socket.close_code == 4002


async def test_message_events_need_their_intents_and_hide_text_without_the_privileged_one(sandbox: Sandbox) -> None:
    async with gateway(sandbox) as socket:
        await socket.receive_json()
        await socket.send_json(identify(sandbox, intents=1 | 1 << 9))
        await frame(socket, "GUILD_CREATE")
        said = await sandbox.say("Ben", "octet", "secret")
        heard = await frame(socket, "MESSAGE_CREATE")
        assert (heard["id"], heard["content"]) == (said["id"], "")
        await sandbox.delete_message(said)
        assert (await frame(socket, "MESSAGE_DELETE"))["id"] == said["id"]
