"""Messages that users send to agents, why they wait, and how far they have come."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from core.deliveries.model import Delivery
from core.kit.errors import Conflict, Invalid
from core.kit.ids import MessageId
from core.messages.model import Message, label
from core.notices.model import Place

MESSAGE_TTL_MS = 24 * 3_600_000  # A message that is not delivered in this time expires, and Octet tells its sender
LONG_WAIT_MS = 600_000  # after so long Octet notifies the sender of a waiting message once more, in a new one


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAgentMessage:
    """A message that a user sends to an agent."""

    text: str
    agent: str | None = None
    task: str | None = None  # `T-142`: its present agent, and in its thread
    thread: str = ""  # the face's id of the thread it was typed in: it means that task's agent if none is named
    in_reply_to: str | None = None  # an agent's message, which this answers: its agent, in its thread
    place: Place = field(default=Place())
    key: str | None = None  # the same key never says it twice


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentMessageView:
    """A message and how far it has come."""

    message: Message
    deliveries: tuple[Delivery, ...]  # One for each agent, oldest first; of one that followed its task, the last
    known: tuple[Delivery, ...] = ()  # all there ever were, also those that others took the place of
    left_out: tuple[tuple[str, str], ...] = ()  # Of a broadcast, when sent: unreachable agents and why

    @property
    def label(self) -> str:
        """Say from whom to whom it goes, such as `C2A`."""
        return label(self.message)


class InvalidMessageName(Invalid):
    """`{text}` is not a message. Copy the whole command from the prompt again."""


class WrongMessage(Conflict):
    """Your code belongs to {right}, not to {id}. Run the exact command of that message's prompt."""


class MessageAnswered(Conflict):
    """You have answered {id} already, and each message takes one answer. Report more in the answer to your task or to
    the next message."""


class MessageCodeExpired(Conflict):
    """The code of {id} has expired: it was valid for a day. Report this text in the answer to the next message."""


class RecipientMissing(Invalid):
    """Name an agent or a task as the recipient. Inside a task's thread neither is needed."""


class TaskUnassigned(Conflict):
    """{id} has no agent yet (state: {state}). Send the message when the task's card names its agent, or name an
    agent."""


class RecipientTaskEnded(Conflict):
    """{id} has ended ({state}). `/task retry` repeats a failed task and `/task new` creates a new one; or name an
    agent instead of the task."""


class MessageNotQueued(Conflict):
    """Message {id} is not in the queue of {agent} any more. `octet msg show {id}` shows how far it is."""


class AgentMismatch(Conflict):
    """{id} belongs to {holder}, not to {agent}. Name only one of the two."""


class NoReachableAgent(Conflict):
    """No agent is available: {why}. `/agent list` shows all agents."""


def undelivered_text(delivery: Delivery) -> str:
    """Return the text of a notice about an undelivered delivery: agent, state and reason, separated by `: `."""
    return f"{delivery.agent}: {delivery.state.value}: {delivery.reason or ''}"


def is_message_name(text: str) -> bool:
    """Return whether an agent's command names a message (`M-…`), not a task."""
    return text.strip()[:2].upper() == "M-"


def parse_message_name(text: str) -> MessageId:
    """Read `M-` and the id of a message. Raises InvalidMessageName."""
    match = re.fullmatch(r"\s*[Mm]-([0-9A-Za-z]{26})\s*", text)
    if match is None:
        raise InvalidMessageName(text=text[:40])
    return MessageId(match[1].upper())
