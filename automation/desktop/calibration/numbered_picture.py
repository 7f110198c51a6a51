"""Pictures that ask a user to choose: a number on each window, or on each place of one."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont, ImageOps

from automation.desktop.observation.screen_capture import to_png
from core.profiles.model import Box

LINE = "#d1242f"
INK = "#ffffff"
SIZE = 28
THICK = 3
WIDE = 1000
"""A part of a picture is enlarged to this width: its numbers must be legible on a telephone."""


def number_places(png: bytes, part: Box | None, places: Mapping[int, Box]) -> bytes:
    """Draw a frame and a number on each place of the picture, or of this part of it, enlarged."""
    with Image.open(BytesIO(png)) as opened:
        picture = opened.convert("RGB")
    part = part or Box(x=0, y=0, width=max(WIDE, picture.width), height=picture.height)
    times = max(1, -(-WIDE // part.width))
    if times > 1 or (part.x, part.y) != (0, 0):
        picture = ImageOps.scale(picture.crop(part.edges), times, Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(SIZE)
    for number, box in places.items():
        shown = Box.of_edges(*(edge * times for edge in box.in_window(part).edges))
        left, top, right, bottom = shown.edges
        draw.rectangle((left, top, right - 1, bottom - 1), outline=LINE, width=THICK)
        left, top, right, bottom = draw.textbbox(shown.middle, str(number), font=font, anchor="mm")
        around = (left - 12, top - 8, right + 12, bottom + 8)
        draw.rounded_rectangle(around, radius=8, fill=LINE, outline=INK, width=2)
        draw.text(shown.middle, str(number), font=font, anchor="mm", fill=INK)
    return to_png(picture)
