"""A CLI agent for tests whose composer is a box of several lines, a bar before each, as what was said has; below the
text, inside the box, are the agent and the model. Run inside a terminal: bar_agent.py LOG.
What was submitted is logged."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[2])

from tests.fakes.raw_terminal import Keyboard, raw
from tests.fakes.window_log import WindowLog


def draw(said: list[str], draft: str) -> None:
    lines = ["  an agent behind bars", ""]
    for one in said:
        lines += ["┃", *(f"┃  {line}" for line in one.split("\n")), "┃", "", "  I have heard that.", ""]
    lines += ["┃", *(f"┃  {line}".rstrip() for line in draft.split("\n")), "┃", "┃  Build · gpt-x  somewhere"]
    lines += ["╹▀▀▀▀▀▀▀▀", "  tab agents  ctrl+p commands"]
    os.write(1, b"\x1b[2J\x1b[H" + "\r\n".join(lines).encode())


def main(log: WindowLog) -> None:
    said, draft, keyboard = ["What is 1 + 1?"], "", Keyboard()
    with raw():
        os.write(1, b"\x1b[?2004h")
        while True:
            draw(said, draft)
            for text, is_pasted in keyboard.read(os.read(0, 65536)):
                if is_pasted:
                    draft += text
                elif text == "\x04":
                    return
                elif text == "\x15":
                    draft = draft.rpartition("\n")[0] + "\n" if "\n" in draft else ""
                elif text == "\x7f":
                    draft = draft[:-1]
                elif text == "\r":
                    log.submit(draft)
                    said, draft = [*said, draft], ""
                else:
                    draft += text


if __name__ == "__main__":
    main(WindowLog(Path(sys.argv[1])))
