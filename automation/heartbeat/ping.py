"""Pings an address every minute while Octet is well: silence raises the alarm. Its secrets stay hidden."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp
import structlog

from core.fleet.model import Ping, Wellness
from core.kit.clock import Clock

log = structlog.get_logger(__name__)

EVERY_S = 60.0


class HeartbeatPing:
    """The ping of one home. The log hears each change of its result, `told` the result of each ping."""

    def __init__(
        self,
        url: str,
        *,
        look: Callable[[], Awaitable[Wellness]],
        notify: Callable[[Ping], None],
        clock: Clock,
        rest: Callable[[float], Awaitable[None]],
    ) -> None:
        """`look` checks Octet's health, `rest` waits so many seconds."""
        self._url = url
        self._look = look
        self._notify = notify
        self._clock = clock
        self._rest = rest
        self._now: Ping = Ping(is_wanted=True, where=where(url))
        notify(self._now)

    async def run(self) -> None:
        while True:
            began_s = self._clock.monotonic_s()
            await self.once()
            await self._rest(max(0.0, EVERY_S - (self._clock.monotonic_s() - began_s)))

    async def once(self) -> None:
        wellness = await self._look()
        if wellness.pings:
            if self._now.is_held_back:
                log.info("alarm_ping_resumed", where=self._now.where)
            self._now = replace(self._now, is_held_back=False)
            self._note(await ping(self._url))
        else:
            if not self._now.is_held_back:
                troubles = [trouble.what for trouble in wellness.troubles if trouble.counts and trouble.holds_ping]
                log.warning("alarm_ping_paused", where=self._now.where, troubles=troubles)
            self._now = replace(self._now, is_held_back=True)
        self._notify(self._now)

    def _note(self, why: str) -> None:
        now_ms, was = self._clock.now_ms(), self._now
        if not why:
            if was.note:
                log.info("alarm_ping_recovered", where=was.where)
            self._now = replace(was, last_ms=now_ms, note="", failing_since_ms=0)
            return
        if not was.note:
            log.warning("alarm_ping_failed", where=was.where, why=why)
        self._now = replace(was, note=why, failing_since_ms=was.failing_since_ms or now_ms)


TIMEOUT_S = 10.0


def where(url: str) -> str:
    """Return the address without what may be secret in it: scheme, host and port."""
    parts = urlsplit(url)
    host = parts.hostname or "?"
    host = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}/…"


async def ping(url: str, *, timeout_s: float = TIMEOUT_S) -> str:
    """Ask for `url` once, within the limit and nowhere else; return why it was not taken, or nothing."""
    limit = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with (
            # Proxies of the environment are for the way out, not for this machine itself.
            aiohttp.ClientSession(timeout=limit, trust_env=not _is_loopback(url)) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            if answer.headers.get("Location"):
                return "it sends on to another address, where no ping goes"
            return "" if 200 <= answer.status < 300 else f"it answers with status {answer.status}"
    except TimeoutError:
        return f"nothing came within {timeout_s:g} s"
    except aiohttp.ClientConnectorError as error:
        return f"it cannot be reached ({error.strerror or type(error.os_error).__name__})"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return f"it does not answer as it should ({type(error).__name__})"  # its words may repeat the address


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
