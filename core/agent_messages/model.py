"""What people ask to be said, why it waits, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.deliveries.model import Delivery
from core.kit.errors import Conflict, Invalid
from core.messages.model import Message, label
from core.notices.model import Place

MESSAGE_TTL_MS = 24 * 3_600_000
"""Words that could not be brought in so long are worth nothing any more: they expire, and their sender is told."""
LONG_WAIT_MS = 600_000  # words that still wait after so long are told to their sender once more, in a new message


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAgentMessage:
    """What a person wants to be said to an agent."""

    text: str
    agent: str | None = None
    task: str | None = None  # `T-142`: its present agent, and in its thread
    thread: str = ""  # the thread it was typed in, in the face's own words: stands for its task when nobody is named
    place: Place = field(default=Place())
    key: str | None = None  # the same key never says it twice


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentMessageView:
    """Words and how far they have come."""

    message: Message
    deliveries: tuple[Delivery, ...]
    """One for each agent they were for, oldest first; of words that followed their task, the last one."""
    known: tuple[Delivery, ...] = ()  # all there ever were, also those that others took the place of
    left_out: tuple[tuple[str, str], ...] = ()
    """Of words to everybody: the agents that cannot be reached at all, each with the reason. Known when sent only."""

    @property
    def label(self) -> str:
        """Say from whom to whom it goes, such as `C2A`."""
        return label(self.message)


class RecipientMissing(Invalid):
    """Say to whom: name an agent or a task. Inside a task's thread neither is needed."""


class TaskUnassigned(Conflict):
    """Nobody has {id} yet (it is {state}), so there is nobody to tell. Send it when the task's card names its agent, or
    name an agent."""


class RecipientTaskEnded(Conflict):
    """{id} has ended ({state}): its agent works on it no more. `/task retry` does a failed task again, `/task new` asks
    for something new; or name an agent instead of the task."""


class AgentMismatch(Conflict):
    """{id} is with {holder}, not with {agent}. Name only one of the two."""


class NoReachableAgent(Conflict):
    """No agent can be reached: {why}. `/agent list` shows who there is."""


def undelivered_text(delivery: Delivery) -> str:
    """The short reason of a notice about an undelivered delivery: agent, state and reason, parted by `: `."""
    return f"{delivery.agent}: {delivery.state.value}: {delivery.reason or ''}"
