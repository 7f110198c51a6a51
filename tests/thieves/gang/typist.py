"""A person who types all the time, on the keyboard itself: typist.py EVERY_S LOG

Letters, some of them with Shift, in words of eight with a rest between two, as people type. What was typed stands in
LOG, a letter at a time, before its key goes down.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from tests.thieves.gang.thief import connect, pause, steal
from tests.thieves.hands import Hands

LETTERS = "thequickbrownfoxjumpsoverTHELAZYDOG"
WORD = 8
DOWN_S = 0.012
REST = 4
"""Between two words, in beats of EVERY_S."""


class Typist:
    def __init__(self, log: Path, every_s: float) -> None:
        self._hands = Hands(connect())
        self._letters = enumerate(itertools.cycle(LETTERS))
        self._file = log.open("a", encoding="utf-8")
        self._rest_s = REST * every_s

    def strike(self) -> None:
        number, letter = next(self._letters)
        self._file.write(letter)
        self._file.flush()
        if letter.isupper():
            self._hands.press("Shift_L")
        self._hands.press(letter.lower())
        pause(DOWN_S)
        self._hands.release(letter.lower())
        if letter.isupper():
            self._hands.release("Shift_L")
        if number % WORD == WORD - 1:
            pause(self._rest_s)

    def undo(self) -> None:
        self._file.close()


if __name__ == "__main__":
    steal(Typist(Path(sys.argv[2]), float(sys.argv[1])), float(sys.argv[1]))
