"""Whether all is well: the one place that says what that means. The dead man's ping goes out only while it is.

Well means three things. What must not be forgotten can be written down. Where there is a token, Discord is connected,
so that people hear of it. Every desk at which agents work can be used, or a person holds it back. It does not
mean that every task goes well: what waits for a person is told by itself (`Fleet.needs_me`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from core.desks.model import DeskState
from core.desks.service import Desks
from core.fleet.model import Part, Ping, Trouble, Wellness
from core.kit.clock import Clock
from core.kit.errors import OctetError
from core.security.model import Actor, Permission, require
from core.store.engine import Store

GRACE_S = 90.0  # what lasts no longer than this is not trouble: a worker or a connection that is just coming back
_LOOK_S = 5.0  # longest wait for the database


@dataclass(frozen=True, slots=True)
class _Seen:
    """Since when something is known to be wrong, on both clocks."""

    since_ms: int
    since_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wrong:
    part: Part
    what: str
    next: str
    name: str = ""
    counts_at_once: bool = False


class Health:
    """Looks at everything that must be well. It changes nothing and keeps only since when what is wrong."""

    def __init__(self, *, store: Store, desks: Desks, clock: Clock) -> None:
        """Without a word from `discord_is` Discord is not asked for."""
        self._store = store
        self._desks = desks
        self._clock = clock
        self._is_connected: Callable[[], bool] | None = None
        self._ping = Ping()
        self._seen: dict[tuple[Part, str], _Seen] = {}

    def discord_is(self, is_connected: Callable[[], bool]) -> None:
        """There is a token, so Discord must be connected; this says whether it is."""
        self._is_connected = is_connected

    def pinged(self, ping: Ping) -> None:
        """How the dead man's ping does now."""
        self._ping = ping

    async def look(self, *, by: Actor) -> Wellness:
        """How all stands now."""
        require(by, Permission.FLEET_READ)
        found = [*await self._store_wrong(), *self._discord_wrong(), *self._desks_wrong()]
        now_ms, now_s = self._clock.now_ms(), self._clock.monotonic_s()
        known = self._seen
        self._seen = {(one.part, one.name): known.get((one.part, one.name), _Seen(now_ms, now_s)) for one in found}
        return Wellness(troubles=tuple(self._trouble(one, now_s) for one in found), ping=self._ping, at_ms=now_ms)

    def _trouble(self, one: _Wrong, now_s: float) -> Trouble:
        seen = self._seen[one.part, one.name]
        return Trouble(
            part=one.part,
            name=one.name,
            what=one.what,
            next=one.next,
            since_ms=seen.since_ms,
            counts=one.counts_at_once or now_s - seen.since_s >= GRACE_S,
        )

    async def _store_wrong(self) -> list[_Wrong]:
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
        return [_Wrong(part=Part.STORE, what=why, next=then, counts_at_once=True)] if why else []

    def _discord_wrong(self) -> list[_Wrong]:
        if self._is_connected is None or self._is_connected():
            return []
        then = "It is tried again by itself; `octet doctor --online` shows what is in the way."
        return [_Wrong(part=Part.DISCORD, what="Discord is not connected.", next=then)]

    def _desks_wrong(self) -> list[_Wrong]:
        return [
            _Wrong(
                part=Part.DESK,
                name=status.desk.name,
                what=f"Desk {status.desk.name} cannot be used: {status.reason or 'nobody knows why'}.",
                next="`octet doctor` says how to mend it.",
            )
            for status in self._desks.known()
            if status.state is DeskState.UNAVAILABLE
        ]
