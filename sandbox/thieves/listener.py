"""A user's window: writes down each letter that reaches it, as it comes.

Run as a program: listener TITLE X Y LOG. Shift alone does not count; what is not a letter or a blank is written in
angle brackets with its modifiers.
"""

from __future__ import annotations

import sys
from pathlib import Path

from Xlib import XK, X, Xatom, Xutil
from Xlib.display import Display

MODIFIERS = range(0xFFE1, 0xFFEF)


def main(title: str, x: str, y: str, log: str) -> None:
    display = Display()
    window = display.screen().root.create_window(
        int(x), int(y), 200, 100, 0, X.CopyFromParent, background_pixel=0xFFFFEE, event_mask=X.KeyPressMask
    )
    window.change_property(Xatom.WM_NAME, Xatom.STRING, 8, title.encode())
    window.set_wm_normal_hints(flags=Xutil.USPosition | Xutil.USSize)
    window.map()
    with Path(log).open("a", encoding="utf-8") as heard:
        while True:
            happened = display.next_event()
            if happened.type == X.KeyPress:
                heard.write(_letter(display, int(happened.detail), int(happened.state)))
                heard.flush()


def _letter(display: Display, code: int, state: int) -> str:
    symbol = display.keycode_to_keysym(code, 1 if state & X.ShiftMask else 0)
    if symbol in MODIFIERS:
        return ""
    if 0x20 <= symbol < 0x7F and not state & (X.ControlMask | X.Mod1Mask | X.Mod4Mask):
        return chr(symbol)
    return f"<{XK.keysym_to_string(symbol) or hex(symbol)} {state:#x}>"


if __name__ == "__main__":
    main(*sys.argv[1:])
