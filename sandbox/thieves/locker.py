"""Locks the screen for a while: locker EVERY_S LASTS_S screen|unseen|pointer|server [LOG]

`screen` maps a window over everything and grabs the keyboard, as i3lock does; `unseen` only grabs the keyboard, as
xtrlock or an open menu does; `pointer` grabs the pointer too; `server` holds the whole display, so that the server
answers no other program. LOG gets a line each time it has locked.
"""

from __future__ import annotations

import sys
from pathlib import Path

from Xlib import X

from sandbox.thieves.process import connect, pause, steal


class Locker:
    """Takes what a lock screen takes."""

    def __init__(self, lasts_s: float, way: str, log: Path | None) -> None:
        self._display = connect()
        self._lasts_s = lasts_s
        self._way = way
        self._log = log
        screen = self._display.screen()
        self._root = screen.root
        self._window = screen.root.create_window(
            *(0, 0, screen.width_in_pixels, screen.height_in_pixels, 0, X.CopyFromParent),
            background_pixel=0x101010,
            override_redirect=True,
        )

    def strike(self) -> None:
        if self._way == "server":
            self._display.grab_server()
        else:
            self._grab()
        self._display.sync()
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as log:
                log.write("locked\n")
        pause(self._lasts_s)
        self.undo()

    def undo(self) -> None:
        self._display.ungrab_server()
        self._display.ungrab_keyboard(X.CurrentTime)
        self._display.ungrab_pointer(X.CurrentTime)
        self._window.unmap()
        self._display.sync()

    def _grab(self) -> None:
        holder = self._root
        if self._way == "screen":
            holder = self._window
            holder.map()
        for _ in range(50):
            if holder.grab_keyboard(True, X.GrabModeAsync, X.GrabModeAsync, X.CurrentTime) == X.GrabSuccess:
                break
            pause(0.01)
        if self._way == "pointer":
            mode = X.GrabModeAsync
            holder.grab_pointer(False, X.ButtonPressMask, mode, mode, X.NONE, X.NONE, X.CurrentTime)


if __name__ == "__main__":
    file = Path(sys.argv[4]) if len(sys.argv) > 4 else None
    steal(Locker(float(sys.argv[2]), sys.argv[3], file), float(sys.argv[1]))
