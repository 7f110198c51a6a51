"""Keeps the machine awake while work waits at a desk whose owner allows it, and not a moment longer."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Collection

import structlog

from automation.desktop.power.inhibitors import NotInhibited, SleepInhibitor
from core.kit.errors import Unavailable
from core.kit.supervise import wait_for_event

log = structlog.get_logger(__name__)

AGAIN_S = 600.0  # after a refusal Octet asks again so much later: the user may have allowed it
REST_S = 1.0  # between two looks at the work, however much happens
HELD = "Octet keeps this machine awake: it has work"


class KeepAwake:
    """One inhibitor for all desks of a home, reported at each desk for which it is taken."""

    def __init__(
        self,
        desks: Callable[[], Collection[str]],
        *,
        work_at: Callable[[Collection[str]], Awaitable[frozenset[str]]],
        hold: SleepInhibitor,
        notify: Callable[[str, str], None],
    ) -> None:
        """`desks` returns those whose owner allows it, `work_at` those of them where work waits or runs. `notify`
        hears, for a desk, that the machine is kept awake for it or why it cannot be; empty when not wanted now."""
        self._desks = desks
        self._work_at = work_at
        self._hold = hold
        self._notify = notify
        self._changed = asyncio.Event()
        self._notes: dict[str, str] = {}
        self._refused = ""

    def recheck_soon(self) -> None:
        self._changed.set()

    async def run(self) -> None:
        """Keep the machine awake as long as work waits, until cancelled."""
        try:
            while True:
                self._changed.clear()
                await self.look()
                await asyncio.sleep(REST_S)
                if not await wait_for_event(self._changed, AGAIN_S):
                    self._refused = ""  # ask again
        finally:
            await self._hold.give()

    async def look(self) -> None:
        try:
            working = await self._work_at(self._desks())
        except Unavailable as error:  # the database cannot be read just now: the state stays
            log.debug("keep_awake_waits_for_store", why=error.message)
            return
        if not working:
            await self._hold.give()
            self._refused = ""
        elif not self._hold.is_held() and not self._refused:
            await self._take()
        note = HELD if self._hold.is_held() else self._refused
        for desk in {*self._notes, *working}:
            self._say(desk, note if desk in working else "")

    async def _take(self) -> None:
        try:
            await self._hold.take()
        except NotInhibited as error:
            self._refused = f"this machine may fall asleep: {error.why}"
            log.warning("keep_awake_failed", why=error.why)

    def _say(self, desk: str, note: str) -> None:
        if self._notes.get(desk, "") != note:
            self._notes[desk] = note
            self._notify(desk, note)


def find_inhibitor() -> SleepInhibitor | None:
    """Return what keeps this machine awake; None where no login manager does."""
    if not sys.platform.startswith("linux"):
        return None
    from automation.desktop.power.logind import LogindInhibitor

    return LogindInhibitor()
