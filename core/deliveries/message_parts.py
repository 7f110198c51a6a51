"""Which part of a message one delivery has, where the message is too long for one prompt, and where to cut it: between
paragraphs, else lines, else words, and never inside what users see as one character."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_MARKS = frozenset({"Mn", "Me", "Mc"})
_VIRAMA = 9  # the combining class of signs that join the letter after them to the one before
_EXTENDS = re.compile(r"[\u200d\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f\u1160-\u11ff\ud7b0-\ud7fb\uff9e\uff9f]")
"""Joiners, skin tones, tags of flags, vowels and ends of Korean syllables, half-width voicing marks."""
_JOINS = re.compile(r"\r\n|[\u1100-\u115f\ua960-\ua97c]")  # line ends of Windows; beginnings of Korean syllables
_FLAGS = frozenset(map(chr, range(0x1F1E6, 0x1F200)))  # letters; two make a flag
_FLAG_LETTERS = re.compile(r"[\U0001f1e6-\U0001f1ff]*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePart:
    """Which part of its message a delivery brings, if the message is too long for one. Octet brings the parts one after
    the other, each by a separate delivery; the cuts stay as they were when the first part was made."""

    number: int = 1
    cuts: tuple[int, ...] = ()  # the places in the message's body at which it is cut; none where it is brought whole

    @property
    def total(self) -> int:
        return len(self.cuts) + 1

    @property
    def is_last(self) -> bool:
        return self.number == self.total

    @property
    def is_later(self) -> bool:
        """Whether its agent has a part already, and waits for this one."""
        return self.number > 1

    @property
    def words(self) -> str:
        """`part 2 of 3`; empty for the whole."""
        return f"part {self.number} of {self.total}" if self.cuts else ""

    def of(self, body: str) -> str:
        ends = (0, *self.cuts, len(body))
        return body[ends[self.number - 1] : ends[self.number]]

    def next(self) -> MessagePart:
        return MessagePart(number=self.number + 1, cuts=self.cuts)


WHOLE_MESSAGE = MessagePart()


def cuts(text: str, *, most: int, last: int) -> tuple[int, ...]:
    """Return the places at which to cut `text`: no piece is empty or longer than `most`, the last not longer than
    `last`. What users see as one character is cut only if it is longer itself."""
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
    """Return whether a cut before the character at `place` may go through what users see as one."""
    before, after = text[place - 1], text[place]
    if unicodedata.category(after) in _MARKS or _EXTENDS.match(after) or _JOINS.match(before + after):
        return True
    if unicodedata.category(before) == "Cf" or unicodedata.combining(before) == _VIRAMA:
        return True
    letters = _FLAG_LETTERS.search(text, max(0, place - 100), place + 1) if after in _FLAGS else None
    return letters is not None and len(letters[0]) % 2 == 0
