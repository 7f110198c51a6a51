"""Until when agents at work must give a sign. A restart makes nobody silent, and neither does a clock that was set."""

from __future__ import annotations

from core.kit.clock import Clock
from core.store.engine import Tx
from core.tasks import _store
from core.tasks._store import task_of
from core.tasks.model import Task, parse_task_id


class Deadlines:
    """The deadlines of all tasks that are worked on."""

    def __init__(self, *, clock: Clock, silent_after_ms: int) -> None:
        """An agent that gave no sign for `silent_after_ms` is silent."""
        self._clock = clock
        self._silent_after_ms = silent_after_ms

    def next_ms(self) -> int:
        """The deadline of an agent that gives a sign now."""
        return self._clock.now_ms() + self._silent_after_ms

    def silent(self, tx: Tx, *, limit: int) -> list[Task]:
        """Tasks whose agents have been silent for too long, longest first."""
        return [task_of(row) for row in tx.execute(_store.QUIET, {"now": self._clock.now_ms(), "size": limit})]

    def next_in_s(self, tx: Tx) -> float | None:
        """Seconds until the next agent is silent unless it gives a sign; None while nobody works."""
        at_ms = tx.execute(_store.NEXT_QUIET).scalar_one()
        return None if at_ms is None else max(0.0, (at_ms - self._clock.now_ms()) / 1000)

    def put_off(self, tx: Tx, task: Task, *, asked: str | None) -> None:
        """The task's agent was seen at work: it has as long again. `asked`: the question it has still to answer."""
        tx.execute(_store.SEEN, {"task": _number(task), "quiet": self.next_ms(), "asked": asked})

    def nudged(self, tx: Tx, task: Task, message: str) -> None:
        """The task's agent is asked by `message` whether it still works: it has as long again, once."""
        tx.execute(_store.NUDGED, {"task": _number(task), "message": message, "quiet": self.next_ms()})

    def shift(self, tx: Tx, by_ms: int) -> None:
        """Move all deadlines with a clock that was set by `by_ms`."""
        tx.execute(_store.SHIFT_QUIET, {"by": by_ms})

    def stood_still(self, tx: Tx, *, away_ms: int, grace_ms: int) -> int:
        """Octet was away for so long: each agent at work has what was left to it then, at least the grace.

        Returns how many deadlines were put off.
        """
        now = self._clock.now_ms()
        tasks = [task_of(row) for row in tx.execute(_store.WORKING)]
        for task in tasks:
            left_ms = self._silent_after_ms if task.quiet_at_ms is None else task.quiet_at_ms + away_ms - now
            left_ms = min(self._silent_after_ms, max(grace_ms, left_ms))
            tx.execute(_store.SET_QUIET, {"task": _number(task), "quiet": now + left_ms})
        return len(tasks)


def _number(task: Task) -> int:
    return int(parse_task_id(task.id).removeprefix("T-"))
