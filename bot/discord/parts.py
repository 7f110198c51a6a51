"""What one message is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

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
