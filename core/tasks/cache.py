"""What is kept of tasks in memory, because whoever asks has no time for a disk: the newest, the counts, the demands."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from typing import ClassVar, NamedTuple

from core.store.engine import Tx
from core.tasks.model import ENDED, Demand, Task, TaskState

_SUGGESTIONS = 25


class _Line(NamedTuple):
    """All that is kept of a task; its brief may be long."""

    title: str
    has_ended: bool


class TaskIndex:
    """The newest SIZE tasks by id. Fed after each commit."""

    SIZE: ClassVar[int] = 1_000

    def __init__(self) -> None:
        """Begin empty."""
        self._tasks: OrderedDict[str, _Line] = OrderedDict()

    def put(self, task: Task) -> None:
        """Remember this state of the task; the longest unchanged one is forgotten when there are too many."""
        self._tasks[task.id] = _Line(title=task.title, has_ended=task.state in ENDED)
        self._tasks.move_to_end(task.id)
        if len(self._tasks) > self.SIZE:
            self._tasks.popitem(last=False)

    def find(self, text: str, *, open_only: bool) -> list[tuple[str, str]]:
        """(id, title) of tasks whose id or title has `text` in it, last changed first; at most 25."""
        wanted = text.strip().casefold()
        found: list[tuple[str, str]] = []
        for task, line in reversed(self._tasks.items()):
            if open_only and line.has_ended:
                continue
            if wanted in task.casefold() or wanted in line.title.casefold():
                found.append((task, line.title))
                if len(found) == _SUGGESTIONS:
                    break
        return found


class TaskMemory:
    """Follows the tasks' rows, each change after its commit."""

    def __init__(self) -> None:
        """Begin empty; whoever knows the rows fills it."""
        self.newest = TaskIndex()  # what autocomplete answers from
        self.demands: frozenset[Demand] = frozenset()  # every demand that a task which has not ended may have
        self._counts = Counter[TaskState]()

    def fill(self, *, newest: Iterable[Task], demands: Iterable[Demand], counts: Mapping[TaskState, int]) -> None:
        """What the rows say at the start; `newest` with the oldest of them first."""
        for task in newest:
            self.newest.put(task)
        self.demands |= frozenset(demands)
        self._counts.update(counts)

    def counts(self) -> Mapping[TaskState, int]:
        """How many tasks are in each state."""
        return dict(self._counts)

    def remember(self, tx: Tx, task: Task) -> None:
        """The task's row is so now. A demand is known at once: dispatch may ask for it in the same transaction."""
        if task.demand not in self.demands:  # a new set, not a changed one: the event loop may be reading it
            self.demands |= {task.demand}
        tx.after_commit(lambda: self.newest.put(task))

    def count(self, tx: Tx, was: str, now: TaskState) -> None:
        """A task took a step, or its first."""
        tx.after_commit(lambda: self._step(was, now))

    def _step(self, was: str, now: TaskState) -> None:
        if was:
            self._counts[TaskState(was)] -= 1
        self._counts[now] += 1
