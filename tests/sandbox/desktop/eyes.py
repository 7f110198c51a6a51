"""What a test sees on a display: the pixels of a window."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from mss import MSS
from PIL import Image

from core.profiles.model import Box
from tests.pace import patience

LIMIT_S = patience(60.0)
LOOK_EVERY_S = 0.02


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set DISPLAY and XAUTHORITY for the X libraries, which read them from the process itself."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


def picture(display: str, window: Box, part: Box) -> Image.Image:
    """Return the pixels of a part of the window whose own area is `window`."""
    with MSS(display=display) as eye:
        place = {"left": window.x + part.x, "top": window.y + part.y, "width": part.width, "height": part.height}
        shot = eye.grab(place)
    return Image.frombytes("RGB", (shot.width, shot.height), bytes(shot.bgra), "raw", "BGRX")


def share(display: str, window: Box, part: Box, colour: str) -> float:
    """Return the part of the pixels that have exactly this colour, 0 to 1."""
    found = picture(display, window, part).getcolors(part.width * part.height) or []
    wanted = tuple(bytes.fromhex(colour[1:]))
    return sum(number for number, seen in found if seen == wanted) / (part.width * part.height)


async def until(condition: Callable[[], object]) -> None:
    """Look again and again until the condition holds, within a limit."""
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110 - a display sends no event about its pixels
            await asyncio.sleep(LOOK_EVERY_S)  # a display sends no event about its pixels
