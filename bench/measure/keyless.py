"""`octet` that does not know a command again which it has taken already.

A broken variant for `bench/commands`: the same commands and kills on it must make tasks twice.
"""

from __future__ import annotations

from dataclasses import replace

from bot.__main__ import main
from core.security.model import Actor
from core.store.engine import Tx
from core.tasks.model import NewTask, Task
from core.tasks.repository import TaskRepository

_add = TaskRepository.add


def _add_anew(
    self: TaskRepository, tx: Tx, draft: NewTask, *, brief: str, wanted: str | None, source: str, by: Actor
) -> Task:
    """Every request is a new one."""
    return _add(self, tx, replace(draft, key=None), brief=brief, wanted=wanted, source=source, by=by)


if __name__ == "__main__":
    TaskRepository.add = _add_anew
    main()
