"""People's words to agents as message parts: the small message that follows them, and the news when they need a person.

Pure: nothing here asks or sends.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.discord.parts import Parts
from bot.discord.render import person_id
from bot.discord.text import CONTENT_LIMIT, cut, fence, inline, size
from core.agent_messages.model import AgentMessageView, MessageWaitReason
from core.deliveries.model import Delivery, DeliveryState, Reason
from core.messages.model import Message
from core.notices.model import Notice

_MARGIN = 100
_BODY_CHARS = 1_000
_QUOTED_CHARS = 300
_SHOWN_AGENTS = 40

WAITS: dict[str, str] = {
    MessageWaitReason.AGENT: "waits until the task is with an agent again",
    MessageWaitReason.DUTY: "waits: the agent is off duty; it goes in after /agent resume",
    MessageWaitReason.UNKNOWN: "waits until a person says whether an earlier delivery arrived: "
    "`/fleet needs-me` says how",
    MessageWaitReason.DESK: "waits: the agent's desk cannot be used",
    MessageWaitReason.BRIEF: "waits: the agent's task comes first",
    MessageWaitReason.EARLIER: "waits: earlier words come first",
    Reason.BUSY: "waits: the window is busy; it goes in as soon as the window is free",
    Reason.RESTARTED: "on the way again after a restart",
}
"""Why queued words wait. Every other reason is something that was seen at the window."""
STATES: dict[DeliveryState, str] = {
    DeliveryState.LEASED: "being brought to the window",
    DeliveryState.STAGING: "being brought to the window",
    DeliveryState.STAGED: "being brought to the window",
    DeliveryState.SUBMITTING: "being brought to the window",
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.SENT: "sent",
    DeliveryState.UNKNOWN: "it is not known whether it arrived",
    DeliveryState.REFUSED: "refused",
    DeliveryState.FAILED: "failed",
    DeliveryState.CANCELLED: "not delivered",
    DeliveryState.EXPIRED: "not delivered",
    DeliveryState.SUPERSEDED: "sent anew",
}


def shown(view: AgentMessageView, *, marker: str) -> Parts:
    """Who says what to whom, and how far it has come. It mentions nobody."""
    said = view.message
    to = "everybody" if said.recipient == "all" else inline(", ".join(one.agent for one in view.deliveries), 60)
    about = f" · {said.task}" if said.task else ""
    more = f"-# {len(said.body):,} characters; `octet msg show {said.id}` shows all of them.\n"
    whole = size(said.body) + 8 <= _BODY_CHARS
    head = f"**{inline(said.sender_name, 60)} → {to}**{about}\n{fence(said.body, _BODY_CHARS)}\n{'' if whole else more}"
    room = CONTENT_LIMIT - _MARGIN - size(head)
    return Parts(content=f"{head}{cut(how(view.deliveries), room)}\n-# {marker}")


def news(notice: Notice, view: AgentMessageView, *, marker: str) -> Parts:
    """Words that did not arrive, or may not have: a new message that mentions whoever sent them."""
    agent, state, reason = (*notice.text.split(": ", 2), "", "")[:3]
    now = next((one for one in view.deliveries if one.agent == agent and one.state == state), None)
    wakes = sender_id(view.message)
    ping = f"<@{wakes}> " if wakes else ""
    about = f" about {view.message.task}" if view.message.task else ""
    whose = "Octet's words" if view.message.sender.startswith("system:") else "Your words"
    said = f"{ping}**{whose} to {inline(agent, 60)}{about}:** {_state_words(state, reason, now)}."
    return Parts(
        content=f"{said}\n{fence(view.message.body, _QUOTED_CHARS)}\n-# {marker}",
        mentions=(wakes,) if wakes else (),
    )


def answer(view: AgentMessageView) -> str:
    """What the sender is told at once, privately."""
    lines = [how(view.deliveries)]
    lines += [f"Left out: {inline(name, 60)}: {inline(why, 200)}" for name, why in view.left_out[:_SHOWN_AGENTS]]
    place = f"in the thread of {view.message.task}" if view.message.task else "in this channel"
    lines.append(f"A message {place} shows how it goes on.")
    return cut("\n".join(lines), CONTENT_LIMIT - _MARGIN)


def how(deliveries: Sequence[Delivery]) -> str:
    """How far they have come, agents of whom the same is so on one line."""
    found: dict[str, list[str]] = {}
    for one in deliveries:
        found.setdefault(state_words(one), []).append(one.agent)
    return "\n".join(f"{_names(names)}: {words}" for words, names in found.items())


def state_words(delivery: Delivery) -> str:
    """How far one delivery has come, and why no further."""
    return _state_words(delivery.state, delivery.reason, delivery)


def sender_id(message: Message) -> int | None:
    """The Discord user who sent these words, if one did."""
    kind, _, name = message.sender.partition(":")
    return person_id(name) if kind == "person" else None


def _state_words(state: str, reason: str, delivery: Delivery | None) -> str:
    note = f" ({inline(delivery.note, 200)})" if delivery is not None and delivery.note else ""
    if state == DeliveryState.QUEUED:
        if delivery is None:  # it has gone on meanwhile
            return "could not be brought for a long time"
        if not delivery.reason:
            return "on the way"
        known = WAITS.get(delivery.reason)
        return f"{known or f'waits: the window cannot be used now: {inline(delivery.reason, 100)}'}{note}"
    if state == DeliveryState.SENT and reason == Reason.DRY_RUN:
        return "sent (dry run): nothing was typed anywhere"
    words = STATES[DeliveryState(state)]
    if state == DeliveryState.DELIVERED:
        return f"{words} ({delivery.assurance.value})" if delivery is not None and delivery.assurance else words
    if delivery is not None and delivery.state == state == DeliveryState.UNKNOWN:
        by = f"by the buttons below, or by `octet delivery resolve {delivery.id} arrived|again|drop`"
        return f"{words}{note}. Say what is so {by}"
    return f"{words}{': ' if reason else ''}{inline(reason, 200)}{note}"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN_AGENTS} more" if len(names) > _SHOWN_AGENTS else ""
    return f"{', '.join(inline(name, 60) for name in names[:_SHOWN_AGENTS])}{more}"
