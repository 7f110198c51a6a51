"""By which part of its title Octet identifies a window while the rest of the title changes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

LONGEST = 200  # the longest pattern that a desk's file takes
_BETWEEN = re.compile(r"(\s+[-–—|·•:]+\s+|:\s+)")  # separates the parts of a title
_LIVELY = re.compile(
    r"""^(?!~?/)\W                  # a sign before it: unsaved, at work
    | (^|/)[\w.-]*\.[a-zA-Z]\w{0,5}$  # a file
    | \d+\s*%                       # progress
    | \(\d+\)                       # how many are unread
    | \b\d{1,2}:\d{2}\b             # a time of the day
    | …|\.\.\.                      # something unfinished
    | ^(untitled|new\ chat|welcome|home|thinking|working|ready|idle|busy|done|settings)$
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What a part of a title looks like that will not stay."""
_FOLDER = re.compile(r"\W*?((?:~|/[^/]+)/(?:.*/)?)[^/]+")  # a file with its folder, and perhaps a sign before it
_SIGN = re.compile(r"^[^\w(]+")
_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()]")


def find_pattern(titles: Mapping[int, Sequence[str]], window: int) -> str | None:
    """Return the regular expression that fits all titles of this window and none of any other; None where there is
    none. `titles` has the titles seen of all similar windows, the newest last. For the only window any part does."""
    mine = titles[window]
    others = [title for other, seen in titles.items() if other != window for title in seen]
    fitting = (
        pattern
        for pattern in _candidates(mine)
        if len(pattern) <= LONGEST
        and all(re.search(pattern, title) for title in mine)
        and not any(re.search(pattern, title) for title in others)
    )
    return next(fitting, None) or (_of_the_only_one(mine) if len(titles) == 1 else None)


def shared(mine: Sequence[str]) -> str:
    """Return a regular expression for what all titles of one window have, though others may have it too."""
    return _of_the_only_one(mine) or "^"


def _of_the_only_one(mine: Sequence[str]) -> str | None:
    """Return the longest part that every title has, without a sign before it, though it may change later."""
    parts = sorted((_SIGN.sub("", part) for part in _split(mine[-1])[0]), key=len, reverse=True)
    return next((_escaped(part) for part in parts if part and all(part in title for title in mine)), None)


def _candidates(mine: Sequence[str]) -> Iterator[str]:
    """Yield patterns, first those that stay valid and are readable."""
    parts, between = _split(mine[-1])
    if path := _FOLDER.fullmatch(parts[0]):  # "/folder/file that changes - Program"
        yield rf"^\W*{_escaped(path[1])}[^/]*{_escaped(between[0].rstrip()) if between else '$'}"
    stable = set(parts).intersection(*(_split(title)[0] for title in mine))
    kept = [index for index, part in enumerate(parts) if part in stable and part and _LIVELY.search(part) is None]
    if len(parts) == 1:
        if kept:
            yield f"^{_escaped(parts[0])}$"
        return
    tails = list(range(len(parts) - 1, 0, -1))
    if len(tails) > 1:
        tails[:2] = tails[1::-1]  # the program alone would fit its next window too
    for first in tails:  # "… — workspace — Program": from the end, as little as tells it
        if all(index in kept for index in range(first, len(parts))):
            yield f"{_escaped(_joined(parts, between, first, len(parts)))}$"
    for index in kept:
        if 0 < index < len(parts) - 1:
            yield _escaped(f"{between[index - 1].strip()} {parts[index]} {between[index].strip()}")
    for last in range(1, len(parts)):  # "Agent — something that changes"
        if all(index in kept for index in range(last)):
            yield f"^{_escaped(_joined(parts, between, 0, last) + between[last - 1].rstrip())}"
    if len(kept) == len(parts):
        yield f"^{_escaped(mine[-1])}$"


def _split(title: str) -> tuple[list[str], list[str]]:
    pieces = _BETWEEN.split(title)
    return pieces[0::2], pieces[1::2]


def _joined(parts: Sequence[str], between: Sequence[str], first: int, end: int) -> str:
    """Return these parts of the title, with the separator before the first of them."""
    text = "".join(f"{between[index - 1] if index else ''}{parts[index]}" for index in range(first, end))
    return text.lstrip() if first else text


def _escaped(text: str) -> str:
    """Return the text as a readable regular expression."""
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", text)
