"""A lock screen: takes all keys and the pointer for SECONDS, then ends.

Run as a program: locker.py window|grab SECONDS LOG. `window` shows itself over the whole screen too; `grab` shows
nothing. Writes a line into LOG when it has locked.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from Xlib import X
from Xlib.display import Display


def main(how: str, seconds: str, log: str) -> None:
    display = Display()
    root = display.screen().root
    size = root.get_geometry()
    if how == "window":
        cover = root.create_window(
            0, 0, size.width, size.height, 0, X.CopyFromParent, background_pixel=0x101010, override_redirect=True
        )
        cover.map()
    while root.grab_keyboard(False, X.GrabModeAsync, X.GrabModeAsync, X.CurrentTime) != X.GrabSuccess:
        time.sleep(0.005)
    root.grab_pointer(False, X.ButtonPressMask, X.GrabModeAsync, X.GrabModeAsync, X.NONE, X.NONE, X.CurrentTime)
    display.sync()
    Path(log).write_text("locked\n", encoding="utf-8")
    time.sleep(float(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
