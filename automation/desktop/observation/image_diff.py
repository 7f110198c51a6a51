"""Pure rules for pictures: is a composer empty, does a colour show, do two differ by more than a caret."""

from __future__ import annotations

from PIL import Image, ImageChops

from core.profiles.model import Box, Composer

SAME = 12  # differences up to this much in one of the three colours are no difference (of 255)
_WHERE = [0] * (SAME + 1) + [255] * (255 - SAME)


def differing(one: Image.Image, other: Image.Image) -> Image.Image:
    """White where two pictures of the same size differ, black where they do not."""
    red, green, blue = ImageChops.difference(one, other).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return most.point(_WHERE)  # pyright: ignore[reportUnknownMemberType] a numpy type in its signature is optional


def _white(mask: Image.Image) -> int:
    return mask.histogram()[255]


def is_caret(picture: Image.Image, mask: Image.Image, most: int) -> bool:
    """Whether the white of `mask` is nothing, or one small rectangle of one colour in `picture`, filled or hollow. A
    caret is such a rectangle of at most `most` pixels; of letters hardly any is, and none with smoothed edges."""
    around = mask.getbbox()
    if around is None:
        return True
    left, top, right, bottom = around
    width, height = right - left, bottom - top
    if width * height > most:
        return False
    shape = mask.crop(around)
    hollow = shape.copy()
    if width > 2 and height > 2:
        hollow.paste(0, (1, 1, width - 1, height - 1))
    is_hollow = _white(shape) == 2 * (width + height) - 4 and not ImageChops.difference(shape, hollow).getbbox()
    if _white(shape) != width * height and not is_hollow:
        return False
    there = picture.crop(around)
    other_colours = differing(there, Image.new("RGB", there.size, there.getpixel((0, 0))))
    return ImageChops.darker(other_colours, shape).getbbox() is None


def is_blank(picture: Image.Image, background: str, caret_px: int) -> bool:
    """Whether a composer shows its background and at most a caret."""
    return is_caret(picture, differing(picture, Image.new("RGB", picture.size, background)), caret_px)


def is_plain(picture: Image.Image) -> bool:
    """Whether it is of one colour: nothing is drawn there."""
    return picture.getcolors(1) is not None


def is_same(one: Image.Image, other: Image.Image, caret_px: int) -> bool:
    """Whether two pictures of one place show the same but for a caret that came or went."""
    if one.size != other.size:
        return False
    mask = differing(one, other)
    return is_caret(one, mask, caret_px) or is_caret(other, mask, caret_px) or is_same_line(one, other, caret_px)


def is_same_line(one: Image.Image, other: Image.Image, caret_px: int) -> bool:
    """Whether two pictures of one line differ only by carets on its ground, of whatever shape; not by letters."""
    around = differing(one, other).getbbox()
    return around is None or all(_shows_caret(picture, around, caret_px) for picture in (one, other))


def _shows_caret(picture: Image.Image, around: tuple[int, int, int, int], most: int) -> bool:
    left, top, right, bottom = around
    part = picture.crop((max(0, left - 1), max(0, top - 1), right, bottom))
    return is_caret(part, differing(part, Image.new("RGB", part.size, part.getpixel((0, 0)))), most)


def count_differing(one: Image.Image, other: Image.Image) -> int:
    """How many pixels differ; all of them when the sizes do."""
    if one.size != other.size:
        return one.size[0] * one.size[1]
    return _white(differing(one, other))


def share(picture: Image.Image, colour: str) -> float:
    """Which part of the picture has this colour, 0–1."""
    mask = differing(picture, Image.new("RGB", picture.size, colour))
    return mask.histogram()[0] / (picture.size[0] * picture.size[1])


def place_of_line(composer: Composer, prompt: Box) -> Box:
    """Return where the prompt's line and the next one stood when they were kept, from the window's corner."""
    box = composer.box
    height = min(2 * prompt.height, box.y + box.height - prompt.y)
    return Box(x=box.x, y=prompt.y, width=box.width, height=height)


def line_now(picture: Image.Image, look: Image.Image, composer: Composer, prompt: Box) -> Image.Image | None:
    """Cut the prompt's line and the next one, as large as `look`, out of `picture`; None where there is no prompt."""
    width = prompt.x + prompt.width - composer.box.x
    wanted = _ink(look.crop((0, 0, width, prompt.height)), composer.background)
    there = _ink(picture.crop((0, 0, width, picture.height)), composer.background)
    if not any(wanted):
        return None
    at = there.rfind(wanted)
    while at > 0 and at % width:
        at = there.rfind(wanted, 0, at + len(wanted) - 1)
    if at < 0:
        return None
    top = at // width
    line = Image.new("RGB", look.size, composer.background)
    line.paste(picture.crop((0, top, picture.width, min(picture.height, top + look.height))), (0, 0))
    return line


def _ink(picture: Image.Image, background: str) -> bytes:
    return differing(picture, Image.new("RGB", picture.size, background)).tobytes()
