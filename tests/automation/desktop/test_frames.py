"""Frames between the coordinator and the worker: they come back as they went, and nonsense is refused."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.desktop.pipe import frames
from core.calibration.model import Cause
from core.deliveries.model import Assurance, Moment, Outcome, Picture, Reason, Result
from core.desks.model import Desk, Window, WindowStatus
from core.profiles.model import Box, Sign
from tests.fakes.desk import TERM, TK, make_order

DESK = Desk(
    name="main",
    display=":0",
    windows=(Window(name="a", profile="tk", title="^a", box=Box(x=-5, y=0, width=9, height=9)),),
)
TO_WORKER: list[frames.ToWorker] = [
    frames.Hello(
        desk=DESK,
        profiles=(TK, TERM),
        anchors="/a",
        locks="/l",
        mode=frames.Mode.HELD,
        drafts={"a": ("m",)},
        fault_points="/f",
    ),
    frames.Deliver(order=make_order("a", "text\n漢字 👩‍👩‍👧")),
    frames.Settle(order=make_order("a", "text", fence=3)),
    frames.GiveUp(delivery="D1", fence=2),
    frames.Granted(number=3, delivery="D1", fence=2, refused="no"),
    frames.SetMode(call=1, mode=frames.Mode.STOPPED),
    frames.InspectWindows(call=2),
    frames.TakePicture(call=3, window="a"),
]
OUTCOME = Outcome(
    result=Result.DELIVERED,
    assurance=Assurance.RECEIPT,
    timings_ms={"focus": 1.5},
    reason=Reason.BUSY,
    note="x",
    draft_left=True,
    pictures=(Picture(moment=Moment.STAGED, png=bytes(range(256))),),
)
FROM_WORKER: list[frames.FromWorker] = [
    frames.CallResult(call=1, refused="a terminal's margin", cause=Cause.MARGIN),
    frames.Started(stage=frames.StartStage.UNAVAILABLE, reason="no display :0"),
    frames.Ask(number=1, delivery="D1", fence=2, step=frames.DeliveryStep.STAGED, sha256="ab", drafts=("text:ab",)),
    frames.Done(delivery="D1", fence=2, outcome=OUTCOME),
    frames.CallResult(call=1, windows=(WindowStatus(name="a", usable=True, reason=""),), png="aGk="),
    frames.WindowUsable(window="a"),
    frames.WindowStatusChanged(status=WindowStatus(name="a", usable=False, reason="closed: x", code="closed")),
    frames.WindowSignLearned(window="a", value=Box(x=1, y=2, width=3, height=4)),
    frames.WindowSignLearned(window="a", value=Sign(box=Box(x=1, y=2, width=3, height=4), colour="#00ff00")),
    frames.Beat(),
]


@pytest.mark.parametrize("frame", TO_WORKER, ids=lambda frame: type(frame).__name__)
def test_what_the_coordinator_says_comes_out_as_it_went_in(frame: frames.ToWorker) -> None:
    assert frames.receive(io.BytesIO(frames.pack(frame))) == frame


@pytest.mark.parametrize("frame", FROM_WORKER, ids=lambda frame: type(frame).__name__)
def test_what_the_worker_says_comes_out_as_it_went_in(frame: frames.FromWorker) -> None:
    packed = frames.pack(frame)
    assert frames.length(packed[:4]) == len(packed) - 4
    assert frames.from_worker(packed[4:]) == frame


@given(st.integers(0, 200))
def test_a_frame_cut_short_is_the_end_of_the_pipe(cut: int) -> None:
    packed = frames.pack(frames.InspectWindows(call=7))
    assert frames.receive(io.BytesIO(packed[: min(cut, len(packed) - 1)])) is None


@pytest.mark.parametrize("body", [b"", b"{}", b"nonsense", b"Arrange {}", b"Arrange", b'Dance {"call": 1}'])
def test_nonsense_is_refused(body: bytes) -> None:
    with pytest.raises(frames.BadFrame):
        frames.for_worker(body)
    with pytest.raises(frames.BadFrame):
        frames.from_worker(body)


def test_a_length_that_nobody_means_is_refused_before_anything_is_read() -> None:
    with pytest.raises(frames.BadFrame):
        frames.receive(io.BytesIO(b"\xff\xff\xff\xff"))
