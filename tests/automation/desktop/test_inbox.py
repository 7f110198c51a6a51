"""The worker's end of the pipe: however many questions wait, an order, a glance and the end are never dropped."""

from __future__ import annotations

import io
import queue

from automation.desktop.pipe.frames import Answer, Beat, Deliver, Look, Mode, from_worker, length, pack
from automation.desktop.pipe.inbox import MOST_QUESTIONS, Glance, Gone, Inbox, Job, Outbox
from tests.fakes.desk import make_order


def answers(written: bytes) -> list[Answer]:
    found: list[Answer] = []
    while written:
        size = length(written[:4])
        frame = from_worker(written[4 : 4 + size])
        assert isinstance(frame, Answer | Beat)
        if isinstance(frame, Answer):
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
        if isinstance(found[-1], Gone):
            return found


def test_too_many_questions_are_refused_and_nothing_else_is_lost() -> None:
    questions = [Look(call=number) for number in range(MOST_QUESTIONS + 3)]
    order = Deliver(order=make_order("agent-1", "Hello"))
    stream, out = io.BytesIO(b"".join(pack(frame) for frame in [*questions, order])), io.BytesIO()
    inbox = Inbox(stream, Outbox(out), Mode.OPEN)
    for number in range(MOST_QUESTIONS):
        inbox.jobs.put(Look(call=1_000 + number))
    inbox.glance()
    inbox.start()
    jobs = jobs_of(inbox)
    assert [type(job) for job in jobs if not isinstance(job, Look)] == [Glance, Deliver, Gone]
    refused = answers(out.getvalue())
    assert [answer.call for answer in refused] == [question.call for question in questions]
    assert all("too many questions" in answer.refused for answer in refused)
