"""Drives a desk whose windows programs may find, move and read: the same on X11 and on Windows."""

from __future__ import annotations

import tempfile
from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from automation.desktop.calibration.surveyor import DisplaySurveyor, Probe
from automation.desktop.calibration.trial_delivery import TrialJournal, TrialPort
from automation.desktop.observation.activity_tracker import ActivityTracker
from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.observation.screen_signs import ProgramSigns, WindowSnapshot
from automation.desktop.ports import WindowsPort
from automation.desktop.target.input_target import InputTarget
from automation.desktop.target.own_input import Clicks
from automation.desktop.target.window_action import WindowAction
from automation.desktop.target.window_placement import WindowArranger
from automation.desktop.worker import messages
from automation.desktop.worker.backend import DraftPort, WorkerBackend
from automation.desktop.worker.channel import Inbox
from automation.desktop.worker.leftover_drafts import LeftoverDrafts, RecoveringWindows
from automation.desktop.worker.messages import Calibrating, CallResult, Hello
from automation.desktop.worker.process import carry_out
from automation.desktop.worker.user_presence import ScreenLockWatch
from automation.protocol.delivery import DeliveryRun
from automation.protocol.ports import Cancelled
from core.calibration.model import CalibrationFailed, TrialResult
from core.deliveries.model import DeliveryId, DeliveryRequest
from core.desks.model import Arranged, Desk, Shown, Transcribed, WindowStatus
from core.profiles.model import Profile

_ONLY_LOOKS = "its text can be read only by copying it"


class OpenWindow(DraftPort, Protocol):
    """One delivery's view of one window, whose transcript can be copied too."""

    def read_transcript(self, *, hands_off: str) -> Transcribed: ...


class DesktopBackend(WorkerBackend):
    """Everything that works on one display. Belongs to the thread that made it: only that one presses keys."""

    inspector_type: type[WindowInspector] = WindowInspector
    _find_composer: Probe | None = None  # asks programs for their composers; without it they are found in pictures

    def __init__(
        self, hello: Hello, inbox: Inbox, *, windows: WindowsPort, screen: ScreenCapture, program_signs: ProgramSigns
    ) -> None:
        self._desk = hello.desk
        self.inbox = inbox
        self._windows = windows
        self._screen = screen
        self._program_signs = program_signs
        self._clicks = Clicks()
        self._anchors = Anchors(Path(hello.anchors))
        self.inspector = self.window_inspector = self._see(hello.desk, hello.profiles, self._anchors)
        send = inbox.outbox.send
        self.window_inspector.tell_learned = lambda name, value: send(
            messages.WindowSignLearned(window=name, value=value)
        )
        self.drafts = LeftoverDrafts(hello.drafts, self)

    @abstractmethod
    def open_window(self, name: str) -> OpenWindow: ...

    @abstractmethod
    def _open_trial(self, name: str, inspector: WindowInspector) -> TrialPort: ...

    @abstractmethod
    def _target(self, name: str) -> InputTarget[Any]: ...

    def open_action(self, name: str) -> WindowAction:
        return WindowAction(target=self._target(name), anchors=self._anchors)

    def _see(self, desk: Desk, profiles: Iterable[Profile], anchors: Anchors) -> WindowInspector:
        return self.inspector_type(
            desk=desk,
            profiles={profile.name: profile for profile in profiles},
            windows=self._windows,
            screen=self._screen,
            anchors=anchors,
            program_signs=self._program_signs,
        )

    def read(self, name: str, *, may_touch: bool = True) -> Transcribed:
        window = self.open_window(name)
        try:
            return window.read_transcript(hands_off=self.hands_off() if may_touch else _ONLY_LOOKS)
        finally:
            window.restore_user_state()

    def arrange(self, names: tuple[str, ...]) -> tuple[Arranged, ...]:
        if why := self.hands_off():
            raise Cancelled(why)
        return WindowArranger(inspector=self.window_inspector, pace=self.inbox).run(names)

    def calibrate(self, job: Calibrating) -> CallResult:
        surveyor = DisplaySurveyor(
            windows=self._windows, screen=self._screen, pace=self.inbox, probe=self._find_composer
        )
        try:
            match job:
                case messages.AskSurvey(pointer_only=True):
                    return CallResult(call=job.call, pointer=self._windows.pointer())
                case messages.AskSurvey():
                    return CallResult(call=job.call, survey=surveyor.survey())
                case messages.Measure():
                    return CallResult(call=job.call, measured=surveyor.measure(job.window, job.point, job.avoid))
                case messages.TryOut():
                    return CallResult(call=job.call, tried=self._try_out(job))
        except CalibrationFailed as trouble:
            return CallResult(call=job.call, refused=trouble.note, reason=trouble.reason)

    def _try_out(self, job: messages.TryOut) -> TrialResult:
        """Stage the draft, read it back, and clear it by the steps of a delivery."""
        if why := self.hands_off():
            return TrialResult(ok=False, note=why, is_transient=True)
        name = job.window.name
        order = DeliveryRequest(
            delivery=DeliveryId("calibration"),
            fence=0,
            agent=name,
            desk=self._desk.name,
            window=name,
            text=job.text,
            sha256="",
            is_dry_run=True,
        )
        alone = Desk(name=self._desk.name, display=self._desk.display, windows=(job.window,))
        self.inbox.begin(order)
        try:
            with tempfile.TemporaryDirectory(prefix="octet-anchors-") as folder:
                anchors = Anchors(Path(folder))
                inspector = self._see(alone, [job.profile], anchors)
                if tag := inspector.windows.name_tag(job.known):
                    anchors.keep_tag(name, tag)
                window = self._open_trial(name, inspector)
                steps = DeliveryRun(
                    order=order, profile=job.profile, window=window, journal=TrialJournal(), pace=self.inbox
                )
                outcome = carry_out(
                    steps.run, steps, delivery=order.delivery, release_keys=self.release_keys, passes=self.ends
                )
                return replace(window.trial.tried(outcome, text=job.text, anchors=job.anchors), tag=tag)
        finally:
            self.inbox.end()


class DesktopWatcher:
    """Follows what the windows show and which of them cannot be used, and whether the screen is locked."""

    def __init__(self, backend: DesktopBackend, *, is_locked: Callable[[], bool]) -> None:
        self._inspector = inspector = backend.window_inspector
        self._is_locked = is_locked
        self._inbox = backend.inbox
        tell = backend.inbox.outbox.send
        self._waiting = RecoveringWindows(backend)
        self._lock = ScreenLockWatch(lambda is_locked: tell(messages.Locked(is_locked=is_locked)))
        self._states = ActivityTracker(
            inspector=inspector,
            tell=lambda shown: tell(messages.WindowShows(shown=shown)),
            tell_active=lambda name: tell(messages.WindowActive(window=name)),
            on_view=self._note_view,
        )

    def shown(self, name: str) -> Shown:
        return self._states.read_fresh([name], self._inbox)[name]

    def look(self, *, closely: bool) -> tuple[WindowStatus, ...]:
        shown = self._states.read_fresh(self._inspector.names(), self._inbox)
        return tuple(
            replace(
                status,
                activity=shown[status.name].activity,
                unread=self._inspector.why_unread(status.name) if closely else "",
            )
            for status in self._see()
        )

    def _see(self) -> tuple[WindowStatus, ...]:
        statuses = tuple(self._inspector.status(name) for name in self._inspector.names())
        self._waiting.note_unusable(status.name for status in statuses if not status.usable)
        return statuses

    def _note_view(self, name: str, view: WindowSnapshot) -> None:
        """Hear that a window was looked at."""
