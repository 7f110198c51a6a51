"""Terminals: whether a window is one, how its program reads what is typed, and where text can be in it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from PIL import Image

from automation.desktop.calibration.composer_detection import ground
from automation.desktop.observation.image_diff import differing
from core.profiles.model import Box

SCROLLBAR_PX = 40  # so near an edge a scrollbar or frame is looked for
_HALF = 128  # of a row's or column's pixels (255 are all) more are a frame's or scrollbar's
OVERLAID_PX = 16  # at the right edge: some terminals draw a bar over the text for a moment


def is_terminal(pid: int) -> bool:
    """Tell whether this process holds the master side of a pseudo-terminal: no other program with windows does."""
    return any(name in {"/dev/ptmx", "/dev/pts/ptmx"} for name in _links(Path(f"/proc/{pid}/fd")))


def reads_lines(pid: int) -> bool:
    """Tell whether the program in this terminal reads line by line, so that each newline sends."""
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text("ascii").split():
            tty = next(iter(_links(Path(f"/proc/{child}/fd"), "0")), "")
            if tty.startswith("/dev/pts/") and _is_canonical(tty):
                return True
    return False


def text_area(picture: Image.Image) -> tuple[Box, str]:
    """Find where a terminal shows text, between its menus, scrollbars and frame, and the colour of its ground."""
    colour = ground(picture)
    ink = differing(picture, Image.new("RGB", picture.size, colour))
    middle = ink.crop((SCROLLBAR_PX, 0, max(SCROLLBAR_PX + 1, picture.width - SCROLLBAR_PX), picture.height))
    texts = middle.resize((1, picture.height), Image.Resampling.BOX).tobytes()  # pyright: ignore[reportUnknownMemberType] as in pictures
    # A bar is drawn between the lines of text too; stems of letters below each other are not.
    between = [y for y, inked in enumerate(texts) if not inked] or range(picture.height)
    drawn = ink.tobytes()
    rows = ink.resize((1, picture.height), Image.Resampling.BOX).tobytes()  # pyright: ignore[reportUnknownMemberType] as in pictures

    def is_bar(x: int) -> bool:
        return sum(drawn[y * picture.width + x] for y in between) >= _HALF * len(between)

    low = min((y for y in range(max(0, len(rows) - SCROLLBAR_PX), len(rows)) if rows[y] >= _HALF), default=len(rows))
    top = next((y for y, inked in enumerate(rows[: len(rows) // 2]) if inked < _HALF), 0)
    left = max((x + 1 for x in range(min(SCROLLBAR_PX, picture.width)) if is_bar(x)), default=0)
    right = picture.width - OVERLAID_PX
    right = min((x for x in range(max(left, right - SCROLLBAR_PX), right) if is_bar(x)), default=right)
    return Box.of_edges(left, top, right, low), colour


def _is_canonical(tty: str) -> bool:
    if sys.platform == "win32":
        return False
    import termios

    try:
        held = os.open(tty, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return bool(termios.tcgetattr(held)[3] & termios.ICANON)
    except termios.error:
        return False
    finally:
        os.close(held)


def _links(folder: Path, name: str = "*") -> list[str]:
    links: list[str] = []
    with suppress(OSError):  # another user's
        for link in list(folder.glob(name)):
            with suppress(OSError):  # closed meanwhile
                links.append(str(link.readlink()))
    return links
