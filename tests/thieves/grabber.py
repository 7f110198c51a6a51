"""A program that holds the whole display: nobody else is served for SECONDS. Then it ends.

Run as a program: grabber.py SECONDS LOG. Writes a line into LOG when it has the server.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from Xlib.display import Display


def main(seconds: str, log: str) -> None:
    display = Display()
    display.grab_server()
    display.sync()
    Path(log).write_text("held\n", encoding="utf-8")
    time.sleep(float(seconds))
    display.ungrab_server()
    display.sync()


if __name__ == "__main__":
    main(*sys.argv[1:])
