"""The gateway keeps Discord's rules: what it refuses, its limits over time, and sessions that outlive connections."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Callable
from itertools import chain, repeat
from typing import Any

import discord
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, web

from sandbox.discord import gateway_rules
from sandbox.discord.gateway_rules import GatewayClosed, choose_packing, parse_payload
from sandbox.discord.model import ChatPermission, Json
from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox
from sandbox.discord.sessions import REPLAY_LIMIT, GatewayConnection, GatewaySession, Intent
from tests.sandbox.discord.wire import call, code_after, frame, gateway, greeted, identify, known, unzstd

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


# Connecting

WRONG_QUERIES = ["", "encoding=json", "v=9&encoding=json", "v=10&encoding=etf", "v=10&encoding=json&compress=gzip"]


@pytest.mark.parametrize("query", WRONG_QUERIES)
async def test_an_unknown_version_encoding_or_compression_is_closed_with_4012(sandbox: Sandbox, query: str) -> None:
    async with gateway(sandbox, query) as socket:
        closed = await socket.receive()
    assert (closed.type, closed.data) == (WSMsgType.CLOSE, 4012)


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
    pack, unpack = choose_packing({"v": "10", "encoding": "json", "compress": compress}), unpacker()
    assert pack is not None
    for text in (b"short", b"longer than a zstd block " * 10_000, b"short again"):
        assert unpack(pack(text)) == text


# What a client sends

WRONG_PAYLOADS: list[tuple[Any, int]] = [
    ("no json", 4002),
    ("[1]", 4002),
    ('{"op": "1"}', 4002),
    ("[" * 4000, 4002),
    ({"op": 1, "d": None, "filler": "x" * 4096}, 4002),
    ({"op": 0, "d": None}, 4001),
    ({"op": 99, "d": {}}, 4001),
    ({"op": 1, "d": "1"}, 4001),
    ({"op": 2, "d": None}, 4001),
    ({"op": 2, "d": {"token": "x", "intents": 1}}, 4001),
    ({"op": 2, "d": {"token": "x", "properties": {}, "intents": "1"}}, 4001),
    ({"op": 3, "d": {"since": None, "activities": [], "status": "online", "afk": False}}, 4003),
    ({"op": 2, "d": {"token": "\ud800", "properties": {}, "intents": 1}}, 4004),
    ({"op": 6, "d": {"token": "wrong", "session_id": "x", "seq": 0}}, 4004),
]
WRONG_IDENTITIES: list[tuple[Json, int]] = [
    *(({"shard": shard}, 4010) for shard in ([1, 1], [0, 0], [-1, 2], [0], ["0", "1"], "0/1", None)),
    ({"intents": 1 << 17}, 4013),
    ({"intents": -1}, 4013),
]


@pytest.mark.parametrize(("payload", "code"), WRONG_PAYLOADS)
async def test_a_wrong_payload_closes_the_connection(sandbox: Sandbox, payload: Any, code: int) -> None:
    async with greeted(sandbox) as socket:
        assert await code_after(socket, payload) == code


@pytest.mark.parametrize(("changes", "code"), WRONG_IDENTITIES)
async def test_a_wrong_shard_or_intent_closes_the_connection(sandbox: Sandbox, changes: Json, code: int) -> None:
    async with greeted(sandbox) as socket:
        assert await code_after(socket, identify(sandbox, **changes)) == code


def test_a_payload_has_at_most_4096_bytes() -> None:
    payload = json.dumps({"op": 1, "d": None, "filler": ""})
    longest = payload[:-2] + "ä" * ((4096 - len(payload)) // 2) + "x" * ((4096 - len(payload)) % 2) + '"}'
    assert parse_payload(longest)[0] == 1
    with pytest.raises(GatewayClosed):
        parse_payload(longest + " ")


def test_the_gateway_knows_every_intent_of_the_library() -> None:
    assert discord.Intents.all().value == gateway_rules.INTENTS


async def test_an_application_with_many_guilds_must_shard() -> None:
    async with open_sandbox(SandboxSettings(shards=2)) as sandbox:
        assert (await call(sandbox, "GET", "/gateway/bot"))[1]["shards"] == 2
        for shard, code in (([0, 1], 4011), ([0, 3], 4010)):
            async with greeted(sandbox) as socket:
                assert await code_after(socket, identify(sandbox, shard=shard)) == code


@pytest.mark.parametrize(("intent", "flag"), [(PRESENCES, 1 << 13), (MEMBERS, 1 << 15), (CONTENT, 1 << 19)])
async def test_a_privileged_intent_needs_its_flag_of_the_application(
    sandbox: Sandbox, clock: Clock, intent: Intent, flag: int
) -> None:
    for flags, is_refused in ((0, True), (ENABLED & ~flag, True), (flag, False)):
        sandbox.world.privileged = flags
        clock.now += 5
        async with greeted(sandbox) as socket:
            await socket.send_json(identify(sandbox, intents=int(intent) | 1))
            assert ((await socket.receive()).data == 4014) is is_refused


async def test_a_client_identifies_once_and_voice_is_refused(sandbox: Sandbox, clock: Clock) -> None:
    resume = {"op": 6, "d": {"token": sandbox.token, "session_id": "x", "seq": 1}}
    voice = {"guild_id": "1", "channel_id": None, "self_mute": False, "self_deaf": False}
    for payload, code in ((identify(sandbox), 4005), (resume, 4005), ({"op": 4, "d": voice}, 4000)):
        async with known(sandbox) as socket:
            assert await code_after(socket, payload) == code
        clock.now += 5
    async with known(sandbox) as socket:
        await socket.send_json({"op": 31, "d": {"guild_ids": ["7"]}})
        assert await frame(socket, "SOUNDBOARD_SOUNDS") == {"guild_id": "7", "soundboard_sounds": []}


# Limits over time


async def test_the_121st_payload_of_a_minute_is_4008(sandbox: Sandbox, clock: Clock) -> None:
    async with greeted(sandbox) as socket:
        for now in chain([1000.0], repeat(1059.0, 119), [1060.0]):
            clock.now = now
            await socket.send_json({"op": 1, "d": None})
            assert (await socket.receive_json())["op"] == 11
        assert await code_after(socket, {"op": 1, "d": None}) == 4008


async def test_a_client_without_heartbeats_is_closed_with_4009_and_may_resume(sandbox: Sandbox, clock: Clock) -> None:
    async with greeted(sandbox) as beating, known(sandbox) as silent:
        session = sandbox.gateway.sessions[0]
        for _ in range(2):
            clock.now += 6.0
            await beating.send_json({"op": 1, "d": None})
            assert (await beating.receive_json())["op"] == 11
        assert (await silent.receive()).data == 4009
    async with greeted(sandbox) as socket:
        assert (await resume(sandbox, socket, session.id, 2))["t"] == "RESUMED"


async def test_a_client_that_identifies_twice_within_five_seconds_gets_an_invalid_session(
    sandbox: Sandbox, clock: Clock
) -> None:
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


# Sessions


async def resume(sandbox: Sandbox, socket: ClientWebSocketResponse, session: str, seq: int) -> Json:
    await socket.send_json({"op": 6, "d": {"token": sandbox.token, "session_id": session, "seq": seq}})
    return await socket.receive_json()


async def left_session(sandbox: Sandbox, code: int = 4000) -> str:
    """Return the id of a session whose client received two events and closed its connection with this code."""
    async with known(sandbox) as socket:
        session = sandbox.gateway.sessions[0].id
        await socket.close(code=code)
    async with asyncio.timeout(60):
        while sandbox.gateway.sessions:  # noqa: ASYNC110 - the server's own task notices the loss
            await asyncio.sleep(0.005)  # no event tells it
    return session


async def test_a_resumed_session_replays_only_what_its_client_missed(sandbox: Sandbox) -> None:
    session = await left_session(sandbox)
    for name in ("one", "two"):
        sandbox.world.start_thread(
            sandbox.world.home,
            name,
            owner_id=sandbox.world.ben.id,
            auto_archive_minutes=60,
            private=False,
            starter=None,
        )
    async with greeted(sandbox) as socket:
        first = await resume(sandbox, socket, session, 2)
        rest = [await socket.receive_json() for _ in range(2)]
        assert [(one["s"], one["t"], one["d"].get("name")) for one in (first, *rest)] == [
            (3, "THREAD_CREATE", "one"),
            (4, "THREAD_CREATE", "two"),
            (5, "RESUMED", None),
        ]
        sandbox.gateway.abort()
        assert (await socket.receive()).type in {WSMsgType.CLOSED, WSMsgType.ERROR}
    async with greeted(sandbox) as socket:
        assert (await resume(sandbox, socket, session, 4))["s"] == 5
    assert (sandbox.gateway.identified, sandbox.gateway.resumed) == (1, 2)


@pytest.mark.parametrize("code", [1000, 1001])
async def test_a_session_ends_when_its_client_closes_cleanly(sandbox: Sandbox, code: int) -> None:
    session = await left_session(sandbox, code)
    async with greeted(sandbox) as socket:
        assert await resume(sandbox, socket, session, 2) == {"op": 9, "s": None, "t": None, "d": False}


async def test_a_session_ends_when_its_time_is_over() -> None:
    async with open_sandbox(SandboxSettings(session_ttl_s=0.0)) as sandbox:
        session = await left_session(sandbox)
        async with greeted(sandbox) as socket:
            assert (await resume(sandbox, socket, session, 2))["op"] == 9


@pytest.mark.parametrize("seq", [3, -1])
async def test_a_sequence_that_was_never_sent_closes_and_ends_the_session(sandbox: Sandbox, seq: int) -> None:
    session = await left_session(sandbox)
    async with greeted(sandbox) as socket:
        payload = {"op": 6, "d": {"token": sandbox.token, "session_id": session, "seq": seq}}
        assert await code_after(socket, payload) == 4007
    async with greeted(sandbox) as socket:
        assert (await resume(sandbox, socket, session, 2))["op"] == 9


def test_a_session_that_missed_more_than_is_kept_cannot_be_resumed() -> None:
    session = GatewaySession(intents=Intent.GUILDS)
    for _ in range(REPLAY_LIMIT + 1):
        session.dispatch("A", {})
    assert session.missed(0) is None
    assert len(session.missed(1) or ()) == REPLAY_LIMIT


async def test_a_client_that_reads_nothing_must_reconnect_and_misses_nothing() -> None:
    connection = GatewayConnection(socket=web.WebSocketResponse(), transport=None, outgoing=asyncio.Queue(2))
    session = GatewaySession(intents=Intent.GUILDS)
    session.attach(connection)
    written: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    session.dispatch("A", {}, written)
    for _ in range(2):
        session.dispatch("B", {})
    assert [connection.outgoing.get_nowait()[0]["op"] for _ in range(connection.outgoing.qsize())] == [7]
    assert [one.frame["t"] for one in session.missed(0) or ()] == ["A", "B", "B"]
    session.end()
    assert isinstance(written.exception(), ConnectionError)


# Who receives what


async def test_message_events_need_their_intents_and_the_sight_of_the_channel(sandbox: Sandbox, clock: Clock) -> None:
    async with known(sandbox) as deaf:
        clock.now += 5
        async with known(sandbox, intents=1 | 1 << 9) as socket:
            said = await sandbox.say("Ben", "octet", "secret")
            event = await frame(socket, "MESSAGE_CREATE")
            assert (event["id"], event["content"]) == (said["id"], "")
            await sandbox.delete_message(said)
            assert (await frame(socket, "MESSAGE_DELETE"))["id"] == said["id"]
            sandbox.world.home.bot_denied = ChatPermission.VIEW_CHANNEL
            await sandbox.say("Ben", "octet", "hidden")
            await sandbox.say("Ben", "general", "shown")
            assert (await frame(socket, "MESSAGE_CREATE"))["channel_id"] != str(sandbox.world.home.id)
        assert await until_acknowledged(deaf) == []


async def until_acknowledged(socket: ClientWebSocketResponse) -> list[Json]:
    """Return what arrives until a heartbeat is acknowledged."""
    await socket.send_json({"op": 1, "d": None})
    received: list[Json] = []
    while (answer := await socket.receive_json())["op"] != 11:
        received.append(answer)
    return received


async def members(socket: ClientWebSocketResponse, sandbox: Sandbox, **request: Any) -> list[Json]:
    await socket.send_json({"op": 8, "d": {"guild_id": str(sandbox.world.guild_id), **request}})
    return [answer["d"] for answer in await until_acknowledged(socket)]


def names(chunk: Json) -> list[str]:
    return [member["user"]["username"] for member in chunk["members"]]


async def test_members_are_found_by_name_or_id_and_listed_once_in_30_s(sandbox: Sandbox, clock: Clock) -> None:
    ada, ben = sandbox.world.ada, sandbox.world.ben
    async with known(sandbox) as socket:
        (chunk,) = await members(socket, sandbox, query="AD", limit=5, nonce="n" * 32)
        guild = str(sandbox.world.guild_id)
        about = {"guild_id": guild, "chunk_index": 0, "chunk_count": 1, "not_found": [], "nonce": "n" * 32}
        assert (names(chunk), chunk) == (["ada"], chunk | about)
        (chunk,) = await members(socket, sandbox, query="nobody", limit=0, nonce="\ud800" * 33)
        assert (names(chunk), "nonce" in chunk) == ([], False)
        (chunk,) = await members(socket, sandbox, user_ids=[str(ben.id), "7", ada.id])
        assert (names(chunk), chunk["not_found"]) == (["ben", "ada"], ["7"])
        assert await members(socket, sandbox, guild_id="7", query="a", limit=1) == []
        assert await members(socket, sandbox, query="", limit=0) == [], "the whole list needs its intent"
        assert await code_after(socket, {"op": 8, "d": {"guild_id": "1", "query": "a", "user_ids": ["1"]}}) == 4001
    clock.now += 5
    async with known(sandbox, intents=int(MEMBERS | PRESENCES) | 1) as socket:
        (chunk,) = await members(socket, sandbox, query="", limit=0, presences=True)
        assert (len(names(chunk)), len(chunk["presences"])) == (3, 3)
        clock.now += 10
        (limited,) = await members(socket, sandbox, query="", limit=0)
        assert (limited["opcode"], limited["retry_after"]) == (8, 20.0)
