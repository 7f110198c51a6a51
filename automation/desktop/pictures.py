"""Pure rules for pictures: is a composer empty, does a colour stand there, do two differ by more than a caret."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageColor

SAME = 12
"""Differences up to this much in one of the three colours are no difference (of 255)."""
_WHERE = [0] * (SAME + 1) + [255] * (255 - SAME)


def differing(one: Image.Image, other: Image.Image) -> Image.Image:
    """White where two pictures of the same size differ, black where they do not."""
    red, green, blue = ImageChops.difference(one, other).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return most.point(_WHERE)  # pyright: ignore[reportUnknownMemberType] a numpy type in its signature is optional


def _solid(size: tuple[int, int], colour: str) -> Image.Image:
    return Image.new("RGB", size, ImageColor.getrgb(colour))


def _white(mask: Image.Image) -> int:
    return mask.histogram()[255]


def is_caret(mask: Image.Image, most: int) -> bool:
    """Whether the white of `mask` is nothing, or one rectangle, filled or hollow, of at most `most` pixels.

    A caret is such a rectangle; of letters hardly any is.
    """
    around = mask.getbbox()
    if around is None:
        return True
    width, height = around[2] - around[0], around[3] - around[1]
    if width * height > most:
        return False
    count = _white(mask)
    hollow = 2 * (width + height) - 4
    return count == width * height or (count == hollow and _white(mask.crop(_inside(around))) == 0)


def _inside(around: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    return around[0] + 1, around[1] + 1, around[2] - 1, around[3] - 1


def is_blank(picture: Image.Image, background: str, caret_px: int) -> bool:
    """Whether a composer shows its background and at most a caret."""
    return is_caret(differing(picture, _solid(picture.size, background)), caret_px)


def is_same(one: Image.Image, other: Image.Image, caret_px: int) -> bool:
    """Whether two pictures of one place show the same but for a caret that came or went."""
    if one.size != other.size:
        return False
    return is_caret(differing(one, other), caret_px)


def count_differing(one: Image.Image, other: Image.Image) -> int:
    """How many pixels differ; all of them when the sizes do."""
    if one.size != other.size:
        return one.size[0] * one.size[1]
    return _white(differing(one, other))


def share(picture: Image.Image, colour: str) -> float:
    """Which part of the picture has this colour, 0–1."""
    mask = differing(picture, _solid(picture.size, colour))
    return mask.histogram()[0] / (picture.size[0] * picture.size[1])
