"""What one message is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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


_CLOCK = re.compile(r"<t:\d+(:\w)?>")


def without_clocks(parts: Parts) -> str:
    """Return all that people see of a message except its clocks, which Discord keeps going."""
    shown = parts.content if parts.view is None else str(parts.view.to_components())
    files = [(one.name, len(one.data)) for one in parts.attachments]
    return _CLOCK.sub("", f"{shown}{files}")


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
