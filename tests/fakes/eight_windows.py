"""One program with eight chat windows of one class, whose titles change all the time, as those of an editor do.

Run as a program: eight_windows.py FOLDER. Each window is 390 × 300 pixels, in two rows of four. What was submitted in a
window is logged in FOLDER/NAME.heard, the text of its composer is in FOLDER/NAME.draft; a file FOLDER/titles
with the word `same` makes all titles the same. Of files that are there from the start, FOLDER/hint lets empty composers
show a hint, FOLDER/alike lets all look the same.
"""

from __future__ import annotations

import sys
import tkinter as tk
from itertools import cycle
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[2])

from tests.fakes.window_log import WindowLog

NAMES = ("apollo", "gemini", "mercury", "vostok", "soyuz", "voyager", "cassini", "juno")
KIND = "Octeteight"
WIDTH, HEIGHT = 390, 300
COMPOSER = (20, 230)
BUSY_MS = 1500
FILES = ("main.py", "● main.py", "test_main.py", "README.md", "Untitled")


class Chat(tk.Toplevel):
    def __init__(self, root: tk.Tk, name: str, folder: Path, x: int, y: int) -> None:
        super().__init__(root, class_=KIND, bg="#252526")
        self.geometry(f"{WIDTH}x{HEIGHT}+{x}+{y}")
        self._name, self._log = name, WindowLog(folder / f"{name}.heard")
        self._draft = folder / f"{name}.draft"
        self._same = folder / "titles"
        self._files = cycle(FILES)
        shown = "" if (folder / "alike").exists() else f"  {name.upper()}"
        head = tk.Label(self, text=f"Explorer{shown}  src  tests", bg="#3c3c3c", fg="#cccccc", anchor="w")
        head.place(x=0, y=0, width=WIDTH, height=26)
        self._lamp = tk.Frame(self, bg="#404040")
        self._lamp.place(x=WIDTH - 40, y=0, width=40, height=26)
        self._box = tk.Text(self, bg="#1e1e1e", fg="#d4d4d4", insertbackground="#ffffff", bd=0, highlightthickness=0)
        self._box.place(x=COMPOSER[0], y=COMPOSER[1] - 20, width=WIDTH - 40, height=70)
        self._hint = tk.Label(self._box, text="Plan, search, build anything", bg="#1e1e1e", fg="#6e6e6e")
        self._hint.bind("<Button-1>", lambda _: self._box.focus_set())
        self._has_hint = (folder / "hint").exists()
        self._box.bind("<<Modified>>", self._modified)
        self._modified(None)
        self._box.bind("<Return>", self._submit)
        self._box.bind("<Control-a>", self._all)
        self._rename()

    def _rename(self) -> None:
        is_same = self._same.exists() and self._same.read_text("utf-8").strip() == "same"
        self.title(
            f"{next(self._files)} — Octeteight" if is_same else f"{next(self._files)} — {self._name} — Octeteight"
        )
        self.after(120, self._rename)

    def _modified(self, _: object) -> None:
        """Show the hint while there is nothing else."""
        self._box.edit_modified(False)
        self._draft.write_text(self._box.get("1.0", "end-1c"), "utf-8")
        if self._has_hint and not self._box.get("1.0", "end-1c"):
            self._hint.place(x=0, y=0)
        else:
            self._hint.place_forget()

    def _all(self, _: object) -> str:
        self._box.tag_add("sel", "1.0", "end-1c")
        return "break"

    def _submit(self, _: object) -> str:
        self._log.submit(self._box.get("1.0", "end-1c"))
        self._box.delete("1.0", "end")
        self._lamp.configure(bg="#d08000")
        self.after(BUSY_MS, lambda: self._lamp.configure(bg="#404040"))
        return "break"


def main(folder: Path) -> None:
    root = tk.Tk()
    root.withdraw()
    for number, name in enumerate(NAMES):
        Chat(root, name, folder, 4 + 400 * (number % 4), 4 + 330 * (number // 4))
    root.mainloop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
