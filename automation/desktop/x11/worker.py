"""The desk worker on X11: the input, inspector and user activity of one display."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack

import structlog
from Xlib.error import ConnectionClosedError

from automation.desktop.accessibility.reader import AccessibilityReader
from automation.desktop.calibration.accessibility_probe import AccessibilityProbe
from automation.desktop.calibration.busy_learning import BusyLearning
from automation.desktop.desktop_backend import DesktopBackend, DesktopWatcher
from automation.desktop.gui import UnknownKey
from automation.desktop.observation.accessibility_signs import AccessibilitySigns
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.observation.screen_capture import ScreenCapture, ScreenGone
from automation.desktop.observation.screen_signs import WindowSnapshot
from automation.desktop.window_info import DisplayHeld
from automation.desktop.worker import loop, process
from automation.desktop.worker.channel import Inbox
from automation.desktop.worker.input_lock_state import InputLockState
from automation.desktop.worker.leftover_drafts import REST_S
from automation.desktop.worker.messages import Hello
from automation.desktop.x11.clipboard import X11Clipboard
from automation.desktop.x11.connection import NoDisplay, WrongXlib
from automation.desktop.x11.draft_guard import DraftGuard
from automation.desktop.x11.input import X11Input
from automation.desktop.x11.input_guard import InputGuard
from automation.desktop.x11.target import X11Target
from automation.desktop.x11.user_input import X11UserInput
from automation.desktop.x11.watchdog_client import WatchdogClient
from automation.desktop.x11.wayland import WaylandRefused, refuse_wayland
from automation.desktop.x11.window import X11Devices, X11TrialWindow, X11Window
from automation.desktop.x11.window_events import DisplayChanges, WindowEvents
from automation.desktop.x11.windows import X11Windows
from core.desks.model import WindowStatus
from core.reasons import Reason

log = structlog.get_logger(__name__)

EXCUSES: process.Reasons = {
    NoDisplay: Reason.NO_DISPLAY,
    WrongXlib: Reason.WRONG_XLIB,
    UnknownKey: Reason.NO_SUCH_KEY,
    WaylandRefused: Reason.WAYLAND,
}
GONE = (ConnectionClosedError, ScreenGone)  # so the end of the display shows, by the connection that is used first
PASSING: process.Reasons = {DisplayHeld: Reason.DISPLAY_HELD}


def run(desk: str) -> int:
    return process.run(desk, work, excuses=EXCUSES, passing=PASSING)


def work(hello: Hello, inbox: Inbox) -> None:
    display = hello.desk.display
    try:
        with ExitStack() as stack:
            with process.says_when_late(inbox):
                if hello.desk.virtual is None:
                    refuse_wayland(os.environ, display)  # noqa: TID251 only the environment names the session
                backend = X11Backend(hello, inbox, stack)
            loop.WorkerLoop(backend).run()
    except GONE as gone:
        raise NoDisplay(display=display, why="it went away") from gone


class X11Backend(DesktopBackend):
    """Everything that works on one X display."""

    ends = GONE

    def __init__(self, hello: Hello, inbox: Inbox, stack: ExitStack) -> None:
        display = hello.desk.display
        seized = InputLockState(hello.seized_fd)
        self._input = x11_input = X11Input(display, seized)
        chords = [chord for profile in hello.profiles for chord in profile.chords()]
        x11_input.check(chords)
        released = x11_input.release_left_down(chords)
        if released:
            log.warning("keys_released_after_crash", keys=released)
        keeper = WatchdogClient(display) if hello.desk.virtual is None else None
        if keeper is not None:
            stack.callback(keeper.close)
            keeper.start()
        clipboard = X11Clipboard(display, serve=hello.desk.user_activity.clipboard_scope, keeper=keeper)
        stack.callback(clipboard.close)
        self._hold = InputGuard(display, seized) if hello.desk.block_user_input else None
        if self._hold is not None:
            stack.callback(self._hold.close)
        windows = X11Windows(x11_input.connection, x11_input.changes)
        self._reader = AccessibilityReader(windows)
        stack.callback(self._reader.close)
        self._find_composer = AccessibilityProbe(self._reader).find_composer
        screen = stack.enter_context(ScreenCapture(display))
        super().__init__(hello, inbox, windows=windows, screen=screen, program_signs=AccessibilitySigns(self._reader))
        is_ours = x11_input.acts.is_ours
        people = X11UserInput(display, hello.desk.user_activity, is_ours=is_ours, stopped=inbox.stop_here)
        stack.callback(people.close)
        if not people.sees:
            log.warning("input_source_unknown", why="the display has no XInput 2.2; stop keys and corner do nothing")
        self.user_activity = loop.open_gate(hello, inbox, stack, people)
        untouched = DraftGuard(display, is_ours=x11_input.acts.is_ours)
        stack.callback(untouched.close)
        watch = WindowEvents(display, inbox.recheck_soon)
        stack.callback(watch.close)
        self._devices = X11Devices(
            clipboard=clipboard,
            clicks=self._clicks,
            reader=self._reader,
            idle_s=people.idle_s,
            untouched=untouched,
        )
        self.watcher = X11Watcher(self, watch)

    def open_window(self, name: str) -> X11Window:
        return X11Window(target=self._target(name), devices=self._devices)

    def _open_trial(self, name: str, inspector: WindowInspector) -> X11TrialWindow:
        return X11TrialWindow(target=self._target(name, inspector), devices=self._devices)

    def _target(self, name: str, inspector: WindowInspector | None = None) -> X11Target:
        return X11Target(
            name=name,
            inspector=inspector or self.window_inspector,
            x11_input=self._input,
            clicks=self._clicks,
            pace=self.inbox,
            hold=self._hold,
        )

    def release_keys(self) -> None:
        self._input.release_keys()

    def measured(self) -> Mapping[str, float]:
        return self._input.measured()


class X11Watcher(DesktopWatcher):
    """Belongs to the worker's thread. Where nothing can be used it waits for the display's news, and never polls."""

    def __init__(self, backend: DesktopBackend, watch: WindowEvents) -> None:
        super().__init__(backend, is_locked=backend.window_inspector.windows.is_keyboard_taken)
        self._tidy = backend.drafts
        self._watch = watch
        self._learning = BusyLearning(inspector=self._inspector)

    def _note_view(self, name: str, view: WindowSnapshot) -> None:
        self._learning.note_frame(name, view.frame)

    def begin(self) -> None:
        self._waiting.clear_leftovers()
        self._see()

    def report_usable(self) -> None:
        self._waiting.tell_others()
        try:
            self._lock.note_keyboard(is_taken=self._is_locked())
        except DisplayHeld:
            self._inbox.recheck_in(REST_S)

    def _see(self) -> tuple[WindowStatus, ...]:
        statuses = super()._see()
        for status in statuses:
            self._waiting.usability.note_status(status)
        self._waiting.note_unusable(name for name in self._tidy.names() if not self._inspector.is_ready(name))
        self._follow()
        if self._waiting.names():
            self._inbox.recheck_soon()
        return statuses

    def due_in_s(self) -> float | None:
        due = [one for one in (self._states.due_in_s(), self._waiting.usability.due_in_s()) if one is not None]
        return min(due, default=None)

    def look_when_due(self) -> None:
        self._states.look()
        self._waiting.usability.look(self._inspector.status)
        self._follow()

    def recheck_soon(self) -> None:
        try:
            self._inspector.read_news()  # if the display is gone, this raises
        except DisplayHeld:
            self._inbox.recheck_in(REST_S)
            return
        news = self._watch.news()
        drawn = self._inspector.drawn(news.drawn)
        changed = self._inspector.names() if news.has_changed else drawn
        self._states.mark_drawn(changed)
        self._waiting.usability.mark_changed(changed)
        if news == DisplayChanges() or news.has_changed or drawn & self._waiting.names():
            self._look_at_unusable()
        self._follow()

    def _look_at_unusable(self) -> None:
        try:
            if self._waiting.names() or self._lock.is_known_locked:
                is_taken = self._is_locked()
                self._lock.note_keyboard(is_taken=is_taken)
                if is_taken:
                    self._inbox.recheck_in(REST_S)  # no news says when the keys are free again
        except DisplayHeld:
            self._inbox.recheck_in(REST_S)
            return
        self._waiting.look_when_due()

    def ended(self, name: str, *, was_used: bool) -> None:
        if was_used:
            self._learning.note_sent(name)
        self._states.mark_drawn([name])
        self._waiting.usability.mark_changed([name])
        if self._waiting.ended(name, was_used=was_used):
            self._follow()

    def _follow(self) -> None:
        known = self._inspector.ids()
        is_lost = any(name not in known for name in self._inspector.names())
        try:
            named = {seen.id for seen in self._inspector.windows.all()} if is_lost else set[int]()
        except DisplayHeld:
            named = set[int]()
            self._inbox.recheck_in(REST_S)
        self._watch.follow(drawn=self._inspector.followed(), named=named)
