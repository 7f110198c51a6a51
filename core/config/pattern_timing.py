"""Checks the patterns of terminals: the time that each takes on hostile screens, and whether quotations match it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import cast

from core.config.toml import TomlTable
from core.kit.cpu_limit import CpuLimitReached, cpu_limit
from core.kit.problems import KeyPath
from core.profiles.model import LONGEST_TITLE

LIMIT_S = 0.05  # So much processor time a search on one screen may take
GIVE_UP_S = 0.25
SIZES = ((50, 220), (200, 500), (1, 11_000))  # Lines and columns. tmux gives a line that a terminal broke as one.
WALLS = (" ", "a", "0", "│", "─", "a ", "0. ", "│ ", "aA0_-.", "e\u0301", "\u202eא", "[2m")
"""Fills a screen: blanks, words, numbers, boxes, combining characters, right-to-left text, remains of colours."""
_OTHER = re.compile(r"\\[A-Za-z]|(?<!\\)(?:\[[^\]]*\]|\{[^}]*\}|\(\?[^:)>]*[:>]?)")
_LITERAL = re.compile(r"(?:\\[^\w\s]|[^\\\[\](){}|?*+^$.])+")
_ON_SCREEN = frozenset({"text", "busy", "ready", "masks", "limit_ends"})  # Keys of patterns for a whole screen
_IN_LINE = frozenset({"begins", "prompt", "bar", "end", "margin", "tail", "placeholder", "paste_placeholders", "echo"})
_IN_TITLE = frozenset({"match_class", "match_program", "match_title", "title", "command", "name"})

Screen = tuple[str, ...]


def screens(pattern: str = "") -> Iterator[Screen]:
    """Yield hostile screens, in lines; with a pattern also those that nearly match it again and again."""
    pieces = [re.sub(r"\\(.)", r"\1", piece) for piece in _LITERAL.findall(_OTHER.sub("*", pattern))]
    begun = [gap.join(pieces[:count]) for count in range(1, len(pieces) + 1) for gap in ("", "a ", " " * 60)]
    missed = [bait[:-1] for bait in begun[-3:]] + [bait + "".join(pieces[-1:])[:1] * 99 for bait in begun[-6:-3]]
    for bait in dict.fromkeys([*WALLS, *pieces, *begun, *missed]):
        for rows, columns in SIZES:
            row = (bait * columns)[: columns - 1] + "!" if bait else ""
            yield (row,) * rows


def report_slow(file: TomlTable, clock: Callable[[], float] = time.process_time) -> None:
    """Report each pattern of a profile or a desk whose search takes longer than the limit on a hostile screen."""
    for path, pattern in _patterns(file.data):
        search = _search(pattern, path)
        for screen in screens(pattern):
            took_s = _took_s(search, screen, clock)
            if LIMIT_S < took_s < GIVE_UP_S:
                took_s = _took_s(search, screen, clock)  # the machine may have been busy
            if took_s > LIMIT_S:
                size = f"{len(screen)} × {len(screen[0])} characters"
                text = (
                    f"takes {took_s * 1000:.0f} ms on a hostile screen of {size}, and at most {LIMIT_S * 1000:.0f} ms "
                    "are allowed. Anchor it with ^ and bound what repeats, as in [^\\n]{0,200}"
                )
                file.report(path, "slow_pattern", text)
                break


def report_unanchored(file: TomlTable) -> None:
    """Report each sign of a terminal that may match in the middle of a line: agents quote such signs."""
    for path, pattern in _patterns(file.data):
        if "terminal" in path and _key(path) in {"busy", "text"} and not re.match(r"(?:\(\?[a-z:]+\)?)*\^", pattern):
            text = "must begin with ^: else a quotation of this sign in a brief or an answer counts as the sign"
            file.report(path, "unanchored", text)


def _took_s(search: Callable[[Screen], object], screen: Screen, clock: Callable[[], float]) -> float:
    begun_s = clock()
    try:
        with cpu_limit(GIVE_UP_S):
            search(screen)
    except CpuLimitReached:
        return GIVE_UP_S
    return clock() - begun_s


def _patterns(value: object, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, dict):
        for key, inner in cast("dict[str, object]", value).items():
            if path or key not in {"sources", "calibrate"}:
                yield from _patterns(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(cast("list[object]", value)):
            yield from _patterns(inner, (*path, place))
    elif isinstance(value, str) and _is_pattern(path):
        yield path, value


def _is_pattern(path: KeyPath) -> bool:
    key = _key(path)
    is_there = "terminal" in path or "accessible" in path or key.startswith(("match_", "title", "limit_ends"))
    return is_there and key in _ON_SCREEN | _IN_LINE | _IN_TITLE


def _key(path: KeyPath) -> str:
    return next(part for part in reversed(path) if isinstance(part, str))


def _search(pattern: str, path: KeyPath) -> Callable[[Screen], object]:
    key = _key(path)
    find = re.compile(pattern, re.DOTALL if "accessible" in path else re.MULTILINE).finditer
    if key in _ON_SCREEN:
        return lambda screen: [*find("\n".join(screen))]
    longest = LONGEST_TITLE if key in _IN_TITLE else None
    return lambda screen: [[*find(line[:longest])] for line in screen]
