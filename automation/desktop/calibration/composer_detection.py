"""Finds in pictures of a window the composer, a blank area, and the anchors, parts that always look the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from operator import add

from PIL import Image, ImageChops

from automation.desktop.observation.anchors import NOISE_PX
from automation.desktop.observation.image_diff import differing
from core.calibration.model import Point
from core.profiles.model import Box

AROUND = 20  # so many pixels around the point a blank one is searched, if the user showed a letter
GROUND = 5
"""Pixels to each side of the point in which the colour of the ground is looked for: letters have less than it."""
INSET = 2  # left out at each edge: a frame may be drawn there when the composer has the focus
SMALLEST = (60, 12)
SCROLLBAR = 16
"""Left out at the right edge, and at the lower one of high places: many programs draw a scrollbar over the text for a
second. A composer with one would not look empty."""
_BLANK, _FOREIGN = 0, 255
SAME = 3  # differences up to this much in one of the three colours are none (of 255)

SIZES = ((300, 24), (200, 24), (160, 20), (120, 16), (80, 14))
"""Larger anchors show more; smaller ones reach less easily into what changes, as the first line of a chat."""
STEP = 8
TEXTURE_PX = NOISE_PX * 3 // 2
"""So many pixels of an anchor must differ from its ground: with fewer an empty place could pass for it."""
ENOUGH_PX = 2_000  # more texture makes an anchor no better
ONES = [0] * 255 + [1]  # counts white pixels as one, others as none
MOST = 4  # of each size
EDGE = 0.2
"""Parts so near the top (a header, a title bar) change less than the middle, where people talk."""
FRAME = 12  # as wide is a part that holds one side of the composer's frame


def moving(frames: Sequence[Image.Image]) -> Image.Image:
    """Mark white where any of these pictures of one place differs from the first: carets, clocks, spinners."""
    mask = Image.new("L", frames[0].size, _BLANK)
    for frame in frames[1:]:
        mask = ImageChops.lighter(mask, differing(frames[0], frame))
    return mask


def ground(picture: Image.Image) -> str:
    """Return the most frequent colour of a picture, as `#rrggbb`."""
    colours: Sequence[tuple[int, tuple[int, int, int]]] = picture.getcolors(picture.width * picture.height) or []  # pyright: ignore[reportAssignmentType] RGB pictures have these
    red, green, blue = max(colours)[1]
    return f"#{red:02x}{green:02x}{blue:02x}"


def blank_around(frames: Sequence[Image.Image], point: Point) -> tuple[Box, str] | None:
    """Find the largest rectangle around `point` with one colour in all these pictures, but for what moves; return it
    and the colour. None where none is large enough to write into."""
    picture = frames[0]
    near = Box(x=point[0], y=point[1], width=0, height=0).grown(GROUND).shared(Box.of_edges(0, 0, *picture.size))
    colour = ground(picture.crop(near.edges))
    # Dark programs set a composer off from its ground by very little.
    foreign = ImageChops.subtract(differing(picture, Image.new("RGB", picture.size, colour), same=SAME), moving(frames))
    start = _nearest_blank(foreign, point)
    found = None if start is None else _largest(foreign, start)
    if found is None:
        return None
    if found.width > SMALLEST[0] + 2 * INSET and found.height > SMALLEST[1] + 2 * INSET:
        found = found.grown(-INSET)
    if found.width < SMALLEST[0] or found.height < SMALLEST[1]:
        return None
    return beside_scrollbars(found), colour


def beside_scrollbars(place: Box) -> Box:
    """Return the place without the edges where a scrollbar may come and go; all of it where that leaves too little."""
    width = place.width - SCROLLBAR if place.width >= SMALLEST[0] + SCROLLBAR else place.width
    height = place.height - SCROLLBAR if place.height >= 4 * SCROLLBAR else place.height
    return Box(x=place.x, y=place.y, width=width, height=height)


def _nearest_blank(foreign: Image.Image, point: Point) -> Point | None:
    """Return the point itself, else a blank one near it: the user may have shown a letter or the caret."""
    for reach in range(AROUND):
        for dx, dy in ((reach, 0), (-reach, 0), (0, reach), (0, -reach)):
            x, y = point[0] + dx, point[1] + dy
            if 0 <= x < foreign.width and 0 <= y < foreign.height and foreign.getpixel((x, y)) == _BLANK:
                return x, y
    return None


def _largest(foreign: Image.Image, point: Point) -> Box | None:
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
    """Return steps away from the first row: how far left and right of `x` all rows so far are blank, and how many rows
    these are. Of steps with the same sides only the last."""
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


def anchors(frames: Sequence[Image.Image], composer: Box, avoid: Sequence[Box]) -> tuple[Box, ...]:
    """Find parts of these pictures of one window that do not change and show something, outside the composer and
    `avoid`: first the sides of the composer's frame, which never scrolls, then the best others. They may overlap."""
    picture = frames[0]
    textured = differing(picture, Image.new("RGB", picture.size, ground(picture)))
    inside = _counts(textured), _counts(moving(frames))
    sides = [
        box for box in _sides(composer, picture) if not _sum(inside[1], box) and _sum(inside[0], box) >= TEXTURE_PX
    ]
    found: list[tuple[float, Box]] = []
    # Above the composer people talk: a welcome there looks stable until the first prompt.
    top, talk = int(picture.height * EDGE), composer
    if top < composer.y:
        talk = replace(composer, y=top, height=composer.y - top)
    for width, height in SIZES:
        if width <= picture.width and height <= picture.height:
            found += _of_size(inside, picture, (width, height), [*avoid, composer.grown(FRAME), talk])
    return (*sides, *(box for _, box in sorted(found, key=lambda one: -one[0])))


def _sides(composer: Box, picture: Image.Image) -> list[Box]:
    """Return the strips below, beside and above the composer that lie in the window and have several colours."""
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
    """Return the best anchors of one size with their worth; none overlaps another."""
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
    """Rate an anchor: more texture is better, up to a point; near the top is better, the sides before the middle."""
    detail = min(texture, ENOUGH_PX) / ENOUGH_PX
    from_top = box.y / picture.height
    place = 2.0 if from_top < EDGE else 1.0 if box.edges[2] < picture.width * EDGE * 2 else 0.0
    return place + detail - from_top


def _counts(mask: Image.Image) -> list[list[int]]:
    """Count the white pixels left of and above each place: any box is then counted at once."""
    width, rows = mask.width, mask.point(ONES).tobytes()  # pyright: ignore[reportUnknownMemberType] as in pictures
    table = [[0] * (width + 1)]
    for y in range(mask.height):
        line = accumulate(rows[y * width : (y + 1) * width], initial=0)
        table.append(list(map(add, table[-1], line)))
    return table


def _sum(table: Sequence[Sequence[int]], box: Box) -> int:
    left, top, right, bottom = box.edges
    return table[bottom][right] - table[top][right] - table[bottom][left] + table[top][left]
