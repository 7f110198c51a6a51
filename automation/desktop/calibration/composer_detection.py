"""Where prompts are written, found in a picture: the blank area around the point that a person showed."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageChops

from automation.desktop.observation.image_diff import differing
from core.calibration.model import Point
from core.profiles.model import Box

AROUND = 20  # so many pixels from the point a blank one is looked for, where it was shown on a letter
GROUND = 5
"""Pixels to each side of the point in which the colour of the ground is looked for: letters have less than it."""
INSET = 2  # left out at each edge: a frame may be drawn there when the composer has the focus
SMALLEST = (60, 12)
SCROLLBAR = 16
"""Left out at the right edge, and at the lower one of high places: many programs draw a bar over the text there when
the pointer or a text comes, and take it away a second later. A composer with one would not look empty."""
_BLANK, _FOREIGN = 0, 255
SAME = 3  # differences up to this much in one of the three colours are none (of 255)
_WHERE = [_BLANK] * (SAME + 1) + [_FOREIGN] * (255 - SAME)


def moving(frames: Sequence[Image.Image]) -> Image.Image:
    """White where any of these pictures of one place differs from the first: carets, clocks, spinners."""
    mask = Image.new("L", frames[0].size, _BLANK)
    for frame in frames[1:]:
        mask = ImageChops.lighter(mask, differing(frames[0], frame))
    return mask


def ground(picture: Image.Image) -> str:
    """The colour that most of a picture has, as `#rrggbb`."""
    colours: Sequence[tuple[int, tuple[int, int, int]]] = picture.getcolors(picture.width * picture.height) or []  # pyright: ignore[reportAssignmentType] RGB pictures have these
    red, green, blue = max(colours)[1]
    return f"#{red:02x}{green:02x}{blue:02x}"


def blank_around(frames: Sequence[Image.Image], point: Point) -> tuple[Box, str] | None:
    """The largest rectangle around `point` that has one colour in these pictures of one place, but for what moves; and
    the colour. None where there is none that is large enough to write into."""
    picture = frames[0]
    x, y = point
    near = (max(0, x - GROUND), max(0, y - GROUND), min(picture.width, x + GROUND), min(picture.height, y + GROUND))
    colour = ground(picture.crop(near))
    foreign = ImageChops.subtract(_foreign(picture, colour), moving(frames))
    found = _largest(foreign, _nearest_blank(foreign, point))
    if found is None:
        return None
    if found.width > SMALLEST[0] + 2 * INSET and found.height > SMALLEST[1] + 2 * INSET:
        found = found.grown(-INSET)
    if found.width < SMALLEST[0] or found.height < SMALLEST[1]:
        return None
    return beside_scrollbars(found), colour


def beside_scrollbars(place: Box) -> Box:
    """The place without its edges over which a scrollbar may come and go; all of it where that leaves too little."""
    width = place.width - SCROLLBAR if place.width >= SMALLEST[0] + SCROLLBAR else place.width
    height = place.height - SCROLLBAR if place.height >= 4 * SCROLLBAR else place.height
    return Box(x=place.x, y=place.y, width=width, height=height)


def _foreign(picture: Image.Image, colour: str) -> Image.Image:
    """White where a picture has another colour: dark programs set a composer off from its ground by very little."""
    red, green, blue = ImageChops.difference(picture, Image.new("RGB", picture.size, colour)).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return most.point(_WHERE)  # pyright: ignore[reportUnknownMemberType] as in pictures


def _nearest_blank(foreign: Image.Image, point: Point) -> Point | None:
    """The point itself, else a blank one near it: it may have been shown on a letter or on the caret."""
    for reach in range(AROUND):
        for dx, dy in ((reach, 0), (-reach, 0), (0, reach), (0, -reach)):
            x, y = point[0] + dx, point[1] + dy
            if 0 <= x < foreign.width and 0 <= y < foreign.height and foreign.getpixel((x, y)) == _BLANK:
                return x, y
    return None


def _largest(foreign: Image.Image, point: Point | None) -> Box | None:
    """The largest blank rectangle that holds the point."""
    if point is None:
        return None
    x, y = point
    rows, width = foreign.tobytes(), foreign.width
    above = _narrowing(rows, width, x, range(y, -1, -1))
    below = _narrowing(rows, width, x, range(y, foreign.height))
    best: tuple[int, Box] | None = None
    for left_above, right_above, up in above:
        for left_below, right_below, down in below:
            left, right = max(left_above, left_below), min(right_above, right_below)
            box = Box(x=left, y=y - up + 1, width=right - left, height=up + down - 1)
            area = box.width * box.height
            if box.has_area and (best is None or area > best[0]):
                best = area, box
    return best[1] if best else None


def _narrowing(rows: bytes, width: int, x: int, order: range) -> list[tuple[int, int, int]]:
    """From the first row on, away from it: how far left and right of `x` all rows so far are blank, and how many rows
    that holds for; only the last of those with the same sides."""
    steps: list[tuple[int, int, int]] = []
    left, right = 0, width
    for count, y in enumerate(order, start=1):
        start = y * width
        if rows[start + x] != _BLANK:
            break
        left = max(left, rows.rfind(_FOREIGN, start, start + x) + 1 - start)
        ends = rows.find(_FOREIGN, start + x, start + width)
        right = min(right, width if ends < 0 else ends - start)
        if steps and steps[-1][:2] == (left, right):
            steps.pop()
        steps.append((left, right, count))
    return steps
