"""The desk worker on X11: the input, eyes and user activity of one display, for the loop of all workers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import structlog

from automation.desktop.accessibility.reader import AccessibilityReader
from automation.desktop.calibration.accessibility_probe import AccessibilityProbe
from automation.desktop.calibration.surveyor import DisplaySurveyor
from automation.desktop.calibration.trial_delivery import TrialRunner
from automation.desktop.observation.accessibility_signs import AccessibilitySigns
from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.own_input import Clicks
from automation.desktop.window_action import WindowAction
from automation.desktop.window_info import DisplayHeld
from automation.desktop.window_placement import WindowArranger
from automation.desktop.worker import loop, process
from automation.desktop.worker.backend import WorkerBackend
from automation.desktop.worker.channel import FrameWriter, Inbox
from automation.desktop.worker.input_lock_state import InputLockState
from automation.desktop.worker.leftover_drafts import LeftoverDrafts
from automation.desktop.worker.messages import Hello, WindowSignLearned
from automation.desktop.worker.process import carry_out
from automation.desktop.x11.clipboard import X11Clipboard
from automation.desktop.x11.connection import NoDisplay, StillHeld, WrongXlib
from automation.desktop.x11.draft_guard import DraftGuard
from automation.desktop.x11.input import UnknownKey, X11Input
from automation.desktop.x11.input_guard import InputGuard
from automation.desktop.x11.placement import X11Placement
from automation.desktop.x11.target import X11Target
from automation.desktop.x11.trial_window import X11TrialWindow
from automation.desktop.x11.user_input import X11UserPresence
from automation.desktop.x11.watchdog_client import WatchdogClient
from automation.desktop.x11.wayland import WaylandRefused, refuse_wayland
from automation.desktop.x11.window import X11Window
from automation.desktop.x11.window_events import WindowEvents
from automation.desktop.x11.window_watcher import GONE, X11Watcher
from automation.desktop.x11.windows import X11Windows
from automation.protocol.delivery import Attempt
from automation.protocol.ports import Cancelled
from core.deliveries.model import Order, Outcome
from core.desks.model import Arranged, Desk, Transcribed
from core.profiles.model import Profile

log = structlog.get_logger(__name__)
W = TypeVar("W", bound=X11Window)

NO_ANSWER = (
    "its display does not answer: another program may hold it (a dragged window, an open menu, a screen tool), or the "
    "machine is very busy; the desk goes on by itself when it answers"
)
EXCUSES = (NoDisplay, WrongXlib, UnknownKey, WaylandRefused)


def run(desk: str) -> int:
    """Be the worker of this desk until the coordinator is gone; the exit code. See process.run."""
    return process.run(desk, work, excuses=EXCUSES, passing=(StillHeld,))


def work(hello: Hello, inbox: Inbox, outbox: FrameWriter) -> None:
    """Open the display, tidy up, and do what comes until the pipe ends."""
    display = hello.desk.display
    try:
        with ExitStack() as stack:
            with process.says_when_late(inbox, outbox, NO_ANSWER):
                if hello.desk.virtual is None:
                    refuse_wayland(os.environ, display)  # noqa: TID251 what session this is stands nowhere else
                hands = X11Backend(hello, inbox, outbox, stack)
            loop.work(hands.surface(), inbox, outbox)
    except DisplayHeld as held:
        raise StillHeld from held
    except GONE as gone:
        raise NoDisplay(display=display, why="it went away") from gone


class X11Backend:
    """All that works on one X display. Belongs to the thread that made it: only that one presses keys."""

    def __init__(self, hello: Hello, inbox: Inbox, outbox: FrameWriter, stack: ExitStack) -> None:
        display = hello.desk.display
        self._desk = hello.desk
        self._inbox = inbox
        self._outbox = outbox
        seized = InputLockState(hello.seized_fd)
        self._fingers = X11Input(display, seized)
        chords = [chord for profile in hello.profiles for chord in profile.chords()]
        self._fingers.check(chords)
        released = self._fingers.release_left_down(chords)
        if released:
            log.warning("keys_released_after_crash", keys=released)
        keeper = WatchdogClient(display) if hello.desk.virtual is None else None
        if keeper is not None:
            stack.callback(keeper.close)
            keeper.start()
        self._clipboard = X11Clipboard(display, serve=hello.desk.user_activity.clipboard_scope, keeper=keeper)
        stack.callback(self._clipboard.close)
        self._hold = InputGuard(display, seized) if hello.desk.block_user_input else None
        if self._hold is not None:
            stack.callback(self._hold.close)
        self._windows = X11Windows(self._fingers.connection, self._fingers.changes)
        self._anchors = Anchors(Path(hello.anchors))
        self._reader = AccessibilityReader(self._windows)
        stack.callback(self._reader.close)
        self._screen, self._ears = stack.enter_context(ScreenCapture(display)), AccessibilitySigns(self._reader)
        self._eyes = self._see(hello.desk, hello.profiles, self._anchors)
        self._eyes.tell_learned = lambda name, value: outbox.send(WindowSignLearned(window=name, value=value))
        self._clicks = Clicks()
        self._courtesy = X11UserPresence(
            hello.desk,
            inbox=inbox,
            acts=self._fingers.acts,
            tell=loop.tells_waits(inbox, outbox),
            places=self._eyes.boxes_now,
        )
        stack.callback(self._courtesy.close)
        self._untouched = DraftGuard(display, is_ours=self._fingers.acts.is_ours)
        stack.callback(self._untouched.close)
        self._watch = WindowEvents(display, inbox.recheck_soon)
        stack.callback(self._watch.close)
        self._tidy = LeftoverDrafts(
            hello.drafts,
            eyes=self._eyes,
            pace=inbox,
            open_window=self._open,
            may_touch=lambda: not self._hands_off(),
        )

    def surface(self) -> WorkerBackend:
        """What the loop works with."""
        return WorkerBackend(
            eyes=self._eyes,
            lookout=X11Watcher(
                eyes=self._eyes,
                tidy=self._tidy,
                watch=self._watch,
                fingers=self._fingers,
                inbox=self._inbox,
                outbox=self._outbox,
            ),
            drafts=self._tidy,
            user_activity=self._courtesy,
            open_window=self._open,
            let_go=self._fingers.let_go,
            act=self._act,
            read=self._read,
            arrange=self._arrange,
            calibrate=self._tryouts().answer,
            measured=self._fingers.measured,
            ends=GONE,
        )

    def _see(self, desk: Desk, profiles: Iterable[Profile], anchors: Anchors) -> WindowInspector:
        return WindowInspector(
            desk=desk,
            profiles={profile.name: profile for profile in profiles},
            windows=self._windows,
            screen=self._screen,
            anchors=anchors,
            ears=self._ears,
        )

    def _open(self, name: str) -> X11Window:
        return self._opened(X11Window, name, self._eyes)

    def _opened(self, kind: type[W], name: str, eyes: WindowInspector) -> W:
        return kind(
            name=name,
            eyes=eyes,
            fingers=self._fingers,
            clipboard=self._clipboard,
            clicks=self._clicks,
            reader=self._reader,
            pace=self._inbox,
            hold=self._hold,
            idle_s=self._courtesy.idle_s,
            untouched=self._untouched,
        )

    def _act(self, name: str) -> WindowAction:
        aim = X11Target(
            name=name, eyes=self._eyes, fingers=self._fingers, clicks=self._clicks, pace=self._inbox, hold=self._hold
        )
        return WindowAction(aim=aim, anchors=self._anchors)

    def _read(self, name: str, hands_off: str) -> Transcribed:
        window = self._open(name)
        try:
            return window.said(hands_off=hands_off)
        finally:
            window.give_back()

    def _arrange(self, names: tuple[str, ...], hands_off: str) -> tuple[Arranged, ...]:
        if hands_off:
            raise Cancelled(hands_off)
        places = X11Placement(self._fingers.connection)
        return WindowArranger(eyes=self._eyes, places=places, pace=self._inbox, boxes=self._eyes.configured_box).run(
            names
        )

    def _tryouts(self) -> TrialRunner:
        return TrialRunner(
            surveyor=DisplaySurveyor(
                windows=self._windows,
                screen=self._screen,
                pace=self._inbox,
                probe=AccessibilityProbe(self._reader).find_composer,
            ),
            desk=self._desk,
            inbox=self._inbox,
            see=lambda desk, profile, anchors: self._see(desk, [profile], anchors),
            open_window=lambda name, eyes: self._opened(X11TrialWindow, name, eyes),
            guarded=self._guarded,
            hands_off=self._hands_off,
        )

    def _guarded(self, run: Callable[[], Outcome], attempt: Attempt, order: Order) -> Outcome:
        return carry_out(run, attempt, delivery=order.delivery, let_go=self._fingers.let_go, passes=GONE)

    def _hands_off(self) -> str:
        return loop.hands_off(self._inbox, self._courtesy)
