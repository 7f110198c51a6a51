"""Which part of a window always looks the same: an anchor, found in several pictures of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from operator import add

from PIL import Image

from automation.desktop.calibration.composer_detection import ground, moving
from automation.desktop.observation.anchors import NOISE_PX
from automation.desktop.observation.image_diff import differing
from core.profiles.model import Box

SIZES = ((300, 24), (200, 24), (160, 20), (120, 16), (80, 14))
"""Larger ones are told from more; smaller ones reach less easily into what changes, as the first line of a chat."""
STEP = 8
TEXTURE_PX = NOISE_PX * 3 // 2
"""So many pixels of an anchor must differ from its ground: with fewer an empty place could pass for it."""
ENOUGH_PX = 2_000  # more to tell it by makes none better
_ONES = [0] * 255 + [1]
MOST = 4  # of each size
EDGE = 0.2
"""What lies so near the top (a header, a title bar) stands still more surely than the middle, where people talk."""
FRAME = 12  # as wide is a part that holds one side of the composer's frame


def anchors(frames: Sequence[Image.Image], composer: Box, avoid: Sequence[Box]) -> tuple[Box, ...]:
    """Find parts of these pictures of one window that stand still and show something, outside the composer and `avoid`:
    first the sides of the composer's own frame, which never scrolls, then the best others. Several may be parts of one.
    """
    picture = frames[0]
    inside = _counts(_textured(picture)), _counts(moving(frames))
    sides = [
        box for box in _sides(composer, picture) if not _sum(inside[1], box) and _sum(inside[0], box) >= TEXTURE_PX
    ]
    found: list[tuple[float, Box]] = []
    for width, height in SIZES:
        if width <= picture.width and height <= picture.height:
            found += _of_size(inside, picture, (width, height), [*avoid, composer.grown(FRAME)])
    return (*sides, *(box for _, box in sorted(found, key=lambda one: -one[0])))


def _sides(composer: Box, picture: Image.Image) -> list[Box]:
    """The strips below, beside and above the composer that lie in the window and are not of one colour."""
    x, y, right, bottom = composer.edges
    edges = [
        (x, bottom, min(right, x + SIZES[0][0]), min(picture.height, bottom + FRAME)),
        (max(0, x - FRAME), y, x, bottom),
        (right, y, min(picture.width, right + FRAME), bottom),
    ]
    return [
        Box.of_edges(left, top, end, low)
        for left, top, end, low in edges
        if end > left and low > top and picture.crop((left, top, end, low)).getcolors(1) is None
    ]


def _of_size(
    inside: tuple[list[list[int]], list[list[int]]], picture: Image.Image, size: tuple[int, int], avoid: Sequence[Box]
) -> list[tuple[float, Box]]:
    """The best of one size, with what each is worth; none over another."""
    found: list[tuple[float, Box]] = []
    for y in range(0, picture.height - size[1] + 1, STEP):
        for x in range(0, picture.width - size[0] + 1, STEP):
            box = Box(x=x, y=y, width=size[0], height=size[1])
            texture = _sum(inside[0], box)
            if texture < TEXTURE_PX or _sum(inside[1], box) or any(box.overlaps(one) for one in avoid):
                continue
            found.append((_worth(texture, box, picture), box))
    chosen: list[tuple[float, Box]] = []
    for one in sorted(found, key=lambda one: -one[0]):
        if not any(one[1].overlaps(other) for _, other in chosen):
            chosen.append(one)
        if len(chosen) == MOST:
            break
    return chosen


def _worth(texture: int, box: Box, picture: Image.Image) -> float:
    """A lot to tell it by is good, up to a point; near the top is better, the sides before the middle."""
    told = min(texture, ENOUGH_PX) / ENOUGH_PX
    from_top = box.y / picture.height
    place = 2.0 if from_top < EDGE else 1.0 if box.edges[2] < picture.width * EDGE * 2 else 0.0
    return place + told - from_top


def _textured(picture: Image.Image) -> Image.Image:
    """White where the picture is not of the colour that most of it has."""
    return differing(picture, Image.new("RGB", picture.size, ground(picture)))


def _counts(mask: Image.Image) -> list[list[int]]:
    """How many white pixels lie left of and above each place: any box is then counted at once."""
    width, rows = mask.width, mask.point(_ONES).tobytes()  # pyright: ignore[reportUnknownMemberType] as in pictures
    table = [[0] * (width + 1)]
    for y in range(mask.height):
        line = accumulate(rows[y * width : (y + 1) * width], initial=0)
        table.append(list(map(add, table[-1], line)))
    return table


def _sum(table: Sequence[Sequence[int]], box: Box) -> int:
    left, top, right, bottom = box.edges
    return table[bottom][right] - table[top][right] - table[bottom][left] + table[top][left]
