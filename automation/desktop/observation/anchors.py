"""Anchor pictures: a part of each window that always looks the same, cut once and kept in the home."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

from automation.desktop.observation import image_diff
from automation.desktop.observation.image_diff import line_now, prompt_in
from automation.desktop.observation.screen_capture import to_png
from core.kit.files import write_private
from core.profiles.model import Box, Composer

NOISE_PX = 40  # so many pixels of an anchor may differ: a caret's worth, less than a letter more in a name

EMPTY_LOOKS = 4  # at most so many pictures of one empty composer are kept


def candidate(window: str, box: Box) -> str:
    """Return the name under which the picture of a possible anchor is kept beside the anchors."""
    return f"{window}.at-{box.x}-{box.y}-{box.width}-{box.height}"


def empty_look(window: str, number: int) -> str:
    """Return the name of such a picture beside the anchors; no window can have it."""
    return f"{window}.empty-{number}"


class Anchors:
    """The pictures of one desk: `FOLDER/WINDOW.png`, readable by their owner only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[str, Image.Image] = {}

    def path(self, window: str) -> Path:
        return self._folder / (re.sub(r"[^\w.-]", "_", window) + ".png")

    def has(self, window: str) -> bool:
        return self._load(window) is not None

    def keep(self, window: str, picture: Image.Image) -> None:
        """Keep this picture as the window's anchor; written whole or not at all."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.path(window), to_png(picture))
        self._kept[window] = picture

    def difference(self, window: str, picture: Image.Image) -> str:
        """Return what is different; empty when `picture` shows the anchor."""
        kept = self._load(window)
        if kept is None:
            return ""
        if kept.size != picture.size:
            return "the profile's anchor now has another size"
        count = image_diff.count_differing(kept, picture)
        return "" if count <= NOISE_PX else f"{count} pixels of its anchor differ"

    def candidates(self, window: str) -> list[Box]:
        """Return the parts of this window that calibration kept as possible anchors."""
        kept = sorted(self._folder.glob(f"{self.path(window).stem}.at-*.png"))
        places = (map(int, path.stem.rpartition(".at-")[2].split("-")) for path in kept)
        return [Box(x=x, y=y, width=width, height=height) for x, y, width, height in places]

    def keep_empty(self, window: str, picture: Image.Image) -> None:
        """Keep this as one look of the window's empty composer: with its hint, with the focus or without."""
        for number in range(1, EMPTY_LOOKS + 1):
            if not self.has(empty_look(window, number)):
                self.keep(empty_look(window, number), picture)
                return

    def is_empty_look(self, window: str, picture: Image.Image, composer: Composer) -> bool:
        """Return whether the composer, or its line in a terminal, looks as it was kept when it was empty."""
        looks = self._empty_looks(window)
        if composer.prompt is None:
            return any(image_diff.is_same(picture, look, composer.caret_px) for look in looks)
        lines = [(line_now(picture, look, composer), look) for look in looks]
        return any(now is not None and image_diff.is_same_line(now, look, composer.caret_px) for now, look in lines)

    def shows_prompt(self, window: str, picture: Image.Image, composer: Composer) -> bool:
        """Return whether the prompt of a terminal is visible, whatever comes after it; True for other programs."""
        is_known = composer.prompt is not None and self.has(empty_look(window, 1))
        return not is_known or self.after_prompt(window, picture, composer) is not None

    def after_prompt(self, window: str, picture: Image.Image, composer: Composer) -> Box | None:
        """Return the place after the lowest prompt in a picture of the composer; None where none is visible."""
        top = max((prompt_in(picture, look, composer) for look in self._empty_looks(window)), default=-1)
        if composer.prompt is None or top < 0:
            return None
        return Box.of_edges(composer.prompt.edges[2], composer.box.y + top, *composer.box.edges[2:])

    def _empty_looks(self, window: str) -> list[Image.Image]:
        kept = (self._load(empty_look(window, number)) for number in range(1, EMPTY_LOOKS + 1))
        return [look for look in kept if look is not None]

    def tag(self, window: str) -> str:
        """Return the tag of the window that the user connected under this name; empty without one."""
        try:
            return self._tag_file(window).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def keep_tag(self, window: str, tag: str) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._tag_file(window), tag)

    def _tag_file(self, window: str) -> Path:
        return self.path(window).with_suffix(".tag")

    def _load(self, window: str) -> Image.Image | None:
        path = self.path(window)
        if not path.exists():
            self._kept.pop(window, None)
            return None
        if window not in self._kept:
            with Image.open(path) as picture:
                self._kept[window] = picture.convert("RGB")
        return self._kept[window]
