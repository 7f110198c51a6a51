"""The scratch window of the self-test: a header, a lamp, a transcript, a composer. It writes down what it is given.

Run as a program: python -m sandbox.selftest.window TITLE X Y. It reports its place once it is drawn, and each text
that was submitted in it; asked for `state`, the contents of its composer and the clipboard. The driver sees none of it.
"""

from __future__ import annotations

import hashlib
import sys
import tkinter as tk

from sandbox.selftest.told import obey, tell, true_pixels

WIDTH, HEIGHT = 520, 380
HEAD, COMPOSER = 30, 120
BUSY_MS = 250
LAMP_ON, LAMP_OFF = "#d08000", "#404040"


class Scratch(tk.Tk):
    """A window like an agent's."""

    def __init__(self, title: str, x: int, y: int) -> None:
        super().__init__(className="Octetselftest")
        self.title(title)
        self.geometry(f"{WIDTH}x{HEIGHT}+{x}+{y}")
        self.resizable(width=False, height=False)
        head = tk.Label(self, text=f"{title}: please touch nothing", bg="#203040", fg="#ffffff", anchor="w")
        head.place(x=0, y=0, width=WIDTH - 60, height=HEAD)
        self._lamp = tk.Frame(self, bg=LAMP_OFF)
        self._lamp.place(x=WIDTH - 60, y=0, width=60, height=HEAD)
        self._said = tk.Text(self, bg="#f0f0f0", state="disabled", takefocus=0, exportselection=False)
        self._said.place(x=0, y=HEAD, width=WIDTH, height=HEIGHT - HEAD - COMPOSER)
        self._composer = tk.Text(self, bg="#ffffff", fg="#000000", bd=0, highlightthickness=0, wrap="word", undo=False)
        self._composer.place(x=0, y=HEIGHT - COMPOSER, width=WIDTH, height=COMPOSER)
        self._composer.bind("<Return>", self._submit)
        for chord in ("<Control-a>", "<Command-a>") if sys.platform == "darwin" else ("<Control-a>",):
            self._composer.bind(chord, self._select_all)
        self._composer.focus_set()
        self._number = 0
        self.after(300, self._ready)

    def _ready(self) -> None:
        self.update_idletasks()
        tell(ready=True, place=[self.winfo_rootx(), self.winfo_rooty(), self.winfo_width(), self.winfo_height()])

    def asked(self, words: list[str]) -> None:
        """Report the composer and the clipboard for `state`; clear the composer for `empty`."""
        if words[:1] == ["state"]:
            tell(state=words[1:], composer=self._composer.get("1.0", "end-1c"), clipboard=_sha256(self._clipboard()))
        elif words[:1] == ["empty"]:
            self._composer.delete("1.0", "end")

    def _clipboard(self) -> str:
        try:
            return str(self.clipboard_get())
        except tk.TclError:
            return ""

    def _select_all(self, _: object) -> str:
        self._composer.tag_add("sel", "1.0", "end-1c")
        return "break"

    def _submit(self, _: object) -> str:
        text = self._composer.get("1.0", "end-1c")
        self._number += 1
        tell(submitted=text, number=self._number)
        self._composer.delete("1.0", "end")
        self._said.configure(state="normal")
        self._said.insert("end", text[:200] + "\n")
        self._said.see("end")
        self._said.configure(state="disabled")
        self._lamp.configure(bg=LAMP_ON)
        self.after(BUSY_MS, lambda: self._lamp.configure(bg=LAMP_OFF))
        return "break"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


if __name__ == "__main__":
    true_pixels()
    scratch = Scratch(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    obey(scratch, scratch.asked)
    scratch.mainloop()
