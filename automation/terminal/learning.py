"""How a program's composer looks in a pane, found by two looks at it: empty, and with one line written in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from automation.terminal.screen import Line, view
from core.profiles.panes import Terminal

_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """Patterns of `[terminal]`; empty: none is needed."""

    prompt: str
    bar: str = ""
    tail: str = ""
    end: str = ""
    hint: str = ""

    def terminal(self) -> Terminal:
        """How the program looks by them."""
        return Terminal(prompt=self.prompt, bar=self.bar, tail=self.tail, end=self.end, hint=self.hint)


def learnt(empty: Sequence[Line], drafted: Sequence[Line], draft: str) -> Learnt | None:
    """The patterns by which the first look shows an empty composer, and the second this draft in it; the simplest that
    do. None where none were found."""
    at = next((n for n in range(len(drafted) - 1, -1, -1) if draft in drafted[n].text), None)
    if at is None:
        return None
    hinted: Learnt | None = None
    for found in _candidates(drafted, at, draft):
        terminal = found.terminal()
        before = view(tuple(empty), terminal)
        if view(tuple(drafted), terminal).composer != draft:
            continue
        if before.is_empty:
            return found
        if before.composer and hinted is None:  # what a draft makes vanish is nobody's words
            hinted = replace(found, hint=f"^{_escaped(_words(before.composer))}")
    return hinted


def _candidates(drafted: Sequence[Line], at: int, draft: str) -> Iterator[Learnt]:
    """From the simplest: a prompt; one with what follows below; a box whose lines all begin alike."""
    left, _, right = drafted[at].text.partition(draft)
    if not left.strip() or any(letter.isalnum() for letter in left):
        return  # nothing stands before the text by which it could be found; or somebody's words do
    edge = left.strip()
    tail = rf"\s*{_escaped(right.strip())}$" if right.strip() else ""
    ends = [f"^{_escaped(_beginning(line.text))}" for line in drafted[at + 1 :] if line.text.strip()]
    lone = Learnt(prompt=f"^{_escaped(left)}", tail=tail)
    barred = Learnt(
        bar=rf"^\s*{_escaped(edge)}", prompt=rf"^\s*{_escaped(left.lstrip())}|^\s*{_escaped(edge)}\s*$", tail=tail
    )
    for one in (lone, barred):
        yield one
        yield from (replace(one, end=end) for end in ends)


def _beginning(text: str) -> str:
    """As much of a line as stays: its edge and its first word; of a line that is drawn, as it is of another width."""
    words = text.split()
    if not any(letter.isalnum() for letter in words[0]) and len(words) == 1:
        return text[: text.index(words[0]) + 2]
    return text[: text.index(words[1]) + len(words[1])] if len(words) > 1 else text


def _words(text: str) -> str:
    """The first two words of a hint: the rest of it is often another one each time."""
    found = re.match(r"\s*\S+(?:\s+\S+)?", text)
    return found[0] if found else text


def _escaped(text: str) -> str:
    """The text as a regular expression that people can still read."""
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", text)
