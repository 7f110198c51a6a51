"""The desk worker where there is no X11: what the loop of all workers works with there, by PyAutoGUI, clipboard and
pixels."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from automation.desktop.clipboard_backup import NoClipboard
from automation.desktop.gui import UnknownKey
from automation.desktop.macos.input import MacClipboard, MacInput
from automation.desktop.macos.inspector import MacInspector
from automation.desktop.macos.window import MacWindow
from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.own_input import Clicks
from automation.desktop.worker import loop, process
from automation.desktop.worker.backend import WorkerBackend
from automation.desktop.worker.channel import Inbox
from automation.desktop.worker.leftover_drafts import REST_S, LeftoverDrafts, RecoveringWindows
from automation.desktop.worker.messages import Hello
from automation.desktop.worker.user_presence import NoUserInput, UserActivityGate
from core.desks.model import Shown, WindowStatus
from core.kit.clock import SystemClock
from core.reasons import Reason
from core.remedies import explain

NAME = "portable"
EXCUSES: process.Reasons = {NoClipboard: Reason.CLIPBOARD_FROZEN, UnknownKey: Reason.NO_SUCH_KEY}
NO_ACTS = "the portable path presses nothing but what a delivery needs"
NO_READING = "the portable path reads no windows"
NO_ARRANGING = "the portable path cannot move windows; do it by hand"
NO_CALIBRATION = "the portable path cannot tell windows from each other; write their places into config/desks"


def run(desk: str) -> int:
    return loop.run_desk(desk, lambda hello, inbox, stack: MacBackend(hello, inbox, stack).surface(), excuses=EXCUSES)


class MacBackend:
    """All that works on the one screen. Belongs to the thread that made it: only that one presses keys."""

    def __init__(self, hello: Hello, inbox: Inbox, stack: ExitStack) -> None:
        display = os.environ.get("DISPLAY", "")  # noqa: TID251 which screen there is, PyAutoGUI and mss read there too
        self._inbox = inbox
        self._fingers = MacInput(display)
        self._fingers.check(
            {
                chord
                for profile in hello.profiles
                for chord in (profile.paste, profile.submit, *profile.clear, *profile.copy, *profile.after_copy)
            }
        )
        self._clipboard = MacClipboard()
        self._clicks = Clicks()
        self._sight = MacInspector(
            desk=hello.desk,
            profiles={profile.name: profile for profile in hello.profiles},
            screen=stack.enter_context(ScreenCapture(display or None)),
            anchors=Anchors(Path(hello.anchors)),
        )
        tell = loop.tells_waits(inbox)
        self._gate = UserActivityGate(hello.desk.user_activity, people=NoUserInput(), clock=SystemClock(), tell=tell)
        stack.callback(self._gate.close)
        self._tidy = LeftoverDrafts(
            hello.drafts,
            eyes=self._sight,
            open_window=self._open,
            may_touch=lambda: not loop.hands_off(inbox, self._gate),
        )

    def surface(self) -> WorkerBackend:
        waiting = RecoveringWindows(
            eyes=self._sight, tidy=self._tidy, inbox=self._inbox, release_keys=self._fingers.release_keys
        )
        return WorkerBackend(
            eyes=self._sight,
            lookout=MacWatcher(self._sight, waiting),
            drafts=self._tidy,
            user_activity=self._gate,
            open_window=self._open,
            release_keys=self._fingers.release_keys,
            act=NO_ACTS,
            read=NO_READING,
            arrange=NO_ARRANGING,
            calibrate=NO_CALIBRATION,
            path=NAME,
            remark=NAME,
        )

    def _open(self, name: str) -> MacWindow:
        return MacWindow(
            name=name,
            sight=self._sight,
            fingers=self._fingers,
            clipboard=self._clipboard,
            clicks=self._clicks,
            pace=self._inbox,
        )


class MacWatcher:
    """Looks once a second at windows that cannot be used, and at nothing else: nothing tells of a change."""

    def __init__(self, sight: MacInspector, waiting: RecoveringWindows) -> None:
        self._sight = sight
        self._waiting = waiting

    def begin(self) -> None:
        self._waiting.saw(self._sight.names())

    def report_usable(self) -> None:
        self._waiting.look_when_due()

    def due_in_s(self) -> float | None:
        return REST_S if self._waiting.names() else None

    def look_when_due(self) -> None:
        names = self._waiting.names()
        self._waiting.look_when_due()
        for name in names:
            self._waiting.usability.saw(self._sight.status(name))

    def recheck_soon(self) -> None:
        self._waiting.look_when_due()

    def look(self, *, closely: bool) -> tuple[WindowStatus, ...]:
        return tuple(map(self._sight.status, self._sight.names()))

    def shown(self, name: str) -> Shown:
        status = self._sight.status(name)
        return Shown(window=name, activity=status.activity, note=explain(status.reason, status.note))

    def ended(self, name: str, *, was_used: bool) -> None:
        self._waiting.ended(name, was_used=was_used)
