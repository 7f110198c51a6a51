"""Parents and their parts, as users make and end them: tasks split into others, and the best of several answers."""

from __future__ import annotations

import re
from dataclasses import replace

from core import limits
from core.limits import clean_text
from core.messages.service import Messages
from core.remedies import refused
from core.security.model import Actor, Permission, require_or_own
from core.store.engine import Tx
from core.tasks.model import PartsKind, Task, TaskId, TaskState
from core.tasks.service import Tasks, check_links, check_open
from core.tasks.texts import is_grammar, read_grammar

_BULLET = re.compile(r"\s*(?:[-*•]|\d+[.)])\s+")


class TaskParts:
    """The verbs of tasks that have parts. `Tasks.new` makes a single part, and the parts of a best-of task."""

    def __init__(self, tasks: Tasks, messages: Messages) -> None:
        self._tasks, self._repository, self._messages = tasks, tasks.repository, messages

    async def split(self, task: TaskId, text: str, *, by: Actor) -> Task:
        """Make a task that has not begun the parent of new tasks, one for each line or block of the grammar; it is done
        when they all are. Raises TaskNotFound, task_already_ended, task_already_running, not_a_parent, unreadable_tasks
        or as clean_text."""
        require_or_own(by, Permission.TASK_CHANGE)
        parts = read_parts(clean_text(text, limits.IMPORT))
        check_links(task, parts)
        briefs = [clean_text(brief, limits.BRIEF) for brief in parts]

        def split(tx: Tx, found: Task) -> Task:
            like = replace(self._tasks.copy_of(tx, found), source=None)
            self._tasks.add_parts(tx, found, [replace(like, brief=brief) for brief in briefs], by=by)
            return self._repository.find(tx, found.id)

        return await self._tasks.change(task, Permission.TASK_CHANGE, split, by=by)

    async def pick(self, task: TaskId, *, by: Actor) -> Task:
        """End a best-of task by the answer of one of its parts; the others keep their states. Return the parent. Raises
        TaskNotFound, not_a_part, not_done or task_already_ended."""

        def pick(tx: Tx, found: Task) -> Task:
            parent = self._repository.find(tx, found.parent) if found.parent is not None else None
            if parent is None or parent.parts is not PartsKind.BEST_OF:
                raise refused("not_a_part", id=found.id)
            check_open(parent)
            if found.result_state is not TaskState.DONE:
                raise refused("not_done", id=found.id, state=found.state.value)
            for part in self._repository.find_parts(tx, parent.id):
                self._repository.mark_chosen(tx, part, is_chosen=part.id == found.id)
            answer = ""
            if (picked := self._messages.last_final_answer(tx, found.id)) is not None:
                kept = {"body": picked.body, "by": picked.sender, "source": picked.source}
                answer = self._tasks.answers.keep(tx, parent, **kept, final=True, key=None).id
            return self._repository.finish(tx, parent, by=by, answer=answer)

        return await self._tasks.change(task, Permission.TASK_END, pick, by=by)


def read_parts(text: str) -> list[str]:
    """Read the briefs of a task's parts: blocks of the grammar, or one part on each line."""
    if is_grammar(text):
        return [line.brief for line in read_grammar(text)]
    return [_BULLET.sub("", row, count=1).strip() for row in text.split("\n") if row.strip()]
