"""Tasks as text, out of one Octet and into another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace

from core.kit.filters import Page, Query
from core.limits import ROWS
from core.messages.service import Messages
from core.security.model import Actor, Permission, require
from core.store.engine import Store, Tx
from core.tasks.model import ENDED, Export, Imported, NewTask, PartsKind, Task
from core.tasks.service import Tasks
from core.tasks.texts import TaskLine, draft_of, export_line, links_of, read_tasks


class TaskTransfer:
    """The verbs that export and import tasks."""

    def __init__(self, tasks: Tasks, messages: Messages, store: Store) -> None:
        self._tasks, self._repository, self._messages, self._store = tasks, tasks.repository, messages, store

    async def export(self, query: Query, *, by: Actor) -> Export:
        """Write tasks as JSON Lines, the oldest first, with what they need and who attempted them."""
        query = replace(query, sort="created", limit=ROWS.most)
        return Export(lines=self._lines(await self._tasks.list(query, by=by), query, by))

    async def _lines(self, page: Page[Task], query: Query, by: Actor) -> AsyncIterator[str]:
        while True:
            for task in page.items:
                after = await self._repository.dependencies.list_for_task(task.id)
                attempts = await self._repository.attempts.list_for_task(task.id)
                yield export_line(task, after, attempts, await self._messages.list_for_task(task.id)) + "\n"
            if not page.next:
                return
            page = await self._tasks.list(replace(query, after=page.next), by=by)

    async def import_text(self, text: str, like: NewTask, *, by: Actor) -> Imported:
        """Create the tasks of an export that have not ended, or of the grammar, with their links; all or none. Raises
        unreadable_tasks, dependency_cycle or as `Tasks.new`."""
        require(by, Permission.TASK_CREATE)
        lines = [line for line in read_tasks(text) if line.state not in ENDED]
        links = links_of(lines)
        keys = [f"{like.key}:{number}" if like.key else None for number in range(len(lines))]
        drafts = [
            self._tasks.checked(draft_of(line, replace(like, key=key)), by=by)
            for line, key in zip(lines, keys, strict=True)
        ]

        def create(tx: Tx) -> Imported:
            new = [place for place, key in enumerate(keys) if not (key and self._repository.find_by_key(tx, key))]
            ids = [self._tasks.add(tx, draft, by=by).id for draft in drafts]
            needed = {ids[place]: {ids[one]: how for one, how in links[place].items()} for place in new}
            found = {ids[place]: _parts_of(lines, place, links[place]) for place in new}
            parts = {parent: (kind, [ids[one] for one in places]) for parent, (kind, places) in found.items() if places}
            self._repository.link_all(tx, needed, parts, by=by)
            return Imported(tasks=tuple(ids))

        return await self._store.write(create)


def _parts_of(lines: Sequence[TaskLine], place: int, needed: Iterable[int]) -> tuple[PartsKind, list[int]]:
    """Return the places of the parts that a line has among those that it needs. Subtasks are none: nothing waits for
    them."""
    line = lines[place]
    is_parent = line.id and line.parts is not PartsKind.DELEGATED
    return line.parts or PartsKind.SPLIT, [one for one in needed if is_parent and lines[one].part_of == line.id]
