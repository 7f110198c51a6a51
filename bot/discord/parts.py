"""What one message is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import discord
from discord import ui


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes with a message."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """One message: either `content` or a `view`, with files, and the users it may wake."""

    content: str = ""
    view: ui.LayoutView | None = None
    attachments: tuple[Attachment, ...] = field(default=())
    mentions: tuple[int, ...] = field(default=())


FILE_LIMIT = 10 * 1024 * 1024  # bytes of a file that every server takes
REQUEST_LIMIT = 24 * 1024 * 1024  # bytes of all files of one message
_CUT = b"\n\n[Octet cut this file here: it is too large for Discord.]\n"
_CLOCK = re.compile(r"<t:\d+(:\w)?>")


def without_clocks(parts: Parts) -> str:
    """Return all that people see of a message except its clocks, which Discord keeps going."""
    shown = parts.content if parts.view is None else str(parts.view.to_components())
    files = [(one.name, len(one.data)) for one in parts.attachments]
    return _CLOCK.sub("", f"{shown}{files}")


def within_limits(parts: Parts) -> Parts:
    """Cut texts that are too large for Discord, leave out other files that are, and say so in the file or message."""
    kept, left, room = list[Attachment](), list[str](), REQUEST_LIMIT
    for one in parts.attachments:
        most = min(FILE_LIMIT, room)
        if len(one.data) > most > len(_CUT) and one.name.endswith((".txt", ".md")):
            one = replace(one, data=one.data[: most - len(_CUT)].decode(errors="ignore").encode() + _CUT)  # noqa: PLW2901 - the same file, shorter
        if len(one.data) > most:
            left.append(one.name)
        else:
            kept.append(one)
            room -= len(one.data)
    if not left:
        return replace(parts, attachments=tuple(kept))
    said = f"-# Left out, too large for Discord: {', '.join(left)}"
    if parts.view is None:
        return replace(parts, content=f"{said}\n{parts.content}", attachments=tuple(kept))
    gone = {f"attachment://{name}" for name in left}
    for item in tuple(parts.view.walk_children()):
        if isinstance(item, ui.MediaGallery):
            item.items = [one for one in item.items if one.media.url not in gone]
        is_gone = isinstance(item, ui.MediaGallery) and not item.items
        is_gone = is_gone or (isinstance(item, ui.File) and item.media.url in gone)
        if is_gone and isinstance(item.parent, ui.Container):
            item.parent.remove_item(item)
    parts.view.add_item(ui.TextDisplay(said))
    return replace(parts, attachments=tuple(kept))


def framed(
    text: str,
    marker: str,
    *,
    colour: int,
    shots: Mapping[str, str] | None = None,
    buttons: Sequence[ui.DynamicItem[ui.Button[ui.LayoutView]]] = (),
) -> ui.LayoutView:
    """A message with a coloured edge: `text`, pictures that go with it by their file names, buttons in one row, and the
    small print by which the outbox knows it."""
    box: ui.Container[ui.LayoutView] = ui.Container(accent_colour=discord.Colour(colour))
    box.add_item(ui.TextDisplay(text))
    if shots:
        gallery: ui.MediaGallery[ui.LayoutView] = ui.MediaGallery()
        for name, words in shots.items():
            gallery.add_item(media=f"attachment://{name}", description=words or None)
        box.add_item(gallery)
    if buttons:
        row: ui.ActionRow[ui.LayoutView] = ui.ActionRow()
        for button in buttons:
            row.add_item(button)
        box.add_item(row)
    return ui.LayoutView(timeout=None).add_item(box.add_item(ui.TextDisplay(f"-# {marker}")))
