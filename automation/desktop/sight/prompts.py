"""The line on which one writes in a terminal: the lowest that begins with the prompt, wherever that stands now."""

from __future__ import annotations

from PIL import Image

from automation.desktop.sight.pictures import differing
from core.profiles.model import Box, Composer


def place_of_line(composer: Composer, prompt: Box) -> Box:
    """Return where the prompt's line and the next one stood when they were kept, from the window's corner."""
    box = composer.box
    height = min(2 * prompt.height, box.y + box.height - prompt.y)
    return Box(x=box.x, y=prompt.y, width=box.width, height=height)


def line_now(picture: Image.Image, look: Image.Image, composer: Composer, prompt: Box) -> Image.Image | None:
    """Cut the prompt's line and the next one, as large as `look`, out of a picture of the composer's whole box; None
    where no line begins with the prompt."""
    width = prompt.x + prompt.width - composer.box.x
    wanted = _ink(look.crop((0, 0, width, prompt.height)), composer.background)
    there = _ink(picture.crop((0, 0, width, picture.height)), composer.background)
    if not any(wanted):
        return None
    at = there.rfind(wanted)
    while at > 0 and at % width:
        at = there.rfind(wanted, 0, at + len(wanted) - 1)
    if at < 0:
        return None
    top = at // width
    line = Image.new("RGB", look.size, composer.background)
    line.paste(picture.crop((0, top, picture.width, min(picture.height, top + look.height))), (0, 0))
    return line


def _ink(picture: Image.Image, background: str) -> bytes:
    """Return a byte per pixel: whether it has another colour than the background."""
    return differing(picture, Image.new("RGB", picture.size, background)).tobytes()
