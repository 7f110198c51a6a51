"""What Octet keeps of tasks in memory, for autocomplete and dispatch: the newest, the counts, the requirements."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import ClassVar, NamedTuple

from core.store.engine import Tx
from core.tasks.model import ENDED, Requirements, Task, TaskState

_SUGGESTIONS = 25


class _Line(NamedTuple):
    """All that is kept of a task; its brief may be long."""

    title: str
    has_ended: bool


class TaskCache:
    """Follows the tasks' rows, each change after its commit."""

    SIZE: ClassVar[int] = 1_000  # of how many tasks, the last changed ones, it keeps the titles

    def __init__(self) -> None:
        """Begin empty; whoever knows the rows fills it."""
        self._newest: OrderedDict[str, _Line] = OrderedDict()
        self.requirements = frozenset[Requirements]()  # all that tasks which have not ended may have
        self._counts = Counter[TaskState]()

    def load(self, *, newest: Iterable[Task], demands: Iterable[Requirements], counts: Mapping[TaskState, int]) -> None:
        """What the rows say at the start; `newest` with the oldest of them first."""
        for task in newest:
            self._put(task)
        self.requirements |= frozenset(demands)
        self._counts.update(counts)

    def counts(self) -> Mapping[TaskState, int]:
        return dict(self._counts)

    def find(self, text: str, *, open_only: bool) -> list[tuple[str, str]]:
        """(id, title) of tasks whose id or title has `text` in it, last changed first; at most 25."""
        wanted = text.strip().casefold()
        found = (
            (task, line.title)
            for task, line in reversed(self._newest.items())
            if not (open_only and line.has_ended) and (wanted in task.casefold() or wanted in line.title.casefold())
        )
        return list(islice(found, _SUGGESTIONS))

    def update(self, tx: Tx, task: Task) -> None:
        """The task's row is so now. A demand is known at once: dispatch may ask for it in the same transaction."""
        if task.requirements not in self.requirements:  # a new set, not a changed one: the event loop may be reading it
            self.requirements |= {task.requirements}
        tx.after_commit(lambda: self._put(task))

    def record_step(self, tx: Tx, was: str, now: TaskState) -> None:
        """A task took a step, or its first."""
        tx.after_commit(lambda: self._count_step(was, now))

    def _put(self, task: Task) -> None:
        """Remember this state of the task; the longest unchanged one is forgotten when there are too many."""
        self._newest[task.id] = _Line(title=task.title, has_ended=task.state in ENDED)
        self._newest.move_to_end(task.id)
        if len(self._newest) > self.SIZE:
            self._newest.popitem(last=False)

    def _count_step(self, was: str, now: TaskState) -> None:
        if was:
            self._counts[TaskState(was)] -= 1
        self._counts[now] += 1
