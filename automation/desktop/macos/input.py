"""Pointer and keys by PyAutoGUI, and the clipboard by pyperclip: neither tells who receives what."""

from __future__ import annotations

import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pyperclip

from automation.desktop.gui import UnknownKey, import_gui, keys_of
from automation.desktop.target.clipboard_backup import NoClipboard, as_job
from automation.protocol.ports import TransientFailure
from core.deliveries.model import Reason

_COMMAND = {"ctrl": "command"}  # what is done with ctrl elsewhere is done with command on a Mac


class MacInput:
    """Moves the pointer and presses chords; belongs to one thread. One process can have one only."""

    def __init__(self, display: str = "") -> None:
        gui = import_gui(display)
        self._gui: Any = gui  # untyped package: this class adds the types
        self._down: list[str] = []
        self.placed: tuple[int, int] | None = None

    def check(self, chords: Iterable[str]) -> None:
        """Raise UnknownKey unless each key of each chord can be pressed."""
        for chord in chords:
            for key in keys_of(chord):
                if not self._gui.isValidKey(_here(key)):
                    raise UnknownKey(chord=chord, key=key)

    def press(self, chord: str) -> None:
        """Press one chord and release it; whatever happens, no key stays down."""
        try:
            for key in keys_of(chord):
                self._down.append(_here(key))
                self._gui.keyDown(_here(key), _pause=False)
        finally:
            self.release_keys()

    def release_keys(self) -> None:
        while self._down:
            self._gui.keyUp(self._down.pop(), _pause=False)

    def click(self, x: int, y: int) -> None:
        self._gui.click(x, y, button=self._gui.LEFT, _pause=False)
        self.placed = (x, y)

    def move(self, x: int, y: int) -> None:
        self._gui.moveTo(x, y, _pause=False)
        self.placed = (x, y)

    def pointer(self) -> tuple[int, int]:
        x, y = self._gui.position()
        return int(x), int(y)


def _here(key: str) -> str:
    return _COMMAND.get(key, key) if sys.platform == "darwin" else key


T = TypeVar("T")
ANSWER_S = 1.0  # the program that owns the clipboard may be frozen


class MacClipboard:
    """Puts a text onto the clipboard and reads it. Remembers the user's text, to restore it."""

    def __init__(self) -> None:
        """Raise NoClipboard with what is missing."""
        self._users: str | None = None
        self._ours: set[str] = set()  # what Octet put there, or copied there by a chord
        try:
            self._in_time(pyperclip.paste)
        except (pyperclip.PyperclipException, TransientFailure) as trouble:
            why = " ".join(str(trouble).split())
            raise NoClipboard(why=f"{why}; on Linux: sudo apt-get install xclip") from trouble

    def put(self, text: str) -> None:
        """Put this text onto the clipboard; remember once what the user had there."""
        if self._users is None:
            self._users = self._in_time(pyperclip.paste)
        self._ours.add(text)
        self._in_time(lambda: pyperclip.copy(text))

    def mark(self) -> str:
        """Put a unique word there: anything else there was copied since."""
        word = f"octet-{secrets.token_hex(8)}"
        self.put(word)
        return word

    def until_other_than(self, word: str, seconds: float) -> str | None:
        """Return what replaced `word`; None where nothing did within that time."""
        end = time.monotonic() + seconds
        while True:
            text = self._in_time(pyperclip.paste)
            if text != word:
                self._ours.add(text)
                return text
            if time.monotonic() >= end:
                return None
            time.sleep(0.005)  # noqa: TID251 the worker's own thread; no platform's clipboard tells of a change

    def restore_clipboard(self) -> None:
        """Restore the user's text, unless the user copied another one meanwhile."""
        users, ours = self._users, frozenset(self._ours)
        self._users = None
        self._ours.clear()
        if users is not None:
            self._in_time(lambda: pyperclip.copy(users) if pyperclip.paste() in ours else None)

    def _in_time(self, work: Callable[[], T]) -> T:
        run, done = as_job(work)
        threading.Thread(target=run, name="clipboard", daemon=True).start()
        try:
            return done.result(ANSWER_S)
        except TimeoutError:
            raise TransientFailure(Reason.CLIPBOARD_TAKEN, "the clipboard does not answer") from None
