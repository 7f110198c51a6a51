"""Gives the focus to one window after the other: focus.py EVERY_S input|activate WINDOW..."""

from __future__ import annotations

import itertools
import sys

from Xlib import X
from Xlib.protocol.event import ClientMessage

from tests.thieves.gang.thief import connect, steal


class FocusThief:
    """`input` sets the input focus past the window manager; `activate` asks it, as a pager does."""

    def __init__(self, way: str, windows: list[int]) -> None:
        self._display = connect()
        self._way = way
        self._windows = itertools.cycle([self._display.create_resource_object("window", one) for one in windows])
        self._active = self._display.intern_atom("_NET_ACTIVE_WINDOW")

    def strike(self) -> None:
        window = next(self._windows)
        if self._way == "input":
            window.set_input_focus(X.RevertToParent, X.CurrentTime)
        else:
            asked = ClientMessage(window=window, client_type=self._active, data=(32, [2, X.CurrentTime, 0, 0, 0]))
            mask = X.SubstructureRedirectMask | X.SubstructureNotifyMask
            self._display.screen().root.send_event(asked, event_mask=mask)
        self._display.sync()

    def undo(self) -> None:
        return


if __name__ == "__main__":
    steal(FocusThief(sys.argv[2], [int(word) for word in sys.argv[3:]]), float(sys.argv[1]))
