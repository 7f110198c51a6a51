"""A window on trial on X11, which is also asked whether a composer that looks empty holds a text."""

from __future__ import annotations

from PIL import Image

from automation.desktop.observation import image_diff
from automation.desktop.trial_window import TrialWindow
from automation.desktop.x11.window import X11Window
from automation.protocol.ports import PermanentFailure, ReadbackResult
from core.deliveries.model import Reason
from core.profiles.model import Newline

MOST_TYPED = 12  # letters that Home and End may be for a program that does not know them
SHOWN_S = 0.1


class X11TrialWindow(TrialWindow, X11Window):
    """One draft's view of one window."""

    def focus(self) -> None:
        super().focus()
        if self.trial.before is None and self._profile.composer.has_placeholder and self._holds_text():
            raise PermanentFailure(Reason.COMPOSER_NOT_EMPTY, "text is already in it; it was left there")

    def read(self) -> ReadbackResult:
        self.trial.reading = super().read()
        return self.trial.reading

    def _holds_text(self) -> bool:
        """Tell whether text is in a composer that may show a hint: then it can be copied, or in a terminal the caret
        moved to its beginning. A program that reads lines would take that key for text."""
        if not self.trial.is_terminal:
            copied = self._paste.copied(self._profile.copy, self._profile.after_copy)
            return copied is not None and bool(copied.strip())
        if self._profile.newline is not Newline.KEEP:
            return False
        before = self._eyes.composer(self._name)
        if self._looks_like(before, after="home"):
            return False
        if self._looks_like(before, after="end"):
            return True
        # It took the keys for text: that is deleted again.
        return not any(self._looks_like(before, after="backspace") for _ in range(MOST_TYPED))

    def _looks_like(self, before: Image.Image, *, after: str) -> bool:
        self._aim.hold_devices()
        self._aim.press(after)
        self._aim.wait(SHOWN_S)
        return image_diff.is_same(before, self._eyes.composer(self._name), self._profile.composer.caret_px)
