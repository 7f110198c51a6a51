"""The gateway refuses what Discord's refuses, with the documented close code or answer; no test waits for a limit."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import chain, repeat
from typing import Any

import discord
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType

from sandbox.discord import gateway_rules, member_requests
from sandbox.discord.gateway_rules import GatewayClosed, choose_packing, parse_payload
from sandbox.discord.model import Json, User
from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox
from sandbox.discord.sessions import Intent
from tests.sandbox.discord.wire import call, code_after, gateway, identify, unzstd

MEMBERS, PRESENCES, CONTENT = Intent.GUILD_MEMBERS, Intent.GUILD_PRESENCES, Intent.MESSAGE_CONTENT
ENABLED = 1 << 13 | 1 << 15 | 1 << 19
"""The application's flags when its owner has enabled every privileged intent."""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(clock: Clock) -> AsyncIterator[Sandbox]:
    async with open_sandbox(SandboxSettings(clock=clock, heartbeat_ms=20, privileged=ENABLED)) as opened:
        yield opened


@asynccontextmanager
async def greeted(sandbox: Sandbox) -> AsyncIterator[ClientWebSocketResponse]:
    async with gateway(sandbox) as socket:
        assert (await socket.receive_json())["op"] == 10
        yield socket


@asynccontextmanager
async def known(sandbox: Sandbox, **changes: Any) -> AsyncIterator[ClientWebSocketResponse]:
    """A connection that has identified and seen READY and the guild."""
    async with greeted(sandbox) as socket:
        await socket.send_json(identify(sandbox, **changes))
        assert [(await socket.receive_json())["t"] for _ in range(2)] == ["READY", "GUILD_CREATE"]
        yield socket


# Connecting

WRONG_QUERIES = ["", "encoding=json", "v=10", "v=9&encoding=json", "v=99&encoding=json", "v=ten&encoding=json",
                 "v=10&encoding=etf", "v=10&encoding=xml", "v=10&encoding=json&compress=gzip"]  # fmt: skip


@pytest.mark.parametrize("query", WRONG_QUERIES)
async def test_an_unknown_version_encoding_or_compression_is_closed_with_4012(sandbox: Sandbox, query: str) -> None:
    async with gateway(sandbox, query) as socket:
        closed = await socket.receive()
    assert (closed.type, closed.data) == (WSMsgType.CLOSE, 4012)
    assert "sandbox speaks" in str(closed.extra) or "compress=" in str(closed.extra)


def unzip() -> Callable[[bytes], bytes]:
    return zlib.decompressobj().decompress


@pytest.mark.parametrize(("compress", "unpacker"), [("zlib-stream", unzip), ("zstd-stream", unzstd)])
async def test_both_compressions_are_one_stream_over_all_messages(
    sandbox: Sandbox, compress: str, unpacker: Callable[[], Callable[[bytes], bytes]]
) -> None:
    unpack = unpacker()
    async with gateway(sandbox, f"v=10&encoding=json&compress={compress}") as socket:
        assert json.loads(unpack(await socket.receive_bytes()))["op"] == 10
        await socket.send_json(identify(sandbox))
        events = [json.loads(unpack(await socket.receive_bytes()))["t"] for _ in range(2)]
    assert events == ["READY", "GUILD_CREATE"]


def test_a_message_longer_than_a_zstd_block_arrives_whole() -> None:
    pack, unpack = choose_packing({"v": "10", "encoding": "json", "compress": "zstd-stream"}), unzstd()
    assert pack is not None
    for text in (b"short", b"long " * 100_000, b"short again"):
        assert unpack(pack(text)) == text


# What is sent

WRONG_PAYLOADS: list[tuple[Any, int]] = [
    ("no json", 4002),
    ("[1]", 4002),
    ("{}", 4002),
    ('{"op": "1"}', 4002),
    ("[" * 4000, 4002),
    ({"op": 1, "d": None, "filler": "x" * 4096}, 4002),
    ("x" * 100_000, 4002),
    ({"op": 0, "d": None}, 4001),
    ({"op": 5, "d": {}}, 4001),
    ({"op": 10, "d": {}}, 4001),
    ({"op": 99, "d": {}}, 4001),
    ({"op": 1, "d": "1"}, 4001),
    ({"op": 2, "d": None}, 4001),
    ({"op": 2, "d": {"token": "x", "intents": 1}}, 4001),
    ({"op": 2, "d": {"token": "x", "properties": {}, "intents": "1"}}, 4001),
    ({"op": 6, "d": {"token": "x", "session_id": "x"}}, 4001),
    ({"op": 3, "d": {"status": "online"}}, 4001),
    ({"op": 3, "d": {"since": None, "activities": [], "status": "online", "afk": False}}, 4003),
    ({"op": 8, "d": {"guild_id": "1", "query": "", "limit": 0}}, 4003),
    ({"op": 2, "d": {"token": "wrong", "properties": {}, "intents": 1}}, 4004),
    ({"op": 2, "d": {"token": "\ud800", "properties": {}, "intents": 1}}, 4004),
    ({"op": 6, "d": {"token": "wrong", "session_id": "x", "seq": 0}}, 4004),
]


@pytest.mark.parametrize(("payload", "code"), WRONG_PAYLOADS)
async def test_a_wrong_payload_closes_the_connection(sandbox: Sandbox, payload: Any, code: int) -> None:
    async with greeted(sandbox) as socket:
        assert await code_after(socket, payload) == code


def test_a_payload_may_have_4096_bytes_and_not_one_more() -> None:
    payload = json.dumps({"op": 1, "d": None, "filler": ""})
    longest = payload[:-2] + "ä" * ((4096 - len(payload)) // 2) + "x" * ((4096 - len(payload)) % 2) + '"}'
    assert parse_payload(longest)[0] == 1
    with pytest.raises(GatewayClosed):
        parse_payload(longest + " ")


WRONG_IDENTITIES: list[tuple[Json, int]] = [
    *zip(
        ({"shard": shard} for shard in ([1, 1], [0, 0], [-1, 2], [0], [0, 1, 2], ["0", "1"], "0/1", None)),
        repeat(4010),
        strict=False,
    ),
    ({"intents": 1 << 17}, 4013),
    ({"intents": 1 << 40}, 4013),
    ({"intents": -1}, 4013),
]


@pytest.mark.parametrize(("changes", "code"), WRONG_IDENTITIES)
async def test_a_wrong_shard_or_intent_closes_the_connection(sandbox: Sandbox, changes: Json, code: int) -> None:
    async with greeted(sandbox) as socket:
        assert await code_after(socket, identify(sandbox, **changes)) == code


async def test_an_application_with_many_guilds_must_shard() -> None:
    async with open_sandbox(SandboxSettings(shards=2)) as sandbox:
        assert (await call(sandbox, "GET", "/gateway/bot"))[1]["shards"] == 2
        for shard, code in (([0, 1], 4011), ([0, 3], 4010)):
            async with greeted(sandbox) as socket:
                assert await code_after(socket, identify(sandbox, shard=shard)) == code


@pytest.mark.parametrize(("intent", "flag"), [(PRESENCES, 1 << 13), (MEMBERS, 1 << 15), (CONTENT, 1 << 19)])
async def test_a_privileged_intent_needs_its_flag_of_the_application(intent: Intent, flag: int) -> None:
    async with open_sandbox(SandboxSettings(identify_every_s=0)) as sandbox:
        for flags, refused in ((0, True), (ENABLED & ~flag, True), (flag, False)):
            sandbox.world.privileged = flags
            async with greeted(sandbox) as socket:
                await socket.send_json(identify(sandbox, intents=int(intent) | 1))
                answer = await socket.receive()
            assert (answer.data == 4014) is refused


def test_every_intent_of_the_library_is_known() -> None:
    assert discord.Intents.all().value == gateway_rules.INTENTS


async def test_a_second_identify_or_resume_is_4005(sandbox: Sandbox, clock: Clock) -> None:
    async with known(sandbox) as socket:
        assert await code_after(socket, identify(sandbox)) == 4005
    clock.now += 5
    async with known(sandbox) as socket:
        again = {"op": 6, "d": {"token": sandbox.token, "session_id": "x", "seq": 1}}
        assert await code_after(socket, again) == 4005


@pytest.mark.parametrize("op", [4, 43])
async def test_what_the_sandbox_does_not_have_is_refused_with_the_reason(sandbox: Sandbox, op: int) -> None:
    async with known(sandbox) as socket:
        await socket.send_json(
            {"op": op, "d": {"guild_id": "1", "channel_id": None, "self_mute": False, "self_deaf": False}}
        )
        closed = await socket.receive()
    assert (closed.data, "The sandbox has no" in str(closed.extra)) == (4000, True)


async def test_soundboard_sounds_are_answered(sandbox: Sandbox) -> None:
    async with known(sandbox) as socket:
        await socket.send_json({"op": 31, "d": {"guild_ids": ["7"]}})
        answer = await socket.receive_json()
    assert (answer["t"], answer["d"]) == ("SOUNDBOARD_SOUNDS", {"guild_id": "7", "soundboard_sounds": []})


# Limits over time


async def test_the_121st_payload_of_a_minute_is_4008(sandbox: Sandbox, clock: Clock) -> None:
    async with greeted(sandbox) as socket:
        for now in chain([1000.0], repeat(1059.0, 119), [1060.0]):
            clock.now = now
            await socket.send_json({"op": 1, "d": None})
            assert (await socket.receive_json())["op"] == 11
        assert await code_after(socket, {"op": 1, "d": None}) == 4008


async def test_only_clients_without_heartbeats_are_closed(sandbox: Sandbox, clock: Clock) -> None:
    async with greeted(sandbox) as beating:
        for _ in range(3):
            async with greeted(sandbox) as silent:
                for _ in range(2):
                    clock.now += 6.0
                    await beating.send_json({"op": 1, "d": None})
                    assert (await beating.receive_json())["op"] == 11
                closed = await silent.receive()
            assert (closed.data, "heartbeat" in str(closed.extra)) == (4009, True)


async def test_a_client_that_was_closed_as_silent_may_resume(sandbox: Sandbox, clock: Clock) -> None:
    async with known(sandbox) as socket:
        session = sandbox.gateway.sessions[0]
        clock.now += 10.1
        assert (await socket.receive()).data == 4009
    async with greeted(sandbox) as socket:
        await socket.send_json({"op": 6, "d": {"token": sandbox.token, "session_id": session.id, "seq": 2}})
        assert (await socket.receive_json())["t"] == "RESUMED"


async def test_identifying_twice_within_five_seconds_gives_an_invalid_session(sandbox: Sandbox, clock: Clock) -> None:
    async with known(sandbox):
        clock.now += 4.9
        async with greeted(sandbox) as socket:
            await socket.send_json(identify(sandbox))
            assert (await socket.receive_json())["op"] == 9
            clock.now += 0.1
            await socket.send_json(identify(sandbox))
            assert (await socket.receive_json())["t"] == "READY"


async def test_too_many_session_starts_in_a_day_end_the_sessions_and_the_token(
    sandbox: Sandbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.discord.gateway.SESSION_STARTS", 2)
    async with known(sandbox) as first:
        clock.now += 5
        async with known(sandbox), greeted(sandbox) as socket:
            limit = (await call(sandbox, "GET", "/gateway/bot"))[1]["session_start_limit"]
            assert limit == {"total": 2, "remaining": 0, "reset_after": 86_395_000, "max_concurrency": 1}
            clock.now += 5
            token = sandbox.token
            assert await code_after(socket, identify(sandbox)) == 4004
            assert (await first.receive()).data == 4004
            assert sandbox.token != token
            assert (await call(sandbox, "GET", "/users/@me", token=token))[0] == 401


# Shards


async def test_each_shard_hears_of_its_guilds_and_the_first_of_direct_messages(sandbox: Sandbox, clock: Clock) -> None:
    intents = 1 | 1 << 9 | 1 << 12 | int(CONTENT)
    guild = sandbox.world.guild_id >> 22
    count = next(number for number in range(2, 99) if guild % number)
    heard: list[list[str]] = []
    async with greeted(sandbox) as first, greeted(sandbox) as own:
        for number, socket in ((0, first), (guild % count, own)):
            await socket.send_json(identify(sandbox, shard=[number, count], intents=intents))
            ready = (await socket.receive_json())["d"]
            assert (ready["shard"], len(ready["guilds"])) == ([number, count], int(number > 0))
            clock.now += 5
        direct = sandbox.world.open_dm(sandbox.world.ada.id)
        await sandbox.say("Ada", "general", "in the guild")
        await sandbox.say("Ada", direct.id, "in private")
        for socket in (first, own):
            await socket.send_json({"op": 1, "d": None})
            events: list[str] = []
            while (event := await socket.receive_json())["op"] != 11:
                events.append(event["d"].get("content", event["t"]))
            heard.append(events)
    assert heard == [["in private"], ["GUILD_CREATE", "in the guild"]]


# Request Guild Members


async def members(socket: ClientWebSocketResponse, sandbox: Sandbox, **request: Any) -> list[Json]:
    """What a request is answered with, until the heartbeat after it is acknowledged."""
    await socket.send_json({"op": 8, "d": {"guild_id": str(sandbox.world.guild_id), **request}})
    await socket.send_json({"op": 1, "d": None})
    answers: list[Json] = []
    while (answer := await socket.receive_json())["op"] != 11:
        answers.append(answer)
    return answers


def names(chunk: Json) -> list[str]:
    return [member["user"]["username"] for member in chunk["d"]["members"]]


async def test_members_are_found_by_the_beginning_of_their_name_or_by_id(sandbox: Sandbox) -> None:
    ada, ben = sandbox.world.ada, sandbox.world.ben
    async with known(sandbox) as socket:
        (chunk,) = await members(socket, sandbox, query="AD", limit=5, nonce="n" * 32)
        assert (chunk["t"], names(chunk)) == ("GUILD_MEMBERS_CHUNK", ["ada"])
        assert {key: value for key, value in chunk["d"].items() if key != "members"} == {
            "guild_id": str(sandbox.world.guild_id),
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": [],
            "nonce": "n" * 32,
        }
        (chunk,) = await members(socket, sandbox, query="nobody", limit=0, nonce="\ud800" * 33)
        assert (names(chunk), "nonce" in chunk["d"]) == ([], False)
        (chunk,) = await members(socket, sandbox, user_ids=[str(ben.id), "7", ada.id])
        assert (names(chunk), chunk["d"]["not_found"]) == (["ben", "ada"], ["7"])
        (chunk,) = await members(socket, sandbox, user_ids=str(ben.id), presences=True)
        assert (names(chunk), "presences" in chunk["d"]) == (["ben"], False)
        assert await members(socket, sandbox, guild_id="7", query="a", limit=1) == []


async def test_the_whole_list_needs_the_members_intent_and_comes_in_chunks(
    sandbox: Sandbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member_requests, "CHUNK", 2)
    async with known(sandbox) as socket:
        assert await members(socket, sandbox, query="", limit=0) == []
    clock.now += 5
    async with known(sandbox, intents=int(MEMBERS | PRESENCES) | 1) as socket:
        chunks = await members(socket, sandbox, query="", limit=0, presences=True)
        assert [names(chunk) for chunk in chunks] == [["Octet", "ada"], ["ben"]]
        assert [(chunk["d"]["chunk_index"], chunk["d"]["chunk_count"]) for chunk in chunks] == [(0, 2), (1, 2)]
        assert [presence["status"] for chunk in chunks for presence in chunk["d"]["presences"]] == ["online"] * 3
        assert [len(names(chunk)) for chunk in await members(socket, sandbox, query="", limit=1)] == [1]
        clock.now += 10
        (limited,) = await members(socket, sandbox, query="", limit=0, nonce="again")
        meta = {"guild_id": str(sandbox.world.guild_id), "nonce": "again"}
        assert (limited["t"], limited["d"]) == ("RATE_LIMITED", {"opcode": 8, "retry_after": 20.0, "meta": meta})
        clock.now += 20
        assert len(await members(socket, sandbox, query="", limit=0)) == 2


async def test_a_search_finds_at_most_a_hundred(sandbox: Sandbox) -> None:
    for number in range(150):
        sandbox.world.users[number] = User(id=number, name=f"Many{number}")
    async with known(sandbox) as socket:
        for request in ({"query": "many", "limit": 0}, {"query": "many", "limit": 1000}, {"user_ids": [*range(150)]}):
            (chunk,) = await members(socket, sandbox, **request)
            assert len(names(chunk)) == 100


WRONG_REQUESTS: list[Json] = [
    {},
    {"query": "a"},
    {"query": "a", "limit": -1},
    {"query": 1, "limit": 1},
    {"query": "a", "limit": 1, "user_ids": ["1"]},
    {"guild_id": ["1", "2"], "query": "a", "limit": 1},
]


@pytest.mark.parametrize("request_data", WRONG_REQUESTS)
async def test_an_invalid_request_for_members_is_4001(sandbox: Sandbox, request_data: Json) -> None:
    async with known(sandbox) as socket:
        assert await code_after(socket, {"op": 8, "d": {"guild_id": "1", **request_data}}) == 4001
