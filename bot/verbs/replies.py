"""The agents' verbs, for HTTP, as tools and as commands. The code of a prompt and a reply key permit them."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.verbs.declare import AgentVerb, Coordinator, ParameterKind
from bot.verbs.types import AnswerText, Files, Text
from core import limits
from core.agent_messages.model import is_message_name
from core.kit.from_attributes import from_attributes
from core.messages.model import EvidenceItem, MessageKind, NewFile, read_evidence, text_for_people
from core.reasons import AnyReason, Reason
from core.security.model import Actor
from core.tasks.model import AgentTrouble, TaskPart, TaskState

ABOUT = "The agents' answers"
TaskOfPrompt = Annotated[str, ParameterKind(help="The task of your prompt, such as T-142; or its message, M-…")]
Code = Annotated[
    str, ParameterKind(help="The code of your prompt; it belongs to this task or message only", option="code")
]
Key = Annotated[str, ParameterKind(help="The same key counts once; default: the same text counts once")]
_SUBTASK_CHARS = 20_000  # of the answer of a subtask


class EvidenceGiven(BaseModel):
    """What proves an answer."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)
    kind: Literal["command", "file", "commit", "url", "note"]
    text: Annotated[str, Field(min_length=1, max_length=limits.EVIDENCE_TEXT.most)]
    ok: Annotated[bool | None, Field(description="Whether it passed")] = None


Evidence = Annotated[
    tuple[EvidenceItem, ...],
    ParameterKind(
        help="What proves it, at most 20 items. Octet shows it to the user as unchecked",
        takes=list[EvidenceGiven],
        parse=read_evidence,
    ),
    limits.EVIDENCE,
]
THREAD_CHARS = 200_000  # of the newest texts of a thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The response to an agent: no more than it needs to know."""

    task: str
    state: TaskState | None  # None for the answer to a message about no task
    message: str
    hints: tuple[Reason, ...] = ()  # what the text lacks; Octet has it all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """The response to a report of progress."""

    task: str
    state: TaskState
    kept: bool  # false where a later report of the same second took its place


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSubtask:
    """A part of its task that an agent gave to another."""

    id: str
    title: str
    state: TaskState
    reason: AnyReason | None  # why it waits, is blocked or parked, or failed
    agent: str | None  # who has it, or had it last
    answer: str  # the text of that agent, at most 20,000 characters; it gives no rights


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTask:
    """An agent's task, as far as the agent needs it."""

    id: str
    title: str
    brief: str
    state: TaskState
    priority: int
    attempt: int
    progress: str  # its last report
    subtasks: tuple[OwnSubtask, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadText:
    """A text about an agent's task."""

    sender: str
    kind: MessageKind
    text: str
    created_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnThread:
    """The newest texts about an agent's task, oldest first."""

    task: str
    texts: tuple[ThreadText, ...]


@AgentVerb("GET /replies/task", mcp="my_task", resource="octet://task")
async def my_task(octet: Coordinator, *, by: Actor) -> OwnTask:
    """Show the task that you have now: its brief, and the subtasks that you created with their answers."""
    task, parts, _ = await octet.tasks.show_current(by=by)
    return from_attributes(OwnTask, task, subtasks=tuple(map(_own_subtask, parts)))


@AgentVerb("GET /replies/thread", resource="octet://thread")
async def my_thread(octet: Coordinator, *, by: Actor) -> OwnThread:
    """Show what was said about the task that you have now."""
    task, _, messages = await octet.tasks.show_current(by=by)
    texts = deque[ThreadText]()
    left = THREAD_CHARS
    for one in reversed(messages):
        text = limits.visible(text_for_people(one.body, one.expired_ms))
        left -= len(text)
        if left < 0:
            break
        texts.appendleft(from_attributes(ThreadText, one, text=text))
    return OwnThread(task=task.id, texts=tuple(texts))


@AgentVerb("POST /replies", mcp="reply", command="reply")
async def reply(
    octet: Coordinator,
    task: TaskOfPrompt,
    code: Code,
    text: AnswerText,
    *,
    final: Annotated[bool, ParameterKind(help="It ends the task, as `done` does")] = False,
    trouble: Annotated[AgentTrouble | None, ParameterKind(help="As the verb of this name")] = None,
    evidence: Evidence = (),
    attachments: Files = (),
    key: Key = "",
    by: Actor,
) -> Heard:
    """Post news or a question to your task without ending it, or answer a message (M-…)."""
    return await _report(
        octet, task, code, text, key, final=final, trouble=trouble, evidence=evidence, files=attachments, by=by
    )


@AgentVerb("POST /replies/done", mcp="report_done", command="done")
async def done(
    octet: Coordinator,
    task: TaskOfPrompt,
    code: Code,
    text: AnswerText,
    *,
    evidence: Evidence = (),
    attachments: Files = (),
    key: Key = "",
    by: Actor,
) -> Heard:
    """End a task with your answer. Run it once, when all of the work is finished."""
    return await _report(octet, task, code, text, key, final=True, evidence=evidence, files=attachments, by=by)


@AgentVerb("POST /replies/blocked", mcp="report_blocked", command="blocked")
async def blocked(
    octet: Coordinator, task: TaskOfPrompt, code: Code, text: AnswerText, *, key: Key = "", by: Actor
) -> Heard:
    """Ask your requester a question without which you cannot continue. The answer comes into your window."""
    return await _report(octet, task, code, text, key, trouble=AgentTrouble.BLOCKED, by=by)


@AgentVerb("POST /replies/failed", mcp="report_failed", command="failed")
async def failed(
    octet: Coordinator, task: TaskOfPrompt, code: Code, text: AnswerText, *, key: Key = "", by: Actor
) -> Heard:
    """Give a task up. Say what you tried and why it failed: the next agent reads it."""
    return await _report(octet, task, code, text, key, trouble=AgentTrouble.FAILED, by=by)


@AgentVerb("POST /replies/progress", mcp="report_progress", command="progress")
async def progress(
    octet: Coordinator, task: TaskOfPrompt, code: Code, text: Annotated[Text, limits.PROGRESS], *, by: Actor
) -> Noted:
    """Report in a few words what you are doing. Octet shows it on the task's card."""
    found, is_kept = await octet.tasks.record_progress(task, code, text, agent=by.name)
    return Noted(task=found.id, state=found.state, kept=is_kept)


def key_of(*parts: str) -> str:
    """Make the key of a request without one: the same content counts once."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _own_subtask(part: TaskPart) -> OwnSubtask:
    return from_attributes(OwnSubtask, part, answer=limits.visible(part.answer[:_SUBTASK_CHARS]))


async def _report(
    octet: Coordinator,
    task: str,
    code: str,
    text: str,
    key: str,
    *,
    final: bool = False,
    trouble: AgentTrouble | None = None,
    evidence: tuple[EvidenceItem, ...] = (),
    files: tuple[NewFile, ...] = (),
    by: Actor,
) -> Heard:
    key = key or key_of(text)
    if is_message_name(task):
        answers = octet.agent_messages.answers
        answer = await answers.accept(task, code, text, agent=by.name, evidence=evidence, files=files)
        return Heard(task=f"M-{answer.in_reply_to}", state=None, message=answer.id, hints=await answers.hints(answer))
    accept = partial(octet.tasks.accept_answer, key=key, agent=by.name, evidence=evidence, files=files)
    receipt = await accept(task, code, text, final=final, trouble=trouble)
    return Heard(task=receipt.task.id, state=receipt.task.state, message=receipt.message)
