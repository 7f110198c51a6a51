"""A window on trial while it is connected: the X11 window of a delivery, which tells its trial of each step."""

from __future__ import annotations

from automation.desktop.calibration.trial import Trial
from automation.desktop.window import X11Window
from automation.protocol.ports import Clearing, Sight
from core.deliveries.model import Moment


class TrialWindow(X11Window):
    """One draft's view of one window."""

    _trial: Trial | None = None

    @property
    def trial(self) -> Trial:
        """What is looked at meanwhile."""
        if self._trial is None:
            self._trial = Trial(name=self._name, eyes=self._eyes, pace=self._pace)
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

    def clear(self, *, if_untouched: bool = False) -> Clearing:
        cleared = super().clear(if_untouched=if_untouched)
        self.trial.has_cleared()
        return cleared

    def confirm(self) -> Sight:
        sight = super().confirm()
        self.trial.saw()
        return sight
