"""A pane's text as a picture: letter by letter on a grid, as a terminal shows it.

A delivery's journal waits for it: so each letter is drawn once, and its rows of points are joined afterwards."""

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
_SIZE, _WIDE, _HIGH = 13, 8, 17  # A cell is eight points wide: one byte, in a picture of black and white
_MOST_COLUMNS, _MOST_ROWS, _FEWEST_COLUMNS = 400, 200, 20


def drawn(texts: Sequence[str]) -> Image.Image:
    """Draw these lines as a picture, with a blank line and column around them."""
    rows = ["", *(f" {text[:_MOST_COLUMNS]}" for text in texts[:_MOST_ROWS]), ""]
    cells = 1 + max(_FEWEST_COLUMNS, *(sum(map(_cells, row)) for row in rows))
    points = bytearray()
    for row in rows:
        tiles = [_tile(letter) for letter in row]
        for height in range(_HIGH):
            points += b"".join([tile[height] for tile in tiles]).ljust(cells, b"\0")
    return Image.frombytes("1", (cells * _WIDE, len(rows) * _HIGH), bytes(points))


def png(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, format="PNG")
    return out.getvalue()


@lru_cache(maxsize=8192)
def _cells(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1


@lru_cache(maxsize=8192)
def _tile(letter: str) -> tuple[bytes, ...]:
    cells = _cells(letter)
    if not cells:
        return (b"",) * _HIGH
    tile = Image.new("1", (_WIDE * cells, _HIGH))
    if letter != " ":
        ImageDraw.Draw(tile).text((0, 0), letter, font=_font(), fill=1)
    points = tile.tobytes()
    return tuple(points[start : start + cells] for start in range(0, cells * _HIGH, cells))


@lru_cache(maxsize=1)
def _font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Return a font with equally wide letters where there is one; else Pillow's own."""
    found = next((name for name in _FONTS if Path(name).is_file()), None)
    return ImageFont.load_default(_SIZE) if found is None else ImageFont.truetype(found, _SIZE)
