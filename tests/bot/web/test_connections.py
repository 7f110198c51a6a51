"""Which connections stay open and how long a client may take, without sockets and by a clock that the test sets."""

from __future__ import annotations

import asyncio
import logging

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from bot.web.server import AHEAD, HEADERS_S, MAX_OF_AGENT, Connection, Register, mark_token_shown
from tests.bot.web.clients import REQUEST, Client, Loop, hello


class Number(Connection):
    """A connection that is only counted."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_aborted = False

    def abort(self) -> None:
        assert not self.is_aborted
        self.is_aborted = True


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(["open", "open", "show", "close"]), st.integers(0, 30)), max_size=100))
def test_the_oldest_without_a_token_is_closed_and_no_other(acts: list[tuple[str, int]]) -> None:
    register, most, most_without = Register(most=8, most_without_token=4), 8, 4
    without, with_token = list[Number](), list[Number]()
    for act, which in acts:
        if act == "open":
            without.append(Number(which))
            register.opened(without[-1])
            if len(without) > most_without or len(without) + len(with_token) > most:
                assert without.pop(0).is_aborted
        elif act == "show" and without:
            with_token.append(without.pop(which % len(without)))
            register.token_shown(with_token[-1])
        elif both := without + with_token:
            register.closed(gone := both[which % len(both)])
            (without if gone in without else with_token).remove(gone)
        assert len(without) <= most_without
        assert len(without) + len(with_token) <= most
        assert not any(one.is_aborted for one in without + with_token)


def test_a_token_that_comes_after_the_connection_was_closed_counts_for_nothing() -> None:
    register = Register(most=1, most_without_token=1)
    first, second, third = Number(1), Number(2), Number(3)
    register.opened(first)
    register.opened(second)
    register.token_shown(first)
    register.closed(first)
    register.token_shown(second)
    register.opened(third)
    assert [one.is_aborted for one in (first, second, third)] == [True, False, True]


def test_one_agents_own_key_does_not_use_up_the_connections_of_the_operator() -> None:
    register = Register(most=MAX_OF_AGENT + 10, most_without_token=10)
    crowd = [Number(number) for number in range(MAX_OF_AGENT + 10)]
    for one in crowd:
        register.opened(one)
        register.token_shown(one, "Agent-1")
    operator = Number(-1)
    register.opened(operator)
    register.token_shown(operator)
    assert not operator.is_aborted
    assert [one for one in crowd if one.is_aborted] == [crowd[MAX_OF_AGENT]]


@pytest.mark.parametrize("sent", [b"", b"G", REQUEST[:-1], b"GET / HTTP/1.1\r\nHost: a\r\nX: "])
async def test_whole_headers_must_come_within_ten_seconds(sent: bytes) -> None:
    client = Client(hello)
    for number in range(len(sent)):
        await client.send(sent[number : number + 1])
        client.loop.advance(0.1)
    client.loop.advance(HEADERS_S - 0.1 - client.loop.now_s)
    assert not client.transport.is_closed
    client.loop.advance(0.2)
    assert client.transport.is_aborted


async def test_the_headers_of_a_later_request_have_the_same_limit() -> None:
    client = Client(hello)
    for _ in range(3):
        assert (await client.send(REQUEST)).endswith(b"hello")
        client.loop.advance(4)
        assert not client.transport.is_closed
        await client.send(REQUEST[:5])
        client.loop.advance(4)
        await client.send(REQUEST[5:])
    client.loop.advance(4)
    await client.send(REQUEST[:5])
    client.loop.advance(6)
    assert client.transport.is_aborted


async def test_a_connection_without_any_request_is_closed_after_an_answer() -> None:
    client = Client(hello)
    await client.send(REQUEST)
    client.loop.advance(HEADERS_S)
    assert client.transport.is_closed


async def test_a_request_that_octet_works_on_has_no_such_limit() -> None:
    may_end = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await may_end.wait()
        await hello(scope, receive, send)

    client = Client(slow)
    await client.send(REQUEST)
    client.loop.advance(1000)
    assert not client.transport.is_closed
    may_end.set()
    assert (await client.send(b"")).endswith(b"hello")


async def test_the_rest_of_a_refused_body_is_discarded_but_not_for_ever() -> None:
    client = Client(hello)
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n"
    assert (await client.send(head)).endswith(b"hello")
    for _ in range(9):
        await client.send(b"x" * 100_000)
        assert len(client.connection.cycle.body) == 0
        client.loop.advance(1)
    assert not client.transport.is_closed
    client.loop.advance(1)
    assert client.transport.is_aborted


async def test_after_a_discarded_body_the_next_request_is_answered() -> None:
    client = Client(hello)
    await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
    assert (await client.send(b"discarded" + REQUEST)).count(b"hello") == 2


async def test_pipelined_requests_are_answered_one_after_another() -> None:
    client = Client(hello)
    assert (await client.send(REQUEST * 5 + REQUEST[:5])).count(b"hello") == 5
    client.loop.advance(HEADERS_S)
    assert client.transport.is_aborted


async def test_a_client_that_sends_ahead_without_end_is_closed_and_its_bytes_are_given_back() -> None:
    client = Client(hello)
    for _ in range(40):
        await client.send(REQUEST * 1000)
        if client.transport.is_aborted:
            break
    assert client.transport.is_aborted
    assert len(client.connection.conn.trailing_data[0]) < AHEAD + 1000 * len(REQUEST)


async def test_what_a_client_sends_ahead_within_the_limit_is_answered() -> None:
    client = Client(hello)
    assert b"hello" in await client.send(REQUEST * (AHEAD // len(REQUEST)))
    while client.connection.conn.trailing_data[0]:
        await client.send(b"")
    assert client.transport.written.count(b"hello") == AHEAD // len(REQUEST)
    assert not client.transport.is_closed


async def test_a_connection_that_showed_a_token_stays_while_a_hundred_others_come() -> None:
    async def marked(scope: Scope, receive: Receive, send: Send) -> None:
        mark_token_shown(scope)
        await hello(scope, receive, send)

    register, loop = Register(most=10, most_without_token=2), Loop()
    holder = Client(marked, register, loop)
    await holder.send(REQUEST)
    others = [Client(hello, register, loop) for _ in range(5)]
    for other in others[3:]:
        await other.send(REQUEST)
    assert [one.transport.is_aborted for one in (holder, *others)] == [False, True, True, True, False, False]


async def test_a_connection_that_has_ended_makes_room() -> None:
    register = Register(most=3, most_without_token=2)
    first = Client(hello, register)
    for number in range(10):
        other = Client(hello, register)
        if number % 2:
            register.token_shown(other.connection)
        other.disconnect()
    assert not first.transport.is_aborted


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(
            [
                REQUEST,
                b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                b"3\r\nabc\r\n",
                b"0\r\n\r\n",
                b"zz\r\n",
                b"\r\n\r\n",
                b"abc",
                b"\x00\xff",
            ]
        )
        | st.binary(min_size=1, max_size=20),
        max_size=8,
    ),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
@example([b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"zz\r\n"], False, True, False)
@example([b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"zz\r\n"], False, False, False)
@example([b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"zz\r\n"], True, False, False)
async def test_whatever_a_client_sends_nothing_is_raised_or_logged(
    caplog: pytest.LogCaptureFixture,
    pieces: list[bytes],
    reads_body: bool,  # noqa: FBT001 - Hypothesis draws it
    is_one_packet: bool,  # noqa: FBT001 - Hypothesis draws it
    is_shut_down: bool,  # noqa: FBT001 - Hypothesis draws it
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while reads_body and (await receive()).get("more_body", False):
            pass
        await hello(scope, receive, send)

    client = Client(app)
    for piece in [b"".join(pieces)] if is_one_packet else pieces:
        await client.send(piece)
    if is_shut_down:
        client.connection.shutdown()
    client.loop.advance(5)
    client.loop.advance(5)
    client.disconnect()
    await client.send(b"")
    assert not [task for task in client.connection.tasks if not task.done()]
    assert [line for line in caplog.records if line.levelno >= logging.ERROR] == []
