"""The socket and the server's life: loopback only, a busy port, an end that lets requests finish."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket

import httpx
import pytest
import structlog
from starlette.types import Receive, Scope, Send

from bot.web.server import listening, log_failing_accepts, mark_token_shown, serving
from tests.builders import refuses
from tests.house import NO_TLS
from tests.pace import patience


async def _hello(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_only_loopback_is_listened_on(address: str) -> None:
    with refuses("not_loopback"), listening(address, 0):
        pass


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost"])
async def test_it_serves_on_every_loopback(address: str) -> None:
    with listening(address, 0) as listener:
        async with serving(_hello, listener), httpx.AsyncClient(verify=NO_TLS, timeout=patience(60)) as client:
            name = f"[{address}]" if ":" in address else address
            assert (await client.get(f"http://{name}:{listener.port}/")).text == "hello"


def test_its_connections_do_not_hold_back_small_answers() -> None:
    with listening("127.0.0.1", 0) as listener:
        assert listener.socket.proto == socket.IPPROTO_TCP  # what asyncio looks at before it sets TCP_NODELAY


def test_a_busy_port_gives_a_free_one_and_says_so() -> None:
    with listening("127.0.0.1", 0) as first:
        assert not first.is_other_port
        with listening("127.0.0.1", first.port) as second:
            assert second.is_other_port
            assert second.port not in {0, first.port}
    with listening("127.0.0.1", first.port) as third:
        assert (third.port, third.is_other_port) == (first.port, False)


async def test_the_server_leaves_signals_alone_and_its_port_free() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with listening("127.0.0.1", 0) as listener:
        async with serving(_hello, listener):
            assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", listener.port), timeout=1):
        pass


async def test_a_request_under_way_is_let_finish_when_octet_stops() -> None:
    has_begun, may_end, has_ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        has_begun.set()
        await may_end.wait()
        await _hello(scope, receive, send)
        has_ended.set()

    with listening("127.0.0.1", 0) as listener:
        async with httpx.AsyncClient(verify=NO_TLS, timeout=patience(60)) as client, asyncio.TaskGroup() as group:
            async with serving(slow, listener):
                asking = group.create_task(client.get(f"http://127.0.0.1:{listener.port}/"))
                await has_begun.wait()
                asyncio.get_running_loop().call_later(0.3, may_end.set)
            assert has_ended.is_set()
        assert asking.result().text == "hello"


async def test_a_cancelled_owner_ends_the_server_too() -> None:
    has_started = asyncio.Event()

    async def own() -> None:
        with listening("127.0.0.1", 0) as listener:
            async with serving(_hello, listener):
                has_started.set()
                await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        owner = group.create_task(own())
        await has_started.wait()
        owner.cancel()
        async with asyncio.timeout(60):
            await asyncio.wait([owner])
    assert owner.cancelled()


async def test_a_client_that_sends_its_token_at_once_is_not_pushed_out_by_a_crowd() -> None:
    async def marked(scope: Scope, receive: Receive, send: Send) -> None:
        mark_token_shown(scope)
        await _hello(scope, receive, send)

    with listening("127.0.0.1", 0) as listener, contextlib.ExitStack() as stack:
        async with serving(marked, listener):
            # All of them come while the event loop has no turn.
            crowd = [
                stack.enter_context(socket.create_connection(("127.0.0.1", listener.port), timeout=patience(60)))
                for _ in range(300)
            ]
            crowd[10].sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"hello" in await asyncio.to_thread(_read_whole, crowd[10])
            assert await asyncio.to_thread(crowd[199].recv, 1) == b"", "the last one came, and a hundred are left"


def _read_whole(client: socket.socket) -> bytes:
    got = b""
    while b"hello" not in got and (piece := client.recv(1000)):
        got += piece
    return got


async def test_failing_accepts_are_logged_once_a_minute_in_one_line() -> None:
    loop, now_s, others = asyncio.get_running_loop(), 1000.0, list[dict[str, object]]()
    loop.set_exception_handler(lambda _, context: others.append(context))
    failure = {"message": "out of system resource", "exception": OSError(24, "Too many open files"), "socket": object()}
    with structlog.testing.capture_logs() as lines, log_failing_accepts(loop, now_s=lambda: now_s):
        for _ in range(180):
            for _ in range(16):
                loop.call_exception_handler(failure)
            now_s += 1
        loop.call_exception_handler({"message": "another failure"})
    assert [(line["event"], line["why"]) for line in lines] == [("accept_failed", "Too many open files")] * 3
    assert others == [{"message": "another failure"}]
    loop.call_exception_handler(failure)
    assert others[1:] == [failure]
