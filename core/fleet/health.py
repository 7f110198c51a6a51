"""Octet's health. Octet is well when four things hold. The database takes writes. With a token, Discord is connected.
Every desk with agents is usable. Discord takes Octet's messages. The
heartbeat ping reports all but what a user decided or can see. It does not mean that every task goes well:
`Fleet.needs_me` lists those that wait for a user."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from core.desks.model import DeskState
from core.desks.service import Desks
from core.fleet.model import Need, NeedKind, Part, Ping, Trouble, Wellness
from core.kit.clock import SteadyClock
from core.remedies import explain
from core.security.model import Actor, Permission, require
from core.store.engine import Store

GRACE_S = 90.0  # a shorter problem does not count: a worker or a connection may just be coming back
_LOOK_S = 5.0  # longest wait for the database
_PARTS = {NeedKind.DESK: Part.DESK, NeedKind.UNTOLD: Part.NOTICE}
"""What of everything that needs a user makes Octet unwell."""


class Health:
    """Looks at everything that must be well. It changes nothing, and keeps only since when something is wrong."""

    def __init__(
        self,
        store: Store,
        desks: Desks,
        clock: SteadyClock,
        *,
        needs: Callable[[], Awaitable[Iterable[Need]]],
        is_discord_connected: Callable[[], bool] | None,
    ) -> None:
        """`needs` lists what needs a user. `is_discord_connected` is None where Octet works without Discord."""
        self._store, self._desks, self._clock = store, desks, clock
        self._needs, self._is_connected = needs, is_discord_connected
        self._ping = Ping()
        self._since: dict[tuple[Part, str], tuple[int, float]] = {}  # Since when it is wrong, wall and monotonic

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
        found = [
            *store,
            *self._left_out(),
            *([discord] if self.is_discord_connected is False else []),
            *self._desks_trouble(),
        ]
        found += [] if store else await self._needs_trouble({one.name for one in found})
        self._since = {(one.part, one.name): self._since.get((one.part, one.name), (now_ms, now_s)) for one in found}
        troubles: list[Trouble] = []
        for one in found:
            since_ms, since_s = self._since[one.part, one.name]
            troubles.append(
                replace(one, since_ms=one.since_ms or since_ms, counts=one.counts or now_s - since_s >= GRACE_S)
            )
        return Wellness(troubles=tuple(troubles), ping=self._ping, at_ms=now_ms)

    async def _store_trouble(self) -> list[Trouble]:
        why = await self._store.why_not_writable(within_s=_LOOK_S)
        then = "Fix that. Octet then continues."
        return [Trouble(part=Part.STORE, what=why, next=then, counts=True)] if why else []

    def _left_out(self) -> list[Trouble]:
        then = "Its log has the details. Octet tries again each minute, or when it starts."
        sentence = "Octet met an error ({error}) and leaves this out: {what}."
        return [
            Trouble(part=Part.STORE, name=what, what=sentence.format(error=error, what=what), next=then, counts=True)
            for what, error in self._store.aside.errors().items()
        ]

    async def _needs_trouble(self, known: set[str]) -> list[Trouble]:
        """List desks that hold work up, and messages that Octet cannot post, unless they are `known` already."""
        return [
            Trouble(
                part=_PARTS[one.kind],
                name=one.desk or one.task or "",
                what=f"{one.what[:1].upper()}{one.what[1:]}{f': {one.seen}' if one.seen else ''}.",
                next=one.next,
                since_ms=one.since_ms,
                counts=True,
                holds_ping=False,
            )
            for one in await self._needs()
            if one.kind in _PARTS and (one.desk is None or one.desk not in known)
        ]

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
