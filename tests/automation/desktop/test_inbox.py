"""The worker's end of the pipe: however many questions wait, an order, a recheck_soon and the end are never dropped."""

from __future__ import annotations

import io
import queue

from automation.desktop.worker.channel import MOST_QUESTIONS, FrameWriter, Inbox, Job, PipeClosed, RecheckWindows
from automation.desktop.worker.messages import (
    Beat,
    CallResult,
    Deliver,
    InspectWindows,
    Mode,
    from_worker,
    length,
    pack,
)
from tests.fakes.desk import make_order


def answers(written: bytes) -> list[CallResult]:
    found: list[CallResult] = []
    while written:
        size = length(written[:4])
        frame = from_worker(written[4 : 4 + size])
        assert isinstance(frame, CallResult | Beat)
        if isinstance(frame, CallResult):
            found.append(frame)
        written = written[4 + size :]
    return found


def jobs_of(inbox: Inbox) -> list[Job]:
    """All jobs up to the pipe's end."""
    found: list[Job] = []
    while True:
        try:
            found.append(inbox.jobs.get(timeout=60))
        except queue.Empty:
            raise AssertionError("the end of the pipe was dropped") from None
        if isinstance(found[-1], PipeClosed):
            return found


def test_too_many_questions_are_refused_and_nothing_else_is_lost() -> None:
    questions = [InspectWindows(call=number) for number in range(MOST_QUESTIONS + 3)]
    order = Deliver(order=make_order("agent-1", "Hello"))
    stream, out = io.BytesIO(b"".join(pack(frame) for frame in [*questions, order])), io.BytesIO()
    inbox = Inbox(stream, FrameWriter(out), Mode.OPEN)
    for number in range(MOST_QUESTIONS):
        inbox.jobs.put(InspectWindows(call=1_000 + number))
    inbox.recheck_soon()
    inbox.start()
    jobs = jobs_of(inbox)
    assert [type(job) for job in jobs if not isinstance(job, InspectWindows)] == [RecheckWindows, Deliver, PipeClosed]
    refused = answers(out.getvalue())
    assert [answer.call for answer in refused] == [question.call for question in questions]
    assert all("too many questions" in answer.refused for answer in refused)
