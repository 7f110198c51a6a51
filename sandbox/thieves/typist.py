"""A user who types all the time, on the keyboard itself: typist EVERY_S LOG [--words WORDS | --keys KEYSYM...]

Without options: letters, some with Shift, in words of eight with a rest between two, as people type. WORDS and keys
come again and again without a rest. LOG has each letter, or each key's name, before its key goes down.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox.thieves.hands import UserHands
from sandbox.thieves.process import connect, pause, steal

LETTERS = "thequickbrownfoxjumpsoverTHELAZYDOG"
WORD = 8
DOWN_S = 0.012
REST = 4  # between two words, in beats of EVERY_S


class Typist:
    """Types one letter or key at each strike."""

    def __init__(self, log: Path, what: Sequence[str], *, rest_s: float) -> None:
        self._hands = UserHands(connect())
        self._next = enumerate(itertools.cycle(what))
        self._file = log.open("a", encoding="utf-8")
        self._rest_s = rest_s

    def strike(self) -> None:
        number, what = next(self._next)
        is_letter = len(what) == 1
        self._file.write(what if is_letter else f"{what} ")
        self._file.flush()
        key = {" ": "space"}.get(what, what.lower()) if is_letter else what
        chord = ("Shift_L", key) if is_letter and what.isupper() else (key,)
        self._hands.press(*chord)
        pause(DOWN_S)
        self._hands.release(*reversed(chord))
        if self._rest_s and number % WORD == WORD - 1:
            pause(self._rest_s)

    def undo(self) -> None:
        self._file.close()


if __name__ == "__main__":
    beat_s, file, *given = float(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]
    match given:
        case ["--words", words]:
            typist = Typist(file, words, rest_s=0.0)
        case ["--keys", *keys]:
            typist = Typist(file, keys, rest_s=0.0)
        case _:
            typist = Typist(file, LETTERS, rest_s=REST * beat_s)
    steal(typist, beat_s)
