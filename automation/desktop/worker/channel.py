"""The worker's end of the pipe: a thread reads frames; orders wait in line, a stop acts at once."""

from __future__ import annotations

import queue
import threading
import time
from typing import BinaryIO

import structlog

from automation.desktop.worker import messages
from automation.desktop.worker.frames import BadFrame
from automation.protocol.ports import Cancelled
from core.deliveries.model import DeliveryRequest, Reason
from core.desks.model import DeskMode
from core.kit import faults
from core.kit.priority import hurry

log = structlog.get_logger(__name__)

MOST_QUESTIONS = 64  # of everything else there is one at a time


class PipeClosed:
    """The pipe has ended."""


class RecheckWindows:
    """Something about the windows changed: look at those that were not usable."""


Job = messages.Deliver | messages.Question | RecheckWindows | PipeClosed
Holder = tuple[str, int]  # A delivery and its fence: they say about which order a frame is
NO_ORDER: Holder = ("", 0)


class FrameWriter:
    """Writes frames, one at a time, from any thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, frame: messages.FromWorker) -> None:
        """Write a frame; drop it when the pipe has ended: the inbox notices that."""
        try:
            with self._lock:
                self._stream.write(messages.pack(frame))
                self._stream.flush()
        except (OSError, ValueError):
            pass  # a pipe without a reader is a different error on each platform


class Inbox:
    """Reads frames in a separate thread. It is the DeliveryClock and the CommitPort of the present delivery."""

    def __init__(self, stream: BinaryIO, outbox: FrameWriter, mode: DeskMode) -> None:
        self._stream = stream
        self.outbox = outbox
        self.jobs: queue.Queue[Job] = queue.Queue()
        self.mode = mode
        self.is_gone = False
        self.moved_on_s = time.monotonic()  # the heartbeat stops when this is long ago
        self._change = threading.Condition()
        self._now: Holder = NO_ORDER
        self._early: Holder = NO_ORDER
        self._given_up = False
        self._asked = False
        self._answered = False
        self._number = 0
        self._ahead: int | None = None  # the question for Enter whose answer is not awaited yet
        self._asked_s = 0.0
        self.grant_s = 0.0  # the longest time from a question for Enter to its answer, in this delivery
        self._grants: dict[int, str] = {}
        self._glancing = False
        self._stops = 0

    def start(self) -> None:
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def recheck_soon(self) -> None:
        """Note that the windows changed. Several changes before the next look count as one."""
        with self._change:
            if self._glancing:
                return
            self._glancing = True
        self.jobs.put(RecheckWindows())

    def recheck_in(self, seconds: float) -> None:
        """Do as `recheck_soon`, after so long."""
        later = threading.Timer(seconds, self.recheck_soon)
        later.daemon = True
        later.start()

    def recheck_begins(self) -> None:
        with self._change:
            self._glancing = False

    def begin(self, order: DeliveryRequest) -> None:
        with self._change:
            self._now = (order.delivery, order.fence)
            self._given_up, self._asked, self._answered = self._early == self._now, False, False
            self._early, self._ahead, self.grant_s = NO_ORDER, None, 0.0
            self._grants.clear()

    def end(self) -> None:
        with self._change:
            self._now = NO_ORDER

    def stop_here(self, how: str) -> None:
        """Stop the desk, for a user at the machine, from any thread: Octet presses nothing from here on."""
        with self._change:
            if self.mode is DeskMode.STOPPED:
                return
            self.mode = DeskMode.STOPPED
            self._stops += 1
            number = self._stops
            self._change.notify_all()
        self.outbox.send(messages.StoppedHere(number=number, how=how))

    def now_s(self) -> float:
        self.moved_on_s = time.monotonic()
        return self.moved_on_s

    def rest(self, seconds: float) -> None:
        self.moved_on_s = time.monotonic()
        with self._change:
            self._change.wait_for(self._must_halt, seconds)

    def check(self) -> None:
        if self.is_gone:
            raise Cancelled("the coordinator is gone", orphaned=True)
        if self.mode is DeskMode.STOPPED:
            raise Cancelled("the desk was stopped", reason=Reason.DESK_STOPPED)
        if self._given_up:
            raise Cancelled("it was given up")

    def staging(self, drafts: tuple[str, ...]) -> None:
        self._await(messages.DeliveryStep.STAGING, self._ask(messages.DeliveryStep.STAGING, drafts=drafts))

    def staged(self, sha256: str, drafts: tuple[str, ...]) -> None:
        number = self._ask(messages.DeliveryStep.STAGED, sha256=sha256, drafts=drafts)
        self._await(messages.DeliveryStep.STAGED, number)

    def ask_ahead(self) -> None:
        with self._change:
            self._asked = True
            self._asked_s = time.monotonic()
        self._ahead = self._ask(messages.DeliveryStep.SUBMITTING)

    def submitting(self) -> None:
        if self._ahead is None:
            self.ask_ahead()
        number, self._ahead = self._ahead, None
        assert number is not None
        self._await(messages.DeliveryStep.SUBMITTING, number)

    def is_answered(self) -> bool:
        return self._answered

    def _ask(self, step: messages.DeliveryStep, *, sha256: str = "", drafts: tuple[str, ...] = ()) -> int:
        with self._change:
            self._number += 1
            number, (delivery, fence) = self._number, self._now
        self.outbox.send(
            messages.Ask(number=number, delivery=delivery, fence=fence, step=step, sha256=sha256, drafts=drafts)
        )
        faults.point(f"worker.{step}-asked")
        return number

    def _await(self, step: messages.DeliveryStep, number: int) -> None:
        with self._change:
            while number not in self._grants and not self._must_halt():
                self.moved_on_s = time.monotonic()
                self._change.wait(1.0)
            refused = self._grants.pop(number, None)
        if refused:
            raise Cancelled(refused, denied=True)
        if refused is None:
            self.check()
        faults.point(f"worker.{step}-granted")

    def _must_halt(self) -> bool:
        return self.is_gone or self.mode is DeskMode.STOPPED or self._given_up

    def _read(self) -> None:
        hurry()
        try:
            while (frame := messages.receive(self._stream)) is not None:
                match frame:
                    case messages.Granted():
                        self._granted(frame)
                    case messages.SetMode():
                        refused = self._set_mode(frame)
                        self.outbox.send(messages.CallResult(call=frame.call, refused=refused))
                    case messages.GiveUp():
                        self._give_up((frame.delivery, frame.fence), answered=frame.answered)
                    case messages.Deliver():
                        self.jobs.put(frame)
                    case messages.Hello():
                        log.warning("unexpected_frame", kind="Hello")
                    case _:
                        self._put_question(frame)
        except (BadFrame, OSError, ValueError) as trouble:
            log.warning("pipe_ended", why=str(trouble))
        with self._change:
            self.is_gone = True
            self._change.notify_all()
        self.jobs.put(PipeClosed())

    def _set_mode(self, change: messages.SetMode) -> str:
        """Obey, or say why not: a user at the machine has stopped the desk, which the coordinator has not heard yet."""
        with self._change:
            if change.mode is not DeskMode.STOPPED and change.heard < self._stops:
                return "a user has just stopped it at the machine"
            self.mode = change.mode
            self._change.notify_all()
        if change.mode is DeskMode.OPEN:
            self.recheck_soon()  # looks after the windows that were left alone while the desk was held
        return ""

    def _granted(self, granted: messages.Granted) -> None:
        with self._change:
            if (granted.delivery, granted.fence) == self._now:
                self._grants[granted.number] = granted.refused
                if self._asked:
                    self.grant_s = max(self.grant_s, time.monotonic() - self._asked_s)
                self._change.notify_all()
            else:
                log.warning("grant_for_another_delivery", delivery=granted.delivery, fence=granted.fence)

    def _give_up(self, order: Holder, *, answered: bool) -> None:
        with self._change:
            if order != self._now:
                self._early = order  # it may lie in line still
            elif self._asked:
                self._answered = answered
            else:
                self._given_up = True
                self._change.notify_all()

    def _put_question(self, question: messages.Question) -> None:
        if self.jobs.qsize() < MOST_QUESTIONS:
            self.jobs.put(question)
        else:
            self.outbox.send(messages.CallResult(call=question.call, refused="too many questions wait for this worker"))
