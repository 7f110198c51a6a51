"""Reads the text that a verb was given: a file, or standard input, in UTF-8. Standard library only."""

from __future__ import annotations

import sys
from pathlib import Path


class Unusable(Exception):
    """What was given cannot be sent; the message says why."""


def read_words(file: str | None, *, limit: int) -> str:
    """The whole text of `file`, or of standard input for `-` and None. Raises Unusable with a plain reason."""
    most_bytes = 4 * limit + 1
    if file in {None, "-"}:
        if sys.stdin.isatty():
            raise Unusable("There is nothing to send: name a file by --file, or pipe your words in.")
        name, content = "standard input", sys.stdin.buffer.read(most_bytes)
    else:
        name = str(file)
        try:
            if Path(name).exists() and not Path(name).is_file():  # a pipe could wait for ever, a device never end
                raise Unusable(f"{name} is not a regular file. Write your text to one, or pipe it in without --file.")
            with Path(name).open("rb") as opened:
                content = opened.read(most_bytes)
        except OSError as error:
            raise Unusable(f"{name} cannot be read: {error.strerror}.") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(content) == most_bytes:
            raise Unusable(_too_long(name, limit)) from error
        byte, position = content[error.start], error.start
        raise Unusable(f"{name} is not UTF-8 (byte 0x{byte:02x} at position {position}). Save it as UTF-8.") from error
    if len(text) > limit:
        raise Unusable(_too_long(name, limit))
    if not text.strip():
        raise Unusable(f"{name} is empty. Write your words there first.")
    return text


def _too_long(name: str, limit: int) -> str:
    return f"{name} has more than {limit:,} characters. Shorten it, or put the rest into a file and name it."
