"""A window on trial while it is connected: the X11 window of a delivery, which tells its trial of each step."""

from __future__ import annotations

from PIL import Image

from automation.desktop.calibration.trial_delivery import TrialObserver
from automation.desktop.observation import image_diff
from automation.desktop.x11.window import X11Window
from automation.protocol.ports import ClearResult, PermanentFailure, ReadbackResult
from core.deliveries.model import Moment, Reason
from core.profiles.model import Newline

MOST_TYPED = 12  # letters that Home and End may be for a program that does not know them
SHOWN_S = 0.1


class X11TrialWindow(X11Window):
    """One draft's view of one window."""

    _trial: TrialObserver | None = None

    @property
    def trial(self) -> TrialObserver:
        """What is looked at meanwhile."""
        if self._trial is None:
            self._trial = TrialObserver(name=self._name, eyes=self._eyes, pace=self._pace)
        return self._trial

    def look(self, *, may_be_busy: bool = False) -> bool:
        self.trial.looks()
        return super().look(may_be_busy=may_be_busy)

    def stage(self, text: str) -> None:
        self.trial.stages()
        super().stage(text)

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
        self._aim.hold()
        self._aim.press(after)
        self._aim.wait(SHOWN_S)
        return image_diff.is_same(before, self._eyes.composer(self._name), self._profile.composer.caret_px)

    def remember(self, moment: Moment) -> None:
        super().remember(moment)
        if moment is Moment.STAGED:
            self.trial.has_staged(self._aim.wait)

    def clear(self, *, if_untouched: bool = False) -> ClearResult:
        cleared = super().clear(if_untouched=if_untouched)
        self.trial.has_cleared()
        return cleared
