"""The keyboard of a program in a terminal: letters one by one, pastes between their brackets whole."""

from __future__ import annotations

import codecs
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

PASTE_BEGINS, PASTE_ENDS = "\x1b[200~", "\x1b[201~"


@contextmanager
def raw() -> Iterator[None]:
    """Take each key as it is; put the terminal back afterwards."""
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


class Keyboard:
    """Takes bytes in any pieces."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._unread = ""

    def read(self, data: bytes) -> Iterator[tuple[str, bool]]:
        """Give each letter, and each paste as one text with its newlines; the second says whether it was pasted."""
        self._unread += self._decode(data)
        while self._unread:
            if self._unread.startswith(PASTE_BEGINS):
                if PASTE_ENDS not in self._unread:
                    return
                pasted, _, self._unread = self._unread.removeprefix(PASTE_BEGINS).partition(PASTE_ENDS)
                yield pasted.replace("\r\n", "\n").replace("\r", "\n"), True
            elif len(self._unread) > 1 and PASTE_BEGINS.startswith(self._unread):
                return
            else:
                key, self._unread = self._unread[0], self._unread[1:]
                yield key, False
