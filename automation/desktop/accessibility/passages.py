"""The content of one object of an accessibility tree, piece by piece: texts with their places, and buttons."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from automation.desktop.accessibility.bus import NoBusReply
from automation.desktop.accessibility.tree import EMBEDDED, Node, State
from core.profiles.model import Box
from core.profiles.value_types import ROLES

BUTTONS = frozenset(ROLES[name] for name in ("push button", "toggle button"))
MOST_OBJECTS = 300  # at most so many objects are searched; a question that users are asked has fewer
MOST_CHARS = 4_000  # of a text at most so much is kept: more than one message shows
MASKED = "▒▒▒"  # replaces in a text what the profile masks


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One piece of text."""

    text: str
    box: Box  # its place on the screen; without a size where its program does not report it
    is_button: bool = False


def all_text(node: Node) -> str:
    """Return all text in it, for a pattern. Raises Vanished or NoBusReply."""
    return "\n".join(one.text for one in passages(node))


def shown_text(node: Node, *, within: Box | None, masks: Sequence[Box]) -> str:
    """Return its text for users, the buttons last, without what lies in one of the `masks`, and only what lies
    `within`, if that is given; all places are on the screen."""
    lines: list[str] = []
    buttons: list[str] = []
    for one in passages(node, by_line=bool(masks) or within is not None):
        if within is not None and not within.holds(*one.box.middle):
            continue
        # An object without a reported place may be under any mask.
        is_masked = any(one.box.overlaps(mask) or not one.box.has_area for mask in masks)
        text = MASKED if is_masked else one.text
        if one.is_button:
            buttons.append(f"[{text.strip()}]")
        elif text is not MASKED or lines[-1:] != [MASKED]:
            lines.append(text.rstrip())
    return fit("\n".join([*lines, " ".join(buttons)]))


def fit(text: str) -> str:
    """Remove control characters and the empty lines around it; cut a long text."""
    kept = "".join(one for one in text if one in "\n\t" or unicodedata.category(one) not in {"Cc", "Cs"})
    return kept.strip("\n").rstrip()[:MOST_CHARS]


def passages(node: Node, *, by_line: bool = False) -> Iterator[Passage]:
    """Yield the pieces in their order; with `by_line` each line with its own place. Raises Vanished or NoBusReply."""
    line = [node]
    for _ in range(MOST_OBJECTS):
        if not line:
            return
        found, inner = _look(line.pop(0), by_line=by_line)
        yield from found
        line[:0] = inner


def _look(node: Node, *, by_line: bool) -> tuple[list[Passage], list[Node]]:
    if not node.has(State.VISIBLE):
        return [], []
    if node.kind() in BUTTONS:
        label = node.label()
        return ([Passage(text=label, box=node.extents(), is_button=True)] if label else []), []
    own = node.own_text()
    if EMBEDDED in own and own.replace(EMBEDDED, "").strip():
        return [Passage(text=node.text(), box=node.extents())], []  # objects within a line of text
    if own.strip() and EMBEDDED not in own:
        if not by_line or "\n" not in own:
            return [Passage(text=own, box=node.extents())], []
        return _lines(node, own), []
    inner = node.children()
    label = "" if inner else node.label()
    return ([Passage(text=label, box=node.extents())] if label else []), inner


def _lines(node: Node, own: str) -> list[Passage]:
    try:
        places = node.places_of_lines(own)
    except NoBusReply:  # it does not report the places of its lines: each may be anywhere in it
        places = [node.extents()] * (own.count("\n") + 1)
    return [Passage(text=text, box=box) for text, box in zip(own.split("\n"), places, strict=True)]
