"""How agents answer without a shell, between two markers in the window: the instruction, and finding the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.messages.model import Source

INSTRUCTION = "No shell? Write the whole answer in this window, between {opening} and {closing}"
_NOISE = r"[\s|\u00ad\u200b-\u200f\u2060\ufeff\u2500-\u257f]*"
"""What may come between any two characters of a marker: a window breaks lines anywhere, and draws frames."""
_BEFORE = INSTRUCTION.partition("{opening}")[0][-24:]
_BETWEEN = INSTRUCTION.partition("{opening}")[2].partition("{closing}")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedAnswer:
    """The text between the markers. Not `is_whole`: the closing marker is missing."""

    text: str
    is_whole: bool
    source: Source = Source.WINDOW


def instruction(marker: str) -> str:
    """Return the line of a prompt that says how to answer without a shell."""
    opening, closing = _markers(marker)
    return INSTRUCTION.format(opening=opening, closing=closing)


def find_answer(transcript: str, marker: str) -> MarkedAnswer | None:
    """Find the newest answer between these markers; a whole one before one that only begins. The prompt itself, which
    names both markers, never counts: neither whole, nor cut off, nor quoted."""
    if not marker:
        return None
    whole: str | None = None
    begins: int | None = None
    for sign in _markers_in(transcript, marker):
        if sign["opens"]:
            begins = sign.end()
        elif begins is not None:
            whole = _clean(transcript[begins : sign.start()]) or whole
            begins = None
    if whole is not None:
        return MarkedAnswer(text=whole, is_whole=True)
    rest = "" if begins is None else _clean(transcript[begins:])
    own_line = "".join(f"{_BETWEEN}{_markers(marker)[1]}".split())  # a prompt may be cut off on both sides
    if not rest or own_line.startswith(re.sub(_NOISE, "", rest)[:20]):
        return None
    return MarkedAnswer(text=rest, is_whole=False)


def _markers(marker: str) -> tuple[str, str]:
    return f"<<<{marker}", f"{marker}>>>"


def _markers_in(transcript: str, marker: str) -> Iterator[re.Match[str]]:
    """Find every marker that an agent wrote, in order; those of a prompt's own line are left out."""
    opening, closing = _markers(marker)
    opens, closes, between = map(_with_noise, (opening, closing, _BETWEEN + closing))
    # A copy may end, or a window may cut a long prompt off, in the middle of the prompt's own line. One search for all
    # of these in the order of what counts first takes time in proportion to the text.
    own_line = f"{_with_noise(_BEFORE + opening)}(?:{_NOISE}{between})?|{opens}{_NOISE}{between}"
    found = re.finditer(f"{own_line}|(?P<opens>{opens})|(?P<closes>{closes})", transcript)
    return (match for match in found if match.lastgroup)


def _with_noise(text: str) -> str:
    """Return a pattern for the text with anything between its characters that a window may put there."""
    return _NOISE.join(re.escape(character) for character in text if not character.isspace())


def _clean(text: str) -> str:
    """Return the text without a frame and empty lines around it, trailing blanks, and characters that no file takes."""
    first, *lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    lines = [first.lstrip(), *lines]  # the first one is on the line of the marker
    shown = [number for number, line in enumerate(lines) if not re.fullmatch(_NOISE, line)]
    lines = lines[shown[0] : shown[-1] + 1] if shown else []
    kept = "".join(sign for sign in "\n".join(lines) if sign >= " " or sign in "\n\t")
    return kept.encode(errors="replace").decode()
