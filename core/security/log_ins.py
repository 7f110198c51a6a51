"""Log-ins of people on the page: a one-time code lets one browser in, which shows two secrets with each request.

The first is a cookie, which a browser also sends to other programs on this machine; so the second, which only the page
of this very address can read, must come with it. The database has only a hash of both."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import structlog

from core import limits
from core.journal.service import Journal
from core.kit.clock import DAY_MS, Clock
from core.kit.errors import Unavailable
from core.kit.from_attributes import from_attributes
from core.kit.ids import Ids
from core.kit.redaction import remember
from core.remedies import refused
from core.security import _store
from core.security.keys import hasher
from core.security.model import (
    HUB,
    LOG_IN_LASTS_MS,
    Actor,
    LoggedIn,
    LoggedOut,
    LogIn,
    NewLogIn,
    Permission,
    PushAddress,
    PushChanged,
    SavedView,
    require,
)
from core.store.engine import Row, Store, Tx

log = structlog.get_logger(__name__)

CODE_S = 600.0  # so long a code is valid
MOST_CODES = 20  # at once; a new one ends the oldest
IDLE_MS = 7 * DAY_MS  # without a request a log-in ends so soon
_USE_STEP_MS = 3_600_000  # Octet stores a log-in's new end once in this time


@dataclass(frozen=True, slots=True)
class _Code:
    hash: str
    who: str
    since_s: float


class LogIns:
    """Who is logged in on the page, in memory and in the database."""

    def __init__(
        self,
        *,
        store: Store,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        key: bytes,
        actor_of: Callable[[str], Actor],
    ) -> None:
        """`key` is the home's key for codes. `actor_of` tells who has this id, with what they may do everywhere now
        (`People.everywhere`). Call `load` first."""
        self._store, self._journal, self._clock, self._ids = store, journal, clock, ids
        self._actor_of = actor_of
        self._hash = hasher(key, "log-ins")
        self._codes: list[_Code] = []
        self._log_ins: dict[str, LogIn] = {}
        self._by_hash: dict[str, str] = {}
        self._pushes: dict[str, PushAddress] = {}

    async def load(self) -> None:
        self._use(await self._store.fetch(_store.LOG_INS))

    def invite(self, who: str, *, by: Actor) -> str:
        """Make a code that lets one browser in as `who`, once, within CODE_S. Raises NotAllowed, for another than
        oneself without `person.log_in`, and log_in_without_role."""
        require(by, Permission.VERSION_READ)
        if who != by.id:
            require(by, Permission.PERSON_LOG_IN)
        self._require_role(who)
        code = self._ids.secret()
        self._codes = [*self._codes[1 - MOST_CODES :], _Code(self._hash(code), who, self._clock.monotonic_s())]
        return code

    def invited(self, code: str) -> Actor:
        """Return whom this code lets in; the code stays valid. Raises link_expired."""
        return self._actor_of(self._find(code).who)

    async def enter(self, code: str, *, browser: str) -> NewLogIn:
        """Exchange the code for a log-in. Raises link_expired."""
        found = self._find(code)
        self._codes.remove(found)
        return await self._begin(found.who, browser)

    async def enter_as(self, person: str, *, browser: str) -> NewLogIn:
        """Log in the user whom Discord has confirmed to be `person`. Raises log_in_without_role."""
        self._require_role(person)
        return await self._begin(person, browser)

    def _require_role(self, who: str) -> None:
        if not self._actor_of(who).permissions:
            raise refused("log_in_without_role", id=who)

    async def _begin(self, who: str, browser: str) -> NewLogIn:
        now_ms, cookie, secret = self._clock.now_ms(), self._ids.secret(), remember(self._ids.secret())
        browser = limits.visible(browser)[: limits.REASON.most]
        ends_ms = now_ms + IDLE_MS
        log_in = LogIn(id=self._ids.ulid(), who=who, browser=browser, since_ms=now_ms, ends_ms=ends_ms)
        hashed = self._hash(f"{cookie} {secret}")

        over = [one.id for one in self._log_ins.values() if one.ends_ms <= now_ms]

        def add(tx: Tx) -> None:
            tx.execute(_store.END_LOG_INS, {"ids": over})
            tx.execute(_store.ADD_LOG_IN, {**asdict(log_in), "hash": hashed})
            tx.after_commit(partial(self._forget, over))
            tx.after_commit(lambda: self._follow(log_in, hashed))
            self._journal.append(tx, LoggedIn(person=log_in.who), by=log_in.who)

        await self._store.write(add)
        return NewLogIn(log_in=log_in, cookie=cookie, secret=secret)

    async def actor(self, cookie: str, secret: str) -> Actor | None:
        """Return who shows these two secrets, with what they may do now; None where no log-in has both."""
        now_ms = self._clock.now_ms()
        found = self._log_ins.get(self._by_hash.get(self._hash(f"{cookie} {secret}"), ""))
        if found is None or found.ends_ms <= now_ms:
            return None
        ends_ms = min(now_ms + IDLE_MS, found.since_ms + LOG_IN_LASTS_MS)
        if ends_ms - found.ends_ms >= _USE_STEP_MS:
            await self._note_use(replace(found, ends_ms=ends_ms))
        return self._actor_of(found.who)

    async def list(self, *, by: Actor) -> tuple[LogIn, ...]:
        """Return the log-ins that have not ended: one's own, and those of all with `person.log_in`."""
        require(by, Permission.VERSION_READ)
        now_ms, sees_all = self._clock.now_ms(), Permission.PERSON_LOG_IN in by.permissions
        return tuple(one for one in self._log_ins.values() if one.ends_ms > now_ms and (sees_all or one.who == by.id))

    async def end(self, log_in: str, *, by: Actor) -> LogIn:
        """Refuse this browser from now on. Raises log_in_not_found, also for another's without `person.log_in`."""
        found = next((one for one in await self.list(by=by) if one.id == log_in), None)
        if found is None:
            raise refused("log_in_not_found", id=log_in)

        def end(tx: Tx) -> None:
            tx.execute(_store.END_LOG_INS, {"ids": [found.id]})
            tx.after_commit(partial(self._forget, [found.id]))
            self._journal.append(tx, LoggedOut(person=found.who), by=by.id)

        await self._store.write(end)
        return found

    def push_addresses(self) -> tuple[tuple[str, Actor, PushAddress], ...]:
        """Return each log-in that gets notifications, its user with what they may do now, and where it gets them."""
        now_ms = self._clock.now_ms()
        found = [(self._log_ins[one], address) for one, address in self._pushes.items() if one in self._log_ins]
        return tuple((one.id, self._actor_of(one.who), address) for one, address in found if one.ends_ms > now_ms)

    async def set_push(self, log_in: str, address: PushAddress | None, *, by: Actor) -> None:
        """Have this browser get notifications at the address, or none any more. Raises log_in_not_found, also for
        another's log-in."""
        found = self._log_ins.get(log_in)
        if found is None or (by is not HUB and by.id != found.who):
            raise refused("log_in_not_found", id=log_in)

        def change(tx: Tx) -> None:
            tx.execute(_store.SET_PUSH, {"log_in": log_in, "to": json.dumps(asdict(address)) if address else ""})
            tx.after_commit(lambda: self._note_push(log_in, address))
            self._journal.append(tx, PushChanged(person=found.who), by=by.id)

        await self._store.write(change)

    def _note_push(self, log_in: str, address: PushAddress | None) -> None:
        self._pushes.pop(log_in, None)
        if address is not None:
            self._pushes[log_in] = address

    def shift(self, tx: Tx, by_ms: int) -> None:
        """Move the ends of log-ins with a clock that was set by `by_ms`."""
        tx.execute(_store.SHIFT_LOG_INS, {"by": by_ms, "ids": [row.id for row in tx.execute(_store.LOG_INS)]})
        rows = tx.execute(_store.LOG_INS)
        tx.after_commit(lambda: self._use(rows))

    async def _note_use(self, log_in: LogIn) -> None:
        self._log_ins[log_in.id] = log_in
        row = {"log_in": log_in.id, "ends": log_in.ends_ms}
        try:
            await self._store.write(lambda tx: tx.execute(_store.USE_LOG_IN, row))
        except Unavailable as error:  # the log-in is valid all the same
            log.warning("log_in_use_not_stored", why=error.message)

    def _find(self, code: str) -> _Code:
        now_s, hashed = self._clock.monotonic_s(), self._hash(code)
        self._codes = [one for one in self._codes if now_s - one.since_s <= CODE_S]
        for one in self._codes:
            if hmac.compare_digest(one.hash, hashed):
                return one
        raise refused("link_expired")

    def _follow(self, log_in: LogIn, hashed: str) -> None:
        self._log_ins[log_in.id], self._by_hash[hashed] = log_in, log_in.id

    def _forget(self, ids: Collection[str]) -> None:
        self._log_ins = {one: found for one, found in self._log_ins.items() if one not in ids}
        self._pushes = {one: found for one, found in self._pushes.items() if one not in ids}
        self._by_hash = {hashed: one for hashed, one in self._by_hash.items() if one not in ids}

    def _use(self, rows: Iterable[Row]) -> None:
        self._by_hash = {row.hash: row.id for row in rows}
        self._pushes = {}
        self._log_ins = {one.id: one for one in self._store.aside.readable("log-in", rows, self._read, key="id")}

    def _read(self, row: Row) -> LogIn:
        log_in, address = _log_in(row), PushAddress(**json.loads(row.push)) if row.push else None
        self._note_push(log_in.id, address)
        return log_in


def _log_in(row: Row) -> LogIn:
    _ = row.since_ms + row.ends_ms  # they are numbers
    return from_attributes(LogIn, row)


class SavedViews:
    """Views of the page that users saved: each a name for an address, each user's own. They are facts of the home."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(self, *, by: Actor) -> tuple[SavedView, ...]:
        require(by, Permission.VERSION_READ)
        return _read_views(await self._store.fetch(_store.FACT, _views_of(by)))

    async def save(self, name: str, address: str, *, by: Actor) -> tuple[SavedView, ...]:
        """Save a view, in the place of one with this name; without an address remove that. Raises as `check`."""
        require(by, Permission.VERSION_READ)
        new = [SavedView(name=name, address=address)] if address else []

        def save(tx: Tx) -> tuple[SavedView, ...]:
            known = _read_views(tx.execute(_store.FACT, _views_of(by)))
            views = limits.check("views", (*(one for one in known if one.name != name), *new), limits.VIEWS)
            tx.execute(_store.SET_FACT, {**_views_of(by), "value": json.dumps([asdict(one) for one in views])})
            return views

        return await self._store.write(save)


def _views_of(by: Actor) -> dict[str, object]:
    return {"name": f"views:{by.id}"}


def _read_views(rows: Any) -> tuple[SavedView, ...]:
    return tuple(SavedView(**one) for row in rows for one in json.loads(row.value))
