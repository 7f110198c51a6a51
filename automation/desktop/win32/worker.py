"""The desk worker on Windows."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import structlog

from automation.desktop.calibration.trial_delivery import TrialWindow
from automation.desktop.desktop_backend import DesktopBackend, DesktopWatcher
from automation.desktop.gui import UnknownKey
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.observation.screen_signs import ProgramSigns
from automation.desktop.target.clipboard_backup import ClipboardBackup, NoClipboard
from automation.desktop.win32.clipboard import WindowsClipboard
from automation.desktop.win32.input import OURS, WindowsInput
from automation.desktop.win32.target import DEAF, WindowsDevices, WindowsInspector, WindowsTarget
from automation.desktop.win32.user_input import WindowsUserInput
from automation.desktop.win32.window import WindowsWindow
from automation.desktop.win32.windows import Desktop, Win32Windows, be_aware_of_pixels
from automation.desktop.worker import loop, process
from automation.desktop.worker.channel import Inbox
from automation.desktop.worker.leftover_drafts import PollingWatcher
from automation.desktop.worker.messages import Hello
from core.reasons import Reason

log = structlog.get_logger(__name__)

NAME = "windows"
EXCUSES: process.Reasons = {NoClipboard: Reason.CLIPBOARD_FROZEN, UnknownKey: Reason.NO_SUCH_KEY}


def run(desk: str) -> int:
    if not be_aware_of_pixels():  # before anything asks for a place, PyAutoGUI's import among it
        log.warning("pixels_may_be_scaled", why="Windows is older than 10.1703; set all monitors to one scale")
    return loop.run_desk(desk, WindowsBackend, excuses=EXCUSES)


class WindowsTrialWindow(TrialWindow, WindowsWindow):
    """A window on trial while it is connected."""


class WindowsBackend(DesktopBackend):
    """Everything that works on the one screen."""

    path = NAME
    inspector_type = WindowsInspector

    def __init__(self, hello: Hello, inbox: Inbox, stack: ExitStack) -> None:
        desktop, user_activity = Desktop(), hello.desk.user_activity
        windows_input = WindowsInput(desktop)
        windows_input.check({chord for profile in hello.profiles for chord in profile.chords()})
        people = WindowsUserInput(
            desktop, ours=OURS, is_ours=windows_input.is_ours, user_activity=user_activity, stopped=inbox.stop_here
        )
        stack.callback(people.close)
        if not people.sees:
            log.warning("input_source_unknown", why="Windows refused the keyboard hook; stop keys do nothing")
        self.user_activity = loop.open_gate(hello, inbox, stack, people)
        safe = ClipboardBackup(Path(hello.locks) / "clipboard-windows", desktop.session())
        self._clipboard = WindowsClipboard(process_of=desktop.process_of, safe=safe)
        stack.callback(self._clipboard.close)
        self._win32 = Win32Windows(desktop)
        screen = stack.enter_context(ScreenCapture(None))
        super().__init__(hello, inbox, windows=self._win32, screen=screen, program_signs=ProgramSigns(DEAF))
        self._devices = WindowsDevices(desktop=desktop, windows_input=windows_input, people=people, clicks=self._clicks)

        self.watcher = WindowsWatcher(self, is_locked=desktop.is_locked)

    def open_window(self, name: str) -> WindowsWindow:
        return WindowsWindow(target=self._target(name), clipboard=self._clipboard)

    def _open_trial(self, name: str, inspector: WindowInspector) -> WindowsTrialWindow:
        return WindowsTrialWindow(target=self._target(name, inspector), clipboard=self._clipboard)

    def _target(self, name: str, inspector: WindowInspector | None = None) -> WindowsTarget:
        inspector = inspector or self.window_inspector
        assert isinstance(inspector, WindowsInspector)
        return WindowsTarget(name=name, inspector=inspector, devices=self._devices, pace=self.inbox)


class WindowsWatcher(PollingWatcher, DesktopWatcher):
    """Looks at all windows once a second: Windows reports no changes."""

    def _look_at_all(self) -> None:
        self._lock.note_keyboard(is_taken=self._is_locked())
        self._states.mark_drawn(self._inspector.names())
        self._states.look()
        self._waiting.look_when_due()
        self._waiting.usability.mark_changed(self._inspector.names())
        self._waiting.usability.look(self._inspector.status)
