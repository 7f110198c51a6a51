"""The parts of one message, and Discord's limits on its files."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import discord
from discord import ui

GREY, BLUE, AMBER, RED, GREEN = 0x80848E, 0x4F6BED, 0xE0A800, 0xD13438, 0x4B8B6F
Button = ui.DynamicItem[ui.Button[ui.LayoutView]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes with a message."""

    name: str
    data: bytes
    shows: str = ""  # what a picture shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """One message: either `content` or a `view`, with files, and the users it may wake."""

    content: str = ""
    view: ui.LayoutView | None = None
    attachments: tuple[Attachment, ...] = field(default=())
    mentions: tuple[int, ...] = field(default=())

    def body(self) -> dict[str, Any]:
        return {"content": self.content} if self.view is None else {"view": self.view}

    def files(self) -> list[discord.File]:
        """Open the attachments; each call needs new ones."""
        return [discord.File(io.BytesIO(one.data), filename=one.name) for one in self.attachments]


FILE_LIMIT = 10 * 1024 * 1024  # bytes of a file that every server takes
REQUEST_LIMIT = 24 * 1024 * 1024  # bytes of all files of one message
_CLOCK = re.compile(r"<t:\d+(:\w)?>")


def without_clocks(parts: Parts) -> str:
    """Return what users see of a message except its clocks, which Discord updates."""
    shown = parts.content if parts.view is None else str(parts.view.to_components())
    files = [(one.name, len(one.data)) for one in parts.attachments]
    return _CLOCK.sub("", f"{shown}{files}")


def within_limits(parts: Parts) -> Parts:
    """Leave out files that are too large for Discord, and say so in the message. Texts never are."""
    kept, left, room = list[Attachment](), list[str](), REQUEST_LIMIT
    for one in parts.attachments:
        if len(one.data) > min(FILE_LIMIT, room):
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


def boxed(
    texts: Iterable[str],
    *,
    colour: int,
    items: Iterable[ui.Item[ui.LayoutView]] = (),
    buttons: Sequence[Button] = (),
    small: str = "",
) -> ui.LayoutView:
    """Build a message with a coloured edge: texts, other items, buttons in one row, small print."""
    shown = [ui.TextDisplay[ui.LayoutView](text) for text in texts]
    box: ui.Container[ui.LayoutView] = ui.Container(*shown, *items, accent_colour=colour)
    if buttons:
        row: ui.ActionRow[ui.LayoutView] = ui.ActionRow()
        for button in buttons:
            row.add_item(button)
        box.add_item(row)
    if small:
        box.add_item(ui.TextDisplay(f"-# {small}"))
    return ui.LayoutView(timeout=None).add_item(box)


def framed(
    text: str,
    marker: str,
    *,
    colour: int,
    wakes: int | None = None,
    shots: Sequence[Attachment] = (),
    buttons: Sequence[Button] = (),
) -> Parts:
    """Build a message with a coloured edge, pictures, buttons and the outbox's marker; mention the user `wakes`."""
    pictures = [discord.MediaGalleryItem(f"attachment://{one.name}", description=one.shows or None) for one in shots]
    items = [ui.MediaGallery[ui.LayoutView](*pictures)] if shots else []
    view = boxed([_ping(wakes) + text], colour=colour, items=items, buttons=buttons, small=marker)
    return Parts(view=view, attachments=tuple(shots), mentions=(wakes,) if wakes else ())


def written(text: str, marker: str, *, wakes: int | None = None, files: tuple[Attachment, ...] = ()) -> Parts:
    """Build an ordinary message that mentions the user `wakes`, with the marker by which the outbox finds it."""
    content = f"{_ping(wakes)}{text}\n-# {marker}"
    return Parts(content=content, attachments=files, mentions=(wakes,) if wakes else ())


def _ping(wakes: int | None) -> str:
    return f"<@{wakes}> " if wakes else ""
