"""The pictures of one delivery, as its worker keeps them until the outcome says which of them are worth keeping."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PIL import Image

from automation.desktop.observation.code_pixels import code_boxes
from automation.desktop.observation.screen_capture import to_small_png
from core.deliveries.model import Moment, Picture, PictureArea, Target
from core.kit.redaction import CODE_ON_SCREEN
from core.profiles.model import Box

if TYPE_CHECKING:
    from automation.desktop.window_info import WindowInfo

MASK = "#808080"
"""Covers masked regions: the same colour for every window, so that no viewer takes it for something seen."""


class DeliveryScreenshots:
    """Pictures of one window at several moments. They are made small and packed only when they are asked for."""

    def __init__(self) -> None:
        self._kept: dict[Moment, Image.Image] = {}
        self.has_code = True  # or Octet does not know what the prompt says

    def note_prompt(self, text: str) -> None:
        self.has_code = CODE_ON_SCREEN.search(text) is not None

    def keep(self, moment: Moment, window: Image.Image) -> None:
        self._kept[moment] = window

    def forget_moment(self, moment: Moment) -> None:
        """Drop the picture of that moment: the window could not be seen, and an earlier one is not of it."""
        self._kept.pop(moment, None)

    def pictures(self, composer: Box, *, whole: bool) -> tuple[Picture, ...]:
        """Return those of the composer, and with `whole` those of the window too."""
        parts, place = (PictureArea.COMPOSER, PictureArea.WINDOW) if whole else (PictureArea.COMPOSER,), composer.edges
        return tuple(
            Picture(
                moment=moment,
                part=part,
                png=to_small_png(self._without_codes(seen) if part is PictureArea.WINDOW else seen.crop(place)),
            )
            for part in parts
            for moment, seen in self._kept.items()
        )

    def _without_codes(self, window: Image.Image) -> Image.Image:
        """Paint over what looks like a code: a profile without a transcript masks none. It takes long, so not before
        the delivery has ended."""
        whole = Box(x=0, y=0, width=window.width, height=window.height)
        return paint_masks(window, whole, code_boxes(window)) if self.has_code else window


def paint_masks(picture: Image.Image, place: Box, masks: Sequence[Box]) -> Image.Image:
    """Paint over what lies in `masks` in the picture of one place; all are relative to the window's corner."""
    over = [one for one in masks if place.overlaps(one)]
    if not over:
        return picture
    picture = picture.copy()
    for one in over:
        picture.paste(MASK, one.in_window(place).edges)
    return picture


def target_identity(seen: WindowInfo) -> Target:
    """Identify a window; its title, which may show what the user works at, only as a hash."""
    box = seen.box
    return Target(
        id=seen.id,
        kind=seen.kind,
        title_sha256=hashlib.sha256(seen.title.encode()).hexdigest(),
        place=(box.x, box.y, box.width, box.height),
    )
