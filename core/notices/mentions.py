"""What each user chose: mentions, a digest once an hour, or silence; and a time zone."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal
from zoneinfo import ZoneInfo

from core.kit.clock import Clock
from core.notices import _store
from core.notices.model import DISCORD, Digest, MentionChoice, MentionMode, NoticeKind, Place
from core.notices.service import Notices
from core.security.model import Actor, Permission, require
from core.store.engine import Row, Store, Tx

DIGEST_EVERY_MS = 3_600_000
_NAMED = 20  # tasks that one digest names


class Mentions:
    """The users' choices, in memory and in the database. Octet mentions users who chose nothing."""

    def __init__(self, notices: Notices, *, store: Store, clock: Clock) -> None:
        self._notices, self._store, self._clock = notices, store, clock
        self._choices: dict[str, MentionChoice] = {}

    async def load(self) -> None:
        rows = await self._store.fetch(_store.CHOICES)
        self._choices = dict(self._store.aside.readable("mentions of", rows, _choice, key="person"))

    async def choose(
        self, mode: MentionMode | None = None, *, zone: ZoneInfo | Literal["machine"] | None = None, by: Actor
    ) -> MentionChoice:
        """Use this mode and this zone for the user from now on; None keeps what is, "machine" forgets the zone. Send
        what a digest would have listed at once."""
        require(by, Permission.TASK_READ)
        kept = self._choices.get(by.id, MentionChoice())
        since_ms = min(kept.since_ms, 1) if mode else kept.since_ms
        zone = None if zone == "machine" else zone or kept.zone
        chosen = replace(kept, mode=mode or kept.mode, zone=zone, since_ms=since_ms)
        await self._write(by.id, chosen)
        self._notices.wake()
        return chosen

    def zone_of(self, person: str) -> ZoneInfo | None:
        """Return the time zone that this user chose; None: the host's."""
        return self._choices[person].zone if person in self._choices else None

    def wakes(self, person: str) -> bool:
        """Return whether a message mentions this user."""
        return person not in self._choices or self._choices[person].mode is MentionMode.MENTIONS

    def has_replied(self, person: str) -> bool:
        """Return whether this user has pressed *Reply* once."""
        return person in self._choices and self._choices[person].has_replied

    async def replied(self, person: str) -> None:
        """Note that this user knows *Reply*."""
        if not self.has_replied(person):
            await self._write(person, replace(self._choices.get(person, MentionChoice()), has_replied=True))

    async def missed(self, person: str, subject: str, place: Place) -> None:
        """Note a message that did not mention a user who chose a digest."""
        known = self._choices[person]
        if known.mode is MentionMode.DIGEST:
            since_ms = known.since_ms or self._clock.now_ms()
            await self._write(person, replace(known, missed=(*known.missed, subject), since_ms=since_ms, place=place))

    async def send_digests(self) -> float:
        """Write the digests that are due as notices. Return in how many seconds the next one is due."""
        due_s = math.inf
        for person, known in list(self._choices.items()):
            if known.missed:
                left_ms = known.since_ms + DIGEST_EVERY_MS - self._clock.now_ms()
                if left_ms > 0:
                    due_s = min(due_s, left_ms / 1000)
                else:
                    await self._send(person, known)
        return due_s

    async def _send(self, person: str, known: MentionChoice) -> None:
        detail = Digest(number=len(known.missed), newest=tuple(dict.fromkeys(known.missed[-_NAMED:])))
        sent = replace(known, missed=(), since_ms=0)

        def send(tx: Tx) -> None:
            self._notices.notify(
                tx, NoticeKind.DIGEST, None, subject=person, detail=detail, place=known.place, only=DISCORD
            )
            tx.execute(_store.CHOOSE, _row(person, sent))

        await self._store.write(send)
        self._choices[person] = sent

    async def _write(self, person: str, choice: MentionChoice) -> None:
        await self._store.write(lambda tx: tx.execute(_store.CHOOSE, _row(person, choice)))
        self._choices[person] = choice


def _row(person: str, choice: MentionChoice) -> dict[str, object]:
    return {
        "person": person,
        "mode": choice.mode.value,
        "missed": " ".join(choice.missed),
        "since_ms": choice.since_ms,
        "place_channel": choice.place.channel,
        "place_guild": choice.place.guild,
        "zone": choice.zone.key if choice.zone else "",
        "has_replied": choice.has_replied,
    }


def _choice(row: Row) -> tuple[str, MentionChoice]:
    return row.person, MentionChoice(
        mode=MentionMode(row.mode),
        zone=ZoneInfo(row.zone) if row.zone else None,
        missed=tuple(row.missed.split()),
        since_ms=row.since_ms,
        place=Place(channel=row.place_channel, guild=row.place_guild),
        has_replied=bool(row.has_replied),
    )
