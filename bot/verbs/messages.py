"""`msg`: send a message to an agent, to the agent that has a task, or to all agents."""

from __future__ import annotations

from typing import Annotated

from bot.verbs.declare import Coordinator, On, Origin, ParameterKind, Verb
from bot.verbs.types import AgentName, Needs, OpenTask, Text
from core.agent_messages.model import AgentMessageView, NewAgentMessage
from core.security.model import Actor, Permission

ABOUT = "Messages to agents"


@Verb("msg", Permission.MESSAGE_SEND, "POST /messages", own="the task's requester, about that task")
async def send(
    octet: Coordinator,
    text: Text,
    *,
    agent: Annotated[AgentName | None, "The agent; default: the one that has the task"] = None,
    task: Annotated[OpenTask | None, "The task it is about; inside a task's thread: that task"] = None,
    origin: Origin,
    by: Actor,
) -> AgentMessageView:
    """Send a message to an agent.

    Octet types the text into its window unchanged. Inside a task's thread it goes to the agent that has the task;
    elsewhere name an agent or a task. It waits at most a day while the agent is busy or paused, and comes after the
    brief of its task."""
    return await octet.agent_messages.send(_draft(origin, text, agent=agent or None, task=task or None), by=by)


@Verb("msg", Permission.MESSAGE_BROADCAST, "POST /messages/broadcast")
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


@Verb("msg", Permission.MESSAGE_READ, "GET /messages/{message}", on=On.PROGRAMS)
async def show(
    octet: Coordinator, message: Annotated[str, ParameterKind(help="Its id, as `send` shows it")], *, by: Actor
) -> AgentMessageView:
    """Show a message and its deliveries."""
    return await octet.agent_messages.show(message, by=by)


@Verb("msg", Permission.MESSAGE_SEND, "POST /messages/{message}/cancel", on=On.PROGRAMS, own="the message's sender")
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
