"""Fits text from outside into a Discord message: measures, cuts, escapes, fences; and the form of results there."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from bot.verbs.results import Form
from core.kit.console import CONTROLS
from core.kit.redaction import redacted

CONTENT_LIMIT = 2000  # characters of an ordinary message
LAYOUT_LIMIT = 4000  # displayed characters of a message made of components
NAME_LIMIT = 100  # characters of a thread's name and of a choice

_FENCE = "```"
_NOTHING = "(nothing to show)"
_SPARE = 8  # of a long text only this many times its room is processed; the rest would hardly show
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"
_HIDDEN = re.compile("[\u00ad\u180e\u200b\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")
"""Invisible characters that can disguise a text. Joiners stay: letters and emoji need them."""
_MARKUP = re.compile(r"[\\*_~|`<\[]|(?<=\w):(?=//)")
_EVERYONE = re.compile(r"@(?=everyone|here)", re.IGNORECASE)


def size(text: str) -> int:
    """Measure `text` in UTF-16 units, the longest of the ways in which Discord counts."""
    return len(text) + sum(character > "\uffff" for character in text)


def cut(text: str, limit: int) -> str:
    """Shorten `text` to at most `limit`, with an ellipsis; keep each sign together with its combining marks."""
    if size(text) <= limit:
        return text
    room, end = limit - 1, 0
    for character in text:
        room -= size(character)
        if room < 0:
            break
        end += 1
    for _ in range(16):
        if end == 0 or not _joins(text, end):
            break
        end -= 1
    return text[:end].rstrip() + "…" if limit > 0 else ""


def link(label: str, server: str | int | None, channel: str, message: str = "") -> str:
    """Link to a channel, a thread or a message in it; without a place it is only text."""
    if not server or not channel:
        return label
    return f"[{label}](https://discord.com/channels/{server}/{channel}{f'/{message}' if message else ''})"


def fitting(lines: Iterable[str], room: int) -> list[str]:
    """Return the first of these texts, as many as fit into `room` characters."""
    kept: list[str] = []
    for line in lines:
        room -= size(line) + 2
        if room < 0:
            break
        kept.append(line)
    return kept


def plain(text: str, limit: int) -> str:
    """Make one line, never empty, for places that show no markup: names of threads, choices."""
    return cut(_one_line(text[: limit * _SPARE]), limit) or _NOTHING


def inline(text: str, limit: int) -> str:
    """Make one line that shows exactly its characters: no markup, no mention, its direction isolated. With its escapes
    it is at most `limit` long."""
    line = cut(_one_line(text[: limit * _SPARE]), limit)
    shown, most = _escape(line), limit
    while size(shown) > limit - 2:
        most = most * 3 // 4 if most > 4 else most - 1
        shown = _escape(cut(line, most)) if most > 0 else ""
    if any(unicodedata.bidirectional(character) in {"R", "AL"} for character in line):
        return f"{_ISOLATE}{shown}{_END_ISOLATE}"
    return shown


def fence(text: str, limit: int) -> str:
    """Show the beginning of `text` as a code block of at most `limit` characters."""
    start = strip_controls(text[: limit * _SPARE])
    tame = start.replace("`", "\u02cb") if _FENCE in start else start
    return f"{_FENCE}\n{cut(tame, limit - 8) or ' '}\n{_FENCE}"


def fits_fence(text: str, limit: int) -> bool:
    """Tell whether a code block shows every character of `text` unchanged."""
    return len(text) + 8 <= limit and size(text) + 8 <= limit and _FENCE not in text and strip_controls(text) == text


def quote(text: str, limit: int) -> str:
    """Quote an agent's text, or its beginning, in at most `limit` characters. Its markdown works, but no link hides
    its address, and the quote closes an open code block."""
    shown = redacted(strip_controls(text[: limit * _SPARE])).replace("](", "] (").strip()
    lines = (shown or _NOTHING).split("\n")
    kept, room = list[str](), limit - 12
    for line in lines:
        room -= 3
        if room <= 0:
            kept.append("…")
            break
        kept.append(cut(line, room))
        room -= size(kept[-1])
    if "\n".join(kept).count(_FENCE) % 2:
        kept.append(_FENCE)
    return "\n".join(f"> {line}" for line in kept)


def quote_fence(text: str, limit: int) -> str:
    """Quote the text of an agent's window as a code block."""
    return quote(fence(text, limit), limit)


def strip_controls(text: str) -> str:
    """Remove invisible and control characters; end each line with a line feed."""
    return _HIDDEN.sub("", CONTROLS.sub("", "\n".join(text.splitlines())))


def _one_line(text: str) -> str:
    return redacted(" ".join(strip_controls(text).split()))


def _escape(line: str) -> str:
    return _EVERYONE.sub("@\u200b", _MARKUP.sub(lambda found: "\\" + found[0], line))


def _joins(text: str, position: int) -> bool:
    """Tell whether the character at `position` belongs to the sign before it."""
    character = text[position]
    return (
        unicodedata.category(character) in {"Mn", "Me", "Mc"}
        or character in "\u200d\ufe0e\ufe0f"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or text[position - 1] == "\u200d"
    )


def _named(who: str) -> str:
    """Mention a user, a role or a channel; Octet itself has no mention."""
    kind, _, number = who.rpartition(":")
    sign = {"discord": "@", "discord-role": "@&", "channel": "#"}.get(kind)
    return f"<{sign}{number}>" if sign and number.isascii() and number.isdigit() else inline(who, 60)


FORM = Form(
    text=inline,
    strong="**{}**".format,
    sign="{} ".format,
    id=lambda _: "",
    at=lambda ms: f"<t:{ms // 1000}:f>",
    time=lambda ms: f"<t:{ms // 1000}:T>",
    ago=lambda ms: f"<t:{ms // 1000}:R>",
    named=_named,
    code="`{}`".format,
    small="-# ",
    quote="> ",
    good="✓",
    bad="✗",
    warning="!",
)
