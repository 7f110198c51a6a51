"""Pictures on which people show what they mean: a number on each window, or on each place of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont, ImageOps

from automation.desktop.observation.screen_capture import to_png
from core.profiles.model import Box

LINE = "#d1242f"
INK = "#ffffff"
SIZE = 28
THICK = 3
WIDE = 1000
"""A part of a picture is enlarged until it is so wide: its numbers must be told from each other on a telephone."""


def numbered(png: bytes, places: Mapping[int, Box], *, corner: tuple[int, int] = (0, 0)) -> bytes:
    """The picture with a frame around each place and its number in the middle of it; `corner` is what of the screen
    lies at the picture's own corner."""
    with Image.open(BytesIO(png)) as opened:
        picture = opened.convert("RGB")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(SIZE)
    for number, box in places.items():
        left, top = box.x - corner[0], box.y - corner[1]
        draw.rectangle((left, top, left + box.width - 1, top + box.height - 1), outline=LINE, width=THICK)
        middle = left + box.width // 2, top + box.height // 2
        around = draw.textbbox(middle, str(number), font=font, anchor="mm")
        draw.rounded_rectangle(
            (around[0] - 12, around[1] - 8, around[2] + 12, around[3] + 8), radius=8, fill=LINE, outline=INK, width=2
        )
        draw.text(middle, str(number), font=font, anchor="mm", fill=INK)
    return to_png(picture)


def zoomed(png: bytes, part: Box, places: Mapping[int, Box]) -> bytes:
    """A part of the picture, made larger if it is small, with the number of each place in it."""
    times = max(1, -(-WIDE // part.width))
    with Image.open(BytesIO(png)) as opened:
        cut = opened.convert("RGB").crop((part.x, part.y, part.x + part.width, part.y + part.height))
    larger = ImageOps.scale(cut, times, Image.Resampling.NEAREST)
    moved = {
        number: replace(
            box,
            x=(box.x - part.x) * times,
            y=(box.y - part.y) * times,
            width=box.width * times,
            height=box.height * times,
        )
        for number, box in places.items()
    }
    return numbered(to_png(larger), moved)
