"""Frames between the coordinator and the worker: they come back as they went, and nonsense is refused."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.desktop.worker import messages
from automation.desktop.worker.frames import BadFrame
from core.deliveries.model import Assurance, Moment, Outcome, Picture, Reason, Result
from core.desks.model import Desk, DeskMode, Window, WindowStatus
from core.profiles.model import Box, Sign
from tests.fakes.desk import TERM, TK, make_order

BOX = Box(x=-5, y=0, width=9, height=9)
DESK = Desk(name="main", display=":0", windows=(Window(name="a", profile="tk", title="^a", box=BOX),))
OUTCOME = Outcome(
    result=Result.DELIVERED,
    assurance=Assurance.RECEIPT,
    timings_ms={"focus": 1.5},
    reason=Reason.BUSY,
    note="x",
    draft_left=True,
    pictures=(Picture(moment=Moment.STAGED, png=bytes(range(256))),),
)
FROM_WORKER: list[messages.FromWorker] = [
    messages.Started(reason=Reason.NO_DISPLAY, note="no display :0"),
    messages.Ask(number=1, delivery="D1", fence=2, step=messages.DeliveryStep.STAGED, sha256="ab", drafts=("text:ab",)),
    messages.Done(delivery="D1", fence=2, outcome=OUTCOME),
    messages.CallResult(call=1, windows=(WindowStatus(name="a", usable=True),), png="aGk=", reason=Reason.MARGIN),
    messages.WindowStatusChanged(status=WindowStatus(name="a", usable=False, reason=Reason.CLOSED, note="x")),
    messages.WindowSignLearned(window="a", value=BOX),
    messages.WindowSignLearned(window="a", value=Sign(box=BOX, colour="#00ff00")),
    messages.Beat(),
]
HELLO = messages.Hello(
    desk=DESK, profiles=(TK, TERM), anchors="/a", locks="/l", mode=DeskMode.HELD, drafts={"a": ("m",)}
)


@pytest.mark.parametrize("frame", [HELLO, messages.Deliver(order=make_order("a", "text\n漢字 👩‍👩‍👧"), settles=True)])
def test_what_the_coordinator_says_comes_out_as_it_went_in(frame: messages.ToWorker) -> None:
    assert messages.receive(io.BytesIO(messages.pack(frame))) == frame


@pytest.mark.parametrize("frame", FROM_WORKER, ids=lambda frame: type(frame).__name__)
def test_what_the_worker_says_comes_out_as_it_went_in(frame: messages.FromWorker) -> None:
    packed = messages.pack(frame)
    assert messages.length(packed[:4]) == len(packed) - 4
    assert messages.from_worker(packed[4:]) == frame


@given(st.integers(0, 200))
def test_a_frame_cut_short_is_the_end_of_the_pipe(cut: int) -> None:
    packed = messages.pack(messages.InspectWindows(call=7))
    assert messages.receive(io.BytesIO(packed[: min(cut, len(packed) - 1)])) is None


@pytest.mark.parametrize("body", [b"", b"{}", b"nonsense", b"Arrange {}", b"Arrange", b'Dance {"call": 1}'])
def test_nonsense_is_refused(body: bytes) -> None:
    with pytest.raises(BadFrame):
        messages.for_worker(body)
    with pytest.raises(BadFrame):
        messages.from_worker(body)


def test_a_length_that_no_frame_has_is_refused_before_anything_is_read() -> None:
    with pytest.raises(BadFrame):
        messages.receive(io.BytesIO(b"\xff\xff\xff\xff"))
