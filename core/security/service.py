"""Users and their roles. A user without a role may do nothing; the first owner shows the console's code."""

from __future__ import annotations

import hmac
import math
from collections import deque
from dataclasses import dataclass

import structlog

from core.journal.model import Event
from core.journal.service import Journal
from core.kit.clock import Clock
from core.kit.ids import Ids
from core.kit.redaction import remember
from core.security import _store
from core.security.model import Actor, ActorKind, OwnerExists, Permission, Role, TooManyClaims, WrongClaim, require
from core.store.engine import Store, Tx

log = structlog.get_logger(__name__)

_CLAIM_CHARS = 12
_WRONG_WITHIN_S = 15 * 60
_WRONG_OF_ONE = 5
_WRONG_OF_ALL = 20  # After so many wrong codes Octet compares none until the first is older than that


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonEvent(Event):
    """A user did something, or something was decided about one."""

    SUBJECT = "person:{0.person}"
    person: str


class OwnerClaimed(PersonEvent):
    """A user showed the console's code and owns this Octet now."""


class OwnerNamed(PersonEvent):
    """The operator named the owner of this Octet, at `octet init`."""


class OwnerCodeRefused(PersonEvent):
    """A user gave a wrong owner code."""


class People:
    """Who may do what, answered from memory: every verb checks it first."""

    def __init__(self, *, store: Store, journal: Journal, clock: Clock, ids: Ids) -> None:
        """Call `load` first."""
        self._store, self._journal, self._clock = store, journal, clock
        self._roles: dict[str, Role] = {}
        self._claim = remember(ids.marker(_CLAIM_CHARS))
        self._wrong: deque[tuple[float, str]] = deque(maxlen=_WRONG_OF_ALL)

    async def load(self) -> None:
        self._roles = {row.id: Role(row.role) for row in await self._store.fetch(_store.PEOPLE)}

    async def discord_actor(self, user_id: str, name: str) -> Actor:
        """Return the Discord user as an actor, with the role bound to the id, else Role.NONE."""
        key = f"discord:{user_id}"
        return Actor(kind=ActorKind.PERSON, id=key, name=name, role=self._roles.get(key, Role.NONE))

    def claim_code(self) -> str | None:
        """Return the one-time code for the console; None when this Octet has an owner."""
        return None if Role.OWNER in self._roles.values() else self._claim

    async def claim(self, code: str, *, user_id: str, name: str) -> Actor:
        """Make this Discord user the owner. Raises OwnerExists, WrongClaim or TooManyClaims."""
        if self.claim_code() is None:
            raise OwnerExists
        key = f"discord:{user_id}"
        if wait_s := self._wait_s(key):
            raise TooManyClaims(wait_s=wait_s)
        if not hmac.compare_digest(code.strip().encode(errors="replace"), self._claim.encode()):
            self._wrong.append((self._clock.monotonic_s(), key))
            log.warning("owner_code_refused", person=key)
            await self._store.write(lambda tx: self._journal.append(tx, OwnerCodeRefused(person=key), by=key))
            raise WrongClaim
        await self._own(key, name, OwnerClaimed(person=key), by=key)
        return await self.discord_actor(user_id, name)

    async def name_owner(self, user_id: str, name: str, *, by: Actor) -> Actor:
        """Make this Discord user the owner, without a code, for the operator. Raises OwnerExists."""
        require(by, Permission.OWNER_NAME)
        key = f"discord:{user_id}"
        await self._own(key, name, OwnerNamed(person=key), by=by.id)
        return await self.discord_actor(user_id, name)

    async def owner(self, *, by: Actor) -> Actor | None:
        require(by, Permission.OWNER_NAME)
        row = next((row for row in await self._store.fetch(_store.PEOPLE) if row.role == Role.OWNER.value), None)
        return Actor(kind=ActorKind.PERSON, id=row.id, name=row.name, role=Role.OWNER) if row is not None else None

    def _wait_s(self, key: str) -> int:
        """Return for how many seconds Octet compares no code of this user."""
        now_s = self._clock.monotonic_s()
        recent = [(at_s, who) for at_s, who in self._wrong if now_s - at_s < _WRONG_WITHIN_S]
        own_s, all_s = [at_s for at_s, who in recent if who == key], [at_s for at_s, _ in recent]
        limits = ((own_s, _WRONG_OF_ONE), (all_s, _WRONG_OF_ALL))
        since_s = [times[-most] for times, most in limits if len(times) >= most]
        return math.ceil(max(since_s) + _WRONG_WITHIN_S - now_s) if since_s else 0

    async def _own(self, key: str, name: str, event: Event, *, by: str) -> None:
        def bind(tx: Tx) -> None:
            if tx.execute(_store.OWNER).first() is not None:
                raise OwnerExists
            row = {"id": key, "name": name, "role": Role.OWNER.value, "since_ms": self._clock.now_ms()}
            tx.execute(_store.ADD_PERSON, row)
            self._journal.append(tx, event, by=by)
            tx.after_commit(lambda: self._roles.update({key: Role.OWNER}))

        await self._store.write(bind)
