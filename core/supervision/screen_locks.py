"""Screens that are locked while work waits: told to people once each, and that it is over.

A lock of which nobody need know (nothing waits for that screen) is remembered, and told when something comes to wait.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.deliveries.model import Delivery
from core.notices.model import NoticeKind, Place
from core.security.model import HUB
from core.store.engine import Row, Tx
from core.supervision import _store
from core.supervision.model import DeskLocked, DeskUnlocked, ScreenLock, ScreenLockNotFound
from core.tasks.model import Demand, WaitReason
from core.tasks.repository import Ledger
from core.tasks.services import TaskServices

_FOR_WINDOWS = (WaitReason.WINDOW, WaitReason.DESK)
_LOOKED_AT = 50  # in so many waiting tasks Octet looks for a channel to tell of the lock
OVER = "over"  # what a notice of a lock says once it is over


class ScreenLocks:
    """The locked screens. Verbs that change take the open transaction."""

    def __init__(self, services: TaskServices, tasks: Ledger) -> None:
        self._store = services.store
        self._journal = services.journal
        self._agents = services.agents
        self._deliveries = services.deliveries
        self._tasks = tasks
        self._notices = services.notices
        self._clock = services.clock
        self._ids = services.ids

    def update_desk(self, tx: Tx, desk: str, *, is_locked: bool) -> None:
        """A desk's worker sees its screen so. The same again, also from another worker, changes nothing."""
        row = tx.execute(_store.OPEN_OF, {"of_desk": desk}).first()
        if is_locked and row is None:
            added = {"id": self._ids.ulid(), "desk": desk, "since_ms": self._clock.now_ms(), "waiting": 0}
            tx.execute(_store.ADD, {**added, "over_ms": None})
            self._journal.append(tx, DeskLocked(desk=desk), by=HUB.id)
            self.notify_waiting(tx)
        elif not is_locked and row is not None:
            self._end(tx, row)

    def notify_waiting(self, tx: Tx) -> None:
        """Tell people of locked screens of which they do not know yet, if something waits there; end those of desks
        that are no screen any more, or at which nobody works since the config changed: no worker tells of them."""
        for row in tx.execute(_store.OPEN).all():
            if not any(agent.abilities.has_screen for agent in self._agents.at(row.desk)):
                self._end(tx, row)
            elif not row.waiting and (waiting := self._waiting(tx, row.desk)):
                tx.update_row(_store.locks.c.id, row.id, waiting=waiting)
                place = self._place(tx, row.desk)
                self._notices.tell(tx, NoticeKind.LOCKED, None, message=row.id, about=row.id, place=place)

    async def list_open(self) -> tuple[ScreenLock, ...]:
        """The screens that are locked now and of which people were told, oldest first."""
        rows = await self._store.fetch(_store.OPEN)
        return tuple(_lock(row) for row in rows if row.waiting)

    async def show(self, lock: str) -> ScreenLock:
        """One of them, over or not. Raises ScreenLockNotFound."""
        rows = await self._store.fetch(_store.ONE, {"lock": lock})
        if not rows:
            raise ScreenLockNotFound
        return _lock(rows[0])

    def _end(self, tx: Tx, row: Row) -> None:
        tx.update_row(_store.locks.c.id, row.id, over_ms=self._clock.now_ms())
        self._journal.append(tx, DeskUnlocked(desk=row.desk), by=HUB.id)
        if row.waiting:
            self._notices.settled(tx, about=row.id, how=OVER)

    def _waiting(self, tx: Tx, desk: str) -> int:
        """Count the tasks and words that wait for a window of this desk."""
        waiting = self._tasks.waiting_for(tx, *_FOR_WINDOWS)
        return len(self._queued(tx, desk)) + sum(waiting[demand] for demand in self._demands(desk, waiting))

    def _place(self, tx: Tx, desk: str) -> Place:
        """Find where the first of them was asked for."""
        demands = self._demands(desk, self._tasks.waiting_for(tx, *_FOR_WINDOWS))
        tasks = [self._tasks.find(tx, one.task) for one in self._queued(tx, desk) if one.task is not None]
        tasks += self._tasks.stopped_for(tx, _FOR_WINDOWS, demands, limit=_LOOKED_AT)
        return _first(task.place for task in tasks)

    def _queued(self, tx: Tx, desk: str) -> list[Delivery]:
        names = [str(agent.name) for agent in self._agents.at(desk)]
        return sorted(self._deliveries.queued(tx, names), key=lambda one: one.created_ms)

    def _demands(self, desk: str, demands: Iterable[Demand]) -> list[Demand]:
        """Those that an agent of this desk can meet."""
        return [one for one in demands if any(a.desk == desk for a in self._agents.who_can(one.needs, one.wanted))]


def _first(places: Iterable[Place]) -> Place:
    """Where to tell it: where somebody asked; else nowhere in particular."""
    return next((place for place in places if place.channel), Place())


def _lock(row: Row) -> ScreenLock:
    return ScreenLock(id=row.id, desk=row.desk, since_ms=row.since_ms, waiting=row.waiting, over_ms=row.over_ms)
