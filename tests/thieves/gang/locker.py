"""Locks the screen for a while: locker.py EVERY_S LASTS_S screen|unseen

`screen` maps a window over everything and grabs keyboard and pointer, as i3lock does; `unseen` only grabs the keyboard,
as xtrlock does, or a menu that is open.
"""

from __future__ import annotations

import sys

from Xlib import X

from tests.thieves.gang.thief import connect, pause, steal


class Locker:
    def __init__(self, lasts_s: float, way: str) -> None:
        self._display = connect()
        self._lasts_s = lasts_s
        screen = self._display.screen()
        self._root = screen.root
        self._window = screen.root.create_window(
            *(0, 0, screen.width_in_pixels, screen.height_in_pixels, 0, X.CopyFromParent),
            background_pixel=0x101010,
            override_redirect=True,
        )
        self._is_seen = way == "screen"

    def strike(self) -> None:
        if self._is_seen:
            self._window.map()
        holder = self._window if self._is_seen else self._root
        for _ in range(50):
            if holder.grab_keyboard(True, X.GrabModeAsync, X.GrabModeAsync, X.CurrentTime) == X.GrabSuccess:
                break
            pause(0.01)
        self._display.sync()
        pause(self._lasts_s)
        self.undo()

    def undo(self) -> None:
        self._display.ungrab_keyboard(X.CurrentTime)
        self._window.unmap()
        self._display.sync()


if __name__ == "__main__":
    steal(Locker(float(sys.argv[2]), sys.argv[3]), float(sys.argv[1]))
