"""The desk worker where there is no X11: the same pipe and the same steps, by PyAutoGUI, clipboard and pixels."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import structlog

from automation.desktop import worker_process
from automation.desktop.clicks import Clicks
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
    WindowUsable,
)
from automation.desktop.pipe.inbox import Glance, Gone, Inbox, Job, Outbox
from automation.desktop.portable.clipboard import Clipboard, NoClipboard
from automation.desktop.portable.fingers import Fingers, NoSuchKey
from automation.desktop.portable.sight import Sight
from automation.desktop.portable.window import PortableWindow
from automation.desktop.sight.anchors import Anchors
from automation.desktop.sight.screen import Screen
from automation.desktop.worker_process import NO_SUCH_WINDOW, Heartbeat, answer_picture, carry_out
from automation.protocol.ports import Bounced, Clearing, Halted, Refused
from automation.protocol.recovery import Recovery
from automation.protocol.steps import Steps
from core.deliveries.model import Hand, Outcome, Reason, Result
from core.desks.model import Shown
from core.kit.version import host, version

log = structlog.get_logger(__name__)

NAME = "portable"
"""What outcomes and receipts say."""
LOOK_S = 1.0
"""Between two looks at windows that cannot be used: nothing tells of a change here."""
EXCUSES = (NoClipboard, NoSuchKey)
"""Why there are no hands here: the coordinator is told, and tries again later."""


def run(desk: str) -> int:
    """Be the worker of this desk until the coordinator is gone; the exit code. See worker_process.run."""
    return worker_process.run(desk, work, excuses=EXCUSES)


def work(hello: Hello, inbox: Inbox, outbox: Outbox) -> None:
    """Do what comes until the pipe ends."""
    worker = PortableWorker(hello, inbox, outbox)
    outbox.send(Started(stage=Stage.READY))
    worker.work()


class PortableWorker:
    """One screen's hands at work. Only the thread that made it presses keys."""

    def __init__(self, hello: Hello, inbox: Inbox, outbox: Outbox) -> None:
        display = os.environ.get("DISPLAY", "")  # noqa: TID251 which screen there is, PyAutoGUI and mss read there too
        self._inbox = inbox
        self._outbox = outbox
        self._fingers = Fingers(display)
        self._fingers.check(
            {
                chord
                for profile in hello.profiles
                for chord in (profile.paste, profile.submit, *profile.clear, *profile.copy, *profile.after_copy)
            }
        )
        self._clipboard = Clipboard()
        self._clicks = Clicks()
        self._sight = Sight(
            desk=hello.desk,
            profiles={profile.name: profile for profile in hello.profiles},
            screen=Screen(display or None),
            anchors=Anchors(Path(hello.anchors)),
        )
        self._drafts = {name: marks for name, marks in hello.drafts.items() if marks and name in self._sight.names()}
        self._unusable = set(self._sight.names())
        self._heartbeat = Heartbeat(inbox, outbox)

    def work(self) -> None:
        """Do one job after the other until the pipe ends."""
        self._inbox.glance()
        while True:
            job = self._inbox.jobs.get()
            self._inbox.now_s()
            if isinstance(job, Gone):
                self._fingers.let_go()
                return
            with self._heartbeat.at_work():
                self._do(job)

    def _do(self, job: Job) -> None:
        match job:
            case Deliver() | Settle():
                self._carry_out(job)
            case Look():
                windows = tuple(map(self._sight.status, self._sight.names()))
                self._outbox.send(Answer(call=job.call, windows=windows))
            case Arrange():
                self._outbox.send(Answer(call=job.call, refused="the portable path cannot move windows; do it by hand"))
            case TakePicture():
                self._outbox.send(answer_picture(job, self._sight))
            case AskShown():
                self._outbox.send(self._shown(job))
            case ReadWindow():
                self._outbox.send(Answer(call=job.call, refused="the portable path reads no windows"))
            case AskSurvey() | Measure() | TryOut():
                refused = "the portable path cannot tell windows from each other; write their places into config/desks"
                self._outbox.send(Answer(call=job.call, refused=refused))
            case Glance():
                self._inbox.glanced()
                self._look_again()
            case Gone():
                return

    def _carry_out(self, job: Deliver | Settle) -> None:
        order, name = job.order, job.order.window or ""
        self._inbox.begin(order)
        try:
            outcome = self._why_not(job)
            if outcome is None:
                outcome = self._said(self._deliver(job) if isinstance(job, Deliver) else self._settle(job))
        finally:
            self._inbox.end()
        if outcome.result in {Result.REFUSED, Result.BOUNCED, Result.NOT_ARRIVED} and name in self._sight.names():
            self._unusable.add(name)
            self._inbox.glance_in(LOOK_S)
        self._outbox.send(Done(delivery=order.delivery, fence=order.fence, outcome=outcome))

    def _why_not(self, job: Deliver | Settle) -> Outcome | None:
        """The outcome of an order that may not begin."""
        settles, order = isinstance(job, Settle), job.order
        if self._inbox.mode is not Mode.OPEN:
            result, note = Result.STOPPED, f"the desk is {self._inbox.mode}"
        elif order.window not in self._sight.names():
            result, note = Result.FAILED, f"this desk has no window called {order.window}"
        elif order.act is not None:
            result, note = Result.FAILED, "the portable path presses nothing but what a delivery needs"
        else:
            return None
        reason = Reason.DESK_STOPPED if self._inbox.mode is not Mode.OPEN else None
        return Outcome(result=Result.UNKNOWN if settles else result, reason=reason, note=note, draft_left=settles)

    def _deliver(self, job: Deliver) -> Outcome:
        order, name = job.order, job.order.window or ""
        self._clear_left(name, (*self._drafts.pop(name, ()), *order.drafts))
        steps = Steps(
            text=order.text,
            profile=self._sight.profile(name),
            window=self._open(name),
            journal=self._inbox,
            pace=self._inbox,
            while_busy=order.while_busy,
            rehearses=order.rehearses,
        )
        outcome = carry_out(steps.run, steps, delivery=order.delivery, let_go=self._fingers.let_go)
        if outcome.draft_left and outcome.result is not Result.UNKNOWN:
            self._drafts[name] = steps.marks
        return outcome

    def _settle(self, job: Settle) -> Outcome:
        order, name = job.order, job.order.window or ""
        recovery = Recovery(
            text=order.text,
            drafts=order.drafts,
            profile=self._sight.profile(name),
            window=self._open(name),
            journal=self._inbox,
            pace=self._inbox,
        )
        return carry_out(recovery.run, recovery, delivery=order.delivery, let_go=self._fingers.let_go)

    def _said(self, outcome: Outcome) -> Outcome:
        """The outcome, which says by which path it came about."""
        evidence = outcome.evidence
        if evidence is not None:
            hand = Hand(pid=os.getpid(), host=host(), version=version(), path=NAME)
            evidence = replace(evidence, hand=hand)
        return replace(outcome, note="; ".join(filter(None, (outcome.note, NAME))), evidence=evidence)

    def _clear_left(self, name: str, marks: tuple[str, ...]) -> None:
        """Clear a draft of ours that an earlier delivery left; anything else is a person's and stays."""
        if not marks or self._inbox.mode is not Mode.OPEN:
            return
        window = self._open(name)
        try:
            window.find()
            if not self._sight.is_composer_empty(name) and window.is_ours(marks):
                cleared = window.clear()
                log.info("own_draft_cleared", window=name, seen=cleared)
                if cleared is not Clearing.SEEN:
                    self._drafts[name] = marks
        except (Bounced, Refused, Halted):
            self._drafts[name] = marks
        finally:
            window.give_back()

    def _look_again(self) -> None:
        """Look at the windows that were not usable, clear what is ours there, and tell of those that are usable."""
        for name in sorted(self._unusable):
            if name in self._drafts and not self._sight.is_ready(name):
                self._clear_left(name, self._drafts.pop(name))
            if self._sight.is_ready(name):
                self._unusable.discard(name)
                self._drafts.pop(name, None)
                self._outbox.send(WindowUsable(window=name))
        if self._unusable:
            self._inbox.glance_in(LOOK_S)

    def _open(self, name: str) -> PortableWindow:
        return PortableWindow(
            name=name,
            sight=self._sight,
            fingers=self._fingers,
            clipboard=self._clipboard,
            clicks=self._clicks,
            pace=self._inbox,
        )

    def _shown(self, job: AskShown) -> Answer:
        if job.window not in self._sight.names():
            return Answer(call=job.call, refused=NO_SUCH_WINDOW)
        status = self._sight.status(job.window)
        return Answer(call=job.call, shown=Shown(window=job.window, activity=status.activity, note=status.reason))
