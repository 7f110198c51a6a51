"""Pure rules for texts: what a window takes, and when a text read back counts as the text asked for."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Collection, Iterator

from automation.protocol.ports import PermanentFailure
from core.deliveries.model import Reason
from core.kit.redaction import CODE_ON_SCREEN
from core.profiles.model import Habits, Newline, Normalise

_LINE_ENDS = re.compile(r"\r\n?")
_FILLERS = re.compile("[\u200b\u2060\ufeff]")  # without width; editors keep one in an empty line, or beside the caret
_BLANKS = re.compile(r"[\s\u200b\u2060\ufeff\ufe0e\ufe0f]+|\u200d\S?")
"""Blanks, signs without width, and all but the first of joined signs: terminals drop the last of a family of emoji."""
_AROUND_NEWLINES = re.compile(r"[ \t]*\n\s*")
_TRAILING_BLANKS = re.compile(r"[ \t]+(?=\n|\Z)")
_BLANK_LINES = re.compile(r"\n{2,}")
_UNSENDABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters but tab and newline (a window may obey them), halves of surrogate pairs (no UTF-8)."""
SHORTEST = 16  # a text of so many characters, blanks aside, is never there by chance
MOST_TIMES = 50


def prepare(text: str, profile: Habits) -> str:
    """Return the text as it will be staged. Raise PermanentFailure when this window does not take it."""
    text = _LINE_ENDS.sub("\n", text)
    if unsendable := _UNSENDABLE.search(text):
        raise PermanentFailure(Reason.TEXT_REFUSED, f"Octet does not type the character U+{ord(unsendable[0]):04X}")
    if "\n" in text:
        match profile.newline:
            case Newline.KEEP:
                pass
            case Newline.COLLAPSE:
                text = _AROUND_NEWLINES.sub(" ", text).strip()
            case Newline.REFUSE:
                raise PermanentFailure(Reason.TEXT_REFUSED, "it has several lines; here each newline would be an Enter")
    if profile.tab is Newline.REFUSE and "\t" in text:
        raise PermanentFailure(Reason.TEXT_REFUSED, "it has a tab, which its program does not take")
    if profile.tab is not Newline.KEEP:
        text = text.replace("\t", "    ")
    if is_blank(text):
        raise PermanentFailure(Reason.TEXT_REFUSED, "there is nothing in it")
    for start in profile.forbidden_prefixes:
        if text.lstrip().startswith(start):
            raise PermanentFailure(Reason.TEXT_REFUSED, f"it begins with {start}, which is a command there")
    if len(text) > profile.max_chars:
        raise PermanentFailure(Reason.TOO_LONG, f"{len(text)} characters, {profile.max_chars} are taken")
    return text


def normalise(text: str, level: Normalise) -> str:
    """Remove the differences that `level` forgives; each level forgives what the one before it does."""
    if level is Normalise.RAW:
        return text
    if level is Normalise.BLANKS:
        return _BLANKS.sub("", text)
    text = _LINE_ENDS.sub("\n", text)
    if level in {Normalise.NBSP, Normalise.LINES}:
        text = text.replace("\u00a0", " ")
    if level is Normalise.LINES:
        text = _TRAILING_BLANKS.sub("", _FILLERS.sub("", text))
        text = _BLANK_LINES.sub("\n", text).strip("\n")
    return text.rstrip("\n")


def is_blank(text: str) -> bool:
    """Return whether the text shows nothing."""
    return not normalise(text, Normalise.BLANKS)


def equal(asked: str, read: str, level: Normalise) -> bool:
    return normalise(asked, level) == normalise(read, level)


def has_more(asked: str, read: str, level: Normalise) -> bool:
    """Return whether it holds all of the text asked for, and something else that is not ours."""
    mine, there = normalise(asked, level), normalise(read, level)
    return mine in there and bool(there.replace(mine, "").strip())


def mark(text: str, level: Normalise) -> str:
    """Return the mark by which a draft of `text` is recognised. It does not reveal the text."""
    return f"text:{hashlib.sha256(normalise(text, level).encode()).hexdigest()}"


def has_mark(read: str | None, marks: Collection[str], level: Normalise) -> bool:
    """Return whether `marks` has the mark of this text, as `level` compares texts."""
    return read is not None and mark(read, level) in marks


def has_block(asked: str, transcript: str, level: Normalise) -> bool:
    """Return whether the transcript holds the text asked for as a separate block: whole lines, nothing between them."""
    if level is Normalise.BLANKS:
        return _has_lines(asked, transcript)
    mine, there = normalise(asked, level), normalise(transcript, level)
    places = ((at, at + len(mine)) for at in _places(mine, there))
    return any(there[start - 1 : start] in {"", "\n"} and there[end : end + 1] in {"", "\n"} for start, end in places)


def has_head(asked: str, transcript: str) -> bool:
    """Return whether the transcript has the first line of the text asked for, and below it the answer code that only
    this prompt has: programs draw the rest in their own way, and some keep only a part of it."""
    head, codes = normalise(asked.strip().split("\n")[0], Normalise.BLANKS), _codes(asked)
    lines = transcript.split("\n")
    at = (n for n, line in enumerate(lines) if normalise(line, Normalise.BLANKS).startswith(head))
    return len(head) >= SHORTEST and bool(codes) and any(codes <= _codes("\n".join(lines[n + 1 :])) for n in at)


def _codes(text: str) -> set[str]:
    return {re.sub(r"[^a-z2-9A-Z.]", "", found[0]) for found in CODE_ON_SCREEN.finditer(text)}


def gained_once(text: str, before: str, after: str) -> bool:
    """Return whether `after` holds the text once more than `before`, blanks aside; False for a very short text."""
    mine = normalise(text, Normalise.BLANKS)
    return len(mine) >= SHORTEST and _count(mine, after) == _count(mine, before) + 1


def _count(mine: str, there: str) -> int:
    """Count how often it is there, overlapping or not, up to MOST_TIMES."""
    return sum(1 for _ in itertools.islice(_places(mine, normalise(there, Normalise.BLANKS)), MOST_TIMES))


def _places(mine: str, there: str) -> Iterator[int]:
    at = there.find(mine) if mine else -1
    while at >= 0:
        yield at
        at = there.find(mine, at + 1)


def _has_lines(asked: str, transcript: str) -> bool:
    """Do as `has_block` for a program that breaks lines where it likes: some whole lines hold the text alone."""
    mine = _BLANKS.sub("", asked)
    lines = [line for line in (_BLANKS.sub("", line) for line in transcript.split("\n")) if line]
    there = "".join(lines)
    edges = {0, *itertools.accumulate(map(len, lines))}
    return any(at in edges and at + len(mine) in edges for at in _places(mine, there))
