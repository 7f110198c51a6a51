"""The pipe between coordinator and worker: every word is held to the present order and its fence, and none is lost."""

from __future__ import annotations

import io
import os
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import pytest

from automation.desktop.worker import messages
from automation.desktop.worker.channel import MOST_QUESTIONS, FrameWriter, Inbox, Job, PipeClosed, RecheckWindows
from automation.protocol.ports import Cancelled
from core.deliveries.model import DeliveryRequest, Result
from core.desks.model import DeskMode
from tests.automation.desktop.scripted import scripted
from tests.fakes.desk import Commits, make_order
from tests.pace import patience

ORDER = make_order("agent-1", "Hello", fence=2)
OLD = make_order("agent-1", "Hello", fence=1)
OTHER = make_order("agent-1", "Hello", delivery="D7", fence=2)
another_holder = pytest.mark.parametrize("order", [OLD, OTHER], ids=["old fence", "another delivery"])


@dataclass(slots=True)
class Pipe:
    """A worker's inbox with an order under way, and the coordinator's end of its pipe."""

    inbox: Inbox
    to_worker: BinaryIO
    from_worker: BinaryIO
    calls: int = 0
    ended: queue.Queue[str] = field(default_factory=queue.Queue)

    def say(self, frame: messages.ToWorker) -> None:
        """Send a frame and wait until the worker has read it."""
        self.to_worker.write(messages.pack(frame))
        self.calls += 1
        self.to_worker.write(messages.pack(messages.SetMode(call=self.calls, mode=DeskMode.OPEN)))
        self.to_worker.flush()
        while not isinstance(answer := self.hear(), messages.CallResult):
            pass
        assert answer.call == self.calls

    def hear(self) -> messages.FromWorker:
        size = messages.length(self.from_worker.read(4))
        return messages.from_worker(self.from_worker.read(size))

    def ask_for_enter(self) -> messages.Ask:
        """Ask as the worker does, in a thread of its own; how it was answered comes into `ended`."""

        def ask() -> None:
            try:
                self.inbox.submitting()
            except Cancelled as halt:
                self.ended.put(halt.note)
            else:
                self.ended.put("granted")

        threading.Thread(target=ask, daemon=True).start()
        asked = self.hear()
        assert isinstance(asked, messages.Ask)
        return asked


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    (their_read, our_write), (our_read, their_write) = os.pipe(), os.pipe()
    with (
        os.fdopen(their_read, "rb") as inlet,
        os.fdopen(our_read, "rb") as from_worker,
        os.fdopen(their_write, "wb") as outlet,
    ):
        with os.fdopen(our_write, "wb") as to_worker:
            inbox = Inbox(inlet, FrameWriter(outlet), DeskMode.OPEN)
            inbox.begin(ORDER)
            inbox.start()
            yield Pipe(inbox=inbox, to_worker=to_worker, from_worker=from_worker)
        while not inbox.is_gone:
            pass


def granted(number: int, order: DeliveryRequest, refused: str = "") -> messages.Granted:
    return messages.Granted(number=number, delivery=order.delivery, fence=order.fence, refused=refused)


def given_up(order: DeliveryRequest) -> messages.GiveUp:
    return messages.GiveUp(delivery=order.delivery, fence=order.fence)


@another_holder
@pytest.mark.parametrize("refused", ["", "no"])
def test_an_answer_to_another_holder_neither_grants_nor_refuses(
    pipe: Pipe, order: DeliveryRequest, refused: str
) -> None:
    asked = pipe.ask_for_enter()
    assert (asked.delivery, asked.fence) == (ORDER.delivery, ORDER.fence)
    pipe.say(granted(asked.number, order, refused))
    assert not pipe.inbox._grants
    pipe.say(granted(asked.number, ORDER, "" if refused else "no"))
    assert pipe.ended.get(timeout=patience(60)) == ("granted" if refused else "no")


@another_holder
def test_giving_up_another_order_stops_nothing(pipe: Pipe, order: DeliveryRequest) -> None:
    pipe.say(given_up(order))
    pipe.inbox.check()
    pipe.say(given_up(ORDER))
    with pytest.raises(Cancelled):
        pipe.inbox.check()


def test_an_answer_settles_only_the_order_whose_enter_was_asked_for(pipe: Pipe) -> None:
    asked = pipe.ask_for_enter()
    pipe.say(replace(given_up(OLD), answered=True))
    pipe.say(given_up(ORDER))
    assert not pipe.inbox.is_answered(), "it was cancelled too late: what Enter did is watched"
    pipe.say(replace(given_up(ORDER), answered=True))
    pipe.say(granted(asked.number, ORDER))
    assert pipe.ended.get(timeout=patience(60)) == "granted"
    assert pipe.inbox.is_answered()
    pipe.inbox.end()
    pipe.inbox.begin(OTHER)
    assert not pipe.inbox.is_answered()


def test_an_order_given_up_while_it_lies_in_line_does_not_begin(pipe: Pipe) -> None:
    pipe.inbox.end()
    pipe.say(given_up(ORDER))
    pipe.inbox.begin(make_order("agent-1", "Hello", fence=3))
    pipe.inbox.check()
    pipe.inbox.end()
    pipe.say(given_up(ORDER))
    pipe.inbox.begin(ORDER)
    with pytest.raises(Cancelled):
        pipe.inbox.check()


async def test_the_coordinator_believes_no_word_of_an_older_holder() -> None:
    commits = Commits()
    async with scripted("stale words") as on:
        outcome = await on.lane.deliver(ORDER, commits)
    assert outcome.result is Result.BOUNCED, outcome
    assert commits.steps == ["staging"], "what the older one asked for was refused and not committed"
    assert commits.drafts == ["text:x"]


def test_too_many_questions_are_refused_and_nothing_else_is_lost() -> None:
    questions = [messages.InspectWindows(call=number) for number in range(MOST_QUESTIONS + 3)]
    frames = [*questions, messages.Deliver(order=ORDER)]
    stream, out = io.BytesIO(b"".join(map(messages.pack, frames))), io.BytesIO()
    inbox = Inbox(stream, FrameWriter(out), DeskMode.OPEN)
    for number in range(MOST_QUESTIONS):
        inbox.jobs.put(messages.InspectWindows(call=1_000 + number))
    inbox.recheck_soon()
    inbox.start()
    jobs: list[Job] = []
    while not jobs or not isinstance(jobs[-1], PipeClosed):
        jobs.append(inbox.jobs.get(timeout=patience(60)))
    kinds = [type(job) for job in jobs if not isinstance(job, messages.InspectWindows)]
    assert kinds == [RecheckWindows, messages.Deliver, PipeClosed]
    written, refused = out.getvalue(), list[int]()
    while written:
        size = messages.length(written[:4])
        frame, written = messages.from_worker(written[4 : 4 + size]), written[4 + size :]
        if isinstance(frame, messages.CallResult):
            assert frame.refused
            refused.append(frame.call)
    assert refused == [question.call for question in questions]
