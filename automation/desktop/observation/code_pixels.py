"""Finds answer codes in a picture whose text cannot be read: long words all of whose letters are equally tall.

A code ends in 26 capital letters and digits. A path or a name of small letters has letters of several heights, so it
stays visible. Of a code that is broken over two lines, a part of fewer than fifteen letters stays visible too."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from PIL import Image, ImageChops

from core.profiles.model import Box

_CONTRAST = 40  # between neighbouring pixels: an edge of a letter
_LINE_PX = 32  # an edge that is longer belongs to no letter
_LEAST_PX = 5  # the height of the smallest letters
_WORD_GAP, _COLUMN_GAP = 0.3, 1.5  # between words, and between columns, in heights of the line
_LONG = 8  # so many times its height is a suspicious word wide, at least
_CAPITAL = 0.66  # the height of a capital letter, of that of a line of letters of all kinds
_MARGIN_PX = 3


_IS_EDGE = [0] * (_CONTRAST + 1) + [255] * (255 - _CONTRAST)
_Edges = tuple[int, int, int, int]


def code_boxes(picture: Image.Image) -> list[Box]:
    """Return the places of words that look like codes, in the picture."""
    grey = picture.convert("L")
    ink = ImageChops.lighter(_edges(grey, 1, 0), _edges(grey, 0, 1))
    whole = (0, 0, *ink.size)
    found = [word for line in _lines(ink, whole) for word in _words(ink, line) if _is_code(ink, word)]
    return [Box(x=x, y=y, width=to - x, height=end - y).grown(_MARGIN_PX) for x, y, to, end in found]


def _edges(grey: Image.Image, x: int, y: int) -> Image.Image:
    """Mark the edges in one direction, without long lines."""
    both = ImageChops.difference(grey, ImageChops.offset(grey, x, y))
    found = both.point(_IS_EDGE)  # pyright: ignore[reportUnknownMemberType] as in image_diff
    found.paste(0, (0, 0, x or found.width, y or found.height))  # the first pixels have no neighbour
    line, step = found, 1
    while step < _LINE_PX:  # keep what continues for that many pixels across the direction
        line, step = ImageChops.darker(line, ImageChops.offset(line, y * step, x * step)), 2 * step
    while step > 1:
        step //= 2
        line = ImageChops.lighter(line, ImageChops.offset(line, -y * step, -x * step))
    return ImageChops.subtract(found, line)


def _spans(ink: Image.Image, gap: float) -> list[tuple[int, int]]:
    """Return from where to where the rows have ink, over gaps of at most so many rows."""
    width, rows, found = ink.width, ink.tobytes(), list[tuple[int, int]]()
    for y in range(ink.height):
        if rows.find(b"\xff", y * width, (y + 1) * width) >= 0:
            joins = found and y - found[-1][1] <= gap
            found[-1:] = [(found[-1][0], y + 1)] if joins else [*found[-1:], (y, y + 1)]
    return found


def _across(ink: Image.Image) -> Image.Image:
    return ink.transpose(Image.Transpose.TRANSPOSE)


def _lines(ink: Image.Image, box: _Edges) -> Iterator[_Edges]:
    """Cut the picture into columns and rows, until each piece is one line of text."""
    left, top, _, _ = box
    part = ink.crop(box)
    rows = _spans(part, 0)
    for first, last in rows:
        band = part.crop((0, first, part.width, last))
        columns = _spans(_across(band), max(4.0, _COLUMN_GAP * (last - first)))
        for start, end in columns:
            piece = (left + start, top + first, left + end, top + last)
            if len(rows) == len(columns) == 1:
                yield piece
            else:
                yield from _lines(ink, piece)


def _words(ink: Image.Image, line: _Edges) -> Iterator[_Edges]:
    left, top, _, bottom = line
    for start, end in _spans(_across(ink.crop(line)), _WORD_GAP * (bottom - top)):
        if bottom - top >= _LEAST_PX and end - start >= _LONG * (bottom - top):
            yield left + start, top, left + end, bottom


def _is_code(ink: Image.Image, word: _Edges) -> bool:
    """Tell whether enough neighbouring letters of the word are equally tall."""
    left, top, right, bottom = word
    height = bottom - top
    step = max(3, round(0.6 * height))
    slices = [ink.crop((x, top, x + step, bottom)).getbbox() or (0, 0, 0, 0) for x in range(left, right, step)]
    tops, ends = median(one[1] for one in slices), median(one[3] for one in slices)
    run = longest = 0
    for _, first, _, last in slices:
        is_tall = abs(first - tops) <= 1 + height // 12 and abs(last - ends) <= 1 + height // 6
        run = run + 1 if is_tall else 0
        longest = max(longest, run)
    return longest * step >= _LONG * height and ends - tops >= _CAPITAL * height
