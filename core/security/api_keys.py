"""API keys: made, shown once, recognised from memory, revoked at once. The database has only a hash of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace

import structlog

from core import limits
from core.journal.model import Event
from core.journal.service import Journal
from core.kit.clock import DAY_MS, Clock
from core.kit.errors import Unavailable
from core.kit.from_attributes import from_attributes
from core.kit.ids import Ids
from core.kit.redaction import remember
from core.remedies import refused
from core.security import _store
from core.security.keys import hasher
from core.security.model import KEY_PREFIX, Actor, ActorKind, ApiKey, NewApiKey, Permission, Right, covers, require
from core.store.engine import Row, Store, Tx

log = structlog.get_logger(__name__)

_USE_STEP_MS = 3_600_000  # Octet stores the last use of a key once in this time
_IS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _KeyEvent(Event):
    SUBJECT = "key:{0.key}"
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyMade(_KeyEvent):
    """A user made an API key."""

    scopes: str
    expires_ms: int


class ApiKeyRevoked(_KeyEvent):
    """A user revoked an API key."""


class ApiKeys:
    """The keys of programs, in memory and in the database."""

    def __init__(
        self,
        *,
        store: Store,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        key: bytes,
        rights_of: Callable[[str], tuple[Right, ...]],
    ) -> None:
        """`key` is the home's key for codes: without it no stored hash recognises a secret. `rights_of` tells what the
        maker of a key may do now (`People.own_rights`). Call `load` first."""
        self._store, self._journal, self._clock, self._ids = store, journal, clock, ids
        self._rights_of = rights_of
        self._hash = hasher(key, "api keys")
        self._keys: dict[str, ApiKey] = {}
        self._by_hash: dict[str, str] = {}

    async def load(self) -> None:
        self._use(await self._store.fetch(_store.KEYS))

    async def actor(self, shown: str) -> Actor | None:
        """Return who shows this secret, with at most what the key's maker may do now; None for one that is unknown,
        revoked or expired."""
        found = self._keys.get(self._by_hash.get(self._hash(shown), ""))
        now_ms = self._clock.now_ms()
        if found is None or not found.is_valid(now_ms):
            return None
        if now_ms - (found.used_ms or 0) >= _USE_STEP_MS:
            await self._note_use(found, now_ms)
        rights = tuple(
            Right(
                permissions=one.permissions & found.scopes, until_ms=min(filter(None, (found.expires_ms, one.until_ms)))
            )
            for one in self._rights_of(found.made_by)
        )
        permissions = frozenset[Permission]().union(*(one.permissions for one in rights))
        return Actor(
            kind=ActorKind.KEY, id=f"key:{found.name}", name=found.name, permissions=permissions, rights=rights
        )

    async def list(self, *, by: Actor) -> tuple[ApiKey, ...]:
        """Return all keys, oldest first, also those that were revoked or have expired."""
        require(by, Permission.KEY_MANAGE)
        return tuple(self._keys.values())

    async def make(self, name: str, scopes: frozenset[Permission], *, days: int, by: Actor) -> NewApiKey:
        """Make a key that may do what `scopes` name. Raises invalid_key_name, OutOfRange, scopes_too_wide,
        key_reaches_too_far or api_key_exists."""
        require(by, Permission.KEY_MANAGE)
        if not _IS_NAME.fullmatch(name):
            raise refused("invalid_key_name", value=name)
        limits.check("days", days, limits.KEY_DAYS)
        if not scopes <= by.permissions:
            raise refused("scopes_too_wide", scopes=_text(scopes - by.permissions))
        now_ms, secret = self._clock.now_ms(), remember(KEY_PREFIX + self._ids.secret())
        expires_ms = now_ms + days * DAY_MS
        if not covers(self._rights_of(by.id), scopes | {Permission.KEY_MANAGE}, until_ms=expires_ms):
            raise refused("key_reaches_too_far")
        made = ApiKey(name=name, scopes=scopes, made_by=by.id, since_ms=now_ms, expires_ms=expires_ms)
        row = {**asdict(made), "scopes": _text(scopes), "hash": self._hash(secret)}

        def add(tx: Tx) -> None:
            before = tx.execute(_store.KEY, {"key": name}).first()
            if before is not None and _key(before).is_valid(now_ms):
                raise refused("api_key_exists", id=name)
            tx.execute(_store.ADD_KEY, row)
            tx.after_commit(lambda: self._follow(made, row["hash"], before.hash if before else ""))
            event = ApiKeyMade(key=name, scopes=_text(scopes), expires_ms=made.expires_ms)
            self._journal.append(tx, event, by=by.id)

        await self._store.write(add)
        return NewApiKey(key=made, secret=secret)

    async def revoke(self, name: str, *, by: Actor) -> ApiKey:
        """Refuse this key from now on, everywhere. Raises key_reaches_too_far or api_key_not_found."""
        require(by, Permission.KEY_MANAGE)
        now_ms = self._clock.now_ms()
        if not covers(by.rights, frozenset({Permission.KEY_MANAGE}), until_ms=now_ms):
            raise refused("key_reaches_too_far")

        def revoke(tx: Tx) -> ApiKey:
            row = tx.execute(_store.KEY, {"key": name}).first()
            if row is None or not _key(row).is_valid(now_ms):
                raise refused("api_key_not_found", id=name)
            tx.execute(_store.REVOKE_KEY, {"key": name, "now": now_ms})
            revoked = replace(_key(row), revoked_ms=now_ms)
            tx.after_commit(lambda: self._keys.update({name: revoked}))
            self._journal.append(tx, ApiKeyRevoked(key=name), by=by.id)
            return revoked

        return await self._store.write(revoke)

    async def _note_use(self, key: ApiKey, now_ms: int) -> None:
        self._keys[key.name] = replace(key, used_ms=now_ms)
        try:
            await self._store.write(lambda tx: tx.execute(_store.USE_KEY, {"key": key.name, "now": now_ms}))
        except Unavailable as error:  # the key is valid all the same
            log.warning("key_use_not_stored", key=key.name, why=error.message)

    def shift(self, tx: Tx, by_ms: int) -> None:
        """Move the ends of keys with a clock that was set by `by_ms`."""
        tx.execute(_store.SHIFT_KEYS, {"by": by_ms, "names": [row.name for row in tx.execute(_store.KEYS)]})
        rows = tx.execute(_store.KEYS)
        tx.after_commit(lambda: self._use(rows))

    def _use(self, rows: Iterable[Row]) -> None:
        self._by_hash = {row.hash: row.name for row in rows}
        self._keys = {one.name: one for one in self._store.aside.readable("key", rows, _key, key="name")}

    def _follow(self, key: ApiKey, hashed: str, former: str) -> None:
        """Remember a key that was made, in place of a former one of its name."""
        self._by_hash.pop(former, None)
        self._keys.pop(key.name, None)
        self._by_hash[hashed], self._keys[key.name] = key.name, key


def _key(row: Row) -> ApiKey:
    """Read a key; ignore permissions that this Octet does not have."""
    _ = row.since_ms + row.expires_ms + (row.used_ms or 0) + (row.revoked_ms or 0)  # they are numbers
    known = frozenset(one for one in Permission if one.value in row.scopes.split())
    return from_attributes(ApiKey, row, scopes=known)


def _text(scopes: Iterable[Permission]) -> str:
    return " ".join(sorted(one.value for one in scopes))
