"""Gives the focus to one window after the other: focus EVERY_S input|activate WINDOW... [--own TITLE X Y LOG]

With --own it also opens a window and gives it the focus between two others; LOG has each key that reaches it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from Xlib import X, Xatom, Xutil
from Xlib.protocol.event import ClientMessage
from Xlib.xobject.drawable import Window

from sandbox.thieves.process import connect, steal


class FocusThief:
    """`input` sets the input focus without the window manager; `activate` asks the manager, as a pager does."""

    def __init__(self, way: str, windows: list[int]) -> None:
        self._display = connect()
        self._way = way
        self._windows = [self._display.create_resource_object("window", one) for one in windows]
        self._turn = 0
        self._active = self._display.intern_atom("_NET_ACTIVE_WINDOW")
        self._log: Path | None = None

    def open_own(self, title: str, x: int, y: int, log: Path) -> None:
        """Open a window that takes part, and log the keys that reach it."""
        window = self._display.screen().root.create_window(x, y, 60, 40, 0, X.CopyFromParent, event_mask=X.KeyPressMask)
        window.change_property(Xatom.WM_NAME, Xatom.STRING, 8, title.encode())
        window.set_wm_normal_hints(flags=Xutil.USPosition | Xutil.USSize)
        window.map()
        self._display.sync()
        self._windows.insert(0, window)
        self._log = log
        log.touch()

    def strike(self) -> None:
        window: Window = self._windows[self._turn % len(self._windows)]
        self._turn += 1
        if self._way == "input":
            window.set_input_focus(X.RevertToParent, X.CurrentTime)
        else:
            asked = ClientMessage(window=window, client_type=self._active, data=(32, [2, X.CurrentTime, 0, 0, 0]))
            mask = X.SubstructureRedirectMask | X.SubstructureNotifyMask
            self._display.screen().root.send_event(asked, event_mask=mask)
        self._display.sync()
        while self._log is not None and self._display.pending_events():
            happened = self._display.next_event()
            if happened.type == X.KeyPress:
                with self._log.open("a", encoding="utf-8") as heard:
                    heard.write(f"{happened.detail}\n")

    def undo(self) -> None:
        return


if __name__ == "__main__":
    every, how, *rest = sys.argv[1:]
    others = rest[: rest.index("--own")] if "--own" in rest else rest
    thief = FocusThief(how, [int(word) for word in others])
    if len(rest) > len(others):
        _, called, left, top, file = rest[len(others) :]
        thief.open_own(called, int(left), int(top), Path(file))
    steal(thief, float(every))
