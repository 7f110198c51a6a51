"""Appends to the journal, reads it, checks its chain, and calls its followers and listeners."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from functools import cache, partial
from typing import Any, TypeVar, cast

import structlog
from pydantic import TypeAdapter

from core.journal import _store
from core.journal.model import Entry, Event, JournalRow, TailMissing
from core.kit.clock import Clock
from core.kit.files import write_private
from core.kit.filters import Page, Query
from core.kit.from_attributes import attributes_of, from_attributes
from core.remedies import refused
from core.store.engine import Row, Store, Tx, at_row

log = structlog.get_logger(__name__)

E = TypeVar("E", bound=Event)
Follower = Callable[[Tx, Entry[Any]], None]
Listener = Callable[[Entry[Any]], None]
_START = "0" * 64
_PAGE = 5_000
_LAST = "journal.last"
_HEAD_REST_S = 10.0
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=attributes_of).encode


class Journal:
    """The append-only event log. Every change of state is in it, in the transaction that made the change."""

    def __init__(self, *, store: Store, key: bytes, clock: Clock) -> None:
        """`key` chains the rows; it must be the key the first row was written with."""
        self._store, self._key, self._clock = store, key, clock
        self._followers, self._listeners = list[tuple[type[Event], Follower]](), list[tuple[type[Event], Listener]]()
        self.head = store.path.with_name("journal.head")
        self._newest = (0, _START)
        self._news = asyncio.Event()

    def append(self, tx: Tx, event: Event, *, by: str) -> None:
        """Write `event` into the open transaction. Followers get it at the end of that, listeners after the commit."""
        seq, before = self.last(tx)
        row: dict[str, Any] = {  # the chain's link covers these, in this order
            "seq": seq + 1,
            "at_ms": self._clock.now_ms(),
            "name": type(event).__name__,
            "subject": event.subject,
            "actor": by,
            "data": _encode(attributes_of(event)),
        }
        row["hash"] = self._link(before, *row.values())
        tx.execute(_store.INSERT, row)
        tx.scratch[_LAST] = (row["seq"], row["hash"])
        entry = Entry(seq=seq + 1, at_ms=row["at_ms"], event=event, by=by)
        for kind, follower in self._followers:
            if isinstance(event, kind):
                tx.before_commit(partial(_follow, follower, tx, entry))
        tx.after_commit(lambda: self._notify(entry, row["hash"]))

    def follow(self, kind: type[E], call: Callable[[Tx, Entry[E]], None]) -> None:
        """Call `call` for each event of this kind, in the transaction that appends it, once the writing function has
        ended; in order, also for events that followers append. It changes rows only; its error undoes the write."""
        self._followers.append((kind, call))

    def listen(self, kind: type[E], call: Callable[[Entry[E]], None]) -> None:
        """Call `call` in the event loop for each event of this kind, after its commit, in order. It must be quick."""
        self._listeners.append((kind, call))

    def last(self, tx: Tx) -> tuple[int, str]:
        """Return the number and the hash of the newest row."""
        if known := tx.scratch.get(_LAST):
            return cast("tuple[int, str]", known)
        rows = tx.execute(_store.LAST, {})
        return (rows[0].seq, rows[0].hash) if rows else (0, _START)

    def last_at_ms(self, tx: Tx) -> int | None:
        """Return when the newest entry was written; None in an empty journal."""
        row = tx.execute(_store.LAST).first()
        return None if row is None else int(row.at_ms)

    async def verify(self) -> int:
        """Check every row against the chain, and the head against the rows; return the number of rows. Raises
        chain_broken at the first bad row, and TailMissing."""
        before, seq = _START, 0
        await self._check_head()
        while rows := await self._store.fetch(_store.PAGE, {"after": seq, "size": _PAGE}):
            before, seq = await asyncio.to_thread(self._check, rows, before, seq)
        return seq

    async def newest(self, count: int) -> tuple[JournalRow, ...]:
        """Return the newest entries, oldest first."""
        last = max((row.seq for row in await self._store.fetch(_store.LAST)), default=0)
        rows = await self._store.fetch(_store.PAGE, {"after": last - count, "size": count})
        return tuple(map(_journal_row, rows))

    async def list(self, query: Query) -> Page[JournalRow]:
        """Fetch one page of rows, the newest first. Raises UnknownSort and InvalidCursor."""
        return await _store.LISTING.page(self._store, query, _journal_row)

    async def recent(
        self, *kinds: type[Event], since_ms: int, within: int, having: str = ""
    ) -> tuple[int, tuple[Entry[Event], ...]]:
        """Return the events of these kinds since then whose data has this text, oldest first; and the moment from which
        they are complete, because only the newest `within` rows are looked at."""
        last = max((row.seq for row in await self._store.fetch(_store.LAST)), default=0)
        first = await self._store.fetch(_store.PAGE, {"after": last - within, "size": 1})
        since_ms = max(since_ms, first[0].at_ms) if first else since_ms
        names = [kind.__name__ for kind in kinds]
        asked = {"after": last - within, "since": since_ms, "names": names, "having": having}
        rows = sorted(await self._store.fetch(_store.RECENT, asked), key=lambda row: row.seq)
        entries = [self.decode(from_attributes(JournalRow, row, data=json.loads(row.data))) for row in rows]
        return since_ms, tuple(entries)

    @staticmethod
    def decode(row: JournalRow) -> Entry[Event]:
        """Return what the row says, as followers and listeners got it. Raises event_unknown."""
        try:
            event = _decoder(row.name).validate_python(row.data)
        except ValueError as error:
            raise refused("event_unknown", name=row.name, seq=row.seq) from error
        return Entry(seq=row.seq, at_ms=row.at_ms, event=event, by=row.actor)

    def _check(self, rows: Sequence[Row], before: str, seq: int) -> tuple[str, int]:
        """Check these rows against the chain, whose link before them is `before`; return the last one's link."""
        for row in rows:
            *fields, link = row
            seq += 1
            if row.seq != seq or not hmac.compare_digest(link, self._link(before, *fields)):
                raise refused("chain_broken", seq=seq)
            before = row.hash
        return before, seq

    async def keep_head(self, rest: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Keep the file `head` up to date until cancelled. Signed, it says how far the journal reached: the chain alone
        does not show rows removed from its end. Octet writes it rarely, so it may say less than the database. If it
        says more, Octet logs that and keeps the file as proof."""
        try:
            written = await self._check_head()
        except TailMissing as error:
            log.error("journal_tail_missing", why=error.message)  # noqa: TRY400  the message says all; there is no bug
            return
        if not self.head.exists():
            hint = "right for a new home and after an update; otherwise the file was deleted, and rows may be missing"
            log.info("journal_head_made", file=str(self.head), hint=hint)
        try:
            while True:
                if self._newest == written:
                    self._news.clear()
                    await self._news.wait()
                written = self._newest
                await asyncio.to_thread(self._write_head, *written)
                await rest(_HEAD_REST_S)
        finally:
            if self._newest != written:
                self._write_head(*self._newest)

    async def _check_head(self) -> tuple[int, str]:
        """Return what the head says. Raises TailMissing unless it is signed and the database has that row."""
        for row in await self._store.fetch(_store.LAST):
            self._newest = max(self._newest, (row.seq, row.hash))
        try:
            seq, link, mark = json.loads(self.head.read_text(encoding="ascii"))
            is_signed = hmac.compare_digest(self._mark(seq, link), mark)
        except FileNotFoundError:
            return 0, _START
        except (OSError, ValueError, TypeError) as error:
            raise TailMissing(path=self.head) from error
        found = await self._store.fetch(_store.PAGE, {"after": seq - 1, "size": 1}) if is_signed else ()
        if not found or (found[0].seq, found[0].hash) != (seq, link):
            raise TailMissing(path=self.head)
        return seq, link

    def _write_head(self, seq: int, link: str) -> None:
        try:
            write_private(self.head, json.dumps([seq, link, self._mark(seq, link)]))
        except OSError as error:
            log.warning("journal_head_not_written", why=error.strerror)

    def _mark(self, seq: int, link: str) -> str:
        return hmac.new(self._key, json.dumps(["head", seq, link]).encode(), hashlib.sha256).hexdigest()

    def _link(self, *before_and_fields: object) -> str:
        return hmac.digest(self._key, _encode(before_and_fields).encode(), "sha256").hex()

    def _notify(self, entry: Entry[Event], link: str) -> None:
        self._newest = (entry.seq, link)
        self._news.set()
        for kind, listener in self._listeners:
            if isinstance(entry.event, kind):
                try:
                    listener(entry)
                except Exception:  # the row is committed: the other listeners must hear of it
                    log.exception("journal_listener_failed", event_kind=kind.__name__, subject=entry.event.subject)


def _journal_row(row: Row) -> JournalRow:
    return from_attributes(JournalRow, row, data=json.loads(row.data))


def _follow(follower: Follower, tx: Tx, entry: Entry[Event]) -> None:
    """Call a follower; its error belongs to the row of the event's subject."""
    kind, _, name = entry.event.subject.partition(":")
    with at_row(**{kind: name}) if kind in {"task", "delivery"} else nullcontext():
        follower(tx, entry)


@cache
def _decoder(name: str) -> TypeAdapter[Event]:
    """Return the decoder of the events of this name. Raises ValueError."""
    kinds = [Event]
    for kind in kinds:  # grows
        kinds += kind.__subclasses__()
    # A dataclass with slots is a second class; Python may keep the first, which no module has.
    (found,) = {one for one in kinds if one.__name__ == name and vars(sys.modules[one.__module__]).get(name) is one}
    return TypeAdapter(found)
