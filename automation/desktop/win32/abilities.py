"""What the worker for Windows can do besides delivering: connect windows, put them back, answer for a person, read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from automation.desktop.arranging import WindowArranger
from automation.desktop.calibration.surveyor import Surveyor
from automation.desktop.calibration.tryouts import Tryouts
from automation.desktop.clicks import Clicks
from automation.desktop.control import WindowAction
from automation.desktop.pipe.inbox import Inbox
from automation.desktop.sight.anchors import Anchors
from automation.desktop.sight.eyes import WindowInspector
from automation.desktop.sight.heard import SignsPort
from automation.desktop.sight.screen import ScreenCapture
from automation.desktop.win32.aim import WindowsTarget
from automation.desktop.win32.clipboard import WindowsClipboard
from automation.desktop.win32.desktop import Desktop
from automation.desktop.win32.eyes import WindowsInspector
from automation.desktop.win32.fingers import WindowsInput
from automation.desktop.win32.on_trial import WindowsTrialWindow
from automation.desktop.win32.people import WindowsUserInput
from automation.desktop.win32.places import WindowsPlacement
from automation.desktop.win32.window import WindowsWindow
from automation.desktop.win32.windows import Win32Windows
from automation.desktop.work.process import Attempt, carry_out
from automation.protocol.ports import Cancelled
from core.deliveries.model import Order, Outcome
from core.desks.model import Arranged, Desk, Transcribed
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
    """Why no window may be touched now; empty if it may."""

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

    def tryouts(self) -> Tryouts:
        """What answers while windows are connected."""
        return Tryouts(
            surveyor=Surveyor(windows=self.windows, screen=self.screen, pace=self.inbox),
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
