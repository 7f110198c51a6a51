"""Which tasks come before which, and whether a task must wait for them. The graph has no circle."""

from __future__ import annotations

from collections.abc import Mapping

from core.kit.from_attributes import from_attributes
from core.reasons import WaitReason
from core.store.engine import Row, Store, Tx
from core.tasks import _store
from core.tasks.model import Dependency, DependencyCycle, OnFailure, PartsKind, Task, TaskId, TaskState

_NAMED = 5  # so many failed tasks a note names


class Dependencies:
    """The rows; `TaskRepository` makes tasks wait and start by them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list_for_task(self, task: TaskId) -> tuple[Dependency, ...]:
        return tuple(map(_dependency, await self._store.fetch(_store.DEPENDENCIES, _of(task))))

    def find(self, tx: Tx, task: TaskId) -> list[Dependency]:
        return [_dependency(row) for row in tx.run(_store.DEPENDENCIES, _of(task))]

    def find_dependants(self, tx: Tx, task: TaskId) -> list[tuple[Task, OnFailure]]:
        """Find the tasks that need this one, whatever their states."""
        found = tx.execute(_store.DEPENDANTS, _of(task))
        return [(_store.task_of(row), OnFailure(row.on_failure)) for row in found]

    def put(self, tx: Tx, task: TaskId, needs: TaskId, on_failure: OnFailure) -> None:
        """Have `task` wait for `needs`. Raises DependencyCycle, which names the circle."""
        if circle := self._find_path(tx, _number(needs), _number(task)):
            raise DependencyCycle(path=" → ".join(f"T-{number}" for number in [_number(task), *circle]))
        row = {"task": _number(task), "needs": _number(needs), "on_failure": on_failure.value}
        self.drop(tx, task, needs)
        tx.execute(_store.ADD_DEPENDENCY, row)

    def drop(self, tx: Tx, task: TaskId, needs: TaskId) -> None:
        tx.execute(_store.DROP_DEPENDENCY, {**_of(task), "other": _number(needs)})

    def why_held(self, tx: Tx, task: Task, *, now_ms: int) -> tuple[WaitReason, str] | None:
        """Return why the task may not start yet, with a note; None where nothing that users ordered holds it."""
        needed = self.find(tx, task.id)
        if failed := [f"{one.needs} is {one.state.value}" for one in needed if one.has_failed]:
            return WaitReason.DEPENDENCY_FAILED, ", ".join(failed[:_NAMED])
        if any(one.is_open for one in needed):
            return WaitReason.DEPENDENCY, ""
        if task.parts is PartsKind.BEST_OF:
            parts = [_store.task_of(row) for row in tx.execute(_store.PARTS, _of(task.id))]
            is_any_done = any(part.state is TaskState.DONE for part in parts)
            return (WaitReason.PICK, "") if is_any_done else (WaitReason.DEPENDENCY_FAILED, "no part has an answer")
        if task.parts is None and task.not_before_ms is not None and task.not_before_ms > now_ms:
            return WaitReason.NOT_BEFORE, ""
        return None

    def _find_path(self, tx: Tx, start: int, goal: int) -> list[int]:
        """Return the tasks from `start` to `goal`, each needing the next; empty where no path leads there."""
        came_from: dict[int, int] = {start: start}
        level = [start]
        while level and goal not in came_from:
            links = [(row.task, row.needs) for row in tx.execute(_store.LINKS, {"tasks": level})]
            new = {needs: task for task, needs in links if needs not in came_from}
            came_from.update(new)
            level = list(new)
        if goal not in came_from:
            return []
        path = [goal]
        while path[-1] != start:
            path.append(came_from[path[-1]])
        return path[::-1]


def _dependency(row: Row) -> Dependency:
    return from_attributes(Dependency, row, needs=TaskId(f"T-{row.needs}"))


def _of(task: TaskId) -> Mapping[str, object]:
    return {"of_task": _number(task)}


def _number(task: TaskId) -> int:
    return int(task.removeprefix("T-"))
