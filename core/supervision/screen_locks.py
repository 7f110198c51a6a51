"""Screens that are locked while work waits: Octet posts each once, and that it is over. If nothing waits for a locked
screen, Octet posts it when work begins to wait."""

from __future__ import annotations

from core.kit.from_attributes import from_attributes
from core.notices.model import NoticeKind, Place
from core.reasons import WaitReason
from core.remedies import refused
from core.security.model import HUB
from core.store.engine import Row, Tx
from core.supervision import _store
from core.supervision.model import DeskLocked, DeskUnlocked, ScreenLock
from core.tasks.repository import TaskRepository
from core.tasks.services import TaskServices

_FOR_WINDOWS = (WaitReason.WINDOW, WaitReason.DESK)
_LOOKED_AT = 50  # in so many waiting tasks Octet looks for a channel to tell of the lock
OVER = "over"  # what a notice of a lock says once it is over


class ScreenLocks:
    """The locked screens. Verbs that change take the open transaction."""

    def __init__(self, services: TaskServices, tasks: TaskRepository) -> None:
        self._services = services
        self._agents, self._deliveries, self._notices = services.agents, services.deliveries, services.notices
        self._tasks = tasks

    def update_desk(self, tx: Tx, desk: str, *, is_locked: bool) -> None:
        """Record whether a desk's screen is locked. Repeated reports change nothing."""
        row = tx.execute(_store.OPEN_OF, {"of_desk": desk}).first()
        if is_locked and row is None:
            added = {"id": self._services.ids.ulid(), "desk": desk, "waiting": 0, "over_ms": None}
            tx.execute(_store.ADD, {**added, "since_ms": self._services.clock.now_ms()})
            self._services.journal.append(tx, DeskLocked(desk=desk), by=HUB.id)
            self.notify_waiting(tx)
        elif not is_locked and row is not None:
            self._end(tx, row)

    def notify_waiting(self, tx: Tx) -> None:
        """Post locked screens that work waits for; end those of desks without an agent with a screen."""
        for row in tx.execute(_store.OPEN):
            if not any(agent.abilities.has_screen for agent in self._agents.at(row.desk)):
                self._end(tx, row)
                continue
            waiting, place = (0, Place()) if row.waiting else self._waiting(tx, row.desk)
            if waiting:
                tx.update_row(_store.locks.c.id, row.id, waiting=waiting)
                self._notices.notify(tx, NoticeKind.LOCKED, None, subject=row.id, about=row.id, place=place)

    async def list_open(self) -> tuple[ScreenLock, ...]:
        """List the locked screens that users were notified of, oldest first."""
        rows = await self._services.store.fetch(_store.OPEN)
        return tuple(from_attributes(ScreenLock, row) for row in rows if row.waiting)

    async def show(self, lock: str) -> ScreenLock:
        """Show one lock, open or over. Raises screen_lock_not_found."""
        rows = await self._services.store.fetch(_store.ONE, {"lock": lock})
        if not rows:
            raise refused("screen_lock_not_found")
        return from_attributes(ScreenLock, rows[0])

    def _end(self, tx: Tx, row: Row) -> None:
        tx.update_row(_store.locks.c.id, row.id, over_ms=self._services.clock.now_ms())
        self._services.journal.append(tx, DeskUnlocked(desk=row.desk), by=HUB.id)
        if row.waiting:
            self._notices.settled(tx, about=row.id, how=OVER)

    def _waiting(self, tx: Tx, desk: str) -> tuple[int, Place]:
        """Count the tasks and messages that wait for a window of this desk; find where the first was asked for."""
        agents = [str(agent.name) for agent in self._agents.at(desk)]
        find_queued = sorted(self._deliveries.find_queued(tx, agents), key=lambda one: one.created_ms)
        counts = self._tasks.queue.count_waiting(tx, *_FOR_WINDOWS)
        demands = [
            one for one in counts if any(agent.desk == desk for agent in self._agents.who_can(one.needs, one.wanted))
        ]
        waiting = self._tasks.queue.find_waiting(tx, dict.fromkeys(_FOR_WINDOWS, demands), limit=_LOOKED_AT)
        names = [one.task for one in find_queued if one.task is not None] + [one.id for one in waiting]
        tasks = (self._tasks.find(tx, name) for name in names)
        place = next((task.place for task in tasks if task.place.channel), Place())
        return len(find_queued) + sum(counts[demand] for demand in demands), place
