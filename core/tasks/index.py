"""The newest tasks in memory: autocomplete has no time for a disk."""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar, NamedTuple

from core.tasks.model import ENDED, Task

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
