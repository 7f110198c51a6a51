"""A pane's text as a picture: letter by letter on a grid, as a terminal shows it.

It is made while a delivery's journal waits, so each letter is drawn once and its rows of points are put together after.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_FONTS = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationMono-Regular.ttf",
    "/usr/share/fonts/dejavu-sans-mono-fonts/DejaVuSansMono.ttf",
    "/System/Library/Fonts/Menlo.ttc",
)
_SIZE, _WIDE, _HIGH = 13, 8, 17
_PAPER, _INK = 18, 230
"""In shades of grey."""
_MOST_COLUMNS, _MOST_ROWS, _FEWEST_COLUMNS = 400, 200, 20


def drawn(texts: Sequence[str]) -> Image.Image:
    """These lines as a picture, with a blank line and column around them."""
    rows = ["", *(f" {text[:_MOST_COLUMNS]}" for text in texts[:_MOST_ROWS]), ""]
    width = _WIDE * (1 + max(_FEWEST_COLUMNS, *(sum(map(_cells, row)) for row in rows)))
    points = bytearray()
    for row in rows:
        tiles = [_tile(letter) for letter in row]
        for height in range(_HIGH):
            points += b"".join([tile[height] for tile in tiles]).ljust(width, bytes([_PAPER]))
    return Image.frombytes("L", (width, len(rows) * _HIGH), bytes(points))


def png(picture: Image.Image) -> bytes:
    """The picture as a PNG file; lines of text need no more than the least packing."""
    out = BytesIO()
    picture.save(out, format="PNG", compress_level=1)
    return out.getvalue()


@lru_cache(maxsize=8192)
def _cells(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1


@lru_cache(maxsize=8192)
def _tile(letter: str) -> tuple[bytes, ...]:
    """One letter's rows of points, as wide as its cells."""
    width = _WIDE * _cells(letter)
    if not width:
        return (b"",) * _HIGH
    tile = Image.new("L", (width, _HIGH), _PAPER)
    if letter != " ":
        ImageDraw.Draw(tile).text((0, 0), letter, font=_font(), fill=_INK)
    points = tile.tobytes()
    return tuple(points[start : start + width] for start in range(0, width * _HIGH, width))


@lru_cache(maxsize=1)
def _font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """One whose letters are all equally wide where there is one; else Pillow's own."""
    found = next((name for name in _FONTS if Path(name).is_file()), None)
    return ImageFont.load_default(_SIZE) if found is None else ImageFont.truetype(found, _SIZE)
