"""The desk worker on Windows: what the loop of all workers works with there, over what Windows can be asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from automation.desktop.calibration.surveyor import DisplaySurveyor
from automation.desktop.calibration.trial_delivery import TrialRunner
from automation.desktop.clipboard_backup import ClipboardBackup
from automation.desktop.observation.activity_tracker import ActivityTracker
from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.observation.screen_signs import NullSigns, SignsPort
from automation.desktop.own_input import Clicks
from automation.desktop.win32.clipboard import NoWindowsClipboard, WindowsClipboard
from automation.desktop.win32.input import OURS, UnknownWindowsKey, WindowsInput
from automation.desktop.win32.target import DEAF, WindowsInspector, WindowsTarget
from automation.desktop.win32.trial_window import WindowsTrialWindow
from automation.desktop.win32.user_input import WindowsUserInput
from automation.desktop.win32.window import WindowsWindow
from automation.desktop.win32.windows import Desktop, Win32Windows, WindowsPlacement, be_aware_of_pixels
from automation.desktop.window_action import WindowAction
from automation.desktop.window_placement import WindowArranger
from automation.desktop.worker import loop, process
from automation.desktop.worker.backend import WorkerBackend
from automation.desktop.worker.channel import FrameWriter, Inbox
from automation.desktop.worker.leftover_drafts import LeftoverDrafts, RecoveringWindows
from automation.desktop.worker.messages import Hello, Locked, WindowActive, WindowShows, WindowSignLearned
from automation.desktop.worker.process import carry_out
from automation.desktop.worker.user_presence import ScreenLockWatch, UserActivityGate
from automation.protocol.delivery import Attempt
from automation.protocol.ports import Cancelled
from core.deliveries.model import Order, Outcome
from core.desks.model import Arranged, Desk, InputSource, Shown, Transcribed, WindowStatus
from core.kit.clock import SystemClock
from core.profiles.model import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsParts:
    """The parts of one worker, put together for each thing that it is asked for. Belongs to the worker's thread."""

    desk: Desk
    desktop: Desktop
    windows: Win32Windows
    fingers: WindowsInput
    clicks: Clicks
    people: WindowsUserInput
    clipboard: WindowsClipboard
    screen: ScreenCapture
    ears: SignsPort
    eyes: WindowsInspector
    anchors: Anchors
    inbox: Inbox
    hands_off: Callable[[], str]

    def open_window(self, name: str) -> WindowsWindow:
        """One delivery's view of this window."""
        return WindowsWindow(aim=self._aim(name, self.eyes), clipboard=self.clipboard, people=self.people)

    def open_act(self, name: str) -> WindowAction:
        """One act's view of it."""
        return WindowAction(aim=self._aim(name, self.eyes), anchors=self.anchors)

    def said(self, name: str, hands_off: str) -> Transcribed:
        """What was said in it. Raises TransientFailure, PermanentFailure, or Cancelled."""
        window = self.open_window(name)
        try:
            return window.said(hands_off=hands_off)
        finally:
            window.give_back()

    def arranged(self, names: tuple[str, ...], hands_off: str) -> tuple[Arranged, ...]:
        """These windows, put back to their places. Raises Cancelled."""
        if hands_off:
            raise Cancelled(hands_off)
        places = WindowsPlacement(self.desktop, self.windows)
        arranging = WindowArranger(eyes=self.eyes, places=places, pace=self.inbox, boxes=self.eyes.configured_box)
        return arranging.run(names)

    def tryouts(self) -> TrialRunner:
        """What answers while windows are connected."""
        return TrialRunner(
            surveyor=DisplaySurveyor(windows=self.windows, screen=self.screen, pace=self.inbox),
            desk=self.desk,
            inbox=self.inbox,
            see=self._eyes_of,
            open_window=self._on_trial,
            guarded=self._guarded,
            hands_off=self.hands_off,
        )

    def _on_trial(self, name: str, eyes: WindowInspector) -> WindowsTrialWindow:
        assert isinstance(eyes, WindowsInspector)
        return WindowsTrialWindow(aim=self._aim(name, eyes), clipboard=self.clipboard, people=self.people)

    def _eyes_of(self, desk: Desk, profile: Profile, anchors: Anchors) -> WindowInspector:
        return WindowsInspector(
            desk=desk,
            profiles={profile.name: profile},
            windows=self.windows,
            screen=self.screen,
            anchors=anchors,
            ears=self.ears,
        )

    def _guarded(self, run: Callable[[], Outcome], attempt: Attempt, order: Order) -> Outcome:
        return carry_out(run, attempt, delivery=order.delivery, let_go=self.fingers.let_go)

    def _aim(self, name: str, eyes: WindowsInspector) -> WindowsTarget:
        return WindowsTarget(
            name=name,
            eyes=eyes,
            desktop=self.desktop,
            fingers=self.fingers,
            clicks=self.clicks,
            people=self.people,
            pace=self.inbox,
        )


log = structlog.get_logger(__name__)

NAME = "windows"
LOOK_S = 1.0  # between two looks at the windows: Windows tells of no change
EXCUSES = (NoWindowsClipboard, UnknownWindowsKey)


def run(desk: str) -> int:
    """Be the worker of this desk until the coordinator is gone; the exit code. See process.run."""
    if not be_aware_of_pixels():  # before anything asks for a place, PyAutoGUI's import among it
        log.warning("pixels_may_be_scaled", why="Windows is older than 10.1703; set all monitors to one scale")
    return process.run(desk, work, excuses=EXCUSES)


def work(hello: Hello, inbox: Inbox, outbox: FrameWriter) -> None:
    """Do what comes until the pipe ends."""
    with ExitStack() as stack:
        loop.work(WindowsBackend(hello, inbox, outbox, stack).surface(), inbox, outbox)


class WindowsBackend:
    """All that works on the one screen. Belongs to the thread that made it: only that one presses keys."""

    def __init__(self, hello: Hello, inbox: Inbox, outbox: FrameWriter, stack: ExitStack) -> None:
        user_activity = hello.desk.user_activity
        self._inbox = inbox
        self._outbox = outbox
        self._desktop = Desktop()
        self._fingers = WindowsInput(self._desktop)
        self._fingers.check({chord for profile in hello.profiles for chord in profile.chords()})
        self._people = WindowsUserInput(
            self._desktop,
            ours=OURS,
            is_ours=self._fingers.is_ours,
            kill_switch_keys=user_activity.kill_switch_keys,
            kill_switch_corner=user_activity.kill_switch_corner,
            counts_injected=user_activity.input_source is InputSource.OTHERS,
            stopped=inbox.stop_here,
        )
        stack.callback(self._people.close)
        if not self._people.sees:
            log.warning("whose_input_is_not_known", why="Windows refused the keyboard hook; stop keys do nothing")
        self._gate = UserActivityGate(
            user_activity, people=self._people, clock=SystemClock(), tell=loop.tells_waits(inbox, outbox)
        )
        stack.callback(self._gate.close)
        safe = ClipboardBackup(Path(hello.locks), "windows", self._desktop.session())
        self._clipboard = WindowsClipboard(process_of=self._desktop.process_of, safe=safe)
        stack.callback(self._clipboard.close)
        screen, anchors, ears = stack.enter_context(ScreenCapture(None)), Anchors(Path(hello.anchors)), NullSigns(DEAF)
        self._eyes = WindowsInspector(
            desk=hello.desk,
            profiles={profile.name: profile for profile in hello.profiles},
            windows=Win32Windows(self._desktop),
            screen=screen,
            anchors=anchors,
            ears=ears,
        )
        self._eyes.tell_learned = lambda name, value: outbox.send(WindowSignLearned(window=name, value=value))
        self._can = WindowsParts(
            desk=hello.desk,
            desktop=self._desktop,
            windows=self._eyes.windows,
            fingers=self._fingers,
            clicks=Clicks(),
            people=self._people,
            clipboard=self._clipboard,
            screen=screen,
            ears=ears,
            eyes=self._eyes,
            anchors=anchors,
            inbox=inbox,
            hands_off=self._hands_off,
        )
        self._tidy = LeftoverDrafts(
            hello.drafts,
            eyes=self._eyes,
            pace=inbox,
            open_window=self._can.open_window,
            may_touch=lambda: not self._hands_off(),
        )

    def surface(self) -> WorkerBackend:
        """What the loop works with."""
        return WorkerBackend(
            eyes=self._eyes,
            lookout=WindowsWatcher(
                eyes=self._eyes,
                waiting=RecoveringWindows(
                    eyes=self._eyes,
                    tidy=self._tidy,
                    inbox=self._inbox,
                    outbox=self._outbox,
                    let_go=self._fingers.let_go,
                ),
                desktop=self._desktop,
                inbox=self._inbox,
                outbox=self._outbox,
            ),
            drafts=self._tidy,
            user_activity=self._gate,
            open_window=self._can.open_window,
            let_go=self._fingers.let_go,
            act=self._can.open_act,
            read=self._can.said,
            arrange=self._can.arranged,
            calibrate=self._can.tryouts().answer,
            path=NAME,
        )

    def _hands_off(self) -> str:
        return loop.hands_off(self._inbox, self._gate)


class WindowsWatcher:
    """Looks at all windows once a second: nothing tells of a change. Belongs to the worker's thread."""

    def __init__(
        self, *, eyes: WindowsInspector, waiting: RecoveringWindows, desktop: Desktop, inbox: Inbox, outbox: FrameWriter
    ) -> None:
        self._eyes = eyes
        self._waiting = waiting
        self._desktop = desktop
        self._inbox = inbox
        self._states = ActivityTracker(
            eyes=eyes,
            tell=lambda shown: outbox.send(WindowShows(shown=shown)),
            stirs=lambda name: outbox.send(WindowActive(window=name)),
        )
        self._lock = ScreenLockWatch(lambda is_locked: outbox.send(Locked(is_locked=is_locked)))
        self._due_s = 0.0

    def begin(self) -> None:
        self._waiting.saw(self._eyes.names())

    def report_usable(self) -> None:
        self.look_when_due()

    def due_in_s(self) -> float | None:
        return max(0.0, self._due_s - time.monotonic())

    def look_when_due(self) -> None:
        self._due_s = time.monotonic() + LOOK_S
        self._lock.saw(is_taken=self._desktop.is_locked())
        self._states.drawn(self._eyes.names())
        self._states.look()
        self._waiting.look_when_due()
        self._waiting.usability.stirred(self._eyes.names())
        self._waiting.usability.look(self._eyes.status)

    def recheck_soon(self) -> None:
        self.look_when_due()

    def look(self, *, closely: bool) -> tuple[WindowStatus, ...]:
        shown = self._states.fresh(self._eyes.names(), self._inbox)
        found = tuple(self._eyes.status(name) for name in self._eyes.names())
        self._waiting.saw(status.name for status in found if not status.usable)
        return tuple(replace(status, activity=shown[status.name].activity) for status in found)

    def shown(self, name: str) -> Shown:
        return self._states.fresh([name], self._inbox)[name]

    def ended(self, name: str, *, was_used: bool) -> None:
        self._waiting.ended(name, was_used=was_used)
