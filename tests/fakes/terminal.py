"""A person at a terminal: a program on a pseudo-terminal of its own, what it shows, and what is typed to it."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.forked import AtTerminal
from tests.pace import patience

LIMIT_S = patience(60.0)


@dataclass(slots=True)
class Terminal:
    """One program and its screen, as text from its first character on."""

    process: AtTerminal
    handle: int
    shown: str = ""
    _read_to: int = 0
    _ended: bool = field(default=False)

    def expect(self, words: str, within_s: float = LIMIT_S) -> str:
        """Read until `words` are shown after what was expected before; what stood before them."""
        end = time.monotonic() + within_s
        while (found := self.shown.find(words, self._read_to)) < 0:
            assert self._read(end - time.monotonic()), f"{words!r} did not come; shown was:\n{self.shown}"
        before = self.shown[self._read_to : found]
        self._read_to = found + len(words)
        return before

    def shows(self, words: str, within_s: float) -> bool:
        """Whether `words` are shown after what was expected before, now or soon."""
        end = time.monotonic() + within_s
        while words not in self.shown[self._read_to :]:
            if not self._read(end - time.monotonic()):
                return False
        return True

    def type(self, text: str, *, enter: bool = True) -> None:
        """Type, and press Enter."""
        os.write(self.handle, (text + ("\r" if enter else "")).encode())

    def answer(self, question: str, text: str = "") -> None:
        """Wait for a question and type its answer; Enter alone takes what is offered."""
        self.expect(question)
        self.expect(": ")
        self.type(text)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.write(self.handle, b"\x03")

    def end(self, within_s: float = LIMIT_S) -> int:
        """Read to the program's end; its exit code."""
        end = time.monotonic() + within_s
        while self._read(end - time.monotonic()):
            pass
        assert self._ended, f"it did not end; shown was:\n{self.shown}"
        return self.process.wait(max(0.1, end - time.monotonic()))

    @property
    def questions(self) -> list[str]:
        """Every question that was asked, repeated ones too."""
        return re.findall(r"(?m)^\? (.*?): ", self.shown)

    def _read(self, left_s: float) -> bool:
        """Read some more of what is shown; return False at the end, or when nothing comes."""
        if self._ended or left_s <= 0 or not select.select([self.handle], [], [], left_s)[0]:
            return False
        try:
            data = os.read(self.handle, 65536)
        except OSError:  # the last process of the terminal is gone
            data = b""
        self._ended = not data
        self.shown += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)


@contextmanager
def at_terminal(words: Sequence[str], environ: Mapping[str, str], cwd: Path) -> Iterator[Terminal]:
    """Octet, run with these words, with a terminal of its own for the length of the block."""
    handle, slave = os.openpty()
    process = AtTerminal(words, environ=environ, cwd=cwd, slave=slave)
    os.close(slave)
    terminal = Terminal(process, handle)
    try:
        yield terminal
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(patience(20))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(patience(20))
        os.close(handle)
