"""How these programs talk with whoever started them: lines of JSON out, words in; they end when their input ends."""

from __future__ import annotations

import json
import os
import sys
import threading
import tkinter as tk
from collections.abc import Callable
from contextlib import suppress

LOOK_MS = 5


def tell(**what: object) -> None:
    """One line of JSON to whoever listens."""
    with suppress(OSError, ValueError):
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()


def true_pixels() -> None:
    """On Windows: have places told in true pixels, whatever the monitor's scale. Before any window is made."""
    if sys.platform == "win32":
        import ctypes

        ctypes.windll.user32.SetProcessDpiAwarenessContext(ctypes.c_void_p(-4))


def obey(window: tk.Misc, command: Callable[[list[str]], None]) -> None:
    """Call `command` in the window's own thread with the words of each line; end the program with its input."""
    lines: list[str] = []
    ended = threading.Event()

    def read() -> None:
        rest = b""
        while data := os.read(0, 65_536):
            *whole, rest = (rest + data).split(b"\n")
            lines.extend(line.decode("utf-8", "replace").strip() for line in whole)
        ended.set()

    def look() -> None:
        while lines:
            command(lines.pop(0).split())
        if ended.is_set():
            window.quit()
            return
        window.after(LOOK_MS, look)

    threading.Thread(target=read, name="standard input", daemon=True).start()
    look()
