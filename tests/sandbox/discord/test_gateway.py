"""Sessions outlive connections, as Discord's do; each way a gateway fails is there on order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError, web

from sandbox.discord.model import Json
from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox
from sandbox.discord.sessions import REPLAY_LIMIT, GatewayConnection, GatewaySession, Intent
from tests.sandbox.discord.trial_bot import TrialBot, redirect, running
from tests.sandbox.discord.wire import code_after, gateway, identify


@asynccontextmanager
async def connected(sandbox: Sandbox) -> AsyncIterator[ClientWebSocketResponse]:
    async with gateway(sandbox) as socket:
        assert (await socket.receive_json())["op"] == 10
        yield socket


async def identified(sandbox: Sandbox, socket: ClientWebSocketResponse) -> str:
    """The id of a new session whose client has seen two events."""
    await socket.send_json(identify(sandbox))
    ready, _ = await socket.receive_json(), await socket.receive_json()
    return ready["d"]["session_id"]


async def resume(sandbox: Sandbox, socket: ClientWebSocketResponse, session: str, seq: int) -> Json:
    await socket.send_json({"op": 6, "d": {"token": sandbox.token, "session_id": session, "seq": seq}})
    return await socket.receive_json()


def make_thread(sandbox: Sandbox, name: str) -> None:
    world = sandbox.world
    world.start_thread(world.home, name, owner_id=world.ben.id, auto_archive_minutes=60, private=False, starter=None)


async def until_detached(sandbox: Sandbox) -> None:
    async with asyncio.timeout(60):
        while sandbox.gateway.sessions:  # noqa: ASYNC110 - the server's own task notices the loss
            await asyncio.sleep(0.005)


async def test_what_a_client_missed_is_replayed_in_order_and_then_resumed_is_said(sandbox: Sandbox) -> None:
    async with connected(sandbox) as socket:
        session = await identified(sandbox, socket)
        await socket.close(code=4000)
    await until_detached(sandbox)
    make_thread(sandbox, "one")
    make_thread(sandbox, "two")
    async with connected(sandbox) as socket:
        first = await resume(sandbox, socket, session, 2)
        rest = [await socket.receive_json() for _ in range(2)]
    assert [(f["s"], f["t"], f["d"].get("name")) for f in (first, *rest)] == [
        (3, "THREAD_CREATE", "one"),
        (4, "THREAD_CREATE", "two"),
        (5, "RESUMED", None),
    ]
    assert (sandbox.gateway.identified, sandbox.gateway.resumed) == (1, 1)


async def test_only_what_was_not_seen_is_replayed(sandbox: Sandbox) -> None:
    async with connected(sandbox) as socket:
        session = await identified(sandbox, socket)
        make_thread(sandbox, "seen")
        assert (await socket.receive_json())["s"] == 3
        sandbox.gateway.abort()
        assert (await socket.receive()).type in {WSMsgType.CLOSED, WSMsgType.ERROR}
    async with connected(sandbox) as socket:
        assert (await resume(sandbox, socket, session, 3))["t"] == "RESUMED"


@pytest.mark.parametrize("code", [1000, 1001])
async def test_a_client_that_closes_cleanly_cannot_come_back_to_its_session(sandbox: Sandbox, code: int) -> None:
    async with connected(sandbox) as socket:
        session = await identified(sandbox, socket)
        await socket.close(code=code)
    await until_detached(sandbox)
    async with connected(sandbox) as socket:
        assert await resume(sandbox, socket, session, 2) == {"op": 9, "s": None, "t": None, "d": False}


async def test_a_session_is_forgotten_when_its_time_is_over() -> None:
    async with open_sandbox(SandboxSettings(session_ttl_s=0.0)) as sandbox:
        async with connected(sandbox) as socket:
            session = await identified(sandbox, socket)
            await socket.close(code=4000)
        await until_detached(sandbox)
        async with connected(sandbox) as socket:
            assert (await resume(sandbox, socket, session, 2))["op"] == 9


@pytest.mark.parametrize("seq", [3, -1])
async def test_a_sequence_that_was_never_given_closes_and_ends_the_session(sandbox: Sandbox, seq: int) -> None:
    async with connected(sandbox) as socket:
        session = await identified(sandbox, socket)
        await socket.close(code=4000)
    await until_detached(sandbox)
    async with connected(sandbox) as socket:
        assert (
            await code_after(socket, {"op": 6, "d": {"token": sandbox.token, "session_id": session, "seq": seq}})
            == 4007
        )
    async with connected(sandbox) as socket:
        assert (await resume(sandbox, socket, session, 2))["op"] == 9


async def test_resume_with_a_wrong_token_is_refused(sandbox: Sandbox) -> None:
    async with connected(sandbox) as socket:
        session = await identified(sandbox, socket)
    async with connected(sandbox) as socket:
        assert await code_after(socket, {"op": 6, "d": {"token": "wrong", "session_id": session, "seq": 2}}) == 4004


async def test_with_more_missed_than_is_kept_nothing_is_replayed() -> None:
    session = GatewaySession(intents=Intent.GUILDS)
    for _ in range(REPLAY_LIMIT + 1):
        session.dispatch("A", {})
    assert session.missed(0) is None
    assert len(session.missed(1) or ()) == REPLAY_LIMIT


async def test_a_client_that_reads_nothing_is_told_to_reconnect_and_misses_nothing() -> None:
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


Loss = Callable[[Sandbox], Awaitable[None] | None]
RESUMABLE: dict[str, Loss] = {
    **{f"closed with {code}": lambda s, code=code: s.disconnect(code) for code in (1000, 1001, 4000, 4001, 4008, 4009)},
    "op 7": lambda s: s.gateway.ask_reconnect(),
    "op 9, resumable": lambda s: s.gateway.invalidate(resumable=True),
    "connection reset": lambda s: s.gateway.abort(),
}


@pytest.mark.parametrize("how", RESUMABLE)
async def test_a_command_given_while_the_bot_is_away_reaches_it_after_resume(
    sandbox: Sandbox, bot: TrialBot, how: str
) -> None:
    bot.became_ready.clear()
    if (loss := RESUMABLE[how](sandbox)) is not None:
        await loss
    if how != "connection reset":  # there the library waits a while before it comes back
        assert (await sandbox.slash("Ada", "octet", "task show")).kind == "message"
    await resumed(sandbox)
    assert (await sandbox.slash("Ada", "octet", "task show")).kind == "message"
    assert not bot.became_ready.is_set()
    assert sandbox.gateway.identified == 1


async def resumed(sandbox: Sandbox, times: int = 1) -> None:
    async with asyncio.timeout(60):
        version = 0
        while sandbox.gateway.resumed < times:
            version = await sandbox.changed(version, 1.0)


async def test_a_session_that_is_over_makes_the_bot_identify_anew(sandbox: Sandbox, bot: TrialBot) -> None:
    bot.became_ready.clear()
    sandbox.gateway.invalidate(resumable=False)
    async with asyncio.timeout(60):
        await bot.became_ready.wait()
    assert (sandbox.gateway.identified, sandbox.gateway.resumed) == (2, 0)
    assert (await sandbox.slash("Ada", "octet", "task show")).kind == "message"


async def test_a_dead_connection_is_found_by_its_missing_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_sandbox(SandboxSettings(heartbeat_ms=200)) as sandbox:
        redirect(monkeypatch, sandbox)
        bot = TrialBot(sandbox.world.guild_id)
        bot._connection.heartbeat_timeout = 0.5
        async with running(sandbox, bot):
            bot.became_ready.clear()
            sandbox.gateway.freeze()
            make_thread(sandbox, "made meanwhile")
            await resumed(sandbox)
            assert not bot.became_ready.is_set()
            await bot.saw_thread("made meanwhile")


async def test_refused_connections_are_counted_down(sandbox: Sandbox) -> None:
    sandbox.gateway.refuse_connections(2)
    for _ in range(2):
        with pytest.raises(WSServerHandshakeError) as caught:
            async with connected(sandbox):
                pass
        assert caught.value.status == 503
    async with connected(sandbox):
        pass


async def test_an_event_is_sent_as_it_stands(sandbox: Sandbox) -> None:
    async with connected(sandbox) as socket:
        await identified(sandbox, socket)
        sandbox.gateway.emit("CHANNEL_UPDATE", {"half": "an event"})
        assert json.loads((await socket.receive()).data)["d"] == {"half": "an event"}
