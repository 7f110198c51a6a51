"""A window on trial while it is connected: the window of a delivery on Windows, which tells its trial of each step."""

from __future__ import annotations

from automation.desktop.calibration.trial_delivery import TrialObserver
from automation.desktop.win32.window import WindowsWindow
from automation.protocol.ports import ClearResult
from core.deliveries.model import Moment


class WindowsTrialWindow(WindowsWindow):
    """One draft's view of one window."""

    _trial: TrialObserver | None = None

    @property
    def trial(self) -> TrialObserver:
        """What is looked at meanwhile."""
        if self._trial is None:
            self._trial = TrialObserver(name=self._aim.name, eyes=self._aim.eyes, pace=self._aim.pace)
        return self._trial

    def look(self, *, may_be_busy: bool = False) -> bool:
        self.trial.looks()
        return super().look(may_be_busy=may_be_busy)

    def stage(self, text: str) -> None:
        self.trial.stages()
        super().stage(text)

    def remember(self, moment: Moment) -> None:
        super().remember(moment)
        if moment is Moment.STAGED:
            self.trial.has_staged(self._aim.wait)

    def clear(self, *, if_untouched: bool = False) -> ClearResult:
        cleared = super().clear(if_untouched=if_untouched)
        self.trial.has_cleared()
        return cleared
