"""The agents' own messages, for HTTP, as tools and as commands: to each other, their inbox, and questions.

A reply key of one agent permits them, or the code of a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from bot.verbs.declare import AgentVerb, Coordinator, ParameterKind
from bot.verbs.replies import Key, key_of
from bot.verbs.types import Text
from core import limits
from core.agent_messages.model import (
    AgentDraft,
    AtDue,
    NewQuestion,
    Proof,
    QuestionState,
    ReceivedMessages,
    RosterEntry,
    SendOptions,
)
from core.messages.model import MessageKind, Requires
from core.reasons import Reason
from core.remedies import refused
from core.security.model import Actor

ABOUT = "The agents' messages to each other"
About = Annotated[str, ParameterKind(help="Your task (T-142) or the message (M-…) that you work on, with its code")]
Code = Annotated[str, ParameterKind(help="The code of that prompt; not needed with your own key")]
To = Annotated[str, ParameterKind(help="An agent, `group:NAME`, `job:worker` or `everyone`")]
MessageName = Annotated[str, ParameterKind(help="A message, M-…")]
Minutes = Annotated[int, ParameterKind(help="In minutes"), limits.MINUTES]


class AgentKind(StrEnum):
    """What an agent may send."""

    MESSAGE = MessageKind.MESSAGE.value
    STATUS = MessageKind.STATUS.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A recipient that does not get a message."""

    agent: str
    why: str
    reason: Reason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The response to an agent that sent a message."""

    message: str
    to: tuple[str, ...]  # the agents that get it
    left_out: tuple[Refused, ...]
    hints: tuple[Reason, ...]  # how it could be written better; it is on its way all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A question and its answer, as soon as there is one."""

    ticket: str
    state: QuestionState
    answer: str
    answered_by: str
    due_ms: int
    at_due: AtDue


@AgentVerb("POST /replies/messages", mcp="send_message", command="send")
async def send_message(
    octet: Coordinator,
    to: To,
    text: Text,
    *,
    kind: Annotated[AgentKind, ParameterKind(help="`status`: news that wakes no agent")] = AgentKind.MESSAGE,
    requires: Annotated[Requires, ParameterKind(help="What you need back")] = Requires.REPLY,
    in_reply_to: Annotated[
        str, ParameterKind(help="The message in your inbox that it answers", option="reply-to")
    ] = "",
    supersedes: Annotated[MessageName, "Your earlier message that it takes the place of"] = "",
    after_minutes: Annotated[Minutes, "No agent gets it earlier"] = 0,
    expires_minutes: Annotated[Minutes, "How long it is worth reading"] = 1440,
    task: About = "",
    code: Code = "",
    key: Key = "",
    by: Actor,
) -> Sent:
    """Send a message to other agents. Make one request, and say how to answer."""
    options = SendOptions(
        kind=MessageKind(kind),
        requires=requires,
        supersedes=supersedes,
        after_minutes=after_minutes,
        expires_minutes=expires_minutes,
    )
    key = key or key_of(to, kind, text, in_reply_to)
    draft = AgentDraft(text=text, to=to, key=key, in_reply_to=in_reply_to, options=options)
    sent = await octet.talk.send(draft, proof_of(by, task, code))
    return Sent(
        message=f"M-{sent.message.id}",
        to=sent.recipients,
        left_out=tuple(Refused(agent=one.agent, why=one.why, reason=one.reason) for one in sent.left_out),
        hints=sent.hints,
    )


@AgentVerb("POST /replies/inbox", mcp="read_inbox", command="inbox")
async def read_inbox(
    octet: Coordinator,
    *,
    after: Annotated[
        int, ParameterKind(help="The high_water of your last read: confirms all up to it"), limits.COUNTER
    ] = 0,
    search: Annotated[str, ParameterKind(help="Only messages with this text"), limits.SEARCH] = "",
    task: About = "",
    code: Code = "",
    by: Actor,
) -> ReceivedMessages:
    """Read your inbox: the messages that you have not confirmed yet, oldest first."""
    return await octet.talk.read(proof_of(by, task, code), after=after, text=search)


@AgentVerb("POST /replies/ack", mcp="ack", command="inbox --ack")
async def ack(
    octet: Coordinator,
    messages: Annotated[Sequence[str], ParameterKind(help="The messages, M-…")],
    *,
    task: About = "",
    code: Code = "",
    by: Actor,
) -> tuple[str, ...]:
    """Acknowledge messages: you have them, and Octet need not bring them. It wakes no agent."""
    return await octet.talk.ack(proof_of(by, task, code), tuple(messages))


@AgentVerb("POST /replies/questions", mcp="ask", command="ask")
async def ask(
    octet: Coordinator,
    *,
    text: Annotated[Text, "The question, with all that is needed to answer it"] = "",
    ticket: Annotated[MessageName, "Instead of a text: the question whose answer you look for"] = "",
    to: Annotated[To, "An agent; default: the user who asked for your task"] = "",
    choices: Annotated[
        Sequence[str], ParameterKind(help="Answers to choose from, at most 10", option="choice"), limits.CHOICES
    ] = (),
    minutes: Annotated[Minutes, "How long it waits; default: as the owner set it"] = 0,
    at_due: Annotated[AtDue, ParameterKind(help="Without an answer in time: `decide` yourself, or `wait` on")] = (
        AtDue.DECIDE
    ),
    task: About = "",
    code: Code = "",
    key: Key = "",
    by: Actor,
) -> Ticket:
    """Ask your user or an agent. Look for the answer by the ticket, or it comes as a message."""
    questions, proof = octet.questions, proof_of(by, task, code)
    if ticket:
        found = await questions.poll(ticket, proof)
    elif not text:
        raise refused("question_missing")
    else:
        key = key or key_of(to, text)
        new = NewQuestion(text=text, key=key, to=to, choices=tuple(choices), minutes=minutes, at_due=at_due)
        found = await questions.ask(new, proof)
    asked = found.question
    return Ticket(
        ticket=f"M-{asked.id}",
        state=asked.state,
        answer=found.answer,
        answered_by=found.answered_by,
        due_ms=asked.due_ms,
        at_due=asked.at_due,
    )


@AgentVerb("POST /replies/agents", mcp="list_agents", resource="octet://roster")
async def list_agents(octet: Coordinator, *, task: About = "", code: Code = "", by: Actor) -> tuple[RosterEntry, ...]:
    """List the agents: their jobs, groups, capabilities and states."""
    return await octet.talk.roster(proof_of(by, task, code))


def proof_of(by: Actor, task: str, code: str) -> Proof:
    """Return who an agent says it is."""
    return Proof(agent=by.name, about=task, code=code)
