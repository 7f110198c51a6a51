"""How these programs talk with their starter: lines of JSON out, words in; they end with their input."""

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
    with suppress(OSError, ValueError):
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()


def true_pixels() -> None:
    """Use true pixels on Windows at any monitor's scale. Call it before any window is made."""
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
