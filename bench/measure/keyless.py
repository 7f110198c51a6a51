"""`octet` that does not know a command again which it has taken already.

A broken variant for `bench/commands`: the same commands and kills on it must make tasks and messages twice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from bot.__main__ import main
from core.agent_messages.model import AgentDraft, AgentMessageView
from core.agent_messages.talk import AgentTalk, Speaker
from core.kit.errors import Conflict
from core.store.engine import Tx
from core.tasks.model import NewTask, Task
from core.tasks.repository import TaskRepository

_add, _send = TaskRepository.add, AgentTalk.send_as


def _add_anew(self: TaskRepository, tx: Tx, draft: NewTask, **more: Any) -> Task:
    """Add a new task for every request."""
    return _add(self, tx, replace(draft, key=None), **more)


def _send_anew(self: AgentTalk, tx: Tx, speaker: Speaker, draft: AgentDraft, body: str) -> AgentMessageView | Conflict:
    """Send a new message for every request."""
    return _send(self, tx, speaker, replace(draft, key=uuid4().hex), body)


if __name__ == "__main__":
    TaskRepository.add = _add_anew
    AgentTalk.send_as = _send_anew
    main()
