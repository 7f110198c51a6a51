"""The parts of one message, and Discord's limits on its files."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import discord
from discord import ui

from bot.discord.naming import in_discord
from bot.discord.text import CONTENT_LIMIT, LAYOUT_LIMIT, size

GREY, BLUE, AMBER, RED, GREEN = 0x80848E, 0x4F6BED, 0xE0A800, 0xD13438, 0x2E9E5B
Button = ui.DynamicItem[ui.Button[ui.LayoutView]] | ui.Button[ui.LayoutView]
MARKED = r"(?:~(?P<marker>[\w.]+))?"
"""The end of the `custom_id` of a button that may carry a marker."""
_ID_LIMIT = 100
_ROW = 5  # buttons in a row
_MARKER_LINK = re.compile(r"-# \[[^\]\n]*\]\(https://discord\.com/channels/[\w@/]*\?octet=([\w.]+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """The sign by which the outbox finds its own message again. It is in the id of a button, else in the address of
    a link in small print; people see the link's `label`."""

    code: str
    label: str = "Octet"
    url: str = "https://discord.com/channels/@me"
    page: str = ""  # the address of what the message is about on Octet's page; empty where no one can open it there

    @property
    def line(self) -> str:
        return f"-# [{self.label}]({self.url}?octet={self.code})"

    def link_within(self, room: int) -> tuple[str, ...]:
        """Return the line that leads to the page, if there is room for it."""
        line = f"-# [Open on the page](<{self.page}>)"
        return (line,) if self.page and len(line) <= room else ()


def marker_in(texts: Iterable[str], custom_ids: Iterable[str]) -> str:
    """Read the marker of a message from its texts and the ids of its buttons; empty where it has none.

    Only a line that Octet itself writes counts: quoted, fenced and escaped texts of others never look like it."""
    for custom_id in custom_ids:
        if found := re.search(MARKED[:-1] + "$", custom_id):
            return found["marker"]
    lines = (_MARKER_LINK.fullmatch(text.strip().rpartition("\n")[2]) for text in texts)
    return next((found[1] for found in lines if found), "")


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


def finished(parts: Parts, groups: Collection[str]) -> Parts:
    """Name commands as these groups of them offer them, and leave out files that are too large for Discord."""
    for item in parts.view.walk_children() if parts.view is not None else ():
        if isinstance(item, ui.TextDisplay):
            item.content = in_discord(item.content, groups)
    return _within_limits(replace(parts, content=in_discord(parts.content, groups)))


def _within_limits(parts: Parts) -> Parts:
    """Leave out files that are too large, and say so in the message. Texts never are."""
    kept, left, room = list[Attachment](), list[str](), REQUEST_LIMIT
    for one in parts.attachments:
        if len(one.data) > min(FILE_LIMIT, room):
            left.append(one.name)
        else:
            kept.append(one)
            room -= len(one.data)
    if not left:
        return replace(parts, attachments=tuple(kept))
    note = f"-# Left out, too large for Discord: {', '.join(left)}"
    if parts.view is None:
        return replace(parts, content=f"{note}\n{parts.content}", attachments=tuple(kept))
    gone = {f"attachment://{name}" for name in left}
    for item in tuple(parts.view.walk_children()):
        if isinstance(item, ui.MediaGallery):
            item.items = [one for one in item.items if one.media.url not in gone]
        is_gone = isinstance(item, ui.MediaGallery) and not item.items
        is_gone = is_gone or (isinstance(item, ui.File) and item.media.url in gone)
        if is_gone and isinstance(item.parent, ui.Container):
            item.parent.remove_item(item)
    parts.view.add_item(ui.TextDisplay(note))
    return replace(parts, attachments=tuple(kept))


def boxed(
    texts: Iterable[str],
    *,
    colour: int | None,
    items: Iterable[ui.Item[ui.LayoutView]] = (),
    buttons: Sequence[Button] = (),
    menus: Sequence[ui.DynamicItem[ui.Select[ui.LayoutView]]] = (),
    marker: Marker | None = None,
) -> ui.LayoutView:
    """Build a message with a coloured edge: texts, other items, buttons in rows, menus, and its marker."""
    texts = tuple(texts)
    link = marker.link_within(LAYOUT_LIMIT - sum(map(size, texts)) - len(marker.line)) if marker is not None else ()
    shown = [ui.TextDisplay[ui.LayoutView](text) for text in (*texts, *link)]
    if marker is not None and not _mark(buttons, marker):
        shown.append(ui.TextDisplay(marker.line))
    box: ui.Container[ui.LayoutView] = ui.Container(*shown, *items, accent_colour=colour)
    rows: list[Sequence[Any]] = [buttons[first : first + _ROW] for first in range(0, len(buttons), _ROW)]
    rows += [[menu] for menu in menus]
    for row in rows:
        box.add_item(ui.ActionRow[ui.LayoutView](*row))
    return ui.LayoutView(timeout=None).add_item(box)


def _mark(buttons: Iterable[Button], marker: Marker) -> bool:
    """Put the marker into the id of the first button with room for it; return whether one has."""
    for button in buttons:
        if isinstance(button, ui.DynamicItem) and len(button.custom_id) + len(marker.code) < _ID_LIMIT:
            button.item.custom_id = f"{button.custom_id}~{marker.code}"
            return True
    return False


def framed(
    text: str,
    marker: Marker | None,
    *,
    colour: int,
    wakes: int | None = None,
    shots: Sequence[Attachment] = (),
    files: Sequence[Attachment] = (),
    buttons: Sequence[Button] = (),
) -> Parts:
    """Build a message with a coloured edge, pictures, files, buttons and the outbox's marker; mention the user
    `wakes`."""
    pictures = [discord.MediaGalleryItem(f"attachment://{one.name}", description=one.shows or None) for one in shots]
    items: list[ui.Item[ui.LayoutView]] = [ui.MediaGallery[ui.LayoutView](*pictures)] if shots else []
    items += [ui.File[ui.LayoutView](f"attachment://{one.name}") for one in files]
    view = boxed([_ping(wakes) + text], colour=colour, items=items, buttons=buttons, marker=marker)
    return Parts(view=view, attachments=(*shots, *files), mentions=(wakes,) if wakes else ())


def written(
    text: str,
    marker: Marker,
    *,
    wakes: int | None = None,
    files: tuple[Attachment, ...] = (),
    buttons: Sequence[Button] = (),
    is_view: bool = False,
) -> Parts:
    """Build an ordinary message that mentions the user `wakes`, with the marker by which the outbox finds it. With
    `is_view` it may have buttons in one edit and none in another: Discord makes no view a plain text."""
    mentions, content = (wakes,) if wakes else (), f"{_ping(wakes)}{text}"
    if not buttons and not is_view:
        link = marker.link_within(CONTENT_LIMIT - len(content) - len(marker.line) - 2)
        return Parts(content="\n".join((content, *link, marker.line)), attachments=files, mentions=mentions)
    items = [ui.File[ui.LayoutView](f"attachment://{file.name}") for file in files]
    view = boxed([content], colour=None, items=items, buttons=buttons, marker=marker)
    return Parts(view=view, attachments=files, mentions=mentions)


def _ping(wakes: int | None) -> str:
    return f"<@{wakes}> " if wakes else ""
