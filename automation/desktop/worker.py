"""The desk worker: the one process that moves pointer and keys on a display. It asks by frames before it acts."""

from __future__ import annotations

import base64
import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import structlog
from Xlib.error import ConnectionClosedError

from automation.desktop.anchors import Anchors
from automation.desktop.eyes import Eyes
from automation.desktop.frames import (
    OK,
    TRY_LATER,
    Answer,
    BadFrame,
    Beat,
    Deliver,
    Done,
    Hello,
    Look,
    Mode,
    Stage,
    Started,
    TakePicture,
    WindowUsable,
    receive,
)
from automation.desktop.hands import Fingers, UnknownKey
from automation.desktop.inbox import Glance, Gone, Inbox, Outbox
from automation.desktop.lock import DisplayLock
from automation.desktop.window import Clicks, X11Window
from automation.desktop.x11.clipboard import Clipboard
from automation.desktop.x11.connection import NoDisplay, WrongXlib
from automation.desktop.x11.screen import Screen, to_png
from automation.desktop.x11.watch import Watch
from automation.desktop.x11.windows import Windows
from automation.protocol.ports import Bounced, Refused
from automation.protocol.steps import Steps
from core.deliveries.model import Order, Outcome, Reason, Result
from core.desks.model import Profile, WindowStatus

log = structlog.get_logger(__name__)

BEAT_S = 1.0
STALLED_S = 20.0
"""When the hands have not moved on for so long although there is work, the heartbeat stops."""
LOCK_S = 0.2
REST_S = 1.0
"""A window that could not be used is not called usable before this: that is written down first, and nothing spins."""


def run(desk: str) -> int:
    """Work for the coordinator at the other end of standard input and output until it is gone; the exit code.

    `desk` is the name this worker was started for; everything else comes in the first frame. Whatever else in this
    process prints to standard output reaches standard error instead.
    """
    inlet = os.fdopen(os.dup(0), "rb")
    outlet = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return serve(desk, inlet, outlet)


def serve(desk: str, inlet: BinaryIO, outlet: BinaryIO) -> int:
    """As `run`, on any two streams."""
    try:
        hello = receive(inlet)
    except BadFrame as trouble:
        log.error("no_hello", desk=desk, why=trouble.message)  # noqa: TRY400 the message says it all
        return TRY_LATER
    if hello is None:
        return OK
    if not isinstance(hello, Hello) or hello.desk.name != desk:
        log.error("no_hello", desk=desk, why="the first frame is not for this desk")
        return TRY_LATER
    outbox = Outbox(outlet)
    inbox = Inbox(inlet, outbox, hello.mode)
    inbox.start()
    lock = DisplayLock(Path(hello.locks), hello.desk.display)
    if not _wait_for(lock, inbox, outbox):
        return OK
    try:
        with ExitStack() as stack:
            worker = Worker(hello, inbox, outbox, stack)
            outbox.send(Started(stage=Stage.READY))
            worker.tell_usable()
            worker.work()
    except (NoDisplay, WrongXlib, UnknownKey) as trouble:
        outbox.send(Started(stage=Stage.UNAVAILABLE, reason=trouble.message))
        return TRY_LATER
    except ConnectionClosedError:
        reason = f"the display {hello.desk.display} went away"
        outbox.send(Started(stage=Stage.UNAVAILABLE, reason=reason))
        return TRY_LATER
    return OK


def _wait_for(lock: DisplayLock, inbox: Inbox, outbox: Outbox) -> bool:
    """Have the display for ourselves; False when the coordinator went away meanwhile."""
    has_told = False
    while not lock.take():
        if not has_told:
            outbox.send(Started(stage=Stage.WAITING, reason="waiting for the display lock"))
            has_told = True
        outbox.send(Beat())
        inbox.rest(LOCK_S)
        if inbox.is_gone:
            return False
    return True


class Worker:
    """One display's hands at work. Only the thread that made it presses keys."""

    def __init__(self, hello: Hello, inbox: Inbox, outbox: Outbox, stack: ExitStack) -> None:
        display = hello.desk.display
        profiles = {profile.name: profile for profile in hello.profiles}
        chords = [chord for profile in hello.profiles for chord in _chords(profile)]
        self._inbox = inbox
        self._outbox = outbox
        self._fingers = Fingers(display)
        self._fingers.check(chords)
        released = self._fingers.release_left_down(chords)
        if released:
            log.warning("keys_released_after_crash", keys=released)
        self._clipboard = Clipboard(display)
        stack.callback(self._clipboard.close)
        self._windows = Windows(self._fingers.connection)
        self._eyes = Eyes(
            desk=hello.desk,
            profiles=profiles,
            windows=self._windows,
            screen=stack.enter_context(Screen(display)),
            anchors=Anchors(Path(hello.anchors)),
        )
        self._clicks = Clicks()
        self._watch = Watch(display, inbox.glance)
        stack.callback(self._watch.close)
        self._unusable: set[str] = set()
        self._refused_s: dict[str, float] = {}
        self._is_working = False
        self._look()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def tell_usable(self) -> None:
        """Say which windows can be used: nobody knows what an earlier worker, or none, left waiting for them."""
        for name in self._eyes.names():
            if name not in self._unusable:
                self._outbox.send(WindowUsable(window=name))

    def work(self) -> None:
        """Do one job after the other until the pipe ends."""
        while True:
            job = self._inbox.jobs.get()
            self._inbox.now_s()
            self._is_working = True
            match job:
                case Deliver():
                    self._deliver(job.order)
                case Look():
                    self._outbox.send(Answer(call=job.call, windows=self._look()))
                case TakePicture():
                    self._outbox.send(self._picture(job))
                case Glance():
                    self._inbox.glanced()
                    self._look_again()
                case Gone():
                    self._fingers.let_go()
                    return
            self._is_working = False

    def _deliver(self, order: Order) -> None:
        name = order.window or ""
        self._inbox.begin(order.delivery)
        try:
            if self._inbox.mode is not Mode.OPEN:
                outcome = Outcome(
                    result=Result.STOPPED, reason=Reason.DESK_STOPPED, note=f"the desk is {self._inbox.mode}"
                )
            elif name not in self._eyes.names():
                outcome = Outcome(result=Result.FAILED, note=f"this desk has no window called {name}")
            else:
                outcome = self._carry_out(order, name)
        finally:
            self._inbox.end()
        if outcome.result in {Result.REFUSED, Result.BOUNCED, Result.NOT_ARRIVED}:
            self._mark(name)
        else:
            self._unusable.discard(name)
        self._outbox.send(Done(delivery=order.delivery, fence=order.fence, outcome=outcome))

    def _carry_out(self, order: Order, name: str) -> Outcome:
        window = X11Window(
            name=name,
            eyes=self._eyes,
            fingers=self._fingers,
            clipboard=self._clipboard,
            clicks=self._clicks,
            pace=self._inbox,
        )
        profile = self._eyes.profile(name)
        steps = Steps(text=order.text, profile=profile, window=window, journal=self._inbox, pace=self._inbox)
        try:
            return steps.run()
        except ConnectionClosedError:
            raise
        except Exception as trouble:
            # The outer edge of one delivery: what happened here must become an outcome, or its row would stand still.
            log.exception("delivery_failed", delivery=order.delivery, asked=steps.asked, pressed=steps.pressed)
            self._fingers.let_go()
            if steps.outcome is not None:
                return steps.outcome
            note = f"the desk worker met an error ({type(trouble).__name__}); its log tells more"
            result = Result.UNKNOWN if steps.asked else Result.FAILED
            return Outcome(result=result, reason=Reason.NOT_SEEN if steps.asked else None, note=note)

    def _look(self) -> tuple[WindowStatus, ...]:
        statuses = tuple(self._eyes.status(name) for name in self._eyes.names())
        self._unusable |= {status.name for status in statuses if not status.usable}
        if self._unusable:
            self._follow()
            self._inbox.glance()
        return statuses

    def _look_again(self) -> None:
        """Look at the windows that were not usable; tell of those that are."""
        self._windows.active()  # the news may be that the display is gone: this raises then
        for name in sorted(self._unusable):
            if time.monotonic() - self._refused_s.get(name, 0.0) < REST_S:
                continue
            if self._eyes.is_ready(name):
                self._unusable.discard(name)
                self._outbox.send(WindowUsable(window=name))
        self._follow()

    def _mark(self, name: str) -> None:
        """This window could not be used: it is followed until it can, which may be at once.

        Also after a bounce: whoever tries again may decide that this was the last time.
        """
        self._unusable.add(name)
        self._refused_s[name] = time.monotonic()
        self._follow()
        later = threading.Timer(REST_S + 0.05, self._inbox.glance)
        later.daemon = True
        later.start()

    def _follow(self) -> None:
        """Be told of what happens in those windows; while one is not found, of every title that changes too."""
        known = self._eyes.ids()
        drawn = {known[name] for name in self._unusable if name in known}
        is_lost = any(name not in known for name in self._unusable)
        self._watch.follow(drawn=drawn, named={seen.id for seen in self._windows.all()} if is_lost else set())

    def _picture(self, job: TakePicture) -> Answer:
        try:
            png = to_png(self._eyes.picture(job.window)) if job.window in self._eyes.names() else b""
        except (Bounced, Refused) as trouble:
            return Answer(call=job.call, refused=": ".join(filter(None, (trouble.reason, trouble.note))))
        if not png:
            return Answer(call=job.call, refused="this desk has no window of this name")
        return Answer(call=job.call, png=base64.b64encode(png).decode())

    def _beat(self) -> None:
        """Say that we live, as long as the hands move on."""
        pause = threading.Event()
        while not self._inbox.is_gone:
            if not self._is_working or time.monotonic() - self._inbox.moved_on_s < STALLED_S:
                self._outbox.send(Beat())
            pause.wait(BEAT_S)


def _chords(profile: Profile) -> tuple[str, ...]:
    return (profile.paste, profile.submit, *profile.clear, *profile.copy, *profile.after_copy)
