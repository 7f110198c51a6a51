"""The desk worker for panes of tmux: the same pipe and the same steps as for windows; it also keeps their programs."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import structlog
from PIL import Image

from automation.desktop import worker_process
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
    WindowShows,
    WindowStirred,
    WindowUsable,
)
from automation.desktop.pipe.inbox import Glance, Gone, Inbox, Job, Outbox
from automation.desktop.worker_process import NO_SUCH_WINDOW, Attempt, Heartbeat, answer_picture, carry_out, why_refused
from automation.protocol.control import Control
from automation.protocol.ports import Bounced, Clearing, Halted, Refused
from automation.protocol.recovery import Recovery
from automation.protocol.steps import Steps
from automation.terminal import hold, screen
from automation.terminal.act import PaneAct
from automation.terminal.follow import Follower
from automation.terminal.pane import BUFFER, TmuxPane
from automation.terminal.panes import Look as Seen
from automation.terminal.panes import Panes
from automation.terminal.picture import drawn
from automation.terminal.programs import Programs, TmuxOld, check_tmux
from automation.terminal.tmux import NoServer, Tmux, TmuxMissing, TmuxSilent
from core.deliveries.model import Hand, Order, Outcome, Reason, Result
from core.desks.model import Arranged, Transcribed, WindowStatus
from core.kit import faults
from core.kit.clock import SystemClock, as_datetime
from core.kit.version import host, version
from core.profiles.model import Activity

log = structlog.get_logger(__name__)

NAME = "terminal"
"""What receipts say of the path."""
TICK_S = 0.4
"""Between two looks at all panes: nothing tells of a change there."""
FRESH_S = 2.0
"""The longest wait, for somebody who asks, until it is certain what a pane shows."""
EXCUSES = (TmuxMissing, TmuxOld)
"""Why there are no hands here: the coordinator is told, and tries again later."""


def run(desk: str) -> int:
    """Be the worker of this desk until the coordinator is gone; the exit code. See worker_process.run."""
    return worker_process.run(desk, work, excuses=EXCUSES)


def work(hello: Hello, inbox: Inbox, outbox: Outbox) -> None:
    """Look at the panes, tidy up, and do what comes until the pipe ends."""
    check_tmux()
    worker = Worker(hello, inbox, outbox)
    worker.begin()
    outbox.send(Started(stage=Stage.READY))
    worker.work()


class Worker:
    """One tmux server's hands at work. Belongs to one thread."""

    def __init__(self, hello: Hello, inbox: Inbox, outbox: Outbox) -> None:
        assert hello.desk.tmux is not None, "this worker is for desks with [tmux]"
        self._inbox = inbox
        self._outbox = outbox
        self._manners = hello.desk.manners
        tmux = Tmux(hello.desk.tmux, os.environ)  # noqa: TID251 handed on to tmux, which hands it on to programs
        self._panes = Panes(hello.desk, {profile.name: profile for profile in hello.panes}, tmux)
        self._programs = Programs(self._panes, Path(hello.anchors))
        self._follower = Follower(
            panes=self._panes,
            tell=lambda shown: outbox.send(WindowShows(shown=shown)),
            stirs=lambda name: outbox.send(WindowStirred(window=name)),
        )
        self._drafts = {name: marks for name, marks in hello.drafts.items() if marks and name in self._panes.names()}
        self._unusable = set(self._panes.names())
        self._waits = ""
        self._hand = Hand(pid=os.getpid(), host=host(), version=version(), path=NAME)
        self._heartbeat = Heartbeat(inbox, outbox)
        self._next_s = 0.0

    def begin(self) -> None:
        """End what an earlier worker held, delete what it left in buffers, and start the programs."""
        with self._heartbeat.at_work():
            freed = hold.free_all(self._panes.tmux, self._panes.all())
            if freed:
                log.warning("panes_given_back_after_crash", panes=freed)
            with suppress(NoServer, TmuxSilent):
                for name in self._panes.tmux.ask(["list-buffers", "-F", "#{buffer_name}"]):
                    if name.startswith(BUFFER):
                        self._panes.tmux.ask(["delete-buffer", "-b", name])
            self._tick()

    def work(self) -> None:
        """Do one job after the other until the pipe ends; look at the panes in between."""
        while True:
            job = self._next()
            self._inbox.now_s()
            if isinstance(job, Gone):
                return
            with self._heartbeat.at_work():
                self._do(job)

    def _next(self) -> Job:
        try:
            return self._inbox.jobs.get(timeout=max(0.0, self._next_s - time.monotonic()))
        except queue.Empty:
            return Glance()

    def _do(self, job: Job) -> None:
        match job:
            case Deliver() | Settle():
                self._carry_out(job)
            case Look():
                self._outbox.send(Answer(call=job.call, windows=self._statuses()))
            case TakePicture():
                self._outbox.send(answer_picture(job, self))
            case AskShown():
                self._outbox.send(self._shown(job))
            case ReadWindow():
                self._outbox.send(self._read(job))
            case Arrange():
                self._outbox.send(Answer(call=job.call, arranged=tuple(map(self._arranged, job.windows))))
            case AskSurvey() | Measure() | TryOut():
                refused = "a pane has no place on a screen to be measured; its profile's [terminal] says how it looks"
                self._outbox.send(Answer(call=job.call, refused=refused))
            case Glance():
                self._inbox.glanced()
                self._tick()
            case Gone():
                return

    # orders

    def _carry_out(self, job: Deliver | Settle) -> None:
        order, name = job.order, job.order.window or ""
        self._inbox.begin(order)
        try:
            outcome = self._why_not(job)
            if outcome is None and order.act is not None:
                outcome = self._act(job)
            elif outcome is None:
                outcome = self._deliver(order) if isinstance(job, Deliver) else self._settle(order)
        finally:
            self._inbox.end()
        if outcome.evidence is not None:
            outcome = replace(outcome, evidence=replace(outcome.evidence, hand=self._hand))
        was_used = order.act is None and outcome.result not in {Result.REFUSED, Result.BOUNCED, Result.NOT_ARRIVED}
        if name in self._panes.names() and (not was_used or name in self._drafts):
            self._unusable.add(name)
        self._outbox.send(Done(delivery=order.delivery, fence=order.fence, outcome=outcome))
        faults.point("worker.done-sent")

    def _why_not(self, job: Deliver | Settle) -> Outcome | None:
        """The outcome of an order that may not begin."""
        settles, name = isinstance(job, Settle), job.order.window
        if self._inbox.mode is not Mode.OPEN:
            result = Result.UNKNOWN if settles else Result.STOPPED
            note = f"the desk is {self._inbox.mode}"
            return Outcome(result=result, reason=Reason.DESK_STOPPED, note=note, draft_left=settles)
        if name not in self._panes.names():
            result = Result.UNKNOWN if settles else Result.FAILED
            return Outcome(result=result, note=f"this desk has no pane called {name}", draft_left=settles)
        if self._is_quiet():
            if settles:  # nobody looked yet: it is worth another try
                note = Reason.QUIET_HOURS.value
                return Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST, note=note, draft_left=True)
            return Outcome(result=Result.BOUNCED, reason=Reason.QUIET_HOURS)
        return None

    def _deliver(self, order: Order) -> Outcome:
        name = order.window or ""
        self._clear_left(name, (*self._drafts.pop(name, ()), *order.drafts))
        steps = Steps(
            text=order.text,
            profile=self._panes.profile(name),
            window=self._open(name),
            journal=self._inbox,
            pace=self._inbox,
            while_busy=order.while_busy,
            rehearses=order.rehearses,
        )
        outcome = self._guarded(steps.run, steps, order)
        if outcome.draft_left and outcome.result is not Result.UNKNOWN:
            self._drafts[name] = steps.marks
        return outcome

    def _settle(self, order: Order) -> Outcome:
        name = order.window or ""
        recovery = Recovery(
            text=order.text,
            drafts=order.drafts,
            profile=self._panes.profile(name),
            window=self._open(name),
            journal=self._inbox,
            pace=self._inbox,
        )
        return self._guarded(recovery.run, recovery, order)

    def _act(self, job: Deliver | Settle) -> Outcome:
        order, name = job.order, job.order.window or ""
        assert order.act is not None
        control = Control(
            act=order.act,
            expects=order.expects,
            profile=self._panes.profile(name),
            window=PaneAct(name=name, panes=self._panes, pace=self._inbox),
            journal=self._inbox,
            pace=self._inbox,
        )
        return self._guarded(control.run if isinstance(job, Deliver) else control.settle, control, order)

    def _guarded(self, attempt_runs: Callable[[], Outcome], attempt: Attempt, order: Order) -> Outcome:
        return carry_out(attempt_runs, attempt, delivery=order.delivery, let_go=lambda: None)

    def _open(self, name: str) -> TmuxPane:
        return TmuxPane(name=name, panes=self._panes, pace=self._inbox, idle_s=self._manners.idle_s)

    def _clear_left(self, name: str, marks: tuple[str, ...]) -> None:
        """Clear a draft of ours that an earlier delivery left; anything else is a person's and stays."""
        if not marks or self._inbox.mode is not Mode.OPEN:
            return
        window = self._open(name)
        try:
            window.find()
            if window.is_ours(marks):
                cleared = window.clear()
                log.info("own_draft_cleared", window=name, seen=cleared)
                if cleared is not Clearing.SEEN:
                    self._drafts[name] = marks
        except (Bounced, Refused, Halted):
            self._drafts[name] = marks
        finally:
            window.give_back()

    # looking

    def _tick(self) -> None:
        """Look at every pane: keep the programs, tell what is new, tidy up, and say which can be used."""
        self._next_s = time.monotonic() + TICK_S
        try:
            looks = self._panes.look_at_all()
            self._programs.tend(looks)
        except (TmuxSilent, NoServer) as trouble:
            log.warning("panes_not_seen", why=trouble.message)
            return
        self._follower.saw(looks)
        self._tell_waits()
        self._unusable |= {name for name, seen in looks.items() if isinstance(seen, Refused) or seen.stand.is_dead}
        for name in sorted(self._unusable):
            seen = looks[name]
            if name in self._drafts and isinstance(seen, Seen) and not seen.view.is_empty:
                self._clear_left(name, self._drafts.pop(name))
                continue
            if not self._why_unusable(name, seen):
                self._unusable.discard(name)
                self._drafts.pop(name, None)
                self._outbox.send(WindowUsable(window=name))

    def _tell_waits(self) -> None:
        why = Reason.QUIET_HOURS.value if self._is_quiet() else ""
        if why != self._waits:
            self._waits = why
            self._outbox.send(Waits(why=why))

    def _is_quiet(self) -> bool:
        if not self._manners.quiet_hours:
            return False
        now = as_datetime(SystemClock().now_ms()).astimezone()
        return any(quiet.holds(now.weekday(), now.hour * 60 + now.minute) for quiet in self._manners.quiet_hours)

    def _why_unusable(self, name: str, seen: Seen | Refused) -> str:
        if isinstance(seen, Refused):
            return why_refused(seen)
        try:
            self._panes.preflight(name, seen)
        except (Bounced, Refused) as trouble:
            return why_refused(trouble)
        return ""

    def _arranged(self, name: str) -> Arranged:
        """A pane has no place to be put back to: it is only looked at."""
        if name not in self._panes.names():
            return Arranged(window=name, reason=NO_SUCH_WINDOW)
        try:
            return Arranged(window=name, reason=self._why_unusable(name, self._panes.look(name)))
        except Refused as trouble:
            return Arranged(window=name, reason=why_refused(trouble))

    def _statuses(self) -> tuple[WindowStatus, ...]:
        self._until_certain(self._panes.names())
        looks = self._panes.look_at_all()
        return tuple(self._status(name, looks[name]) for name in self._panes.names())

    def _status(self, name: str, seen: Seen | Refused) -> WindowStatus:
        activity, why = self._follower.shown(name).activity, self._why_unusable(name, seen)
        if activity is Activity.BUSY and why.startswith(Reason.BUSY.value):
            why = ""  # at work is not out of order
        if why:
            self._unusable.add(name)
        return WindowStatus(name=name, usable=not why, reason=why, activity=activity)

    def _shown(self, job: AskShown) -> Answer:
        if job.window not in self._panes.names():
            return Answer(call=job.call, refused=NO_SUCH_WINDOW)
        self._until_certain((job.window,))
        return Answer(call=job.call, shown=self._follower.shown(job.window))

    def _until_certain(self, names: tuple[str, ...]) -> None:
        end_s = time.monotonic() + FRESH_S
        self._tick()
        while time.monotonic() < end_s and not all(map(self._follower.is_certain, names)):
            self._inbox.rest(0.1)
            self._tick()

    def _read(self, job: ReadWindow) -> Answer:
        if job.window not in self._panes.names():
            return Answer(call=job.call, refused=NO_SUCH_WINDOW)
        try:
            text = self._open(job.window).said()
        except Refused as trouble:
            return Answer(call=job.call, refused=why_refused(trouble))
        return Answer(call=job.call, said=Transcribed(text=text, by="screen"))

    # pictures

    def names(self) -> tuple[str, ...]:
        """The panes."""
        return self._panes.names()

    def picture(self, name: str) -> Image.Image:
        """One pane's text, drawn, what is masked covered."""
        return drawn(screen.hidden(self._panes.look(name).view.lines, self._panes.profile(name).terminal))

    def whole(self) -> Image.Image:
        """All panes, one below the other."""
        return drawn(self._panes.shown())
