"""Parses a pane's screen: the composer with its text, the signs around it. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from automation.protocol.ports import TransientFailure
from core.deliveries.model import Reason
from core.kit.cpu_limit import CpuLimitReached, cpu_limit
from core.kit.redaction import CODE_ON_SCREEN
from core.profiles.model import Activity, Terminal

_SGR = re.compile(r"\x1b\[([0-9;:]*)m")
_OTHER = re.compile(r"\x1b(?:\[[0-9;:?<>=]*[@-~]|\].*?(?:\x07|\x1b\\)|[()][A-Za-z0-9]|.)|[\x00-\x08\x0b-\x1f\x7f]")
_DIM, _REVERSED = ("2", frozenset({"", "0", "22"})), ("7", frozenset({"", "0", "27"}))
_CHOICE = re.compile(r"\s*\d+[.)] ")
HIDDEN = "▒"  # replaces in a picture what a mask hides
BUSY_ROWS = 12  # so many lines above the composer may say that the agent is at work; what is farther up is quoted
EDGE_ROWS = 60  # a dialog's upper edge is at most so many lines above what its pattern matches
LIMIT_S = 0.25  # at most so much processor time for one search of a screen
SLOW = "searching its screen takes too long; `octet check` names a pattern of its profile that is too slow"


@contextmanager
def _limited() -> Generator[None]:
    """Make a search that takes too long raise TransientFailure: what a screen shows may make any pattern slow."""
    try:
        with cpu_limit(LIMIT_S):
            yield
    except CpuLimitReached as slow:
        raise TransientFailure(Reason.PANE_NOT_READABLE, SLOW) from slow


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenLine:
    """One line of a screen, of as many rows as the terminal itself broke it into."""

    text: str
    dim: frozenset[int] = frozenset()  # indices of its dim letters


@dataclass(frozen=True, slots=True, kw_only=True)
class PaneScreen:
    """What one look at a screen gave."""

    lines: tuple[str, ...]
    around: tuple[str, ...]
    box: tuple[str, ...]
    composer: str | None
    """The text of the composer, without prompt, margin and hint; None without a composer."""
    is_busy: bool = False
    is_ready: bool = True
    dialog: int | None = None
    crop: tuple[str, ...] = ()
    above: tuple[str, ...] = ()  # what is above the composer
    why_unread: str = ""

    @property
    def is_empty(self) -> bool:
        return self.composer is not None and not self.composer.strip()


def parse(captured: Sequence[str]) -> tuple[ScreenLine, ...]:
    """Parse the lines of `capture-pane -e`; the letters' look continues from one line to the next."""
    lines: list[ScreenLine] = []
    is_dim = is_reversed = False
    for raw in captured:
        text, dim, at, cursor = "", set[int](), 0, -1
        for found in (*_SGR.finditer(raw), None):
            piece = _OTHER.sub("", raw[at : found.start() if found else len(raw)])
            if piece and is_dim:
                # A program shows its own cursor on the first letter of its hint.
                dim.update(range(len(text) - (cursor == len(text) - 1), len(text) + len(piece)))
            text += piece
            if len(piece) == 1 and is_reversed:
                cursor = len(text) - 1
            if found is not None:
                at = found.end()
                is_dim, is_reversed = _has(_DIM, found[1], is_dim), _has(_REVERSED, found[1], is_reversed)
        lines.append(ScreenLine(text=text.rstrip(), dim=frozenset(dim)))
    while lines and not lines[-1].text:
        lines.pop()
    return tuple(lines)


@_limited()
def view(lines: tuple[ScreenLine, ...], terminal: Terminal) -> PaneScreen:
    texts = tuple(line.text for line in lines)
    first, last, has_edge, composer = _composer(lines, terminal)
    if composer is not None and terminal.placeholder and _find(terminal.placeholder, composer):
        composer = ""
    around = texts if first is None else (*texts[:first], *texts[last:])
    whole = "\n".join(texts)
    near = texts if first is None else (*texts[max(0, first - BUSY_ROWS) : first], *texts[last:])
    is_busy = bool(terminal.busy) and _find(terminal.busy, "\n".join(near))
    dialog, crop = _dialog(texts, terminal, range(first or 0, last), is_busy=is_busy)
    if dialog is None and not has_edge:  # it may be a question, below the prompt that was taken last
        dialog, crop = _dialog(texts, terminal, range(0), is_busy=is_busy)
    if dialog is not None and terminal.dialogs[dialog].shows is Activity.NEEDS_INPUT:
        # What looks like a composer belongs to the question, whose choices bear the same sign.
        around, composer = texts, None
    return PaneScreen(
        lines=texts,
        around=around,
        box=() if first is None else texts[first:last],
        composer=composer,
        is_busy=is_busy,
        is_ready=not terminal.ready or _find(terminal.ready, whole),
        dialog=dialog,
        crop=crop,
        above=texts[: first or 0],
    )


@_limited()
def fits_placeholder(composer: str, text: str, terminal: Terminal) -> bool | None:
    """Return whether the composer shows a program's sign for exactly such a paste; None where it is not a sign."""
    for pattern in terminal.paste_placeholders:
        found = _compiled(pattern).fullmatch(composer.strip())
        if found is None:
            continue
        counts = {name: int(count) for name, count in found.groupdict().items() if count}
        newlines = text.count("\n")
        # Programs count the lines, or those after the first one: either is right.
        lines_fit = "lines" not in counts or counts["lines"] in {newlines, newlines + 1}
        chars_fit = "chars" not in counts or counts["chars"] == len(text)
        return bool(counts) and lines_fit and chars_fit
    return None


def hidden(texts: tuple[str, ...], terminal: Terminal) -> tuple[str, ...]:
    """Cover what a mask matches, and answer codes, letter by letter. If that takes too long, show none of the lines."""
    whole = "\n".join(texts)
    try:
        with _limited():
            for pattern in (CODE_ON_SCREEN, *map(_compiled, terminal.masks)):
                whole = pattern.sub(lambda found: re.sub(r"[^\n]", HIDDEN, found[0]), whole)
    except TransientFailure as slow:
        return (slow.note,)
    return tuple(whole.split("\n")) if texts else ()


@_limited()
def without_sign(texts: tuple[str, ...], terminal: Terminal) -> tuple[str, ...]:
    return tuple(text for text in texts if not _find(terminal.busy, text))


@_limited()
def transcript(texts: tuple[str, ...], terminal: Terminal) -> str:
    """Return the transcript without what the program writes before lines of a prompt."""
    if not terminal.echo:
        return "\n".join(texts)
    echo = _compiled(terminal.echo)
    # Blanks at a line's end are cut off, also the one before an empty line of a prompt.
    return "\n".join(text[found.end() :] if (found := echo.match(f"{text} ")) else text for text in texts)


@_limited()
def is_sane(pattern: str, name: str) -> bool:
    return not pattern or _compiled(pattern).fullmatch(name) is not None


def _composer(lines: tuple[ScreenLine, ...], terminal: Terminal) -> tuple[int | None, int, bool, str | None]:
    """Find the composer: its first line, the line after its last one, whether its lower edge is there, its text."""
    if terminal.bar:
        return _barred(lines, terminal)
    prompt = _compiled(terminal.prompt)
    # Blanks at a line's end are cut off, also the one after an empty prompt.
    first = next((n for n in range(len(lines) - 1, -1, -1) if prompt.search(lines[n].text + " ")), None)
    if first is None:
        return None, 0, True, None
    last = len(lines)
    if terminal.end:
        end = _compiled(terminal.end)
        last = next((n for n in range(first + 1, len(lines)) if end.search(lines[n].text)), last)
    begun = prompt.search(lines[first].text + " ")
    assert begun is not None
    parts = [_written(lines[first], begun.end(), terminal)]
    margin = _compiled(terminal.margin) if terminal.margin else None
    for line in lines[first + 1 : last]:
        cut = margin.match(line.text) if margin is not None else None
        parts.append(_written(line, cut.end() if cut else 0, terminal))
    return first, last, not terminal.end or last < len(lines), "\n".join(parts).rstrip()


def _barred(lines: tuple[ScreenLine, ...], terminal: Terminal) -> tuple[int | None, int, bool, str | None]:
    bar, end = _compiled(terminal.bar), _compiled(terminal.end) if terminal.end else None
    barred = [bar.search(f"{line.text} ") is not None for line in lines]
    if True not in barred:
        return None, 0, True, None
    last = len(lines) - barred[::-1].index(True)
    first = next((n + 1 for n in range(last - 1, -1, -1) if not barred[n]), 0)
    edge = next((n for n in range(first, last) if end is not None and end.search(lines[n].text)), None)
    last = last if edge is None else edge
    begins = _compiled(terminal.prompt), _compiled(terminal.margin or terminal.prompt)
    parts: list[str] = []
    for line in lines[first:last]:
        cut = begins[bool(parts)].search(f"{line.text} ")
        parts.append(_written(line, min(cut.end(), len(line.text)) if cut else 0, terminal))
    return first, last, end is None or edge is not None, "\n".join(parts).strip("\n").rstrip()


def _written(line: ScreenLine, since: int, terminal: Terminal) -> str:
    edge = _compiled(terminal.tail).search(line.text, since) if terminal.tail else None
    text = line.text if edge is None else line.text[: edge.start()].rstrip()
    if not terminal.dim_is_placeholder or not line.dim:
        return text[since:]
    return "".join(letter for place, letter in enumerate(text) if place >= since and place not in line.dim)


def _dialog(
    texts: tuple[str, ...], terminal: Terminal, composer: range, *, is_busy: bool
) -> tuple[int | None, tuple[str, ...]]:
    """Find the dialog, and its lines: from where it begins to the end of the screen, as its choices are below. Text in
    the composer is not a dialog, nor what the transcript merely kept of an earlier one."""
    whole, end = "\n".join(texts), composer.start if composer else len(texts)
    begins = [*accumulate((len(text) + 1 for text in texts), initial=0)]
    taken = next((line for line in range(end - 1, -1, -1) if _is_prompt(texts[line], terminal)), -1)
    for number, dialog in enumerate(terminal.dialogs):
        if is_busy and dialog.shows is not Activity.NEEDS_INPUT:
            continue  # an agent at work is over its error or its limit
        for found in _compiled(dialog.text).finditer(whole):
            first, last = (bisect_right(begins, at) - 1 for at in found.span())
            below = sum(bool(line.strip()) for line in texts[last + 1 : end])
            if first not in composer and taken <= last and (not dialog.within or below <= dialog.within):
                edge = range(first, max(first - EDGE_ROWS, -1), -1) if dialog.begins else ()
                upper = next((line for line in edge if _find(dialog.begins, texts[line])), first)
                return number, texts[upper:]
    return None, ()


def _is_prompt(line: str, terminal: Terminal) -> bool:
    """Return whether this line of the transcript begins a prompt that was taken; a choice bears the same sign."""
    for pattern in () if terminal.bar else filter(None, (terminal.prompt, terminal.echo)):
        begun = _compiled(pattern).search(f"{line} ")
        if begun is not None and not _CHOICE.match(line[begun.end() :]):
            return True
    return False


def _find(pattern: str, text: str) -> bool:
    return _compiled(pattern).search(text) is not None


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)


def _has(look: tuple[str, frozenset[str]], codes: str, has: bool) -> bool:  # noqa: FBT001 what was so before
    """Return whether letters have this look after the sequence; a colour's own numbers say nothing about that."""
    words = codes.split(";")
    skip = 0
    for place, word in enumerate(words):
        if skip:
            skip -= 1
        elif word in {"38", "48", "58"}:
            skip = {"5": 2, "2": 4}.get(words[place + 1] if place + 1 < len(words) else "", 0)
        elif word in look[1]:
            has = False
        elif word == look[0]:
            has = True
    return has
