"""A terminal agent for tests: a header, a busy lamp, a composer with bracketed paste. What was submitted is logged.

Run inside a terminal: term_window.py NAME LOG [BUSY_S [plain]]. With `plain` it does not ask for brackets around a
paste: each newline of it sends. LOG.keys gets one JSON line for each key that was no paste. While LOG.brought is there,
a text is brought to it: the lamp burns at least until that has ended.
Its log is for the test only; the driver must not know it.
"""

from __future__ import annotations

import json
import os
import select
import sys
import termios
import time
import tty
from pathlib import Path

LAMP_ON, LAMP_OFF = "\x1b[48;2;208;128;0m", "\x1b[48;2;64;64;64m"
COMPOSER_ROW = 8
PASTE_BEGINS, PASTE_ENDS = "\x1b[200~", "\x1b[201~"


class Terminal:
    def __init__(self, name: str, log: Path, busy_s: float, *, is_plain: bool = False) -> None:
        self._name, self._log, self._busy_s, self._is_plain = name, log, busy_s, is_plain
        self._draft = ""
        self._busy_until = 0.0
        self._is_for = ""
        self._unread = b""

    def run(self) -> None:
        before = termios.tcgetattr(0)
        tty.setraw(0)
        try:
            os.write(1, b"\x1b[2J" if self._is_plain else b"\x1b[?2004h\x1b[2J")
            self._draw()
            while True:
                left = self._busy_until - time.monotonic()
                if self._busy_until and left <= 0:
                    if self._is_for and self._brought() == self._is_for:
                        left = 0.02
                    else:
                        self._busy_until = 0.0
                        self._draw()
                ready, _, _ = select.select([0], [], [], left if self._busy_until else None)
                if ready and not self._take(os.read(0, 65536)):
                    return
        finally:
            termios.tcsetattr(0, termios.TCSADRAIN, before)

    def _take(self, data: bytes) -> bool:
        self._unread += data
        text = self._unread.decode("utf-8", "ignore")
        if PASTE_BEGINS in text and PASTE_ENDS not in text:
            return True
        self._unread = b""
        while text:
            if text.startswith(PASTE_BEGINS):
                pasted, _, text = text[len(PASTE_BEGINS) :].partition(PASTE_ENDS)
                self._draft += pasted.replace("\r\n", "\n").replace("\r", "\n")
                continue
            key, text = text[0], text[1:]
            self._note_key(key)
            if key == "\r":
                self._submit()
            elif key == "\x15":
                self._draft = ""
            elif key == "\x7f":
                self._draft = self._draft[:-1]
            elif key == "\x04":
                return False
            elif key >= " ":
                self._draft += key
        self._draw()
        return True

    def _note_key(self, key: str) -> None:
        with self._log.with_suffix(".keys").open("a", encoding="utf-8") as keys:
            keys.write(json.dumps({"key": key, "char": key, "state": 0, "at_s": time.monotonic()}) + "\n")

    def _submit(self) -> None:
        with self._log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(self._draft) + "\n")
        self._draft = ""
        self._busy_until = time.monotonic() + self._busy_s
        self._is_for = self._brought()

    def _brought(self) -> str:
        try:
            return self._log.with_suffix(".brought").read_text("utf-8")
        except FileNotFoundError:
            return ""

    def _draw(self) -> None:
        lamp = LAMP_ON if self._busy_until else LAMP_OFF
        lines = [f"\x1b[1;1H\x1b[2K{self._name}", f"\x1b[3;1H{lamp}" + " " * 20 + "\x1b[0m"]
        lines.append(f"\x1b[{COMPOSER_ROW};1H\x1b[J" + self._draft[-800:].replace("\n", "\r\n"))
        os.write(1, "".join(lines).encode())


if __name__ == "__main__":
    said, log, *more = sys.argv[1:]
    Terminal(said, Path(log), float(more[0]) if more else 0.3, is_plain="plain" in more).run()
