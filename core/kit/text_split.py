"""Where to cut a text that is too long for one message: between paragraphs, else lines, else words, and never inside
what people see as one character. Pure; the pieces joined are the text again."""

from __future__ import annotations

import unicodedata

_JOINERS = frozenset({"\u200d"})
_MARKS = frozenset({"Mn", "Me", "Mc"})
_VIRAMA = 9  # the combining class of signs that join the letter after them to the one before
_NO_BREAK_BEFORE = ((0x1F3FB, 0x1F3FF), (0xE0020, 0xE007F), (0x1160, 0x11FF), (0xD7B0, 0xD7FB), (0xFF9E, 0xFF9F))
"""Skin tones, tags of flags, vowels and ends of Korean syllables, half-width voicing marks."""
_NO_BREAK_AFTER = ((0x1100, 0x115F), (0xA960, 0xA97C))  # beginnings of Korean syllables
_FLAG_LETTERS = (0x1F1E6, 0x1F1FF)


def cuts(text: str, *, most: int, last: int) -> tuple[int, ...]:
    """The places at which to cut `text`, in order, so that no piece is longer than `most` and the last not longer than
    `last`; no piece is empty. Both are at least 1. What is one character to people is cut only if it is longer itself.
    """
    found: list[int] = []
    at = 0
    while len(text) - at > last:
        at = _border(text, at, min(at + most, len(text) - 1))
        found.append(at)
    return tuple(found)


def _border(text: str, at: int, limit: int) -> int:
    """The best place for a cut after `at`, at `limit` at the latest: in the second half of what would fit."""
    half = at + max(1, (limit - at) // 2)
    for sign in ("\n\n", "\n"):
        place = text.rfind(sign, half - 1, limit)
        while place >= 0:
            end = place + len(sign)
            if end <= limit and not _is_inside(text, end) and text[end] != "\n":
                return end
            place = text.rfind(sign, half - 1, place + len(sign) - 1)
    for place in range(limit, half - 1, -1):
        if text[place - 1].isspace() and not text[place].isspace() and not _is_inside(text, place):
            return place
    return next((place for place in range(limit, at, -1) if not _is_inside(text, place)), limit)


def _is_inside(text: str, place: int) -> bool:
    """Whether a cut before the character at `place` would go through what people see as one. In doubt it would."""
    before, after = text[place - 1], text[place]
    if after in _JOINERS or unicodedata.category(after) in _MARKS or _is_in(after, _NO_BREAK_BEFORE):
        return True
    if unicodedata.category(before) == "Cf" or unicodedata.combining(before) == _VIRAMA or (before, after) == _CRLF:
        return True
    if _is_in(before, _NO_BREAK_AFTER):
        return True
    return _is_in(after, (_FLAG_LETTERS,)) and _letters_before(text, place) % 2 == 1


_CRLF = ("\r", "\n")


def _letters_before(text: str, place: int) -> int:
    """How many letters of flags stand before this place without a gap: two make a flag."""
    first = place
    while first and _is_in(text[first - 1], (_FLAG_LETTERS,)):
        first -= 1
    return place - first


def _is_in(character: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(character) <= last for first, last in ranges)
