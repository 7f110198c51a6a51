"""The message that asks a person what became of a prompt which nobody saw arrive, and what it says afterwards. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import discord
from discord import ui

from bot.discord.parts import Attachment, Parts
from bot.discord.render import person_id
from bot.discord.text import inline
from bot.discord.views.unknown import ResolveUnknown
from core.deliveries.model import Moment, Picture, parse_asked
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
_MOMENTS: dict[Moment, str] = {
    Moment.STAGED: "before Enter",
    Moment.LAST_SEEN: "when it was given up to find out",
}


def question(notice: Notice, view: TaskView, *, pictures: Sequence[Picture] | None, marker: str) -> Parts:
    """Ask, with what pictures there are; None: they are switched off. Once it is settled: say how, and ask no more."""
    how, _, who = notice.text.partition(" by ")
    if how in _SETTLED:
        said = f"**{view.task.id}:** {_SETTLED[how].format(who=_who(who))}\n{inline(view.task.title, 200)}"
        return Parts(view=_layout(said, marker, colour=_GREY))
    return _ask(notice, view, pictures=pictures, marker=marker)


def _ask(notice: Notice, view: TaskView, *, pictures: Sequence[Picture] | None, marker: str) -> Parts:
    task, wakes = view.task, person_id(view.task.requester)
    delivery, fence = parse_asked(notice.about)
    agent = inline(task.agent or "its agent", 60)
    ping = f"<@{wakes}> " if wakes else ""
    lines = [f"{ping}**{task.id} needs a person:** nobody saw whether its prompt reached {agent}."]
    lines.append(inline(task.title, 200))
    note = next((row.note for row in view.deliveries if row.id == delivery), "")
    if note:
        lines.append(f"Seen: {inline(note, 500)}")
    lines.append(f"{agent} gets nothing else until somebody says what is so. Drop ends the task.")
    lines.append(_where_to_look(agent, pictures))
    shots = {f"{task.id}-{one.moment.value.replace(' ', '-')}.png": one for one in pictures or ()}
    layout = _layout(
        "\n".join(lines),
        marker,
        colour=_RED,
        shots={name: _MOMENTS[one.moment] for name, one in shots.items()},
        buttons=[ResolveUnknown(decision, delivery, fence) for decision in Decision],
    )
    files = tuple(Attachment(name=name, data=one.png) for name, one in shots.items())
    return Parts(view=layout, attachments=files, mentions=(wakes,) if wakes else ())


def _where_to_look(agent: str, pictures: Sequence[Picture] | None) -> str:
    """By what a person can decide."""
    if pictures:
        return f"Its window {' and '.join(_MOMENTS[one.moment] for one in pictures)}:"
    why = "Pictures are switched off in this Octet" if pictures is None else "There is no picture of its window"
    return f"{why}. To look at it: `/desk screenshot`, agent {agent}."


def _who(actor: str) -> str:
    person = person_id(actor)
    if person:
        return f"<@{person}>"
    return "the operator of this machine" if actor == "operator" else inline(actor, 60)


def _layout(
    text: str,
    marker: str,
    *,
    colour: int,
    shots: dict[str, str] | None = None,
    buttons: Sequence[ResolveUnknown] = (),
) -> ui.LayoutView:
    box: ui.Container[ui.LayoutView] = ui.Container(accent_colour=discord.Colour(colour))
    box.add_item(ui.TextDisplay(text))
    if shots:
        gallery: ui.MediaGallery[ui.LayoutView] = ui.MediaGallery()
        for name, words in shots.items():
            gallery.add_item(media=f"attachment://{name}", description=words)
        box.add_item(gallery)
    if buttons:
        row: ui.ActionRow[ui.LayoutView] = ui.ActionRow()
        for button in buttons:
            row.add_item(button)
        box.add_item(row)
    return ui.LayoutView(timeout=None).add_item(box.add_item(ui.TextDisplay(f"-# {marker}")))
