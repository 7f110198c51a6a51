"""How a window looks while its agent works, and only then: a colour in a box, found in pictures of before and after."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageChops

from automation.desktop.calibration.composer_detection import ground
from automation.desktop.observation.image_diff import differing, share
from core.profiles.model import Box, Sign

CELL = 4
"""Pixels of a cell; a sign is made of neighbouring cells."""
SMALLEST_CELLS = 4
SMALLEST_PX = 60
"""With fewer other pixels it is a caret somewhere, and no work."""
MARGIN = 12
LASTS = 0.6
"""In so much of the pictures from the time of work a sign looks the same."""
FULL = 160
"""So white (of 255) the mean of a cell must be."""
CLEAR = 3.0
"""So many times more of the colour must be there while it works than while it rests."""


def sign_of_work(
    before: Image.Image, during: Sequence[Image.Image], after: Image.Image, avoid: Sequence[Box]
) -> Sign | None:
    """A place of the window that looks the same before and after, and otherwise, of one colour, in most of the pictures
    between. None where there is none, outside of `avoid`."""
    kept = ImageChops.invert(differing(before, after))  # what was said stays in the transcript: that is no sign
    for box in avoid:  # and a little around it: a caret stands at the edge of what was measured
        left, top = max(0, box.x - MARGIN), max(0, box.y - MARGIN)
        kept.paste(0, (left, top, box.x + box.width + MARGIN, box.y + box.height + MARGIN))
    masks = [ImageChops.darker(differing(before, frame), kept) for frame in during]
    worked = [(frame, mask) for frame, mask in zip(during, masks, strict=True) if _white(mask) >= SMALLEST_PX]
    if not worked:
        return None
    frames = [frame for frame, _ in worked]
    model, mask = worked[len(worked) // 2]
    alike = Image.new("L", model.size, 0)
    for frame in frames:
        same = ImageChops.invert(differing(model, frame)).point(_ONES)  # pyright: ignore[reportUnknownMemberType] as in pictures
        alike = ImageChops.add(alike, same)
    often = alike.point([0 if count < LASTS * len(frames) else 255 for count in range(256)])  # pyright: ignore[reportUnknownMemberType] as in pictures
    places = _places(ImageChops.darker(mask, often))
    signs = (_sign(box, before, frames, after) for box in places)
    return next((sign for sign in signs if sign is not None), None)


_ONES = [0] * 255 + [1]


def _white(mask: Image.Image) -> int:
    return mask.histogram()[255]


def _sign(box: Box, before: Image.Image, during: Sequence[Image.Image], after: Image.Image) -> Sign | None:
    """The colour by which this place is told, if one tells it clearly."""
    crops = [_cut(frame, box) for frame in during]
    colour = ground(crops[len(crops) // 2])
    there = sorted(share(crop, colour) for crop in crops)[len(crops) // 4]
    resting = max(share(_cut(before, box), colour), share(_cut(after, box), colour))
    if there < 0.1 or there < CLEAR * resting:
        return None
    return Sign(box=box, colour=colour, share=round(max(0.02, (there + resting) / 2), 2))


def _places(mask: Image.Image) -> list[Box]:
    """The white places of a mask, the largest first."""
    cells = mask.reduce(CELL)
    white = {
        (at % cells.width, at // cells.width) for at, value in enumerate(cells.tobytes()) if value >= FULL
    }  # fmt: skip
    places: list[tuple[int, Box]] = []
    while white:
        todo, island = [white.pop()], set[tuple[int, int]]()
        while todo:
            x, y = todo.pop()
            island.add((x, y))
            for near in ((x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)):
                if near in white:
                    white.discard(near)
                    todo.append(near)
        if len(island) >= SMALLEST_CELLS:
            left, right = min(x for x, _ in island), max(x for x, _ in island)
            top, bottom = min(y for _, y in island), max(y for _, y in island)
            box = _inside(left, top, right, bottom, mask)
            places.append((len(island), box))
    return [box for _, box in sorted(places, key=lambda place: -place[0])]


def _inside(left: int, top: int, right: int, bottom: int, mask: Image.Image) -> Box:
    x, y = left * CELL, top * CELL
    return Box(
        x=x, y=y, width=min(mask.width, (right + 1) * CELL) - x, height=min(mask.height, (bottom + 1) * CELL) - y
    )


def _cut(picture: Image.Image, box: Box) -> Image.Image:
    return picture.crop((box.x, box.y, box.x + box.width, box.y + box.height))
