"""What Octet keeps of tasks in memory, for questions that are too frequent, or too urgent, for the rows."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import ClassVar, NamedTuple

from core.store.engine import Tx
from core.tasks.model import ENDED, Requirements, Task, TaskState

_SUGGESTIONS = 25


class _Line(NamedTuple):
    """What the cache keeps of a task: not its brief, which may be long."""

    title: str
    has_ended: bool


class TaskCache:
    """Tasks in memory, for autocomplete and dispatch. It follows the rows, each change after its commit."""

    SIZE: ClassVar[int] = 1_000  # it keeps the titles of so many tasks, the last changed ones

    def __init__(self) -> None:
        self._newest: OrderedDict[str, _Line] = OrderedDict()
        self.requirements = frozenset[Requirements]()  # all that tasks which have not ended may have
        self._counts = Counter[TaskState]()

    def load(self, *, newest: Iterable[Task], demands: Iterable[Requirements], counts: Mapping[TaskState, int]) -> None:
        """Fill the cache at the start; `newest` has the oldest first."""
        for task in newest:
            self._put(task)
        self.requirements |= frozenset(demands)
        self._counts.update(counts)

    def counts(self) -> Mapping[TaskState, int]:
        return dict(self._counts)

    def find(self, text: str, *, open_only: bool) -> list[tuple[str, str]]:
        """Return (id, title) of tasks whose id or title contains `text`, last changed first; at most 25."""
        wanted = text.strip().casefold()
        found = (
            (task, line.title)
            for task, line in reversed(self._newest.items())
            if not (open_only and line.has_ended) and (wanted in task.casefold() or wanted in line.title.casefold())
        )
        return list(islice(found, _SUGGESTIONS))

    def ended(self) -> list[str]:
        """Return those of the last changed tasks that have ended."""
        return [task for task, line in self._newest.copy().items() if line.has_ended]

    def update(self, tx: Tx, task: Task) -> None:
        """Cache the task's row. Its requirements count at once: dispatch may ask in the same transaction."""
        if task.requirements not in self.requirements:  # a new set: the event loop may be reading the old one
            self.requirements |= {task.requirements}
        tx.after_commit(lambda: self._put(task))

    def record_step(self, tx: Tx, was: str, now: TaskState) -> None:
        tx.after_commit(lambda: self._counts.update({now: 1}))
        if was:
            tx.after_commit(lambda: self._counts.subtract({TaskState(was): 1}))

    def _put(self, task: Task) -> None:
        self._newest[task.id] = _Line(title=task.title, has_ended=task.state in ENDED)
        self._newest.move_to_end(task.id)
        if len(self._newest) > self.SIZE:
            self._newest.popitem(last=False)
