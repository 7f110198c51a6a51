"""Pings every minute while all is well, and keeps still while it is not: silence is what raises the alarm."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from automation.alarm.ping import ping, where
from core.fleet.model import Ping, Wellness
from core.kit.clock import Clock

log = structlog.get_logger(__name__)

EVERY_S = 60.0


class HeartbeatPing:
    """The ping of one home. What becomes of it is told once when it changes, to the log and to `told`."""

    def __init__(
        self,
        url: str,
        *,
        look: Callable[[], Awaitable[Wellness]],
        told: Callable[[Ping], None],
        clock: Clock,
        rest: Callable[[float], Awaitable[None]],
    ) -> None:
        """`look` says whether all is well, `rest` waits so many seconds."""
        self._url = url
        self._look = look
        self._told = told
        self._clock = clock
        self._rest = rest
        self._now: Ping = Ping(is_wanted=True, where=where(url))
        told(self._now)

    async def run(self) -> None:
        """Ping until cancelled."""
        while True:
            began_s = self._clock.monotonic_s()
            await self.once()
            await self._rest(max(0.0, EVERY_S - (self._clock.monotonic_s() - began_s)))

    async def once(self) -> None:
        """One look, and a ping if all is well."""
        wellness = await self._look()
        if wellness.is_well:
            if self._now.is_held_back:
                log.info("alarm_ping_goes_on", where=self._now.where)
            self._now = replace(self._now, is_held_back=False)
            self._note(await ping(self._url))
        else:
            if not self._now.is_held_back:
                troubles = [trouble.what for trouble in wellness.troubles if trouble.counts]
                log.warning("alarm_ping_held_back", where=self._now.where, troubles=troubles)
            self._now = replace(self._now, is_held_back=True)
        self._told(self._now)

    def _note(self, why: str) -> None:
        now_ms, was = self._clock.now_ms(), self._now
        if not why:
            if was.why:
                log.info("alarm_ping_taken_again", where=was.where)
            self._now = replace(was, last_ms=now_ms, why="", failing_since_ms=0)
            return
        if not was.why:
            log.warning("alarm_ping_not_taken", where=was.where, why=why)
        self._now = replace(was, why=why, failing_since_ms=was.failing_since_ms or now_ms)
