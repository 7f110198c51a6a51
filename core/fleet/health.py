"""Octet's health, which the heartbeat ping reports. Octet is well when three things hold. The database takes writes.
With a token, Discord is connected. Every desk with agents is usable, or a user holds it. It does not mean that every
task goes well: `Fleet.needs_me` lists those that wait for a user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.desks.model import DeskState
from core.dispatch.services import Services
from core.fleet.model import Part, Ping, Trouble, Wellness
from core.remedies import explain
from core.security.model import Actor, Permission, require

GRACE_S = 90.0  # a shorter problem does not count: a worker or a connection may just be coming back
_LOOK_S = 5.0  # longest wait for the database


class Health:
    """Looks at everything that must be well. It changes nothing, and keeps only since when something is wrong."""

    def __init__(self, services: Services) -> None:
        """Until `discord_is` is called Discord need not be connected."""
        self._store, self._desks, self._clock = services.store, services.desks, services.clock
        self._is_connected: Callable[[], bool] | None = None
        self._ping = Ping()
        self._since: dict[tuple[Part, str], tuple[int, float]] = {}  # Since when it is wrong, wall and monotonic

    def discord_is(self, is_connected: Callable[[], bool]) -> None:
        """Require a connected Discord from now on; `is_connected` says whether it is."""
        self._is_connected = is_connected

    @property
    def is_discord_connected(self) -> bool | None:
        """Whether Discord is connected; None where Octet works without it."""
        return None if self._is_connected is None else self._is_connected()

    def pinged(self, ping: Ping) -> None:
        self._ping = ping

    async def look(self, *, by: Actor) -> Wellness:
        require(by, Permission.FLEET_READ)
        store = await self._store_trouble()
        now_ms, now_s = self._clock.now_ms(), self._clock.monotonic_s()
        then = "Octet retries; `octet doctor --online` shows the cause."
        discord = Trouble(part=Part.DISCORD, what="Discord is not connected.", next=then)
        found = [*store, *([discord] if self.is_discord_connected is False else []), *self._desks_trouble()]
        self._since = {(one.part, one.name): self._since.get((one.part, one.name), (now_ms, now_s)) for one in found}
        troubles: list[Trouble] = []
        for one in found:
            since_ms, since_s = self._since[one.part, one.name]
            troubles.append(replace(one, since_ms=since_ms, counts=one.counts or now_s - since_s >= GRACE_S))
        return Wellness(troubles=tuple(troubles), ping=self._ping, at_ms=now_ms)

    async def _store_trouble(self) -> list[Trouble]:
        why = await self._store.why_not_writable(within_s=_LOOK_S)
        then = "Fix that. Octet then continues."
        return [Trouble(part=Part.STORE, what=why, next=then, counts=True)] if why else []

    def _desks_trouble(self) -> list[Trouble]:
        return [
            Trouble(
                part=Part.DESK,
                name=status.desk.name,
                what=f"Desk {status.desk.name} is not available: {explain(status.reason, status.note)}.",
                next="`octet doctor` says how to fix it.",
            )
            for status in self._desks.known()
            if status.state is DeskState.UNAVAILABLE
        ]
