"""The dead man's ping over real sockets: taken, not taken, held back, never at another host, never with its secret."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from automation.heartbeat import ping as dead_man
from automation.heartbeat.ping import EVERY_S, HeartbeatPing, ping, where
from core.fleet.model import Part, Ping, Trouble, Wellness
from core.kit.supervise import supervise
from tests.fakes.clock import FakeClock

SECRET = "the-secret-part-of-the-address"
TROUBLE = Trouble(part=Part.STORE, name="", what="The disk is full.", next="Make room.", since_ms=1, counts=True)


@dataclass
class Service:
    """A dead man's switch on loopback."""

    url: str = ""
    asked: list[str] = field(default_factory=list[str])
    answers: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        return web.Response(text="OK") if self.answers is None else await self.answers(request)


@asynccontextmanager
async def a_service() -> AsyncGenerator[Service]:
    service = Service()
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", service.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}/{SECRET}"
    try:
        yield service
    finally:
        await runner.cleanup()


class Minutes:
    """A dead man whose minutes pass when the test says so."""

    def __init__(self, url: str) -> None:
        self.clock = FakeClock()
        self.troubles: tuple[Trouble, ...] = ()
        self.told: list[Ping] = []
        self._rests = asyncio.Semaphore(0)
        self._goes_on = asyncio.Event()
        self.man = HeartbeatPing(url, look=self._look, notify=self.told.append, clock=self.clock, rest=self._rest)

    async def _look(self) -> Wellness:
        return Wellness(troubles=self.troubles, ping=Ping(), at_ms=self.clock.now_ms())

    async def _rest(self, seconds: float) -> None:
        assert seconds == EVERY_S
        self._rests.release()
        self._goes_on.clear()
        await self._goes_on.wait()

    async def rests(self) -> Ping:
        """Return the state once it rests again."""
        async with asyncio.timeout(60):
            await self._rests.acquire()
        return self.told[-1]

    async def minute(self) -> Ping:
        self.clock.advance(EVERY_S)
        self._goes_on.set()
        return await self.rests()


@asynccontextmanager
async def at_work(minutes: Minutes) -> AsyncGenerator[None]:
    async with asyncio.TaskGroup() as group:
        work = supervise(group, "alarm", minutes.man.run())
        yield
        work.cancel()


async def test_each_minute_brings_one_ping_while_all_is_well_and_none_while_it_is_not() -> None:
    async with a_service() as service:
        minutes = Minutes(service.url)
        assert (minutes.told[0].is_wanted, minutes.told[0].last_ms) == (True, 0)
        async with at_work(minutes):
            assert (await minutes.rests()).last_ms == minutes.clock.now_ms()
            await minutes.minute()
            assert service.asked == [f"/{SECRET}"] * 2
            with capture_logs() as lines:
                minutes.troubles = (TROUBLE,)
                held = await minutes.minute()
                await minutes.minute()
                assert (held.is_held_back, len(service.asked)) == (True, 2)
                minutes.troubles = ()
                goes_on = await minutes.minute()
            assert (goes_on.is_held_back, len(service.asked)) == (False, 3)
            assert [line["event"] for line in lines] == ["alarm_ping_paused", "alarm_ping_resumed"]
            assert lines[0]["troubles"] == ["The disk is full."]


async def test_a_ping_that_is_not_taken_is_said_once_when_it_begins_and_once_when_it_is_over() -> None:
    async def broken(_: web.Request) -> web.Response:
        return web.Response(status=500)

    async with a_service() as service:
        minutes = Minutes(service.url)
        service.answers = broken
        with capture_logs() as lines:
            async with at_work(minutes):
                first = await minutes.rests()
                second = await minutes.minute()
                service.answers = None
                third = await minutes.minute()
        assert (first.note, first.last_ms) == ("it answers with status 500", 0)
        assert second.failing_since_ms == first.failing_since_ms > 0
        assert (third.note, third.failing_since_ms, third.last_ms) == ("", 0, minutes.clock.now_ms())
        assert [line["event"] for line in lines] == ["alarm_ping_failed", "alarm_ping_recovered"]
        assert SECRET not in str(lines)
        assert SECRET not in str(minutes.told)


async def test_a_service_that_is_gone_or_never_answers_is_waited_for_no_longer_than_the_limit() -> None:
    async with a_service() as service:

        async def never(_: web.Request) -> web.Response:
            await asyncio.Event().wait()
            raise AssertionError

        service.answers = never
        assert await ping(service.url, timeout_s=0.2) == "nothing came within 0.2 s"
        gone = service.url
    said = await ping(gone)
    assert said.startswith("it cannot be reached (")
    assert SECRET not in said


async def test_an_answer_that_is_dripped_ends_at_the_limit_too() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            for _ in range(100):
                writer.write(b"H")
                await writer.drain()
                await asyncio.sleep(0.05)  # the drip is the case: the next byte comes before the limit
        except ConnectionError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        said = await ping(f"http://127.0.0.1:{port}/{SECRET}", timeout_s=0.3)
    assert said
    assert SECRET not in said


async def test_no_ping_follows_to_another_address() -> None:
    async with a_service() as service:

        async def send_on(_: web.Request) -> web.Response:
            raise web.HTTPFound("/further")

        service.answers = send_on
        assert await ping(service.url) == "it sends on to another address, where no ping goes"
        assert service.asked == [f"/{SECRET}"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hc.example.org/ping/7a3f-secret?token=secret", "https://hc.example.org/…"),
        ("https://me:secret@push.example.org:8443/secret", "https://push.example.org:8443/…"),
        ("http://[::1]:9/secret", "http://[::1]:9/…"),
    ],
)
def test_of_the_address_only_the_host_is_shown(url: str, shown: str) -> None:
    assert where(url) == shown


def test_a_minute_is_a_minute() -> None:
    assert dead_man.EVERY_S == 60
