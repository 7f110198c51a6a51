"""The desk worker: the one process that moves pointer and keys on a display. It asks by frames before it acts."""

from __future__ import annotations

import base64
import os
import queue
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import structlog
from Xlib.error import ConnectionClosedError

from automation.desktop.accessibility.reader import Reader
from automation.desktop.aim import Aim
from automation.desktop.anchors import Anchors
from automation.desktop.clicks import Clicks
from automation.desktop.control import X11Act
from automation.desktop.courtesy import Courtesy
from automation.desktop.eyes import Eyes
from automation.desktop.frames import (
    OK,
    TRY_LATER,
    Answer,
    AskShown,
    BadFrame,
    Beat,
    Deliver,
    Done,
    Hello,
    Look,
    Mode,
    ReadWindow,
    Settle,
    Stage,
    Started,
    TakePicture,
    Waits,
    receive,
)
from automation.desktop.hands import Fingers, UnknownKey
from automation.desktop.inbox import Glance, Gone, Inbox, Job, Outbox
from automation.desktop.lock import DisplayLock
from automation.desktop.lookout import Lookout
from automation.desktop.safe import Safe
from automation.desktop.seized import Seized
from automation.desktop.tidy import Tidy
from automation.desktop.window import X11Window
from automation.desktop.x11.clipboard import Clipboard
from automation.desktop.x11.connection import NoDisplay, WrongXlib
from automation.desktop.x11.hold import Hold
from automation.desktop.x11.screen import Screen, to_png
from automation.desktop.x11.watch import Watch
from automation.desktop.x11.windows import Windows
from automation.protocol.control import Control
from automation.protocol.ports import Bounced, Halted, Refused
from automation.protocol.recovery import Recovery
from automation.protocol.steps import Steps
from core.deliveries.model import Hand, Order, Outcome, Reason, Result
from core.desks.model import Act
from core.kit import faults
from core.kit.version import host, version

log = structlog.get_logger(__name__)

BEAT_S = 1.0
STALLED_S = 20.0
"""When the hands have not moved on for so long although there is work, the heartbeat stops."""
LOCK_S = 0.2


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
    outbox = Outbox(outlet)
    try:
        hello = receive(inlet)
    except BadFrame as trouble:
        return _no_hello(desk, trouble.message, outbox)
    if hello is None:
        return OK
    if not isinstance(hello, Hello) or hello.desk.name != desk:
        return _no_hello(desk, "its first frame was not for this desk", outbox)
    if hello.fault_points:
        faults.arm(Path(hello.fault_points), other=faults.parent())
    inbox = Inbox(inlet, outbox, hello.mode)
    inbox.start()
    lock = DisplayLock(Path(hello.locks), hello.desk.display)
    if not _wait_for(lock, inbox, outbox):
        return OK
    try:
        with ExitStack() as stack:
            worker = Worker(hello, inbox, outbox, stack)
            worker.begin()
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


def _no_hello(desk: str, why: str, outbox: Outbox) -> int:
    log.error("no_hello", desk=desk, why=why)
    reason = f"the desk worker did not understand what it was told ({why}); are it and Octet of one version?"
    outbox.send(Started(stage=Stage.UNAVAILABLE, reason=reason))
    return TRY_LATER


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
        chords = [chord for profile in hello.profiles for chord in profile.chords()]
        self._inbox = inbox
        self._outbox = outbox
        seized = Seized(hello.seized_fd)
        self._fingers = Fingers(display, seized)
        self._fingers.check(chords)
        released = self._fingers.release_left_down(chords)
        if released:
            log.warning("keys_released_after_crash", keys=released)
        self._clipboard = Clipboard(display, serve=hello.desk.manners.clipboard)
        stack.callback(self._clipboard.close)
        self._hold = Hold(display, seized) if hello.desk.hold else None
        if self._hold is not None:
            stack.callback(self._hold.close)
            if self._hold.make_up():
                log.warning("focus_given_back_after_crash")
        self._windows = Windows(self._fingers.connection)
        self._anchors = Anchors(Path(hello.anchors))
        self._eyes = Eyes(
            desk=hello.desk,
            profiles=profiles,
            windows=self._windows,
            screen=stack.enter_context(Screen(display)),
            anchors=self._anchors,
        )
        self._clipboard.keep_in(partial(Safe, Path(hello.locks), display), self._clients())
        self._clicks = Clicks()
        self._reader = Reader(self._windows)
        stack.callback(self._reader.close)
        self._courtesy = Courtesy(hello.desk, inbox=inbox, acts=self._fingers.acts, tell=self._tell_waits)
        stack.callback(self._courtesy.close)
        watch = Watch(display, inbox.glance)
        stack.callback(watch.close)
        self._tidy = Tidy(
            hello.drafts,
            eyes=self._eyes,
            pace=inbox,
            open_window=self._open,
            may_touch=lambda: not self._hands_off(),
        )
        self._lookout = Lookout(
            eyes=self._eyes, tidy=self._tidy, watch=watch, fingers=self._fingers, inbox=inbox, outbox=outbox
        )
        self._hand = Hand(pid=os.getpid(), host=host(), version=version())
        self._is_working = False
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def _clients(self) -> frozenset[int]:
        """The programs of the desk's windows, as far as they are there."""
        for name in self._eyes.names():
            with suppress(Refused):
                self._eyes.identify(name)
        return frozenset(self._windows.client_of(window) for window in self._eyes.ids().values())

    def begin(self) -> None:
        """Clear what an earlier worker left in the windows, and look at each."""
        self._is_working = True
        self._lookout.begin()
        self._is_working = False

    def tell_usable(self) -> None:
        """Say which windows can be used now."""
        self._lookout.tell_usable()

    def work(self) -> None:
        """Do one job after the other until the pipe ends."""
        while True:
            job = self._next()
            self._inbox.now_s()
            self._is_working = True
            match job:
                case None:
                    self._lookout.look_closer()
                case Deliver() | Settle():
                    self._carry_out(job)
                case Look():
                    self._outbox.send(Answer(call=job.call, windows=self._lookout.look()))
                case TakePicture():
                    self._outbox.send(self._picture(job))
                case AskShown():
                    self._outbox.send(self._shown(job))
                case ReadWindow():
                    self._outbox.send(self._read(job))
                case Glance():
                    self._inbox.glanced()
                    self._lookout.glance()
                case Gone():
                    self._fingers.let_go()
                    return
            self._is_working = False

    def _next(self) -> Job | None:
        """The next job; None when none came before a window is to be looked at. Waits without end while nothing is."""
        try:
            return self._inbox.jobs.get(timeout=self._lookout.due_in_s())
        except queue.Empty:
            return None

    def _carry_out(self, job: Deliver | Settle) -> None:
        order = job.order
        name = order.window or ""
        self._inbox.begin(order)
        try:
            outcome = self._why_not(job, name)
            if outcome is None and self._courtesy.announce(name):
                outcome = self._why_not(job, name)  # somebody may have come, or stopped it, meanwhile
            if outcome is None and order.act is not None:
                outcome = self._act(job, order.act, name)
            elif outcome is None:
                outcome = self._deliver(order, name) if isinstance(job, Deliver) else self._settle(order, name)
        finally:
            self._courtesy.over()
            self._inbox.end()
        if outcome.evidence is not None:
            outcome = replace(outcome, evidence=replace(outcome.evidence, hand=self._hand))
        # After an act the window is what it was before it: followed until a text could go in.
        was_used = order.act is None and outcome.result not in {Result.REFUSED, Result.BOUNCED, Result.NOT_ARRIVED}
        self._lookout.ended(name, was_used=was_used)
        self._outbox.send(Done(delivery=order.delivery, fence=order.fence, outcome=outcome))
        faults.point("worker.done-sent")

    def _why_not(self, job: Deliver | Settle, name: str) -> Outcome | None:
        """The outcome of an order that may not begin."""
        settles = isinstance(job, Settle)
        if self._inbox.mode is not Mode.OPEN:
            result = Result.UNKNOWN if settles else Result.STOPPED
            note = f"the desk is {self._inbox.mode}"
            return Outcome(result=result, reason=Reason.DESK_STOPPED, note=note, draft_left=settles)
        if name not in self._eyes.names():
            result = Result.UNKNOWN if settles else Result.FAILED
            return Outcome(result=result, note=f"this desk has no window called {name}", draft_left=settles)
        if (why := self._courtesy.why_not()) is not None:
            if settles:  # nobody looked yet: it is worth another try
                return Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST, note=why.value, draft_left=True)
            return Outcome(result=Result.BOUNCED, reason=why)
        return None

    def _deliver(self, order: Order, name: str) -> Outcome:
        if order.drafts:
            self._tidy.know(name, order.drafts)
        self._tidy.clear(name)
        window = self._open(name)
        window.measured()  # what came before belongs to nobody's receipt
        steps = Steps(
            text=order.text,
            profile=self._eyes.profile(name),
            window=window,
            journal=self._inbox,
            pace=self._inbox,
            while_busy=order.while_busy,
        )
        try:
            outcome = steps.run()
        except ConnectionClosedError:
            raise
        except Exception as trouble:
            # The outer edge of one delivery: what happened here must become an outcome, or its row would stand still.
            log.exception("delivery_failed", delivery=order.delivery, asked=steps.asked, pressed=steps.pressed)
            self._fingers.let_go()
            outcome = steps.outcome or steps.failed(_error(trouble))
        if steps.staged:
            self._tidy.forget(name)  # before ours was staged the composer was seen empty
        if outcome.draft_left and outcome.result is not Result.UNKNOWN:
            self._tidy.know(name, steps.marks)
        return replace(outcome, timings_ms={**outcome.timings_ms, **window.measured()})

    def _settle(self, order: Order, name: str) -> Outcome:
        recovery = Recovery(
            text=order.text,
            drafts=order.drafts,
            profile=self._eyes.profile(name),
            window=self._open(name),
            journal=self._inbox,
            pace=self._inbox,
        )
        try:
            return recovery.run()
        except ConnectionClosedError:
            raise
        except Exception as trouble:
            # The outer edge, as above.
            log.exception("settling_failed", delivery=order.delivery, pressed=recovery.pressed)
            self._fingers.let_go()
            return recovery.outcome or recovery.unknown(_error(trouble))

    def _act(self, job: Deliver | Settle, act: Act, name: str) -> Outcome:
        """Do something to the agent besides giving it a text; or look what became of that, and do nothing."""
        aim = Aim(
            name=name, eyes=self._eyes, fingers=self._fingers, clicks=self._clicks, pace=self._inbox, hold=self._hold
        )
        window = X11Act(aim=aim, anchors=self._anchors)
        control = Control(
            act=act,
            expects=job.order.expects,
            profile=self._eyes.profile(name),
            window=window,
            journal=self._inbox,
            pace=self._inbox,
        )
        try:
            return control.run() if isinstance(job, Deliver) else control.settle()
        except ConnectionClosedError:
            raise
        except Exception as trouble:
            # The outer edge, as above.
            log.exception("act_failed", delivery=job.order.delivery, act=act, pressed=control.pressed)
            self._fingers.let_go()
            return control.outcome or control.failed(_error(trouble))

    def _open(self, name: str) -> X11Window:
        return X11Window(
            name=name,
            eyes=self._eyes,
            fingers=self._fingers,
            clipboard=self._clipboard,
            clicks=self._clicks,
            reader=self._reader,
            pace=self._inbox,
            hold=self._hold,
        )

    def _picture(self, job: TakePicture) -> Answer:
        try:
            png = to_png(self._eyes.picture(job.window)) if job.window in self._eyes.names() else b""
        except (Bounced, Refused) as trouble:
            return Answer(call=job.call, refused=": ".join(filter(None, (trouble.reason, trouble.note))))
        if not png:
            return Answer(call=job.call, refused="this desk has no window of this name")
        return Answer(call=job.call, png=base64.b64encode(png).decode())

    def _shown(self, job: AskShown) -> Answer:
        if job.window not in self._eyes.names():
            return Answer(call=job.call, refused="this desk has no window of this name")
        return Answer(call=job.call, shown=self._lookout.shown(job.window))

    def _tell_waits(self, why: str) -> None:
        self._outbox.send(Waits(why=why))
        if not why:
            self._inbox.glance()  # what was left alone meanwhile is looked after now

    def _hands_off(self) -> str:
        """Why no window may be touched now; empty if it may."""
        if self._inbox.mode is not Mode.OPEN:
            return f"the desk is {self._inbox.mode}"
        why = self._courtesy.why_not()
        return "" if why is None else why.value

    def _read(self, job: ReadWindow) -> Answer:
        if job.window not in self._eyes.names():
            return Answer(call=job.call, refused="this desk has no window of this name")
        window = self._open(job.window)
        try:
            said = window.said(hands_off=self._hands_off())
        except (Bounced, Refused) as trouble:
            return Answer(call=job.call, refused=": ".join(filter(None, (trouble.reason, trouble.note))))
        except Halted as halt:
            return Answer(call=job.call, refused=halt.note)
        finally:
            window.give_back()
        return Answer(call=job.call, said=said)

    def _beat(self) -> None:
        """Say that we live, as long as the hands move on."""
        pause = threading.Event()
        while not self._inbox.is_gone:
            if not self._is_working or time.monotonic() - self._inbox.moved_on_s < STALLED_S:
                self._outbox.send(Beat())
            pause.wait(BEAT_S)


def _error(trouble: Exception) -> str:
    return f"the desk worker met an error ({type(trouble).__name__}); its log tells more"
