"""Text on a grid of terminal cells: measures it, cuts it into rows, and makes it safe to show."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_JOINER = 0x200D


def shown(text: str) -> str:
    """Replace all that a terminal would obey: control characters by a blank, tabs by four."""
    return "".join(
        "    " if char == "\t" else char if char == "\n" or not unicodedata.category(char).startswith("C") else " "
        for char in text
        if ord(char) != _JOINER
    )


def width(text: str) -> int:
    return sum(map(_cells, text))


@lru_cache(maxsize=256)  # a transcript is drawn again and again, its long prompts stay the same
def rows(text: str, columns: int) -> tuple[str, ...]:
    """Cut at line ends, then at words, then anywhere, so that each row fits into `columns` cells."""
    found: list[str] = []
    for line in text.split("\n"):
        found += _wrapped(line, columns)
    return tuple(found)


def fitted(text: str, columns: int) -> str:
    """Cut or fill the text to exactly `columns` cells."""
    kept: list[str] = []
    used = 0
    for char in text:
        cells = _cells(char)
        if used + cells > columns:
            break
        kept.append(char)
        used += cells
    return "".join(kept) + " " * (columns - used)


def _cells(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def _wrapped(line: str, columns: int) -> list[str]:
    found: list[str] = []
    row: list[str] = []
    used = 0
    last_blank = -1
    for char in line:
        cells = _cells(char)
        if used + cells > columns:
            cut = last_blank + 1 if last_blank > columns // 2 else len(row)
            found.append("".join(row[:cut]))
            row = row[cut:]
            used = sum(map(_cells, row))
            last_blank = -1
        if char == " ":
            last_blank = len(row)
        row.append(char)
        used += cells
    found.append("".join(row))
    return found
