"""Where to cut a text that is too long for one message: between paragraphs, else lines, else words, and never inside
what people see as one character. Pure; the pieces joined are the text again."""

from __future__ import annotations

import re
import unicodedata

_MARKS = frozenset({"Mn", "Me", "Mc"})
_VIRAMA = 9  # the combining class of signs that join the letter after them to the one before
_EXTENDS = re.compile(r"[\u200d\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f\u1160-\u11ff\ud7b0-\ud7fb\uff9e\uff9f]")
"""Joiners, skin tones, tags of flags, vowels and ends of Korean syllables, half-width voicing marks."""
_JOINS = re.compile(r"\r\n|[\u1100-\u115f\ua960-\ua97c]")  # line ends of Windows; beginnings of Korean syllables
_FLAGS = frozenset(map(chr, range(0x1F1E6, 0x1F200)))  # letters; two make a flag
_FLAG_LETTERS = re.compile(r"[\U0001f1e6-\U0001f1ff]*\Z")


def cuts(text: str, *, most: int, last: int) -> tuple[int, ...]:
    """Return the places at which to cut `text`, in order, so that no piece is longer than `most` and the last not
    longer than `last`; no piece is empty. Both are at least 1. What is one character to people is cut only if it is
    longer itself."""
    found: list[int] = []
    at = 0
    while len(text) - at > last:
        at = _border(text, at, min(at + most, len(text) - 1))
        found.append(at)
    return tuple(found)


def _border(text: str, at: int, limit: int) -> int:
    """Find the best place for a cut after `at`, at `limit` at the latest: in the second half of what would fit."""
    places = [place for place in range(limit, at, -1) if not _is_inside(text, place)]
    late = [place for place in places if place >= at + max(1, (limit - at) // 2)]
    for ending in ("\n\n", "\n"):
        for place in late:
            if text.endswith(ending, at, place) and text[place] != "\n":
                return place
    blanks = (place for place in late if text[place - 1].isspace() and not text[place].isspace())
    return next(blanks, next(iter(places), limit))


def _is_inside(text: str, place: int) -> bool:
    """Tell whether a cut before the character at `place` would go through what people see as one. In doubt it would."""
    before, after = text[place - 1], text[place]
    if unicodedata.category(after) in _MARKS or _EXTENDS.match(after) or _JOINS.match(before + after):
        return True
    if unicodedata.category(before) == "Cf" or unicodedata.combining(before) == _VIRAMA:
        return True
    letters = _FLAG_LETTERS.search(text, max(0, place - 100), place + 1) if after in _FLAGS else None
    return letters is not None and len(letters[0]) % 2 == 0
