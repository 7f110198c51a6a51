"""`task`: ask for work, look at it, change it, end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.verbs.declare import verb
from bot.verbs.types import OpenTask
from core.security.model import Actor, Permission
from core.tasks.model import Task

if TYPE_CHECKING:
    from core.coordinator import Coordinator

ABOUT = "Give work to the agents and follow it"
REQUESTER = "who asked for the task"


@verb("task", Permission.TASK_END, "POST /tasks/{task}/cancel", own=REQUESTER, says="{it.id} is cancelled.")
async def cancel(octet: Coordinator, task: OpenTask, *, by: Actor) -> Task:
    """Cancel a task.

    What was not yet submitted to a window never will be.
    """
    return await octet.tasks.cancel(task, by=by)
