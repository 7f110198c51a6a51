"""Moves, resizes or iconifies windows for a while and puts them back: shove EVERY_S LASTS_S WAY WINDOW..."""

from __future__ import annotations

import itertools
import sys

from Xlib import X
from Xlib.display import Display
from Xlib.protocol.event import ClientMessage
from Xlib.xobject.drawable import Window

from sandbox.thieves.process import connect, pause, steal

_ICONIC = 3
_BY_PX = 150
"""So far that a composer is not where it was."""


class Shove:
    """One window after the other; each is back at its place before the next."""

    def __init__(self, display: Display, lasts_s: float, way: str, windows: list[int]) -> None:
        self._display = display
        self._lasts_s = lasts_s
        self._way = way
        self._windows = itertools.cycle([(one, self._box(one)) for one in map(self._window, windows)])

    def strike(self) -> None:
        window, (x, y, width, height) = next(self._windows)
        if self._way == "move":
            self._put(window, x, y + _BY_PX, width, height)
        elif self._way == "resize":
            self._put(window, x, y, width, height - _BY_PX)
        else:
            change = self._display.intern_atom("WM_CHANGE_STATE")
            asked = ClientMessage(window=window, client_type=change, data=(32, [_ICONIC, 0, 0, 0, 0]))
            mask = X.SubstructureRedirectMask | X.SubstructureNotifyMask
            self._display.screen().root.send_event(asked, event_mask=mask)
        self._display.sync()
        pause(self._lasts_s)
        window.map()
        for _ in range(50):
            self._put(window, x, y, width, height)
            pause(0.02)
            if self._box(window) == (x, y, width, height):
                return

    def undo(self) -> None:
        return

    def _window(self, window: int) -> Window:
        return self._display.create_resource_object("window", window)

    def _put(self, window: Window, x: int, y: int, width: int, height: int) -> None:
        """Place a window; the manager counts from the corner of its border, so correct the place by what came."""
        window.configure(x=x, y=y, width=width, height=height)
        self._display.sync()
        pause(0.01)
        now_x, now_y, *_ = self._box(window)
        if (now_x, now_y) != (x, y):
            window.configure(x=2 * x - now_x, y=2 * y - now_y, width=width, height=height)
            self._display.sync()

    def _box(self, window: Window) -> tuple[int, int, int, int]:
        size = window.get_geometry()
        corner = self._display.screen().root.translate_coords(window, 0, 0)
        return corner.x, corner.y, size.width, size.height


if __name__ == "__main__":
    steal(Shove(connect(), float(sys.argv[2]), sys.argv[3], [int(word) for word in sys.argv[4:]]), float(sys.argv[1]))
