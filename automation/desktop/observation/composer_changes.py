"""How the composer's picture changes over time: since a paste, or while Octet waits for the user to finish."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from automation.desktop.observation import image_diff
from automation.protocol.ports import DeliveryClock

Capture = Callable[[], Image.Image]
BETWEEN_LOOKS_S = 0.05


class ComposerChanges:
    """The composer's pictures in one delivery, from just before the paste. A caret makes no difference."""

    def __init__(self, capture: Capture, *, caret_px: int, still_s: float, now_s: Callable[[], float]) -> None:
        """Two equal pictures `still_s` apart mean that the picture stands still."""
        self._capture = capture
        self._caret_px = caret_px
        self._still_s = still_s
        self._now_s = now_s
        self._before: Image.Image | None = None
        self._since_s = 0.0
        self.still: Image.Image | None = None

    def begin(self) -> None:
        """Note how the composer looks before the paste."""
        self._before, self.still = self._capture(), None

    def has_settled(self) -> bool:
        """Look once, and return whether the picture has changed since the paste and stands still now."""
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
        """Return whether the composer looks like this picture now."""
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
