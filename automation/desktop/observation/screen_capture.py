"""Pictures of parts of the screen: mss takes them, Pillow holds them."""

from __future__ import annotations

import sys
from contextlib import suppress
from io import BytesIO
from typing import Self

import mss
from mss.exception import ScreenShotError
from mss.tools import to_png as to_unfiltered_png
from PIL import Image

from automation.protocol.ports import TransientFailure
from core.deliveries.model import MOST_PICTURE_BYTES, Reason
from core.profiles.model import Box

_QUALITY = 70  # of a JPEG: small letters stay readable


class ScreenGone(Exception):
    """The display of the pictures is gone."""


class ScreenCapture:
    """Takes pictures over a separate connection; belongs to one thread."""

    def __init__(self, display: str | None) -> None:
        """`display` is None for the one screen of a platform without named displays."""
        self._mss = mss.MSS(display=display)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ScreenShotError):  # a display that has gone takes its connections with it
            self._mss.close()

    def monitors(self) -> tuple[Box, ...]:
        """Return the place of each monitor's picture; x and y may be negative."""
        return tuple(
            Box(x=one["left"], y=one["top"], width=one["width"], height=one["height"]) for one in self._mss.monitors[1:]
        )

    def take(self, box: Box) -> Image.Image:
        """Take a picture of a place that lies wholly on the screen. Raises ScreenGone, or TransientFailure."""
        try:
            shot = self._mss.grab({"left": box.x, "top": box.y, "width": box.width, "height": box.height})
        except AssertionError as error:  # mss says so that the display server closed the connection
            raise ScreenGone from error
        except ScreenShotError as trouble:
            if sys.platform == "win32":  # while it is locked, or asks for an administrator, no program may look
                raise TransientFailure(Reason.LOCKED, "no picture can be taken of the screen") from trouble
            raise
        return Image.frombytes("RGB", shot.size, bytes(shot.bgra), "raw", "BGRX")


def to_png(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, format="PNG")
    return out.getvalue()


def to_jpeg(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, format="JPEG", quality=_QUALITY)
    return out.getvalue()


def to_small_png(picture: Image.Image, most: int = MOST_PICTURE_BYTES) -> bytes:
    """Pack a picture as a PNG file to keep and send: halve its size until it has at most so many bytes."""
    # Without filters a picture of a window takes a quarter of the time and is not larger; a photograph is.
    png = to_unfiltered_png(picture.convert("RGB").tobytes(), picture.size, level=3) or b""
    if len(png) > most:
        png = to_png(picture)
    while len(png) > most:
        picture = picture.reduce(2)
        png = to_png(picture)
    return png
