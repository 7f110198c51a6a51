"""The person's own window for tests: its log has what its keys typed, and it owns a clipboard of two formats.

Run as a program: person_window.py TITLE LOG X Y. LOG gets one JSON line for each key; LOG.content is the whole text.
At the signal USR1 it takes the clipboard again.
"""

from __future__ import annotations

import json
import signal
import sys
import time
import tkinter as tk
from pathlib import Path

WIDTH, HEIGHT = 370, 100
WORDS = "the person's own words ✂ of before"
HTML = "<b>the person's own words</b> of before"


class Editor(tk.Tk):
    def __init__(self, title: str, log: Path, x: int, y: int) -> None:
        super().__init__(className="Personseditor")
        self.title(title)
        self.geometry(f"{WIDTH}x{HEIGHT}+{x}+{y}")
        self._log = log.open("a", encoding="utf-8")
        self._content = log.with_suffix(".content")
        self._text = tk.Text(self, bg="#fff8e0", fg="#000000", bd=0, undo=True)
        self._text.pack(fill="both", expand=True)
        self._text.bind("<KeyPress>", self._note)
        self._text.bind("<<Modified>>", self._keep)
        self._text.focus_set()
        self.selection_handle(lambda offset, most: self._part(WORDS, offset, most), selection="CLIPBOARD")
        self.selection_handle(
            lambda offset, most: self._part(HTML, offset, most), selection="CLIPBOARD", type="text/html"
        )
        self.selection_own(selection="CLIPBOARD")
        signal.signal(signal.SIGUSR1, lambda *_: self.selection_own(selection="CLIPBOARD"))
        self._wake()

    def _wake(self) -> None:
        """Let Python see its signals."""
        self.after(50, self._wake)

    @staticmethod
    def _part(words: str, offset: str, most: str) -> str:
        return words[int(offset) : int(offset) + int(most)]

    def _note(self, event: tk.Event[tk.Misc]) -> None:
        seen = {"key": event.keysym, "char": event.char, "state": int(event.state), "at_s": time.monotonic()}
        self._log.write(json.dumps(seen) + "\n")
        self._log.flush()

    def _keep(self, _: object) -> None:
        self._text.edit_modified(False)
        self._content.write_text(self._text.get("1.0", "end-1c"), encoding="utf-8")


if __name__ == "__main__":
    title, log, x, y = sys.argv[1:]
    Editor(title, Path(log), int(x), int(y)).mainloop()
