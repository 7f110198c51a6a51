"""The cursor of a list of tasks: an opaque text that names where the next page begins."""

from __future__ import annotations

import base64
import binascii

from core.kit.errors import Invalid
from core.tasks.model import BadTaskId, TaskId, parse_task_id

_PREFIX = "before:"


class BadCursor(Invalid):
    """`{text}` is not a cursor of this list. Take the one in the header Next-Cursor of the page before."""


def cursor_after(task: TaskId) -> str:
    """The cursor of the page that begins with the next older task than `task`."""
    return base64.urlsafe_b64encode(f"{_PREFIX}{task}".encode()).decode().rstrip("=")


def task_of_cursor(cursor: str) -> TaskId:
    """The task that the page before ended with. Raises BadCursor."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        task = parse_task_id(text.removeprefix(_PREFIX))
    except (binascii.Error, ValueError, BadTaskId):
        raise BadCursor(text=cursor[:40]) from None
    if cursor_after(task) != cursor:
        raise BadCursor(text=cursor[:40])
    return task
