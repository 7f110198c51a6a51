"""Lays windows over places of the screen for a while: cover EVERY_S LASTS_S free|managed X,Y,WIDTH,HEIGHT...

`free` ones pass the window manager by, as a notification does; `managed` ones ask it, and are given the focus.
"""

from __future__ import annotations

import itertools
import sys

from Xlib import X, Xatom, Xutil

from sandbox.thieves.process import connect, pause, steal


class Cover:
    """One window, mapped over one place after the other."""

    def __init__(self, lasts_s: float, way: str, boxes: list[str]) -> None:
        self._display = connect()
        self._lasts_s = lasts_s
        self._is_free = way == "free"
        self._boxes = itertools.cycle([tuple(int(part) for part in box.split(",")) for box in boxes])

    def strike(self) -> None:
        x, y, width, height = next(self._boxes)
        window = self._display.screen().root.create_window(
            *(x, y, width, height, 0, X.CopyFromParent),
            background_pixel=0x336699,
            override_redirect=self._is_free,
        )
        window.change_property(Xatom.WM_NAME, Xatom.STRING, 8, b"cover")
        window.set_wm_normal_hints(flags=Xutil.USPosition | Xutil.PPosition | Xutil.PSize | Xutil.USSize)
        window.map()
        self._display.sync()
        pause(self._lasts_s)
        window.destroy()
        self._display.sync()

    def undo(self) -> None:
        return


if __name__ == "__main__":
    steal(Cover(float(sys.argv[2]), sys.argv[3], sys.argv[4:]), float(sys.argv[1]))
