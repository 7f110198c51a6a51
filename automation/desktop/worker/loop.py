"""The loop of every desk worker: take a job, check that it may begin, do it by the protocol, look after the window,
answer; until the pipe ends. The backend knows how."""

from __future__ import annotations

import base64
import os
import queue
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

from automation.desktop.observation.screen_capture import to_png, to_small_png
from automation.desktop.worker import messages, process
from automation.desktop.worker.backend import WorkerBackend
from automation.desktop.worker.channel import Inbox, Job, PipeClosed, RecheckWindows
from automation.desktop.worker.process import Heartbeat, carry_out
from automation.desktop.worker.user_presence import UserActivityGate, UserInput
from automation.protocol.delivery import Attempt, DeliveryRun
from automation.protocol.dialog_action import ActionRun
from automation.protocol.ports import Cancelled, DeliveryFailure
from automation.protocol.recovery import Recovery
from core.deliveries.model import DeliveryRequest, Outcome, Reason, Result, WorkerIdentity
from core.desks.model import DeskMode
from core.kit import faults
from core.kit.clock import SystemClock
from core.kit.version import host, version
from core.profiles.model import Act
from core.remedies import explain, sentence

OpenBackend = Callable[[messages.Hello, Inbox, ExitStack], WorkerBackend]
"""Opens a backend. The loop closes the stack when the worker ends."""

MOST_WHOLE_BYTES = 4_000_000  # the most bytes of a picture of a whole display: what Discord takes, and a frame
NO_SUCH_WINDOW = "this desk has no window of this name"
LEFT_ALONE = frozenset({Result.REFUSED, Result.BOUNCED, Result.NOT_ARRIVED})  # after these a text may not go in


def open_gate(hello: messages.Hello, inbox: Inbox, stack: ExitStack, people: UserInput) -> UserActivityGate:
    def tell(why: Reason | None) -> None:
        inbox.outbox.send(messages.Waits(why=why))
        if not why:
            inbox.recheck_soon()  # looks after the windows that were left alone meanwhile

    gate = UserActivityGate(hello.desk.user_activity, people=people, clock=SystemClock(), tell=tell)
    stack.callback(gate.close)
    return gate


def run_desk(desk: str, open_backend: OpenBackend, *, excuses: process.Reasons) -> int:
    """Be the worker of this desk until the coordinator is gone; return the exit code. See process.run."""

    def work(hello: messages.Hello, inbox: Inbox) -> None:
        with ExitStack() as stack:
            WorkerLoop(open_backend(hello, inbox, stack)).run()

    return process.run(desk, work, excuses=excuses)


class WorkerLoop:
    """One worker at work. Only the thread that made the backend runs it."""

    def __init__(self, backend: WorkerBackend) -> None:
        self._backend = backend
        self._inbox = inbox = backend.inbox
        self._outbox = inbox.outbox
        self._hand = WorkerIdentity(pid=os.getpid(), host=host(), version=version(), path=backend.path)
        self._heartbeat = Heartbeat(inbox)

    def run(self) -> None:
        with self._heartbeat.at_work():
            self._backend.watcher.begin()
        self._outbox.send(messages.Started())
        with self._heartbeat.at_work():
            self._backend.watcher.report_usable()
        while True:
            job = self._next()
            self._inbox.now_s()
            if isinstance(job, PipeClosed):
                self._backend.release_keys()
                return
            with self._heartbeat.at_work():
                self._do(job)

    def _next(self) -> Job | None:
        try:
            return self._inbox.jobs.get(timeout=self._backend.watcher.due_in_s())
        except queue.Empty:
            return None

    def _do(self, job: Job | None) -> None:
        watcher = self._backend.watcher
        match job:
            case None:
                watcher.look_when_due()
            case RecheckWindows():
                self._inbox.recheck_begins()
                watcher.recheck_soon()
            case messages.Deliver():
                self._carry_out(job)
            case PipeClosed():
                return
            case _:
                self._outbox.send(self._answered(job))

    def _carry_out(self, job: messages.Deliver) -> None:
        order, name = job.order, job.order.window or ""
        self._inbox.begin(order)
        try:
            outcome = self._why_not(job, name)
            if outcome is None:
                if order.act is not None:
                    outcome = self._acted(job, order.act, name)
                else:
                    outcome = self._settled(order, name) if job.settles else self._delivered(order, name)
                outcome = self._signed(outcome)
        finally:
            self._inbox.end()
        if name in self._backend.inspector.names():
            # After an act the window is what it was before it: followed until a text could go in.
            self._backend.watcher.ended(name, was_used=order.act is None and outcome.result not in LEFT_ALONE)
        self._outbox.send(messages.Done(delivery=order.delivery, fence=order.fence, outcome=outcome))
        faults.point("worker.done-sent")

    def _why_not(self, job: messages.Deliver, name: str) -> Outcome | None:
        """Return the outcome of an order that may not begin; unknown for one that only settles."""
        settles, reason = job.settles, None
        if self._inbox.mode is not DeskMode.OPEN:
            result, reason, note = Result.STOPPED, Reason.DESK_STOPPED, f"the desk is {self._inbox.mode}"
        elif name not in self._backend.inspector.names():
            result, note = Result.FAILED, f"this desk has no {self._backend.noun} called {name}"
        elif job.order.act is not None and self._backend.no_acts:
            result, note = Result.FAILED, self._backend.no_acts
        elif (why := self._backend.user_activity.why_not()) is not None:
            if not settles:
                return Outcome(result=Result.BOUNCED, reason=why)
            # Octet has not looked yet: it tries again.
            result, reason, note = Result.UNKNOWN, Reason.WORKER_LOST, sentence(why)
        else:
            return None
        return Outcome(result=Result.UNKNOWN if settles else result, reason=reason, note=note, draft_left=settles)

    def _delivered(self, order: DeliveryRequest, name: str) -> Outcome:
        drafts = self._backend.drafts
        drafts.know(name, order.drafts)
        drafts.clear(name)
        self._backend.measured()  # drop what was measured before this delivery
        steps = DeliveryRun(
            order=order,
            profile=self._backend.inspector.profile(name),
            window=self._backend.open_window(name),
            journal=self._inbox,
            pace=self._inbox,
        )
        outcome = self._guarded(steps.run, steps, order)
        if steps.staged:
            drafts.forget(name)  # before ours was staged the composer was seen empty
        if outcome.draft_left and outcome.result is not Result.UNKNOWN:
            drafts.know(name, steps.marks)
        granted = {"grant": round(self._inbox.grant_s * 1000, 2)}
        return replace(outcome, timings_ms={**outcome.timings_ms, **granted, **self._backend.measured()})

    def _settled(self, order: DeliveryRequest, name: str) -> Outcome:
        recovery = Recovery(
            order=order,
            profile=self._backend.inspector.profile(name),
            window=self._backend.open_window(name),
            journal=self._inbox,
            pace=self._inbox,
        )
        return self._guarded(recovery.run, recovery, order)

    def _acted(self, job: messages.Deliver, act: Act, name: str) -> Outcome:
        control = ActionRun(
            act=act,
            expects=job.order.expected_dialog,
            profile=self._backend.inspector.profile(name),
            window=self._backend.open_action(name),
            journal=self._inbox,
            pace=self._inbox,
        )
        return self._guarded(control.settle if job.settles else control.run, control, job.order)

    def _guarded(self, run: Callable[[], Outcome], attempt: Attempt, order: DeliveryRequest) -> Outcome:
        backend = self._backend
        return carry_out(run, attempt, delivery=order.delivery, release_keys=backend.release_keys, passes=backend.ends)

    def _signed(self, outcome: Outcome) -> Outcome:
        note = "; ".join(filter(None, (outcome.note, self._backend.remark)))
        evidence = None if outcome.evidence is None else replace(outcome.evidence, hand=self._hand)
        return replace(outcome, note=note, evidence=evidence)

    def _answered(self, job: messages.Question) -> messages.CallResult:
        try:
            return self._answer(job)
        except DeliveryFailure as trouble:
            return messages.CallResult(call=job.call, refused=explain(trouble.reason, trouble.note))
        except Cancelled as halt:
            return messages.CallResult(call=job.call, refused=halt.note)

    def _answer(self, job: messages.Question) -> messages.CallResult:
        backend = self._backend
        match job:
            case messages.InspectWindows():
                return messages.CallResult(call=job.call, windows=backend.watcher.look(closely=job.closely))
            case messages.TakePicture(window=""):
                png = to_small_png(backend.inspector.whole(), MOST_WHOLE_BYTES)
                return messages.CallResult(call=job.call, png=base64.b64encode(png).decode())
            case messages.TakePicture():
                self._check_there(job.window)
                png = to_png(backend.inspector.picture(job.window))
                return messages.CallResult(call=job.call, png=base64.b64encode(png).decode())
            case messages.TakeLiveView():
                self._check_there(job.window)
                return messages.CallResult(call=job.call, live=backend.inspector.live(job.window, job.known))
            case messages.AskShown():
                self._check_there(job.window)
                return messages.CallResult(call=job.call, shown=backend.watcher.shown(job.window))
            case messages.ReadWindow():
                self._check_there(job.window)
                return messages.CallResult(call=job.call, transcript=backend.read(job.window, may_touch=job.may_touch))
            case messages.Arrange():
                self._check_there(*job.windows)
                try:
                    return messages.CallResult(call=job.call, arranged=backend.arrange(job.windows))
                finally:
                    self._inbox.recheck_soon()
            case messages.AskPanes():
                return messages.CallResult(call=job.call, panes=backend.unused_panes())
            case messages.AskSurvey() | messages.Measure() | messages.TryOut():
                return backend.calibrate(job)

    def _check_there(self, *windows: str) -> None:
        if not set(windows) <= set(self._backend.inspector.names()):
            raise Cancelled(NO_SUCH_WINDOW)
