"""The desk worker on Windows: the same pipe, the same steps, the same looks as on X11, over what Windows can be asked.

It claims less than on X11: nobody is held off between a look and a key. docs/windows.md says what follows from that.
"""

from __future__ import annotations

import os
import queue
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import assert_never

import structlog

from automation.desktop import worker_process
from automation.desktop.clicks import Clicks
from automation.desktop.gate import Gate
from automation.desktop.locked import LockWatch
from automation.desktop.pipe.frames import (
    Answer,
    Arrange,
    AskShown,
    AskSurvey,
    Deliver,
    Done,
    Hello,
    Locked,
    Look,
    Measure,
    Mode,
    ReadWindow,
    Settle,
    Stage,
    Started,
    TakePicture,
    TryOut,
    Waits,
    WindowShows,
    WindowStirred,
    WindowUsable,
)
from automation.desktop.pipe.inbox import Glance, Gone, Inbox, Job, Outbox
from automation.desktop.safe import Safe
from automation.desktop.sight.anchors import Anchors
from automation.desktop.sight.heard import Deaf
from automation.desktop.sight.screen import Screen
from automation.desktop.sight.states import States
from automation.desktop.tidy import Tidy
from automation.desktop.win32.aim import Aim
from automation.desktop.win32.clipboard import Clipboard, NoClipboard
from automation.desktop.win32.desktop import Desktop, be_aware_of_pixels
from automation.desktop.win32.eyes import DEAF, WindowsEyes
from automation.desktop.win32.fingers import OURS, Fingers, NoSuchKey
from automation.desktop.win32.people import People
from automation.desktop.win32.window import WindowsWindow
from automation.desktop.win32.windows import Windows
from automation.desktop.worker_process import NO_SUCH_WINDOW, Heartbeat, answer_picture, carry_out
from automation.protocol.recovery import Recovery
from automation.protocol.steps import Steps
from core.deliveries.model import Hand, Order, Outcome, Reason, Result
from core.desks.model import People as Whose
from core.desks.model import WindowStatus
from core.kit.clock import SystemClock
from core.kit.version import host, version

log = structlog.get_logger(__name__)

NAME = "windows"
"""What receipts say."""
LOOK_S = 1.0
"""Between two looks at the windows: Windows tells of no change."""
EXCUSES = (NoClipboard, NoSuchKey)
"""Why there are no hands here: the coordinator is told, and tries again later."""
NO_ACTS = "on Windows nothing is pressed for a person yet but what a delivery needs; answer it at the machine"
NO_CALIBRATION = "on Windows windows are not calibrated yet; write their places into config/desks"
NO_ARRANGING = "on Windows no windows are moved yet; put them back by hand"


def run(desk: str) -> int:
    """Be the worker of this desk until the coordinator is gone; the exit code. See worker_process.run."""
    if not be_aware_of_pixels():  # before anything asks for a place, PyAutoGUI's import among it
        log.warning("pixels_may_be_scaled", why="Windows is older than 10.1703; set all monitors to one scale")
    return worker_process.run(desk, work, excuses=EXCUSES)


def work(hello: Hello, inbox: Inbox, outbox: Outbox) -> None:
    """Do what comes until the pipe ends."""
    with ExitStack() as stack:
        worker = Worker(hello, inbox, outbox, stack)
        outbox.send(Started(stage=Stage.READY))
        worker.work()


class Worker:
    """One screen's hands at work. Only the thread that made it presses keys."""

    def __init__(self, hello: Hello, inbox: Inbox, outbox: Outbox, stack: ExitStack) -> None:
        manners = hello.desk.manners
        self._inbox = inbox
        self._outbox = outbox
        self._desktop = Desktop()
        self._fingers = Fingers(self._desktop)
        self._fingers.check({chord for profile in hello.profiles for chord in profile.chords()})
        self._people = People(
            self._desktop,
            ours=OURS,
            is_ours=self._fingers.is_ours,
            stop_keys=manners.stop_keys,
            stop_corner=manners.stop_corner,
            counts_injected=manners.people is Whose.OTHERS,
            stopped=inbox.stop_here,
        )
        stack.callback(self._people.close)
        if not self._people.sees:
            log.warning("whose_input_is_not_known", why="Windows refused the keyboard hook; stop keys do nothing")
        self._gate = Gate(manners, people=self._people, clock=SystemClock(), tell=self._tell_waits)
        stack.callback(self._gate.close)
        safe = Safe(Path(hello.locks), "windows", self._desktop.session())
        self._clipboard = Clipboard(process_of=self._desktop.process_of, safe=safe)
        stack.callback(self._clipboard.close)
        self._clicks = Clicks()
        self._eyes = WindowsEyes(
            desk=hello.desk,
            profiles={profile.name: profile for profile in hello.profiles},
            windows=Windows(self._desktop),
            screen=stack.enter_context(Screen(None)),
            anchors=Anchors(Path(hello.anchors)),
            ears=Deaf(DEAF),
        )
        self._states = States(
            eyes=self._eyes,
            tell=lambda shown: outbox.send(WindowShows(shown=shown)),
            stirs=lambda name: outbox.send(WindowStirred(window=name)),
        )
        self._tidy = Tidy(
            hello.drafts, eyes=self._eyes, pace=inbox, open_window=self._open, may_touch=lambda: not self._hands_off()
        )
        self._unusable = set(self._eyes.names())
        self._lock = LockWatch(lambda is_locked: outbox.send(Locked(is_locked=is_locked)))
        self._hand = Hand(pid=os.getpid(), host=host(), version=version(), path=NAME)
        self._heartbeat = Heartbeat(inbox, outbox)

    def work(self) -> None:
        """Do one job after the other until the pipe ends; in between, look at the windows."""
        while True:
            try:
                job = self._inbox.jobs.get(timeout=LOOK_S)
            except queue.Empty:
                job = None
            self._inbox.now_s()
            if isinstance(job, Gone):
                return
            with self._heartbeat.at_work():
                self._do(job)

    def _do(self, job: Job | None) -> None:
        match job:
            case None | Glance():
                self._inbox.glanced()
                self._look_again()
            case Deliver() | Settle():
                self._carry_out(job)
            case Look():
                self._outbox.send(Answer(call=job.call, windows=self._look()))
            case Arrange():
                self._outbox.send(Answer(call=job.call, refused=NO_ARRANGING))
            case TakePicture():
                self._outbox.send(answer_picture(job, self._eyes))
            case AskShown():
                self._outbox.send(self._shown(job))
            case ReadWindow():
                self._outbox.send(Answer(call=job.call, refused="on Windows nothing is read out of windows yet"))
            case AskSurvey() | Measure() | TryOut():
                self._outbox.send(Answer(call=job.call, refused=NO_CALIBRATION))
            case Gone():
                return
            case _:
                assert_never(job)

    def _carry_out(self, job: Deliver | Settle) -> None:
        order, name = job.order, job.order.window or ""
        self._inbox.begin(order)
        try:
            outcome = self._why_not(job, name)
            if outcome is None:
                outcome = self._deliver(order, name) if isinstance(job, Deliver) else self._settle(order, name)
        finally:
            self._inbox.end()
        if outcome.evidence is not None:
            outcome = replace(outcome, evidence=replace(outcome.evidence, hand=self._hand))
        if outcome.result in {Result.REFUSED, Result.BOUNCED, Result.NOT_ARRIVED} and name in self._eyes.names():
            self._unusable.add(name)
        self._outbox.send(Done(delivery=order.delivery, fence=order.fence, outcome=outcome))

    def _why_not(self, job: Deliver | Settle, name: str) -> Outcome | None:
        """The outcome of an order that may not begin."""
        settles = isinstance(job, Settle)
        reason: Reason | None = None
        if self._inbox.mode is not Mode.OPEN:
            result, note, reason = Result.STOPPED, f"the desk is {self._inbox.mode}", Reason.DESK_STOPPED
        elif name not in self._eyes.names():
            result, note = Result.FAILED, f"this desk has no window called {name}"
        elif job.order.act is not None:
            result, note = Result.FAILED, NO_ACTS
        elif (why := self._gate.why_not()) is not None:
            result, note, reason = Result.BOUNCED, why.value, Reason.WORKER_LOST if settles else why
        else:
            return None
        return Outcome(result=Result.UNKNOWN if settles else result, reason=reason, note=note, draft_left=settles)

    def _deliver(self, order: Order, name: str) -> Outcome:
        if order.drafts:
            self._tidy.know(name, order.drafts)
        self._tidy.clear(name)
        steps = Steps(
            text=order.text,
            profile=self._eyes.profile(name),
            window=self._open(name),
            journal=self._inbox,
            pace=self._inbox,
            while_busy=order.while_busy,
            rehearses=order.rehearses,
        )
        outcome = carry_out(steps.run, steps, delivery=order.delivery, let_go=self._fingers.let_go)
        if steps.staged:
            self._tidy.forget(name)  # before ours was staged the composer was seen empty
        if outcome.draft_left and outcome.result is not Result.UNKNOWN:
            self._tidy.know(name, steps.marks)
        return outcome

    def _settle(self, order: Order, name: str) -> Outcome:
        recovery = Recovery(
            text=order.text,
            drafts=order.drafts,
            profile=self._eyes.profile(name),
            window=self._open(name),
            journal=self._inbox,
            pace=self._inbox,
        )
        return carry_out(recovery.run, recovery, delivery=order.delivery, let_go=self._fingers.let_go)

    def _open(self, name: str) -> WindowsWindow:
        aim = Aim(
            name=name,
            eyes=self._eyes,
            desktop=self._desktop,
            fingers=self._fingers,
            clicks=self._clicks,
            people=self._people,
            pace=self._inbox,
        )
        return WindowsWindow(aim=aim, clipboard=self._clipboard, people=self._people)

    def _look(self) -> tuple[WindowStatus, ...]:
        """Each window, for people."""
        shown = self._states.fresh(self._eyes.names(), self._inbox)
        found = tuple(self._eyes.status(name) for name in self._eyes.names())
        self._unusable |= {status.name for status in found if not status.usable}
        return tuple(replace(status, activity=shown[status.name].activity) for status in found)

    def _look_again(self) -> None:
        """What the windows show; those that could not be used, what is ours there, and which can be used again."""
        self._lock.saw(is_taken=self._desktop.is_locked())
        self._states.drawn(self._eyes.names())
        self._states.look()
        for name in sorted(self._unusable):
            if name in self._tidy.names() and not self._eyes.is_ready(name):
                self._tidy.clear(name)
            if self._eyes.is_ready(name):
                self._unusable.discard(name)
                self._tidy.forget(name)
                self._outbox.send(WindowUsable(window=name))

    def _shown(self, job: AskShown) -> Answer:
        if job.window not in self._eyes.names():
            return Answer(call=job.call, refused=NO_SUCH_WINDOW)
        return Answer(call=job.call, shown=self._states.fresh([job.window], self._inbox)[job.window])

    def _tell_waits(self, why: str) -> None:
        self._outbox.send(Waits(why=why))
        if not why:
            self._inbox.glance()

    def _hands_off(self) -> str:
        """Why no window may be touched now; empty if it may."""
        if self._inbox.mode is not Mode.OPEN:
            return f"the desk is {self._inbox.mode}"
        why = self._gate.why_not()
        return "" if why is None else why.value
