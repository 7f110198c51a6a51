"""`octet` that does not know a command again which it has taken already.

A broken variant for `bench/commands`: the same commands and kills on it must make tasks twice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.__main__ import main
from core.store.engine import Tx
from core.tasks.model import NewTask, Task
from core.tasks.repository import TaskRepository

_add = TaskRepository.add


def _add_anew(self: TaskRepository, tx: Tx, draft: NewTask, **more: Any) -> Task:
    """Add a new task for every request."""
    return _add(self, tx, replace(draft, key=None), **more)


if __name__ == "__main__":
    TaskRepository.add = _add_anew
    main()
