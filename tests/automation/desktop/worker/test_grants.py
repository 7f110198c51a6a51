"""The question for Enter may be asked before its answer is awaited: once, and the answer may come meanwhile."""

from __future__ import annotations

import io
import os

import pytest

from automation.desktop.worker.channel import FrameWriter, Inbox, PipeClosed
from automation.desktop.worker.messages import Ask, Granted, from_worker, length, pack
from automation.protocol.ports import Cancelled
from core.desks.model import DeskMode
from tests.fakes.desk import make_order
from tests.pace import patience


def asked(out: io.BytesIO) -> list[int]:
    written, found = out.getvalue(), list[int]()
    while written:
        size = length(written[:4])
        frame, written = from_worker(written[4 : 4 + size]), written[4 + size :]
        assert isinstance(frame, Ask)
        found.append(frame.number)
    return found


def test_a_question_asked_ahead_is_asked_once_and_its_answer_is_the_next_one_awaited() -> None:
    reads, writes = os.pipe()
    out, order = io.BytesIO(), make_order("worker", "Count the birds")

    def granted(number: int, *, refused: str = "") -> bytes:
        return pack(Granted(number=number, delivery=order.delivery, fence=order.fence, refused=refused))

    with os.fdopen(reads, "rb") as stream, os.fdopen(writes, "wb", buffering=0) as pipe:
        inbox = Inbox(stream, FrameWriter(out), DeskMode.OPEN)
        inbox.start()
        inbox.begin(order)
        inbox.ask_ahead()
        pipe.write(granted(1))
        inbox.submitting()
        assert asked(out) == [1]
        assert inbox.grant_s > 0
        pipe.write(granted(2))
        pipe.write(granted(3, refused="its task has ended"))
        inbox.submitting()
        assert asked(out) == [1, 2], "nothing was asked ahead: it asks itself"
        inbox.ask_ahead()
        with pytest.raises(Cancelled):
            inbox.submitting()
        pipe.close()
        assert isinstance(inbox.jobs.get(timeout=patience(60)), PipeClosed)
