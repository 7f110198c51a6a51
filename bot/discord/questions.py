"""The message that asks what became of a prompt, or of words, that nobody saw arrive, and what it says afterwards.

Pure: nothing here asks or sends.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.discord.parts import Attachment, Parts, framed
from bot.discord.render import named, person_id
from bot.discord.text import fence, inline, seen
from bot.discord.views.unknown import ResolveUnknown
from bot.discord.words import sender_id
from core.agent_messages.model import AgentMessageView
from core.deliveries.model import Delivery, Moment, Picture, parse_asked
from core.dispatch.model import Decision
from core.notices.model import Notice
from core.tasks.model import TaskView

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
_QUOTED_CHARS = 300


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
