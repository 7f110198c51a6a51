"""The desk worker: the one process that moves pointer and keys on a display. It asks by frames before it acts."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog
from Xlib.error import ConnectionClosedError

from automation.desktop import worker_process
from automation.desktop.accessibility.reader import Reader
from automation.desktop.aim import Aim
from automation.desktop.arranging import Arranging
from automation.desktop.calibration.surveyor import Surveyor
from automation.desktop.calibration.told import Told
from automation.desktop.calibration.tryouts import Tryouts
from automation.desktop.clicks import Clicks
from automation.desktop.control import WindowAct
from automation.desktop.courtesy import Courtesy
from automation.desktop.hands import Fingers, UnknownKey
from automation.desktop.lookout import Lookout
from automation.desktop.on_trial import TrialWindow
from automation.desktop.pipe.frames import (
    Answer,
    Arrange,
    AskShown,
    AskSurvey,
    Deliver,
    Done,
    Hello,
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
)
from automation.desktop.pipe.inbox import Glance, Gone, Inbox, Job, Outbox
from automation.desktop.safe import Safe
from automation.desktop.seized import Seized
from automation.desktop.sight.anchors import Anchors
from automation.desktop.sight.ears import Ears
from automation.desktop.sight.eyes import Eyes
from automation.desktop.sight.screen import Screen, ScreenGone
from automation.desktop.tidy import Tidy
from automation.desktop.wayland import WaylandRefused, refuse_wayland
from automation.desktop.window import X11Window
from automation.desktop.worker_process import (
    NO_SUCH_WINDOW,
    Attempt,
    Heartbeat,
    answer_picture,
    carry_out,
    why_refused,
)
from automation.desktop.x11.clipboard import Clipboard
from automation.desktop.x11.connection import NoDisplay, WrongXlib
from automation.desktop.x11.hold import Hold
from automation.desktop.x11.places import Places
from automation.desktop.x11.untouched import Untouched
from automation.desktop.x11.watch import Watch
from automation.desktop.x11.windows import Windows
from automation.protocol.control import Control
from automation.protocol.ports import Bounced, Halted, Refused
from automation.protocol.recovery import Recovery
from automation.protocol.steps import Steps
from core.deliveries.model import Hand, Order, Outcome, Reason, Result
from core.desks.model import WindowStatus
from core.kit import faults
from core.kit.version import host, version
from core.profiles.model import Act

log = structlog.get_logger(__name__)
W = TypeVar("W", bound=X11Window)

GONE = (ConnectionClosedError, ScreenGone)
"""How the end of the display shows, by whichever connection is used first."""
EXCUSES = (NoDisplay, WrongXlib, UnknownKey, WaylandRefused)
"""Why there are no hands here: the coordinator is told, and tries again later."""


def run(desk: str) -> int:
    """Be the worker of this desk until the coordinator is gone; the exit code. See worker_process.run."""
    return worker_process.run(desk, work, excuses=EXCUSES)


def work(hello: Hello, inbox: Inbox, outbox: Outbox) -> None:
    """Open the display, tidy up, and do what comes until the pipe ends."""
    display = hello.desk.display
    if hello.desk.virtual is None:
        refuse_wayland(os.environ, display)  # noqa: TID251 what session this is stands nowhere else
    try:
        with ExitStack() as stack:
            worker = Worker(hello, inbox, outbox, stack)
            worker.begin()
            outbox.send(Started(stage=Stage.READY))
            worker.tell_usable()
            worker.work()
    except GONE as gone:
        raise NoDisplay(display=display, why="it went away") from gone


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
        self._windows = Windows(self._fingers.connection, self._fingers.changes)
        self._anchors = Anchors(Path(hello.anchors))
        self._reader = Reader(self._windows)
        stack.callback(self._reader.close)
        screen, ears = stack.enter_context(Screen(display)), Ears(self._reader)
        self._eyes = Eyes(
            desk=hello.desk,
            profiles=profiles,
            windows=self._windows,
            screen=screen,
            anchors=self._anchors,
            ears=ears,
        )
        self._clipboard.keep_in(partial(Safe, Path(hello.locks), display), self._clients())
        self._clicks = Clicks()
        self._courtesy = Courtesy(hello.desk, inbox=inbox, acts=self._fingers.acts, tell=self._tell_waits)
        stack.callback(self._courtesy.close)
        self._untouched = Untouched(display, is_ours=self._fingers.acts.is_ours)
        stack.callback(self._untouched.close)
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
        self._tryouts = Tryouts(
            surveyor=Surveyor(windows=self._windows, screen=screen, pace=inbox, teller=Told(self._reader)),
            desk=hello.desk,
            inbox=inbox,
            see=lambda desk, profile, anchors: Eyes(
                desk=desk,
                profiles={profile.name: profile},
                windows=self._windows,
                screen=screen,
                anchors=anchors,
                ears=ears,
            ),
            open_window=lambda name, eyes: self._opened(TrialWindow, name, eyes),
            guarded=self._guarded,
            hands_off=self._hands_off,
        )
        self._hand = Hand(pid=os.getpid(), host=host(), version=version())
        self._heartbeat = Heartbeat(inbox, outbox)

    def _clients(self) -> frozenset[int]:
        """The programs of the desk's windows, as far as they are there."""
        for name in self._eyes.names():
            with suppress(Refused):
                self._eyes.identify(name)
        return frozenset(self._windows.client_of(window) for window in self._eyes.ids().values())

    def begin(self) -> None:
        """Clear what an earlier worker left in the windows, and look at each."""
        with self._heartbeat.at_work():
            self._lookout.begin()

    def tell_usable(self) -> None:
        """Say which windows can be used now."""
        self._lookout.tell_usable()

    def work(self) -> None:
        """Do one job after the other until the pipe ends."""
        while True:
            job = self._next()
            self._inbox.now_s()
            if isinstance(job, Gone):
                self._fingers.let_go()
                return
            with self._heartbeat.at_work():
                self._do(job)

    def _do(self, job: Job | None) -> None:
        match job:
            case None:
                self._lookout.look_closer()
            case Deliver() | Settle():
                self._carry_out(job)
            case Look():
                seen = self._lookout.look()
                windows = tuple(map(self._examined, seen)) if job.closely else seen
                self._outbox.send(Answer(call=job.call, windows=windows))
            case Arrange():
                self._outbox.send(self._arrange(job))
            case TakePicture():
                self._outbox.send(answer_picture(job, self._eyes))
            case AskShown():
                self._outbox.send(self._shown(job))
            case ReadWindow():
                self._outbox.send(self._read(job))
            case AskSurvey() | Measure() | TryOut():
                self._outbox.send(self._tryouts.answer(job))
            case Glance():
                self._inbox.glanced()
                self._lookout.glance()
            case Gone():
                return

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
            rehearses=order.rehearses,
        )
        outcome = self._guarded(steps.run, steps, order)
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
        return self._guarded(recovery.run, recovery, order)

    def _act(self, job: Deliver | Settle, act: Act, name: str) -> Outcome:
        """Do something to the agent besides giving it a text; or look what became of that, and do nothing."""
        aim = Aim(
            name=name, eyes=self._eyes, fingers=self._fingers, clicks=self._clicks, pace=self._inbox, hold=self._hold
        )
        window = WindowAct(aim=aim, anchors=self._anchors)
        control = Control(
            act=act,
            expects=job.order.expects,
            profile=self._eyes.profile(name),
            window=window,
            journal=self._inbox,
            pace=self._inbox,
        )
        return self._guarded(control.run if isinstance(job, Deliver) else control.settle, control, job.order)

    def _guarded(self, run: Callable[[], Outcome], attempt: Attempt, order: Order) -> Outcome:
        return carry_out(run, attempt, delivery=order.delivery, let_go=self._fingers.let_go, passes=GONE)

    def _open(self, name: str) -> X11Window:
        return self._opened(X11Window, name, self._eyes)

    def _opened(self, kind: type[W], name: str, eyes: Eyes) -> W:
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

    def _shown(self, job: AskShown) -> Answer:
        if job.window not in self._eyes.names():
            return Answer(call=job.call, refused=NO_SUCH_WINDOW)
        return Answer(call=job.call, shown=self._lookout.shown(job.window))

    def _examined(self, seen: WindowStatus) -> WindowStatus:
        return replace(seen, unread=self._eyes.why_unread(seen.name))

    def _arrange(self, job: Arrange) -> Answer:
        if (why := self._hands_off()) or not set(job.windows) <= set(self._eyes.names()):
            return Answer(call=job.call, refused=why or NO_SUCH_WINDOW)
        places = Places(self._fingers.connection)
        arranging = Arranging(eyes=self._eyes, places=places, pace=self._inbox, boxes=self._eyes.configured_box)
        try:
            return Answer(call=job.call, arranged=arranging.run(job.windows))
        except Halted as halt:
            return Answer(call=job.call, refused=halt.note)
        finally:
            self._inbox.glance()

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
            return Answer(call=job.call, refused=NO_SUCH_WINDOW)
        window = self._open(job.window)
        try:
            said = window.said(hands_off=self._hands_off())
        except (Bounced, Refused) as trouble:
            return Answer(call=job.call, refused=why_refused(trouble))
        except Halted as halt:
            return Answer(call=job.call, refused=halt.note)
        finally:
            window.give_back()
        return Answer(call=job.call, said=said)
