"""Marks by which a draft of ours is recognised after an interruption, beside that of its text (protocol.text.mark)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from automation.desktop.observation import image_diff
from automation.desktop.observation.screen_capture import to_png

_PICTURE = "picture:"
_WINDOW = "window:"


def picture_mark(composer: Image.Image) -> str:
    """The composer as it shows our draft, without loss: one letter more or less must be seen."""
    return _PICTURE + base64.b64encode(to_png(composer)).decode()


def window_mark(name_tag: str) -> str:
    """The very window, by the word that hangs on it; another one opened in its place has another."""
    return _WINDOW + name_tag


def shows_draft(composer: Image.Image, marks: Sequence[str], caret_px: int) -> bool:
    """Whether the composer shows exactly what one of the pictures shows, but for a caret that came or went."""
    kept = (_load(mark.removeprefix(_PICTURE)) for mark in marks if mark.startswith(_PICTURE))
    return any(picture is not None and image_diff.is_same(composer, picture, caret_px) for picture in kept)


def _load(data: str) -> Image.Image | None:
    try:
        with Image.open(BytesIO(base64.b64decode(data, validate=True))) as picture:
            return picture.convert("RGB")
    except (binascii.Error, ValueError, OSError, UnidentifiedImageError):
        return None
