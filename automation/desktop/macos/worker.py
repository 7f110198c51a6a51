"""The desk worker for macOS: PyAutoGUI, clipboard and pixels."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from automation.desktop.gui import UnknownKey
from automation.desktop.macos.input import MacClipboard, MacInput
from automation.desktop.macos.window import MacInspector, MacWindow
from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.target.clipboard_backup import NoClipboard
from automation.desktop.target.own_input import Clicks
from automation.desktop.worker import loop, process
from automation.desktop.worker.backend import WorkerBackend
from automation.desktop.worker.channel import Inbox
from automation.desktop.worker.leftover_drafts import LeftoverDrafts, PollingWatcher, RecoveringWindows
from automation.desktop.worker.messages import Hello
from automation.desktop.worker.user_presence import UserInput
from core.desks.model import Shown, WindowStatus
from core.reasons import Reason
from core.remedies import explain

NAME = "portable"
EXCUSES: process.Reasons = {NoClipboard: Reason.CLIPBOARD_FROZEN, UnknownKey: Reason.NO_SUCH_KEY}


def run(desk: str) -> int:
    return loop.run_desk(desk, MacBackend, excuses=EXCUSES)


class MacBackend(WorkerBackend):
    """Everything that works on the one screen. Belongs to the thread that made it: only that one presses keys."""

    path = remark = NAME
    no_acts = "the portable path presses nothing but what a delivery needs"
    no_reading = "the portable path reads no windows"
    no_arranging = "the portable path cannot move windows; move it yourself"
    no_calibration = "the portable path cannot tell windows apart; write their places into config/desks"

    def __init__(self, hello: Hello, inbox: Inbox, stack: ExitStack) -> None:
        display = os.environ.get("DISPLAY", "")  # noqa: TID251 which screen there is, PyAutoGUI and mss read there too
        self.inbox = inbox
        self._input = MacInput(display)
        self._input.check(
            {
                chord
                for profile in hello.profiles
                for chord in (profile.paste, profile.submit, *profile.clear, *profile.copy, *profile.after_copy)
            }
        )
        self._clipboard = MacClipboard()
        self._clicks = Clicks()
        self.inspector = self._inspector = MacInspector(
            desk=hello.desk,
            profiles={profile.name: profile for profile in hello.profiles},
            screen=stack.enter_context(ScreenCapture(display or None)),
            anchors=Anchors(Path(hello.anchors)),
        )
        self.user_activity = loop.open_gate(hello, inbox, stack, UserInput())
        self.drafts = LeftoverDrafts(hello.drafts, self)
        self.watcher = MacWatcher(self._inspector, RecoveringWindows(self))

    def release_keys(self) -> None:
        self._input.release_keys()

    def open_window(self, name: str) -> MacWindow:
        return MacWindow(
            name=name,
            inspector=self._inspector,
            mac_input=self._input,
            clipboard=self._clipboard,
            clicks=self._clicks,
            pace=self.inbox,
        )


class MacWatcher(PollingWatcher):
    """Looks once a second at windows that cannot be used: the platform reports no changes."""

    def __init__(self, inspector: MacInspector, waiting: RecoveringWindows) -> None:
        self._inspector = inspector
        self._waiting = waiting

    def _look_at_all(self) -> None:
        names = self._waiting.names()
        self._waiting.look_when_due()
        for name in names:
            self._waiting.usability.note_status(self._inspector.status(name))

    def look(self, *, closely: bool) -> tuple[WindowStatus, ...]:
        return tuple(map(self._inspector.status, self._inspector.names()))

    def shown(self, name: str) -> Shown:
        status = self._inspector.status(name)
        return Shown(window=name, activity=status.activity, note=explain(status.reason, status.note))
