"""A Tk chat window for tests: a header, a busy lamp, a transcript, a composer. window_log.py says what it records.

A prompt `show message WORDS` opens a message box, `show strip COLOUR` paints one into the transcript. A file LOG.rests
ends its work, a file LOG.title renames it.

Run as a program: tk_window.py TITLE LOG X Y [BUSY_MS [TITLE_OF_A_SECOND_WINDOW]].
"""

from __future__ import annotations

import sys
import tkinter as tk
from pathlib import Path
from tkinter import messagebox

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[2])

from tests.fakes.window_log import WindowLog

WIDTH, HEIGHT = 400, 300
LAMP_ON, LAMP_OFF = "#d08000", "#404040"


class Chat(tk.Tk):
    def __init__(self, title: str, log: Path, x: int, y: int, busy_ms: int) -> None:
        super().__init__(className="Octetchat")
        self.title(title)
        self.geometry(f"{WIDTH}x{HEIGHT}+{x}+{y}")
        self._log, self._busy_ms = WindowLog(log), busy_ms
        tk.Label(self, text=title, bg="#203040", fg="#ffffff", anchor="w").place(x=0, y=0, width=340, height=30)
        self._lamp = tk.Frame(self, bg=LAMP_OFF)
        self._lamp.place(x=340, y=0, width=60, height=30)
        self._said = tk.Text(self, bg="#f0f0f0", state="disabled", takefocus=0, exportselection=False)
        self._said.place(x=0, y=30, width=WIDTH, height=170)
        self._said.bind("<Button-1>", lambda _: self._said.focus_set())
        self._said.bind("<Control-a>", self._select_all_said)
        self._say("nothing was said yet")
        self._composer = tk.Text(self, bg="#ffffff", fg="#000000", bd=0, highlightthickness=0, wrap="word", undo=True)
        self._composer.place(x=0, y=200, width=WIDTH, height=100)
        self._composer.bind("<Return>", self._submit)
        self._composer.bind("<Shift-Return>", lambda _: None)
        self._composer.bind("<Control-a>", self._select_all)
        self._composer.bindtags(("keys", *self._composer.bindtags()))
        self.bind_class("keys", "<KeyPress>", self._note_key)
        self.after(20, self._composer.focus_set)
        self._titles_from, self._rests_by = log.with_suffix(".title"), log.with_suffix(".rests")
        self.after(50, self._look_for_files)

    def _look_for_files(self) -> None:
        """Obey the files with which tests rename the window or end its work."""
        if self._titles_from.exists() and (title := self._titles_from.read_text("utf-8")) not in {"", self.title()}:
            self.title(title)
        if self._rests_by.exists():
            self._rests_by.unlink()
            self._lamp.configure(bg=LAMP_OFF)
        self.after(50, self._look_for_files)

    def _note_key(self, event: tk.Event[tk.Misc]) -> None:
        self._log.key(event.keysym, event.char, int(event.state))

    def _select_all(self, _: object) -> str:
        self._composer.tag_add("sel", "1.0", "end-1c")
        return "break"

    def _select_all_said(self, _: object) -> str:
        self._said.tag_add("sel", "1.0", "end-1c")
        return "break"

    def _say(self, text: str) -> None:
        self._said.configure(state="normal")
        self._said.insert("end", text + "\n")
        self._said.configure(state="disabled")

    def _submit(self, _: object) -> str:
        text = self._composer.get("1.0", "end-1c")
        is_sent = self._log.submit(text)
        self._composer.delete("1.0", "end")
        if not is_sent:
            return "break"
        self._say(text)
        self._lamp.configure(bg=LAMP_ON)
        self.after(self._busy_ms, self._rest, self._log.brought() if self._busy_ms else "")
        if text.startswith("show message "):
            self.after(1, self._ask, text.removeprefix("show message "))
        elif text.startswith("show "):
            tk.Frame(self, bg=text.split()[-1]).place(x=10, y=60, width=WIDTH - 20, height=60)
        return "break"

    def _rest(self, brought: str) -> None:
        """Put the lamp out, but not before the hands that brought the text stopped looking for it."""
        if brought and self._log.brought() == brought:
            self.after(20, self._rest, brought)
        else:
            self._lamp.configure(bg=LAMP_OFF)

    def _ask(self, words: str) -> None:
        is_yes = messagebox.askyesno("Permission", words, parent=self)
        self._log.answer("yes" if is_yes else "no")

    def open_second(self, title: str) -> None:
        """Open a second window of this same program, beside the first."""
        second = tk.Toplevel(self, class_="Octetchat")
        second.title(title)
        second.geometry(f"{WIDTH}x{HEIGHT}+{self.winfo_x() + WIDTH + 20}+{self.winfo_y()}")


if __name__ == "__main__":
    title, log, x, y, *more = sys.argv[1:]
    chat = Chat(title, Path(log), int(x), int(y), int(more[0]) if more else 300)
    if len(more) > 1:
        chat.open_second(more[1])
    chat.mainloop()
