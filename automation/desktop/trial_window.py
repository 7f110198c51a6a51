"""A window on trial while it is connected: the window of a delivery, which tells its trial of each step."""

from __future__ import annotations

from automation.desktop.calibration.trial_delivery import TrialObserver
from automation.desktop.delivery_window import DeliveryWindow
from automation.desktop.observation.inspector import WindowInspector
from automation.protocol.ports import ClearResult
from core.deliveries.model import Moment


class TrialWindow(DeliveryWindow[WindowInspector]):
    """One draft's view of one window; stands before a platform's own window among the bases of a class."""

    _trial: TrialObserver | None = None

    @property
    def trial(self) -> TrialObserver:
        self._trial = self._trial or TrialObserver(name=self._name, eyes=self._eyes, pace=self._pace)
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
            self.trial.has_staged(self._wait)

    def clear(self, *, if_untouched: bool = False) -> ClearResult:
        cleared = super().clear(if_untouched=if_untouched)
        self.trial.has_cleared()
        return cleared
