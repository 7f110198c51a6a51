"""What a program cannot take, by what it made of a draft: newlines, tabs, length, or blanks as it likes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from automation.protocol.text import equal, normalise, prepare
from core.profiles.model import AnyReadback, Newline, Normalise, Profile, Readback

SHORTEST = 500  # characters; what keeps less of a draft takes no prompt, not even one that names a file
_Made = Callable[[str], str]
_TAB, _LINE = {"tab": Newline.COLLAPSE.value}, {"newline": Newline.COLLAPSE.value}
_TABS: tuple[tuple[dict[str, str], _Made], ...] = (
    ({}, lambda text: text),
    (_TAB, lambda text: text.replace("\t", "")),
    (_TAB, lambda text: text.replace("\t", " ")),
    (_TAB, lambda text: text.replace("\t", "    ")),
    (_TAB, lambda text: text.expandtabs(8)),
)
_LINES: tuple[tuple[dict[str, str], _Made], ...] = (
    ({}, lambda text: text),
    (_LINE, lambda text: text.replace("\n", "")),
    (_LINE, lambda text: text.replace("\n", " ")),
    (_LINE, lambda text: text.partition("\n")[0]),
)


def quirks(text: str, read: str, profile: Profile, by: AnyReadback | None = None) -> dict[str, object]:
    """Explain what was read back of `text`, `by` this way, by what its profile has to say, as `[windows.calibrated]`
    has it; return nothing where nothing explains it. Editors that draw only the visible lines tell only those over the
    accessibility bus: where only a cut explains what it told, Octet copies the draft back."""
    asked = prepare(text, profile)
    for level in (profile.normalise, Normalise.NL, Normalise.NBSP, Normalise.LINES):
        for found, made in _made(asked):
            more = {} if level is profile.normalise else {"normalise": level.value}
            if equal(made, read, level):
                return {**found, **more}
    if by is Readback.ACCESSIBILITY and Readback.COPY in profile.readback:
        return {"readback": [Readback.COPY.value]}
    for found, made in _made(asked):
        kept = normalise(read, Normalise.NL)
        if len(kept) >= SHORTEST and normalise(made, Normalise.NL).startswith(kept):
            return {**found, "max_chars": len(kept)}
    return {}


def _made(asked: str) -> Iterator[tuple[dict[str, object], str]]:
    """Yield what a program may make of a text, with what its profile would have to say then."""
    for of_lines, lines in _LINES:
        for of_tabs, tabs in _TABS:
            yield {**of_lines, **of_tabs}, tabs(lines(asked))
