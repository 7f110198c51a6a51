"""Pointer and keys by PyAutoGUI alone. Where a key goes cannot be asked here: whoever presses has looked before."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from automation.desktop.gui import import_gui, keys_of
from core.kit.errors import Invalid

_COMMAND = {"ctrl": "command"}
"""What is done with ctrl elsewhere is done with command on a Mac."""


class UnknownMacKey(Invalid):
    """The chord {chord} names the key {key}, which PyAutoGUI does not know on this platform."""


class MacInput:
    """Moves the pointer and presses chords; belongs to one thread. One process can have one only."""

    def __init__(self, display: str = "") -> None:
        gui = import_gui(display)
        self._gui: Any = gui  # untyped package: this class is its typed face
        self._down: list[str] = []
        self.placed: tuple[int, int] | None = None
        """Where we last put the pointer."""

    def check(self, chords: Iterable[str]) -> None:
        """Raise UnknownMacKey unless each key of each chord can be pressed."""
        for chord in chords:
            for key in keys_of(chord):
                if not self._gui.isValidKey(_here(key)):
                    raise UnknownMacKey(chord=chord, key=key)

    def press(self, chord: str) -> None:
        """Press one chord and release it; whatever happens, no key stays down."""
        try:
            for key in keys_of(chord):
                self._down.append(_here(key))
                self._gui.keyDown(_here(key), _pause=False)
        finally:
            self.let_go()

    def let_go(self) -> None:
        """Release the keys that we hold down."""
        while self._down:
            self._gui.keyUp(self._down.pop(), _pause=False)

    def click(self, x: int, y: int) -> None:
        """Click the left button at a place of the screen."""
        self._gui.click(x, y, button=self._gui.LEFT, _pause=False)
        self.placed = (x, y)

    def move(self, x: int, y: int) -> None:
        """Put the pointer to a place of the screen."""
        self._gui.moveTo(x, y, _pause=False)
        self.placed = (x, y)

    def pointer(self) -> tuple[int, int]:
        """Where the pointer is now."""
        x, y = self._gui.position()
        return int(x), int(y)


def _here(key: str) -> str:
    return _COMMAND.get(key, key) if sys.platform == "darwin" else key
