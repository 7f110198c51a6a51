"""Screens that are locked while work waits: told to people once each, and that it is over.

A lock of which nobody need know (nothing waits for that screen) is remembered, and told when something comes to wait.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.agents.model import Lane
from core.duty import _store
from core.duty.model import DeskLocked, DeskUnlocked, Lock, LockNotFound
from core.journal.service import Journal
from core.kit.clock import Clock
from core.kit.ids import Ids
from core.notices.model import Place
from core.security.model import HUB
from core.store.engine import Row, Store, Tx
from core.tasks.answers import Neighbours
from core.tasks.ledger import Ledger
from core.tasks.model import WaitReason

_FOR_WINDOWS = (WaitReason.WINDOW, WaitReason.DESK)
OVER = "over"
"""What a notice of a lock says once it is over."""


class Locks:
    """The locked screens. Verbs that change take the open transaction."""

    def __init__(
        self, *, store: Store, journal: Journal, rooms: Neighbours, tasks: Ledger, clock: Clock, ids: Ids
    ) -> None:
        """Ids come from `ids`."""
        self._store = store
        self._journal = journal
        self._agents = rooms.agents
        self._deliveries = rooms.deliveries
        self._tasks = tasks
        self._notices = rooms.notices
        self._clock = clock
        self._ids = ids

    def desk_is(self, tx: Tx, desk: str, *, is_locked: bool) -> None:
        """A desk's worker sees its screen so. The same again, also from another worker, changes nothing."""
        row = tx.execute(_store.OPEN_OF, {"of_desk": desk}).first()
        if is_locked and row is None:
            added = {"id": self._ids.ulid(), "desk": desk, "since_ms": self._clock.now_ms(), "waiting": 0}
            tx.execute(_store.ADD, {**added, "over_ms": None})
            self._journal.append(tx, DeskLocked(desk=desk), by=HUB.id)
            self.tend(tx)
        elif not is_locked and row is not None:
            self._end(tx, row)

    def tend(self, tx: Tx) -> None:
        """Tell people of locked screens of which they do not know yet, if something waits there; end those of desks
        that are no screen any more, or at which nobody works since the config changed: no worker tells of them."""
        for row in tx.execute(_store.OPEN).all():
            if not any(agent.lane is Lane.WINDOW for agent in self._agents.at(row.desk)):
                self._end(tx, row)
            elif not row.waiting and (places := self._waiting(tx, row.desk)):
                tx.execute(_store.TELL, {"lock": row.id, "tasks": len(places)})
                self._notices.locked(tx, row.id, place=_first(places))

    async def open(self) -> tuple[Lock, ...]:
        """The screens that are locked now and of which people were told, oldest first."""
        rows = await self._store.fetch(_store.OPEN)
        return tuple(_lock(row) for row in rows if row.waiting)

    async def show(self, lock: str) -> Lock:
        """One of them, over or not. Raises LockNotFound."""
        rows = await self._store.fetch(_store.ONE, {"lock": lock})
        if not rows:
            raise LockNotFound
        return _lock(rows[0])

    def _end(self, tx: Tx, row: Row) -> None:
        tx.execute(_store.END, {"lock": row.id, "at": self._clock.now_ms()})
        self._journal.append(tx, DeskUnlocked(desk=row.desk), by=HUB.id)
        if row.waiting:
            self._notices.settled(tx, about=row.id, how=OVER)

    def _waiting(self, tx: Tx, desk: str) -> list[Place]:
        """Where the tasks and words were asked for that wait for a window of this desk, oldest first."""
        names = {str(agent.name) for agent in self._agents.at(desk)}
        queued = sorted(self._deliveries.queued(tx, sorted(names)), key=lambda one: one.created_ms)
        tasks = {one.task: self._tasks.find(tx, one.task).place for one in queued if one.task is not None}
        for task in self._tasks.waiting_for(tx, *_FOR_WINDOWS):
            if names & {str(agent.name) for agent in self._agents.who_can(task.needs, task.wanted)}:
                tasks.setdefault(task.id, task.place)
        return [*tasks.values(), *(Place() for one in queued if one.task is None)]


def _first(places: Iterable[Place]) -> Place:
    """Where to tell it: where somebody asked; else nowhere in particular."""
    return next((place for place in places if place.channel), Place())


def _lock(row: Row) -> Lock:
    return Lock(id=row.id, desk=row.desk, since_ms=row.since_ms, waiting=row.waiting, over_ms=row.over_ms)
