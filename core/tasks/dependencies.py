"""Which tasks come before which, and whether a task must wait for them. The graph has no circle."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from core.kit.from_attributes import from_attributes
from core.limits import LINKS
from core.reasons import WaitReason
from core.remedies import refused
from core.store.engine import Row, Store, Tx
from core.tasks import _store
from core.tasks.model import Dependency, OnFailure, PartsKind, Task, TaskId, TaskState, refuse_circle

_NAMED = 5  # so many failed tasks a note names


class Dependencies:
    """The rows; `TaskRepository` makes tasks wait and start by them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list_for_task(self, task: TaskId) -> tuple[Dependency, ...]:
        return tuple(map(_dependency, await self._store.fetch(_store.DEPENDENCIES, _of(task))))

    def find_dependants(self, tx: Tx, task: TaskId) -> list[tuple[Task, OnFailure]]:
        """Find the tasks that need this one, whatever their states."""
        found = tx.execute(_store.DEPENDANTS, _of(task))
        return [(_store.task_of(row), OnFailure(row.on_failure)) for row in found]

    def put(self, tx: Tx, links: Mapping[TaskId, Mapping[TaskId, OnFailure]]) -> None:
        """Have each of these tasks wait for others; `check_circle` first where anything may need it already. Raises
        too_many_links."""
        rows = [
            {"task": _number(task), "needs": _number(needs), "on_failure": on_failure.value}
            for task, others in links.items()
            for needs, on_failure in others.items()
        ]
        if rows:
            tx.execute(_store.ADD_DEPENDENCY, rows)
        for task in links:
            if tx.execute(_store.COUNT_DEPENDENCIES, _of(task))[0].size > LINKS.most:
                raise refused("too_many_links", id=task, most=LINKS.most)

    def check_circle(self, tx: Tx, task: TaskId, needs: Collection[TaskId]) -> None:
        """Check that `task` may wait for these. Raises dependency_cycle, which names the circle."""
        wanted = [*map(_number, needs)]
        links = {_number(task): wanted}
        for row in tx.execute(_store.NEEDED_BELOW, {**_of(task), "asked": json.dumps(wanted)}):
            links.setdefault(row.task, []).append(row.needs)
        refuse_circle(links, lambda number: f"T-{number}", first=_number(task))

    def drop(self, tx: Tx, task: TaskId, needs: TaskId) -> None:
        tx.execute(_store.DROP_DEPENDENCY, {**_of(task), "other": _number(needs)})

    def why_held(self, tx: Tx, task: Task, *, now_ms: int) -> tuple[WaitReason, str] | None:
        """Return why the task may not start yet, with a note; None where nothing that users ordered holds it."""
        needed = [_dependency(row) for row in tx.execute(_store.HOLDING, {**_of(task.id), "size": _NAMED})]
        if failed := [f"{one.needs} is {one.state.value}" for one in needed if one.has_failed]:
            return WaitReason.DEPENDENCY_FAILED, ", ".join(failed)
        if needed:
            return WaitReason.DEPENDENCY, ""
        if task.parts is PartsKind.BEST_OF:
            parts = [_store.task_of(row) for row in tx.execute(_store.PARTS, _of(task.id))]
            is_any_done = any(part.result_state is TaskState.DONE for part in parts)
            return (WaitReason.PICK, "") if is_any_done else (WaitReason.DEPENDENCY_FAILED, "no part has an answer")
        if task.parts is None and task.not_before_ms is not None and task.not_before_ms > now_ms:
            return WaitReason.NOT_BEFORE, ""
        return None


def _dependency(row: Row) -> Dependency:
    return from_attributes(Dependency, row, needs=TaskId(f"T-{row.needs}"))


def _of(task: TaskId) -> Mapping[str, object]:
    return {"of_task": _number(task)}


def _number(task: TaskId) -> int:
    return int(task.removeprefix("T-"))
