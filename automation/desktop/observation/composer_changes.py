"""How the composer's picture changes over time, and the marks by which Octet recognises its draft there after an
interruption, beside that of its text (protocol.text.mark)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from automation.desktop.observation import image_diff
from automation.desktop.observation.screen_capture import to_png
from automation.protocol.ports import DeliveryClock

Capture = Callable[[], Image.Image]
BETWEEN_LOOKS_S = 0.05


class ComposerChanges:
    """The composer's pictures in one delivery, from just before the paste. A caret makes no difference."""

    def __init__(self, capture: Capture, *, caret_px: int, still_s: float, now_s: Callable[[], float]) -> None:
        """Two equal pictures `still_s` apart mean that nothing changes."""
        self._capture = capture
        self._caret_px = caret_px
        self._still_s = still_s
        self._now_s = now_s
        self._before: Image.Image | None = None
        self._since_s = 0.0
        self.still: Image.Image | None = None

    def begin(self) -> None:
        self._before, self.still = self._capture(), None

    def has_settled(self) -> bool:
        """Look once, and return whether the picture has changed since the paste and has settled."""
        picture, now_s = self._capture(), self._now_s()
        if self._before is None or image_diff.is_same(picture, self._before, self._caret_px):
            return False
        if self.still is None or not image_diff.is_same(picture, self.still, self._caret_px):
            self.still, self._since_s = picture, now_s
        return now_s - self._since_s >= self._still_s

    def is_unselected(self) -> bool:
        """Return whether the selection that a copy made is gone again."""
        return self.still is not None and self.looks_like(self.still)

    def looks_like(self, picture: Image.Image) -> bool:
        return image_diff.is_same(self._capture(), picture, self._caret_px)


def wait_for_rest(
    capture: Capture,
    *,
    caret_px: int,
    clock: DeliveryClock,
    is_resting: Callable[[], bool],
    seconds: float,
    within_s: float,
) -> bool:
    """Return whether the user rests and nothing changes in the composer for `seconds`, at some time `within_s`."""
    end = clock.now_s() + within_s
    since, before = clock.now_s(), capture()
    while clock.now_s() < end:
        clock.rest(BETWEEN_LOOKS_S)
        clock.check()
        rests, now = is_resting(), capture()
        if not image_diff.is_same(now, before, caret_px):
            since, before = clock.now_s(), now
        if rests and clock.now_s() - since >= seconds:
            return True
    return False


_PICTURE = "picture:"
_WINDOW = "window:"


def picture_mark(composer: Image.Image) -> str:
    """Return the composer's picture as a mark, without loss: one letter more or less must show."""
    return _PICTURE + base64.b64encode(to_png(composer)).decode()


def window_mark(name_tag: str) -> str:
    """Return the window's own tag as a mark; a window opened in its place has another."""
    return _WINDOW + name_tag


def shows_draft(composer: Image.Image, marks: Sequence[str], caret_px: int) -> bool | None:
    """Return whether the composer shows exactly what one of the pictures shows, but for a caret that came or went;
    None where no picture was kept."""
    kept = [_load(mark.removeprefix(_PICTURE)) for mark in marks if mark.startswith(_PICTURE)]
    is_shown = any(picture is not None and image_diff.is_same(composer, picture, caret_px) for picture in kept)
    return is_shown if kept else None


def _load(data: str) -> Image.Image | None:
    try:
        with Image.open(BytesIO(base64.b64decode(data, validate=True))) as picture:
            return picture.convert("RGB")
    except (binascii.Error, ValueError, OSError, UnidentifiedImageError):
        return None
