"""A person who holds a key or a mouse button down for a while: holder.py EVERY_S LASTS_S KEYSYM|button"""

from __future__ import annotations

import sys

from tests.thieves.gang.thief import connect, pause, steal
from tests.thieves.hands import Hands


class Holder:
    def __init__(self, lasts_s: float, what: str) -> None:
        self._hands = Hands(connect())
        self._lasts_s = lasts_s
        self._what = what

    def strike(self) -> None:
        if self._what == "button":
            self._hands.press_button()
        else:
            self._hands.press(self._what)
        pause(self._lasts_s)
        self.undo()

    def undo(self) -> None:
        if self._what == "button":
            self._hands.release_button()
        else:
            self._hands.release(self._what)


if __name__ == "__main__":
    steal(Holder(float(sys.argv[2]), sys.argv[3]), float(sys.argv[1]))
