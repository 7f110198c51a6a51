"""`msg`: send messages to agents, see what agents say to each other, and answer their questions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from bot.verbs.declare import Coordinator, On, Origin, ParameterKind, Verb
from bot.verbs.lists import Limit, Listed
from bot.verbs.types import AgentName, AnyTask, File, Needs, OpenTask, Recipient, Text
from core import limits
from core.agent_messages.model import AgentMessageView, NewAgentMessage, QuestionView, SendOptions, Trace
from core.kit.filters import Page
from core.messages.model import FIELDS, InboxEntry, Message, Requires
from core.security.model import Actor, Permission

ABOUT = "Messages to agents, and between them"
FileNumber = Annotated[int, ParameterKind(help="Which of its files, from 0"), limits.COUNTER]
MessageName = Annotated[str, ParameterKind(help="The message, M-…")]


@Verb("msg", Permission.MESSAGE_SEND, "POST /messages", own="the task's requester, about that task", discord="default")
async def send(
    octet: Coordinator,
    text: Text,
    *,
    agent: Annotated[Recipient | None, "The agent, or several: `group:NAME`, `job:worker`, `everyone`"] = None,
    task: Annotated[OpenTask | None, "The task it is about; inside a task's thread: that task"] = None,
    requires: Annotated[Requires, ParameterKind(help="What you need back")] = Requires.REPLY,
    supersedes: Annotated[str, ParameterKind(help="Your earlier message, M-…, that this replaces")] = "",
    wait_minutes: Annotated[int, ParameterKind(help="Minutes before Octet brings it"), limits.MINUTES] = 0,
    expires_minutes: Annotated[int, ParameterKind(help="Minutes after which Octet drops it"), limits.MINUTES] = 1440,
    attach: File | None = None,
    origin: Origin,
    by: Actor,
) -> AgentMessageView:
    """Send a message to an agent.

    In a task's thread it goes to the task's agent; elsewhere name an agent or a task. A task that is done continues
    with it. It waits at most a day while the agent is busy or paused."""
    options = SendOptions(
        requires=requires, supersedes=supersedes, after_minutes=wait_minutes, expires_minutes=expires_minutes
    )
    draft = replace(_draft(origin, text, agent=agent or None, task=task or None), options=options, attach=attach)
    return await octet.agent_messages.send(draft, by=by)


@Verb("msg", Permission.MESSAGE_BROADCAST, "POST /messages/broadcast", discord="group")
async def broadcast(
    octet: Coordinator,
    text: Text,
    *,
    needs: Annotated[Needs, "Only to those who can do all of this, separated by commas"] = frozenset(),
    origin: Origin,
    by: Actor,
) -> AgentMessageView:
    """Send a message to all available agents.

    The answer names the agents that do not get it, and why."""
    return await octet.agent_messages.broadcast(_draft(origin, text), needs=needs, by=by)


@Verb("msg", Permission.MESSAGE_READ, "GET /messages", name="list", discord="group")
async def list_messages(octet: Coordinator, *, where: Listed, by: Actor) -> Page[Message]:
    """List all messages, newest first.

    Filter by `kind`, `from`, `to`, `agent` (either), `task`, `trace` and `source`."""
    return await octet.agent_messages.list(where.query(FIELDS), by=by)


@Verb("msg", Permission.MESSAGE_READ, "GET /agents/{agent}/inbox", discord="group")
async def inbox(
    octet: Coordinator,
    agent: AgentName,
    *,
    search: Annotated[str, ParameterKind(help="Only messages with this text"), limits.SEARCH] = "",
    limit: Limit = 20,
    by: Actor,
) -> tuple[InboxEntry, ...]:
    """Show an agent's inbox, newest first.

    Each line says how far the message has come: held, unread, read, acknowledged or dropped."""
    return await octet.agent_messages.inbox(agent, text=search, limit=limit, by=by)


@Verb("msg", Permission.MESSAGE_SEND, "POST /agents/{agent}/inbox/{message}/ack", discord="off")
async def ack(octet: Coordinator, agent: AgentName, message: MessageName, *, by: Actor) -> InboxEntry:
    """Acknowledge a message for an agent.

    Octet no longer brings it. Nothing is sent."""
    return await octet.agent_messages.ack(message, agent, by=by)


@Verb("msg", Permission.MESSAGE_SEND, "POST /questions/{question}/answer", own="the task's requester", discord="group")
async def answer(
    octet: Coordinator,
    question: Annotated[str, ParameterKind(help="The question, M-…")],
    text: Text,
    *,
    by: Actor,
) -> QuestionView:
    """Answer an agent's question.

    Octet sends the answer to the agent, and the task continues."""
    return await octet.questions.answer(question, text, by=by)


@Verb("msg", Permission.MESSAGE_READ, "GET /messages/{message}/trace", discord="group")
async def trace(octet: Coordinator, message: MessageName, *, by: Actor) -> Trace:
    """Show a chain of messages as a tree: what led to what."""
    return await octet.traces.show(message, by=by)


@Verb("msg", Permission.MESSAGE_SEND, "POST /messages/{message}/trace/stop", undo="resume-trace", discord="off")
async def stop_trace(octet: Coordinator, message: MessageName, *, by: Actor) -> Trace:
    """Stop a chain of messages between agents.

    Octet drops what no agent has yet, refuses new messages in it, and cancels its subtasks."""
    return await octet.traces.stop(message, by=by)


@Verb("msg", Permission.MESSAGE_SEND, "POST /messages/{message}/trace/resume", undo="stop-trace", discord="off")
async def resume_trace(octet: Coordinator, message: MessageName, *, by: Actor) -> Trace:
    """Let the agents of a stopped chain of messages continue."""
    return await octet.traces.resume(message, by=by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file; over HTTP it is the answer itself."""

    name: str
    content: bytes


@Verb("msg", Permission.MESSAGE_READ, "GET /conversation", on=On.HTTP, discord="off")
async def conversation(
    octet: Coordinator,
    *,
    task: Annotated[AnyTask | None, "What was said about this task"] = None,
    agent: Annotated[AgentName | None, "What was said to and by this agent"] = None,
    limit: Limit = 30,
    cursor: Annotated[str | None, ParameterKind(help="The `next` of the page before", for_programs=True)] = None,
    by: Actor,
) -> Page[Message]:
    """Read what users and agents said to each other, newest first.

    Name a task or an agent. Octet cuts texts of more than 50,000 characters."""
    found = await octet.agent_messages.conversation(task=task, agent=agent, before=cursor or "", limit=limit, by=by)
    return Page(items=found, next=found[-1].id if len(found) == limit else "")


@Verb("msg", Permission.MESSAGE_READ, "GET /messages/{message}/files/{number}", on=On.HTTP, discord="off")
async def file(
    octet: Coordinator,
    message: Annotated[str, ParameterKind(help="The message's id")],
    number: FileNumber,
    *,
    by: Actor,
) -> Download:
    """Download a file that came with a message."""
    name, content = await octet.agent_messages.file(message, number, by=by)
    return Download(name=name, content=content)


@Verb("msg", Permission.MESSAGE_READ, "GET /messages/{message}", discord="off")
async def show(
    octet: Coordinator, message: Annotated[str, ParameterKind(help="Its id, as `send` shows it")], *, by: Actor
) -> AgentMessageView:
    """Show a message and its deliveries."""
    return await octet.agent_messages.show(message, by=by)


@Verb("msg", Permission.MESSAGE_SEND, "POST /messages/{message}/cancel", own="the message's sender", discord="off")
async def cancel(
    octet: Coordinator,
    message: Annotated[str, ParameterKind(help="Its id, as `octet agent show` shows it")],
    *,
    agent: Annotated[AgentName | None, "Take it out of this agent's queue only"] = None,
    by: Actor,
) -> AgentMessageView:
    """Cancel a message that still waits for its agent.

    In Discord, `/agent show` offers it. If another user cancels it, Octet tells the sender."""
    return await octet.agent_messages.cancel(message, agent=agent or None, by=by)


def _draft(origin: Origin, text: str, *, agent: str | None = None, task: str | None = None) -> NewAgentMessage:
    return NewAgentMessage(text=text, agent=agent, task=task, thread=origin.thread, place=origin.place, key=origin.key)
