"""A CLI agent for tests whose composer is a box of several lines, a bar before each, as what was said has; below the
text, inside the box, stand the agent and the model. Run inside a terminal: bar_agent.py LOG.
What was submitted is logged."""

from __future__ import annotations

import json
import os
import sys
import termios
import tty
from pathlib import Path

BEGIN, END = b"\x1b[200~", b"\x1b[201~"


def draw(said: list[str], draft: str) -> None:
    lines = ["  an agent behind bars", ""]
    for one in said:
        lines += ["┃", *(f"┃  {line}" for line in one.split("\n")), "┃", "", "  I have heard that.", ""]
    lines += [
        "┃",
        *(f"┃  {line}".rstrip() for line in draft.split("\n")),
        "┃",
        "┃  Build  gpt-x  somewhere",
        "╹▀▀▀▀▀▀▀▀",
    ]
    lines += ["  tab agents  ctrl+p commands"]
    os.write(1, b"\x1b[2J\x1b[H" + "\r\n".join(lines).encode())


def main(log: Path) -> None:
    before = termios.tcgetattr(0)
    tty.setraw(0)
    os.write(1, b"\x1b[?2004h")
    said, draft, left = ["What is 1 + 1?"], "", b""
    try:
        while True:
            draw(said, draft)
            left += os.read(0, 65536)
            while left:
                if left.startswith(BEGIN):
                    if END not in left:
                        break
                    paste, _, left = left.removeprefix(BEGIN).partition(END)
                    draft += paste.decode().replace("\r", "\n")
                    continue
                letter, left = left[:1], left[1:]
                if letter == b"\x04":
                    return
                if letter == b"\x15":
                    draft = "\n".join([*draft.split("\n")[:-1], ""]) if "\n" in draft else ""
                elif letter == b"\x7f":
                    draft = draft[:-1]
                elif letter == b"\r":
                    with log.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(draft) + "\n")
                    said, draft = [*said, draft], ""
                else:
                    draft += letter.decode("ascii", "replace")
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
