"""Holds a key or a mouse button down for a while, as a user does: holder EVERY_S LASTS_S KEYSYM|button [LOG]

LOG gets a line each time the key is down.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sandbox.thieves.hands import UserHands
from sandbox.thieves.process import connect, pause, steal


class Holder:
    """Holds one key or the left button."""

    def __init__(self, lasts_s: float, what: str, log: Path | None) -> None:
        self._hands = UserHands(connect())
        self._lasts_s = lasts_s
        self._what = what
        self._log = log

    def strike(self) -> None:
        if self._what == "button":
            self._hands.press_button()
        else:
            self._hands.press(self._what)
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as log:
                log.write("held\n")
        pause(self._lasts_s)
        self.undo()

    def undo(self) -> None:
        if self._what == "button":
            self._hands.release_button()
        else:
            self._hands.release(self._what)


if __name__ == "__main__":
    file = Path(sys.argv[4]) if len(sys.argv) > 4 else None
    steal(Holder(float(sys.argv[2]), sys.argv[3], file), float(sys.argv[1]))
