"""Messages about deliveries: an agent message and how far it is, and the question about an unknown delivery. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.discord.parts import Attachment, Parts, framed
from bot.discord.render import named, person_id
from bot.discord.text import CONTENT_LIMIT, cut, fence, inline, seen, size
from bot.discord.views.buttons import ResolveUnknown
from core.agent_messages.model import AgentMessageView, MessageWaitReason
from core.deliveries.model import Delivery, DeliveryState, Moment, Picture, Reason, parse_asked
from core.dispatch.model import Decision
from core.messages.model import Message
from core.notices.model import Notice
from core.tasks.model import TaskView

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


_RED, _GREY = 0xD13438, 0x80848E
_SETTLED: dict[str, str] = {
    "arrived": "{who} said that its prompt arrived.",
    "again": "{who} said that its prompt did not arrive; it is sent again.",
    "dropped": "{who} dropped it.",
    "answered": "its agent answered, so its prompt did arrive.",
    "ended": "{who} ended it.",
}
_SETTLED_WORDS: dict[str, str] = {
    "arrived": "{who} said that they arrived.",
    "again": "{who} said that they did not arrive; they are sent again.",
    "dropped": "{who} dropped them.",
    "ended": "nobody needs to decide any more: {reason}.",
}
_MOMENTS: dict[Moment, str] = {
    Moment.STAGED: "before Enter",
    Moment.LAST_SEEN: "at the last look",
    Moment.AFTERWARDS: "afterwards",
}


def unknown_prompt_message(notice: Notice, view: TaskView, *, pictures: Sequence[Picture] | None, marker: str) -> Parts:
    """Ask, with what pictures there are; None: they are switched off. Once it is settled: say how, and ask no more."""
    how, _, who = notice.text.partition(" by ")
    if how in _SETTLED:
        said = f"**{view.task.id}:** {_SETTLED[how].format(who=named(who))}\n{inline(view.task.title, 200)}"
        return Parts(view=framed(said, marker, colour=_GREY))
    return _ask(notice, view, pictures=pictures, marker=marker)


def unknown_delivery_message(
    notice: Notice, view: AgentMessageView, *, pictures: Sequence[Picture] | None, marker: str
) -> Parts:
    """As `question`, about words to an agent; it wakes whoever sent them."""
    delivery, _ = parse_asked(notice.about)
    row = next(one for one in view.known if one.id == delivery)
    agent, body = inline(row.agent, 60), fence(view.message.body, _QUOTED_CHARS)
    about = f" about {view.message.task}" if view.message.task else ""
    how, _, who = notice.text.partition(" by ")
    if how in _SETTLED_WORDS:
        words = _SETTLED_WORDS[how].format(who=named(who), reason=inline(row.reason, 200))
        return Parts(view=framed(f"**Words to {agent}{about}:** {words}\n{body}", marker, colour=_GREY))
    wakes = sender_id(view.message)
    ping = f"<@{wakes}> " if wakes else ""
    whose = "Octet's words" if view.message.sender.startswith("system:") else "Your words"
    lines = [f"{ping}**{whose} to {agent}{about} need a person:** nobody saw whether they arrived.", body]
    if row.note:
        lines.append(seen(row.note, 500))
    lines += _what_part(row)
    lines.append(f"{agent} gets nothing else until somebody says what is so. Drop gives the words up.")
    lines.append(_where_to_look(agent, pictures))
    name = view.message.task or "words"
    return _with_buttons("\n".join(lines), notice, name=name, pictures=pictures, marker=marker, wakes=wakes)


def _ask(notice: Notice, view: TaskView, *, pictures: Sequence[Picture] | None, marker: str) -> Parts:
    task, wakes = view.task, person_id(view.task.requester)
    delivery, _ = parse_asked(notice.about)
    agent = inline(task.agent or "its agent", 60)
    ping = f"<@{wakes}> " if wakes else ""
    lines = [f"{ping}**{task.id} needs a person:** nobody saw whether its prompt reached {agent}."]
    lines.append(inline(task.title, 200))
    for row in view.deliveries:
        if row.id == delivery and row.note:
            lines.append(seen(row.note, 500))
        if row.id == delivery:
            lines += _what_part(row)
    lines.append(f"{agent} gets nothing else until somebody says what is so. Drop ends the task.")
    lines.append(_where_to_look(agent, pictures))
    return _with_buttons("\n".join(lines), notice, name=task.id, pictures=pictures, marker=marker, wakes=wakes)


def _what_part(row: Delivery) -> list[str]:
    """What it is about, where a prompt comes in parts."""
    rest = "" if row.share.is_last else "; the rest comes after it"
    return [f"This is about {row.share.words}{rest}."] if row.share.words else []


def _with_buttons(
    text: str,
    notice: Notice,
    *,
    name: str,
    pictures: Sequence[Picture] | None,
    marker: str,
    wakes: int | None,
) -> Parts:
    delivery, number = parse_asked(notice.about)
    shots = {f"{name}-{one.moment.value.replace(' ', '-')}.png": one for one in pictures or ()}
    layout = framed(
        text,
        marker,
        colour=_RED,
        shots={name: _MOMENTS[one.moment] for name, one in shots.items()},
        buttons=[ResolveUnknown(decision, delivery, number) for decision in Decision],
    )
    files = tuple(Attachment(name=name, data=one.png) for name, one in shots.items())
    return Parts(view=layout, attachments=files, mentions=(wakes,) if wakes else ())


def _where_to_look(agent: str, pictures: Sequence[Picture] | None) -> str:
    """By what a person can decide."""
    if pictures:
        hidden = "what may show its code is painted over; `/desk screenshot` shows it to you alone"
        return f"Its window {' and '.join(_MOMENTS[one.moment] for one in pictures)} ({hidden}):"
    why = "Pictures are switched off in this Octet" if pictures is None else "There is no picture of its window"
    return f"{why}. To look at it: `/desk screenshot`, agent {agent}."
