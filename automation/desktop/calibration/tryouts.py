"""Answers what is asked while windows are connected, and tries them out with the hands and eyes of deliveries."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from automation.desktop.calibration.surveyor import DisplaySurveyor
from automation.desktop.calibration.trial import TrialJournal, TrialPort
from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.worker.channel import Inbox
from automation.desktop.worker.messages import AskSurvey, Calibrating, CallResult, Measure, TryOut
from automation.desktop.worker.process import Attempt, why_refused
from automation.protocol.delivery import DeliveryRun
from automation.protocol.ports import PermanentFailure, TransientFailure
from core.calibration.model import NotMeasured, TrialResult
from core.deliveries.model import DeliveryId, Order, Outcome
from core.desks.model import Desk
from core.profiles.model import Profile

See = Callable[[Desk, Profile, Anchors], WindowInspector]
"""Eyes of their own for the window of one trial."""
Open = Callable[[str, WindowInspector], TrialPort]
"""Opens a window of these eyes for one trial."""
Guard = Callable[[Callable[[], Outcome], Attempt, Order], Outcome]
"""Makes an outcome of whatever goes wrong."""


class TrialRunner:
    """Looks and trials on one display. Belongs to the worker's thread."""

    def __init__(
        self,
        *,
        surveyor: DisplaySurveyor,
        desk: Desk,
        inbox: Inbox,
        see: See,
        open_window: Open,
        guarded: Guard,
        hands_off: Callable[[], str],
    ) -> None:
        """`hands_off` says why nothing may be touched now; empty if it may."""
        self._surveyor = surveyor
        self._desk = desk
        self._inbox = inbox
        self._see = see
        self._open = open_window
        self._guarded = guarded
        self._hands_off = hands_off

    def answer(self, job: Calibrating) -> CallResult:
        """What is seen, or what came of a trial."""
        try:
            match job:
                case AskSurvey(pointer_only=True):
                    return CallResult(call=job.call, pointer=self._surveyor.pointer())
                case AskSurvey():
                    return CallResult(call=job.call, survey=self._surveyor.survey())
                case Measure():
                    measured = self._surveyor.measure(job.window, job.point, job.avoid)
                    return CallResult(call=job.call, measured=measured)
                case TryOut():
                    return CallResult(call=job.call, tried=self.carry_out(job))
        except NotMeasured as trouble:
            return CallResult(call=job.call, refused=trouble.message, cause=trouble.cause)
        except (TransientFailure, PermanentFailure) as trouble:  # the screen may not be looked at just now
            return CallResult(call=job.call, refused=why_refused(trouble))

    def carry_out(self, job: TryOut) -> TrialResult:
        """Stage the draft, read it back, and clear it, or send it where that was asked for."""
        if why := self._hands_off():
            return TrialResult(ok=False, why=why, is_transient=True)
        name = job.window.name
        order = Order(
            delivery=DeliveryId("calibration"),
            fence=0,
            agent=name,
            desk=self._desk.name,
            window=name,
            text=job.text,
            sha256="",
            rehearses=not job.send,
        )
        self._inbox.begin(order)
        try:
            with tempfile.TemporaryDirectory(prefix="octet-anchors-") as folder:
                return self._tried(job, order, Path(folder))
        finally:
            self._inbox.end()

    def _tried(self, job: TryOut, order: Order, folder: Path) -> TrialResult:
        alone = Desk(name=self._desk.name, display=self._desk.display, windows=(job.window,))
        anchors = Anchors(folder)
        eyes = self._see(alone, job.profile, anchors)
        tag = eyes.windows.name_tag(job.known)
        if tag:
            anchors.keep_tag(job.window.name, tag)
        window = self._open(job.window.name, eyes)
        steps = DeliveryRun(
            text=job.text,
            profile=job.profile,
            window=window,
            journal=TrialJournal(),
            pace=self._inbox,
            rehearses=order.rehearses,
        )
        outcome = self._guarded(steps.run, steps, order)
        if job.send and not outcome.draft_left:
            window.trial.watch(self._inbox.rest)
        return replace(window.trial.tried(outcome, text=job.text, anchors=job.anchors, send=job.send), tag=tag)
