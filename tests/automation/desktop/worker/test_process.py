"""Whatever happens in an attempt, it ends in an outcome, and nothing stays pressed."""

from __future__ import annotations

import io
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from automation.desktop.window_info import DisplayHeld
from automation.desktop.worker.channel import Inbox
from automation.desktop.worker.messages import (
    TRY_SOON,
    Beat,
    FromWorker,
    Hello,
    Started,
    from_worker,
    pack,
)
from automation.desktop.worker.process import carry_out, says_when_late, serve
from automation.desktop.x11 import worker
from automation.protocol.delivery import Attempt
from core.deliveries.model import Outcome, Reason, Result
from core.desks.model import DeskMode
from tests.builders import make_desk
from tests.pace import patience

SURE = Outcome(result=Result.DELIVERED)


class DisplayGone(Exception):
    pass


@dataclass(slots=True)
class Tried:
    outcome: Outcome | None = None
    release_keys: int = 0
    given_back: int = 0
    keeps: bool = False

    def failed(self, note: str) -> Outcome:
        return Outcome(result=Result.FAILED, note=note)

    def restore_user_state(self) -> None:
        self.given_back += 1
        if self.keeps:
            raise ValueError

    def release(self) -> None:
        self.release_keys += 1


def carried(tried: Tried, error: Exception) -> Outcome:
    def run() -> Outcome:
        raise error

    return carry_out(run, cast("Attempt", tried), delivery="01", release_keys=tried.release, passes=(DisplayGone,))


def test_an_error_becomes_a_failure_that_names_it_and_nothing_stays_pressed() -> None:
    tried = Tried()
    outcome = carried(tried, KeyError("the prompt itself"))
    assert (outcome.result, tried.release_keys, tried.given_back) == (Result.FAILED, 1, 1)
    assert "KeyError" in outcome.note
    assert "the prompt itself" not in outcome.note


@pytest.mark.parametrize("keeps", [False, True])
def test_what_was_certain_before_the_error_stays_also_when_the_window_cannot_be_given_back(*, keeps: bool) -> None:
    tried = Tried(outcome=SURE, keeps=keeps)
    assert carried(tried, ValueError()) is SURE
    assert tried.given_back == 1


def test_an_error_that_is_not_about_the_attempt_is_raised() -> None:
    with pytest.raises(DisplayGone):
        carried(Tried(), DisplayGone())


class Told:
    """What the coordinator would hear."""

    def __init__(self) -> None:
        self.frames: list[FromWorker] = []
        self.beats = threading.Event()

    def send(self, frame: FromWorker) -> None:
        self.frames.append(frame)
        if isinstance(frame, Beat):
            self.beats.set()


def test_a_display_that_does_not_answer_is_reported_while_it_is_waited_for_and_not_otherwise() -> None:
    told = Told()
    inbox = cast("Inbox", SimpleNamespace(is_gone=False, outbox=told))
    with says_when_late(inbox, after_s=3600):
        pass
    assert told.frames == []
    with says_when_late(inbox, after_s=0):
        assert told.beats.wait(patience(60))
    assert told.frames[:2] == [Started(reason=Reason.DISPLAY_SILENT), Beat()]


def test_a_display_that_is_held_when_a_worker_starts_is_said_to_be_and_tried_again_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*_: object) -> None:
        raise DisplayHeld

    monkeypatch.setattr(worker, "X11Backend", held)
    monkeypatch.setattr(worker, "refuse_wayland", lambda *_: None)
    hello = Hello(desk=make_desk(), profiles=(), anchors=str(tmp_path), locks=str(tmp_path), mode=DeskMode.OPEN)
    inlet, outlet = os.pipe()
    said = io.BytesIO()
    with os.fdopen(outlet, "wb") as sending, os.fdopen(inlet, "rb") as heard:
        sending.write(pack(hello))
        sending.flush()
        code = serve("main", heard, said, worker.work, excuses=worker.EXCUSES, passing=worker.PASSING)
        sending.close()
    assert code == TRY_SOON
    last = from_worker(said.getvalue()[said.getvalue().rindex(b"Started {") :])
    assert isinstance(last, Started)
    assert last.reason is Reason.DISPLAY_HELD
