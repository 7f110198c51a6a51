"""Pure rules for pictures: is a composer empty, does a colour show, do two differ by more than a caret."""

from __future__ import annotations

from PIL import Image, ImageChops

from core.profiles.model import Box, Composer, Sign

SAME = 12  # differences up to this much in one of the three colours (of 255) do not count


def differing(one: Image.Image, other: Image.Image, *, same: int = SAME) -> Image.Image:
    """Mark white where two pictures of the same size differ by more than `same`, black where they do not."""
    red, green, blue = ImageChops.difference(one, other).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return most.point([0] * (same + 1) + [255] * (255 - same))  # pyright: ignore[reportUnknownMemberType] a numpy type in its signature is optional


def count_white(mask: Image.Image) -> int:
    return mask.histogram()[255]


def is_caret(picture: Image.Image, mask: Image.Image, most: int) -> bool:
    """Return whether the white of `mask` is nothing, or one small rectangle of one colour in `picture`, filled or
    hollow. A caret is such a rectangle of at most `most` pixels; hardly any letter is, and none with smoothed edges."""
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
    is_hollow = count_white(shape) == 2 * (width + height) - 4 and not ImageChops.difference(shape, hollow).getbbox()
    if count_white(shape) != width * height and not is_hollow:
        return False
    there = picture.crop(around)
    other_colours = differing(there, Image.new("RGB", there.size, there.getpixel((0, 0))))
    return ImageChops.darker(other_colours, shape).getbbox() is None


def is_blank(picture: Image.Image, background: str, caret_px: int) -> bool:
    """Return whether a composer shows its background and at most a caret."""
    return is_caret(picture, differing(picture, Image.new("RGB", picture.size, background)), caret_px)


def is_plain(picture: Image.Image) -> bool:
    return picture.getcolors(1) is not None


def is_same(one: Image.Image, other: Image.Image, caret_px: int) -> bool:
    """Return whether two pictures of one place show the same but for a caret that came or went."""
    if one.size != other.size:
        return False
    mask = differing(one, other)
    return is_caret(one, mask, caret_px) or is_caret(other, mask, caret_px) or is_same_line(one, other, caret_px)


def is_same_line(one: Image.Image, other: Image.Image, caret_px: int) -> bool:
    """Return whether two pictures of one line differ only by carets on its ground, of whatever shape."""
    around = differing(one, other).getbbox()
    return around is None or all(_shows_caret(picture, around, caret_px) for picture in (one, other))


def _shows_caret(picture: Image.Image, around: tuple[int, int, int, int], most: int) -> bool:
    left, top, right, bottom = around
    part = picture.crop((max(0, left - 1), max(0, top - 1), right, bottom))
    return is_caret(part, differing(part, Image.new("RGB", part.size, part.getpixel((0, 0)))), most)


def count_differing(one: Image.Image, other: Image.Image) -> int:
    """Count the pixels that differ; all of them when the sizes do."""
    if one.size != other.size:
        return one.size[0] * one.size[1]
    return count_white(differing(one, other))


def share(picture: Image.Image, colour: str) -> float:
    """Return which part of the picture has this colour, 0–1."""
    mask = differing(picture, Image.new("RGB", picture.size, colour))
    return mask.histogram()[0] / (picture.size[0] * picture.size[1])


def shows(picture: Image.Image, sign: Sign) -> bool:
    """Return whether a picture of the sign's place shows enough of its colour."""
    return share(picture, sign.colour) >= sign.share


def place_of_line(composer: Composer, prompt: Box) -> Box:
    """Return the place of the prompt's line and the next one in the kept picture, from the window's corner."""
    box = composer.box
    height = min(2 * prompt.height, box.y + box.height - prompt.y)
    return Box(x=box.x, y=prompt.y, width=box.width, height=height)


def line_now(picture: Image.Image, look: Image.Image, composer: Composer) -> Image.Image | None:
    """Cut the prompt's line and the next one, as large as `look`, out of `picture`; None where there is no prompt."""
    top = prompt_in(picture, look, composer)
    if top < 0:
        return None
    line = Image.new("RGB", look.size, composer.background)
    line.paste(picture.crop((0, top, picture.width, min(picture.height, top + look.height))), (0, 0))
    return line


def prompt_in(picture: Image.Image, look: Image.Image, composer: Composer) -> int:
    """Return the row in which the lowest prompt begins in a picture of the composer; -1 where there is none."""
    if composer.prompt is None:
        return -1
    width = composer.prompt.x + composer.prompt.width - composer.box.x
    wanted = _ink(look.crop((0, 0, width, composer.prompt.height)), composer.background)
    # A last row may be cut off below its letters.
    there = _ink(picture.crop((0, 0, width, picture.height)), composer.background) + bytes(len(wanted))
    at = there.rfind(wanted) if any(wanted) else -1
    while at > 0 and at % width:
        at = there.rfind(wanted, 0, at + len(wanted) - 1)
    return at // width


def _ink(picture: Image.Image, background: str) -> bytes:
    return differing(picture, Image.new("RGB", picture.size, background)).tobytes()
