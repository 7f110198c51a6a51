"""`octet` that does not know a command again which it has taken already.

A broken variant for `bench/commands`: the same commands and kills on it must make tasks, messages, questions and files
twice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from bench.measure.arriving import let_jobs_arrive
from bot.__main__ import main
from core.agent_messages.model import AgentDraft, AgentMessageView, NewQuestion, Proof, QuestionView
from core.agent_messages.questions import Questions
from core.agent_messages.talk import AgentTalk, Speaker
from core.kit.errors import OctetError
from core.store.engine import Tx
from core.tasks.answers import Answers, SubmittedAnswer
from core.tasks.model import NewTask, Task
from core.tasks.repository import TaskRepository

_add, _send, _ask = TaskRepository.add, AgentTalk.send_as, Questions.ask


def _add_anew(self: TaskRepository, tx: Tx, draft: NewTask, **more: Any) -> Task:
    """Add a new task for every request, but for jobs: a chief would never leave one that the bench does not know."""
    return _add(self, tx, draft if draft.brief.startswith("Job") else replace(draft, key=None), **more)


def _send_anew(
    self: AgentTalk, tx: Tx, speaker: Speaker, draft: AgentDraft, body: str
) -> AgentMessageView | OctetError:
    """Send a new message for every request."""
    return _send(self, tx, speaker, replace(draft, key=uuid4().hex), body)


async def _ask_anew(self: Questions, new: NewQuestion, proof: Proof) -> QuestionView:
    """Ask a new question for every request."""
    return await _ask(self, replace(new, key=uuid4().hex), proof)


def _has_none(self: Answers, tx: Tx, answer: SubmittedAnswer) -> bool:
    """Return False: the files of a repeated answer are written again."""
    del self, tx, answer
    return False


if __name__ == "__main__":
    let_jobs_arrive()
    Questions.ask = _ask_anew
    Answers.has = _has_none
    TaskRepository.add = _add_anew
    AgentTalk.send_as = _send_anew
    main()
