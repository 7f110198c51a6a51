"""Long texts travel in pieces (INCR). Pure rules for cutting them, and for joining what others cut badly."""

from __future__ import annotations

import re

_HALF_READ = re.compile(
    rb"(?:\xc3\xb0\xc2[\x90-\xbf]|\xc3[\xb1-\xb3]\xc2[\x80-\xbf]|\xc3\xb4\xc2[\x80-\x8f])(?:\xc2[\x80-\xbf]){2}"
)
"""A character of four bytes, each of which was taken for a character of its own and encoded once more. Four bytes that
are no character are left as they stand: nothing was taken apart there."""


def cut(data: bytes, start: int, most: int) -> bytes:
    """The next piece of UTF-8 text from `start`: at most `most` bytes, and never a part of a character."""
    end = start + most
    while start < end < len(data) and data[end] & 0xC0 == 0x80:
        end -= 1
    return data[start:end]


def join(pieces: list[bytes]) -> bytes:
    """The text that the pieces make.

    Tk 8.6 copies out in pieces of 4,000 bytes, and where a boundary falls into a character of four bytes (an emoji) it
    sends each of them as a character (measured). That is undone exactly where a boundary is, and nowhere else: the
    window holds the right character, only the way to us is bad.
    """
    whole = b"".join(pieces)
    boundary = 0
    boundaries: list[int] = []
    for piece in pieces[:-1]:
        boundary += len(piece)
        boundaries.append(boundary)
    for place in reversed(boundaries):
        for damage in _HALF_READ.finditer(whole, max(0, place - 8), place + 8):
            if damage.start() < place < damage.end():
                mended = damage[0].decode().encode("latin-1")
                whole = whole[: damage.start()] + mended + whole[damage.end() :]
                break
    return whole
