"""The self-test's thieves, on every platform: one takes the focus, one the clipboard, one covers the window.

Each repeats this while it is switched on and counts how often; every key that reaches one of their windows went astray.
Run as a program: python -m sandbox.thieves.beside X Y WIDTH HEIGHT, the place of the window they are after.
Told `focus`, `clipboard` or `cover` they begin after a moment of chance; told `rest` they stop and say what they did.
"""

from __future__ import annotations

import random
import sys
import tkinter as tk

from sandbox.selftest.told import obey, tell, true_pixels

LATEST_MS = 220  # A delivery takes about as long: each moment of it is hit by one delivery or the other
APART_MS = {"focus": 200, "clipboard": 100, "cover": 300}
APART_MORE_MS = 900  # so that now and then there is time enough for a delivery
COVERS_MS = 70


class Thieves(tk.Tk):
    """A separate window beside the other one, and a cover."""

    def __init__(self, x: int, y: int, width: int, height: int) -> None:
        super().__init__(className="Octetthief")
        self.title("Octet self-test: a thief")
        beside = x + width + 30
        self.geometry(f"160x80+{beside if beside + 160 < self.winfo_screenwidth() else 0}+{y}")
        tk.Label(self, text="This window takes the focus.\nPlease touch nothing.").pack(expand=True)
        self._over = (x + width // 4, y + height - 90, width // 2, 60)
        self._cover = tk.Toplevel(self, bg="#803030")
        self._cover.overrideredirect(boolean=True)
        self._cover.withdraw()
        self._kind, self._turn, self._did, self._keys = "rest", 0, 0, 0
        self._words = "nothing"
        for window in (self, self._cover):
            window.bind("<KeyPress>", self._key)
        self.bind("<FocusIn>", lambda _: self._got())
        self.after(300, lambda: tell(ready=True))

    def asked(self, words: list[str]) -> None:
        """Follow an order; `own WORDS` puts these on the clipboard, as if a user had copied them."""
        if words[:1] == ["own"]:
            self.clipboard_clear()
            self.clipboard_append(" ".join(words[1:]))
            return
        before, self._kind = self._kind, words[0] if words else "rest"
        self._turn += 1
        if self._kind == "rest":
            self._cover.withdraw()
            tell(kind=before, did=self._did, keys=self._keys)
        else:
            self._did = self._keys = 0
            self.after(random.randint(1, LATEST_MS), self._act, self._turn)

    def _act(self, turn: int) -> None:
        if turn != self._turn:
            return
        match self._kind:
            case "focus":
                self.tkraise()  # pyright: ignore[reportUnknownMemberType] one of its arguments has no type
                self.focus_force()
            case "clipboard":
                self._did += 1
                self._words = f"a thief's words {random.random()}"
                self.clipboard_clear()
                self.clipboard_append(self._words)
            case "cover":
                self._did += 1
                x, y, width, height = self._over
                self._cover.geometry(f"{width}x{height}+{x}+{y}")
                self._cover.deiconify()
                self._cover.tkraise()  # pyright: ignore[reportUnknownMemberType] one of its arguments has no type
                self.after(COVERS_MS, self._cover.withdraw)
            case _:
                return
        self.after(APART_MS[self._kind] + random.randint(0, APART_MORE_MS), self._act, turn)

    def _got(self) -> None:
        if self._kind == "focus":
            self._did += 1

    def _key(self, event: tk.Event[tk.Misc]) -> None:
        self._keys += 1
        tell(key=event.keysym)


if __name__ == "__main__":
    true_pixels()
    thieves = Thieves(*map(int, sys.argv[1:5]))
    obey(thieves, thieves.asked)
    thieves.mainloop()
