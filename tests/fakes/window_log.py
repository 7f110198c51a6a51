"""What a test's window records beside its log, for the test only: the driver must not know it. Standard library only.

LOG gets one JSON line for each text that was submitted, LOG.keys one for each key with the moment it came, LOG.answers
what dialogs were answered. While LOG.swallows is there, Enter empties the composer and sends nothing. While LOG.brought
is there, a test's hands bring a text: the window shows that it works at least until that has ended.
"""

from __future__ import annotations

import json
import time
from pathlib import Path


class WindowLog:
    """The files of one window, by the path of its log."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def submit(self, text: str) -> bool:
        """Record a submitted text; return False where the window swallows it."""
        if self.path.with_suffix(".swallows").exists():
            return False
        self._add(self.path, json.dumps(text))
        return True

    def key(self, key: str | int, char: str, state: int = 0) -> None:
        seen = {"key": key, "char": char, "state": state, "at_s": time.monotonic()}
        self._add(self.path.with_suffix(".keys"), json.dumps(seen))

    def note(self, what: str, told: object) -> None:
        """Record what else happens: a line of LOG.WHAT."""
        self._add(self.path.with_suffix(f".{what}"), json.dumps(told))

    def answer(self, answer: str) -> None:
        self._add(self.path.with_suffix(".answers"), answer)

    def brought(self) -> str:
        """Return the name of the text that is being brought; empty for none."""
        try:
            return self.path.with_suffix(".brought").read_text("utf-8")
        except FileNotFoundError:
            return ""

    def texts(self) -> list[str]:
        """Return every text that was submitted, oldest first."""
        written = self.path.read_text("utf-8") if self.path.exists() else ""
        return [json.loads(line) for line in written.split("\n")[:-1]]  # the last one may be half written

    @staticmethod
    def _add(file: Path, line: str) -> None:
        with file.open("a", encoding="utf-8") as opened:
            opened.write(line + "\n")
