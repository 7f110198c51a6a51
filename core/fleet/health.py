"""Whether all is well: the one place that says what that means. The dead man's ping goes out only while it is.

Well means three things. The database takes writes. Where there is a token, Discord is connected, so that users hear of
what happens. Every desk at which agents work can be used, or a user holds it back. It does not mean that every task
goes well: `Fleet.needs_me` says what waits for a user."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from core.desks.model import DeskState
from core.desks.service import Desks
from core.fleet.model import Part, Ping, Trouble, Wellness
from core.kit.clock import Clock
from core.kit.errors import OctetError
from core.remedies import explain
from core.security.model import Actor, Permission, require
from core.store.engine import Store

GRACE_S = 90.0  # what lasts no longer than this is not trouble: a worker or a connection that is just coming back
_LOOK_S = 5.0  # longest wait for the database


class Health:
    """Looks at everything that must be well. It changes nothing and keeps only since when what is wrong."""

    def __init__(self, *, store: Store, desks: Desks, clock: Clock) -> None:
        """Until `discord_is` is called Discord need not be connected."""
        self._store, self._desks, self._clock = store, desks, clock
        self._is_connected: Callable[[], bool] = lambda: True
        self._ping = Ping()
        self._since: dict[tuple[Part, str], tuple[int, float]] = {}
        """Since when something is known to be wrong, in wall and in monotonic time."""

    def discord_is(self, is_connected: Callable[[], bool]) -> None:
        """There is a token, so Discord must be connected; this says whether it is."""
        self._is_connected = is_connected

    def pinged(self, ping: Ping) -> None:
        """How the dead man's ping does now."""
        self._ping = ping

    async def look(self, *, by: Actor) -> Wellness:
        """How all stands now."""
        require(by, Permission.FLEET_READ)
        store = await self._store_trouble()
        now_ms, now_s = self._clock.now_ms(), self._clock.monotonic_s()
        found = [*store, *self._discord_trouble(), *self._desks_trouble()]
        self._since = {(one.part, one.name): self._since.get((one.part, one.name), (now_ms, now_s)) for one in found}
        troubles: list[Trouble] = []
        for one in found:
            since_ms, since_s = self._since[one.part, one.name]
            troubles.append(replace(one, since_ms=since_ms, counts=one.counts or now_s - since_s >= GRACE_S))
        return Wellness(troubles=tuple(troubles), ping=self._ping, at_ms=now_ms)

    async def _store_trouble(self) -> list[Trouble]:
        why = ""
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._store.ping()
        except TimeoutError:
            why = f"The database has not answered for {_LOOK_S:g} s."
        except OctetError as error:
            why = error.message
        if not why and self._store.trouble is not None:
            why = self._store.trouble.message
        then = "Mend what is named; then everything goes on by itself."
        return [Trouble(part=Part.STORE, what=why, next=then, counts=True)] if why else []

    def _discord_trouble(self) -> list[Trouble]:
        then = "It is tried again by itself; `octet doctor --online` shows what is in the way."
        trouble = Trouble(part=Part.DISCORD, what="Discord is not connected.", next=then)
        return [] if self._is_connected() else [trouble]

    def _desks_trouble(self) -> list[Trouble]:
        return [
            Trouble(
                part=Part.DESK,
                name=status.desk.name,
                what=f"Desk {status.desk.name} cannot be used: {explain(status.reason, status.note)}.",
                next="`octet doctor` says how to mend it.",
            )
            for status in self._desks.known()
            if status.state is DeskState.UNAVAILABLE
        ]
