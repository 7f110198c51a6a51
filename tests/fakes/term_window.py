"""A terminal agent for tests: a header, a busy lamp, a composer with bracketed paste.

Run inside a terminal: term_window.py NAME LOG [BUSY_S [plain]]. With `plain` it does not ask for brackets around a
paste: each newline of it sends. What it records, window_log.py says.
"""

from __future__ import annotations

import os
import select
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[2])

from tests.fakes.raw_terminal import Keyboard, raw
from tests.fakes.window_log import WindowLog

LAMP_ON, LAMP_OFF = "\x1b[48;2;208;128;0m", "\x1b[48;2;64;64;64m"
COMPOSER_ROW = 8


class Terminal:
    def __init__(self, name: str, log: Path, busy_s: float, *, is_plain: bool = False) -> None:
        self._name, self._log, self._busy_s, self._is_plain = name, WindowLog(log), busy_s, is_plain
        self._keyboard = Keyboard()
        self._draft = ""
        self._busy_until = 0.0
        self._is_for = ""

    def run(self) -> None:
        with raw():
            os.write(1, b"\x1b[2J" if self._is_plain else b"\x1b[?2004h\x1b[2J")
            self._draw()
            while True:
                left = self._busy_until - time.monotonic()
                if self._busy_until and left <= 0:
                    if self._is_for and self._log.brought() == self._is_for:
                        left = 0.02
                    else:
                        self._busy_until = 0.0
                        self._draw()
                ready, _, _ = select.select([0], [], [], left if self._busy_until else None)
                if ready and not self._take(os.read(0, 65536)):
                    return

    def _take(self, data: bytes) -> bool:
        for text, is_pasted in self._keyboard.read(data):
            if is_pasted:
                self._draft += text
                continue
            self._log.key(text, text)
            if text == "\r":
                self._submit()
            elif text == "\x15":
                self._draft = ""
            elif text == "\x7f":
                self._draft = self._draft[:-1]
            elif text == "\x04":
                return False
            elif text >= " ":
                self._draft += text
        self._draw()
        return True

    def _submit(self) -> None:
        self._log.submit(self._draft)
        self._draft = ""
        self._busy_until = time.monotonic() + self._busy_s
        self._is_for = self._log.brought()

    def _draw(self) -> None:
        lamp = LAMP_ON if self._busy_until else LAMP_OFF
        lines = [f"\x1b[1;1H\x1b[2K{self._name}", f"\x1b[3;1H{lamp}" + " " * 20 + "\x1b[0m"]
        lines.append(f"\x1b[{COMPOSER_ROW};1H\x1b[J" + self._draft[-800:].replace("\n", "\r\n"))
        os.write(1, "".join(lines).encode())


if __name__ == "__main__":
    said, log, *more = sys.argv[1:]
    Terminal(said, Path(log), float(more[0]) if more else 0.3, is_plain="plain" in more).run()
