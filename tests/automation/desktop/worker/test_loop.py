"""The loop of every worker, over a real pipe and a surface made for it: what it begins, and what it answers."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import BinaryIO, cast

import pytest
from PIL import Image

from automation.desktop.worker import loop, messages
from automation.desktop.worker.backend import DraftPort, WorkerBackend
from automation.desktop.worker.channel import FrameWriter, Inbox
from automation.desktop.worker.messages import (
    Ask,
    CallResult,
    Deliver,
    Done,
    FromWorker,
    Question,
    ToWorker,
)
from automation.desktop.worker.user_presence import UserActivityGate
from automation.protocol.ports import Cancelled, PermanentFailure, TransientFailure
from core.deliveries.model import Assurance, DeliveryRequest, Outcome, Reason, Result
from core.desks.model import Arranged, DeskMode, LiveView, Shown, Transcribed, WindowStatus
from core.profiles.model import Act, Activity, Profile
from tests.fakes.desk import TK, make_order
from tests.fakes.world import World, raises
from tests.pace import patience

NAME = "agent-1"
ORDER = make_order(NAME, "Hello")
ACT = replace(ORDER, text="", act=Act.INTERRUPT)
NEVER = "this is not done here; do it by hand"
READY = messages.Started()


class Unable(WorkerBackend):
    """It delivers texts, and nothing else."""

    no_acts = no_reading = no_arranging = no_calibration = NEVER

    def __init__(self, hands: Hands, **other: object) -> None:
        self.inspector = self.watcher = self.drafts = self.hands = hands
        self.user_activity = cast("UserActivityGate", hands)
        vars(self).update(other)

    def open_window(self, name: str) -> DraftPort:
        return cast("DraftPort", self.hands.world)

    def release_keys(self) -> None:
        self.hands.acts.append("let go")


class Surface(Unable):
    """It can do everything but acts."""

    def read(self, name: str, *, may_touch: bool = True) -> Transcribed:
        self.hands.may_raise(self.hands_off())
        return Transcribed(text=f"said in {name}", by="copy")

    def arrange(self, names: tuple[str, ...]) -> tuple[Arranged, ...]:
        self.hands.may_raise(self.hands_off())
        return tuple(Arranged(window=name) for name in names)

    def calibrate(self, job: messages.Calibrating) -> CallResult:
        return CallResult(call=job.call, pointer=(1, 2))


@dataclass(slots=True)
class Hands:
    """All parts of a surface in one; what the loop does with it is put into `acts` in its order."""

    world: World = field(default_factory=World)
    why: list[Reason | None] = field(default_factory=list[Reason | None])
    """What is in the way, look by look; at last nothing."""
    acts: list[str] = field(default_factory=list[str])
    marks: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    trouble: Exception | None = None
    """What reading and arranging raise."""

    def surface(self, **other: object) -> WorkerBackend:
        return Surface(self, **other)

    def may_raise(self, hands_off: str) -> None:
        if hands_off:
            raise Cancelled(hands_off)
        if self.trouble is not None:
            raise self.trouble

    # inspector
    def names(self) -> tuple[str, ...]:
        return (NAME,)

    def profile(self, name: str) -> Profile:
        assert name == NAME
        return TK

    def is_composer_empty(self, name: str) -> bool:
        return name == NAME

    def is_busy(self, name: str) -> bool:
        return name != NAME

    def is_ready(self, name: str) -> bool:
        return name == NAME

    def picture(self, name: str) -> Image.Image:
        raise PermanentFailure(Reason.CLOSED, f"{name} is gone")

    def live(self, name: str, known: str) -> LiveView:
        return LiveView(mark=known, text=name)

    def whole(self) -> Image.Image:
        return Image.new("RGB", (2, 2))

    # watcher
    def begin(self) -> None:
        self.acts.append("begin")

    def report_usable(self) -> None:
        self.acts.append("tell usable")

    def due_in_s(self) -> float | None:
        return None

    def look_when_due(self) -> None:
        self.acts.append("look again")

    def recheck_soon(self) -> None:
        self.acts.append("recheck_soon")

    def look(self, *, closely: bool) -> tuple[WindowStatus, ...]:
        return (WindowStatus(name=NAME, usable=True, unread="closely" if closely else ""),)

    def shown(self, name: str) -> Shown:
        return Shown(window=name, activity=Activity.IDLE)

    def ended(self, name: str, *, was_used: bool) -> None:
        self.acts.append(f"{name} ended, {'used' if was_used else 'not used'}")

    # drafts
    def know(self, name: str, marks: tuple[str, ...]) -> None:
        if marks:
            self.marks[name] = (*self.marks.get(name, ()), *marks)

    def clear(self, name: str) -> bool:
        self.acts.append(f"clear {name}")
        return True

    def forget(self, name: str) -> None:
        self.marks.pop(name, None)

    # user activity
    def why_not(self) -> Reason | None:
        return self.why.pop(0) if self.why else None


@dataclass(slots=True, kw_only=True)
class Talk:
    """The coordinator's end: it grants whatever is asked for."""

    to_worker: BinaryIO
    from_worker: BinaryIO

    def say(self, frame: ToWorker) -> None:
        self.to_worker.write(messages.pack(frame))
        self.to_worker.flush()

    def hear(self) -> FromWorker:
        """Return the next frame that is no heartbeat."""
        while True:
            head = self.from_worker.read(4)
            assert head, "the worker has ended"
            frame = messages.from_worker(self.from_worker.read(messages.length(head)))
            if not isinstance(frame, messages.Beat):
                return frame

    def answer(self, question: Question) -> CallResult:
        self.say(question)
        answer = self.hear()
        assert isinstance(answer, CallResult)
        assert answer.call == question.call
        return answer

    def outcome(self, job: Deliver) -> Outcome:
        self.say(job)
        while isinstance(frame := self.hear(), Ask):
            self.say(messages.Granted(number=frame.number, delivery=frame.delivery, fence=frame.fence))
        assert isinstance(frame, Done)
        assert (frame.delivery, frame.fence) == (job.order.delivery, job.order.fence)
        return frame.outcome


@contextmanager
def at_work(surface: WorkerBackend, mode: DeskMode = DeskMode.OPEN) -> Generator[Talk]:
    """Run a loop in a thread of its own; it has ended behind the block, because its pipe did."""
    (their_read, our_write), (our_read, their_write) = os.pipe(), os.pipe()
    with (
        os.fdopen(our_write, "wb") as to_worker,
        os.fdopen(our_read, "rb") as from_worker,
        os.fdopen(their_read, "rb") as inlet,
        os.fdopen(their_write, "wb") as outlet,
    ):
        outbox = FrameWriter(outlet)
        surface.inbox = inbox = Inbox(inlet, outbox, mode)
        inbox.start()

        def be_a_worker() -> None:
            with outlet:  # whatever ends it, nobody waits for its words any more
                loop.WorkerLoop(surface).run()

        worker = threading.Thread(target=be_a_worker, daemon=True)
        worker.start()
        talk = Talk(to_worker=to_worker, from_worker=from_worker)
        try:
            assert talk.hear() == READY
            yield talk
        finally:
            to_worker.close()
            worker.join(timeout=patience(30))
        assert not worker.is_alive(), "the end of the pipe ends the worker"


def order(**other: object) -> DeliveryRequest:
    return replace(ORDER, **other)  # pyright: ignore[reportArgumentType] fields by their names


def test_a_text_is_delivered_by_the_steps_and_its_receipt_names_the_hands_and_what_they_measured() -> None:
    hands, measured = Hands(), [{"grabs": 7.0}, {"grabs": 3.0}]
    surface = hands.surface(path="by post", remark="by post too", measured=lambda: measured.pop(0))
    with at_work(surface) as talk:
        outcome = talk.outcome(Deliver(order=ORDER))
    assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.RECEIPT)
    assert outcome.note.endswith("by post too")
    assert outcome.evidence is not None
    assert outcome.evidence.hand is not None
    assert (outcome.evidence.hand.pid, outcome.evidence.hand.path) == (os.getpid(), "by post")
    assert outcome.timings_ms["grabs"] == 3.0, "what was counted before belongs to nobody's receipt"
    tidied, ended = ["begin", "tell usable"], [f"{NAME} ended, used", "let go"]
    assert hands.acts == [*tidied, f"clear {NAME}", *ended], "it tidies up first, and at last releases every key"


def test_marks_of_a_draft_are_known_before_it_is_cleared_and_those_of_one_left_behind_afterwards() -> None:
    hands = Hands(world=World(when={"guard": raises(TransientFailure(Reason.FOCUS_TAKEN))}))
    with at_work(hands.surface()) as talk:
        hands.world.clears = type(hands.world.clears).FAILED
        outcome = talk.outcome(Deliver(order=order(drafts=("sha256:old",))))
        assert outcome.draft_left
        assert "sha256:old" not in hands.marks[NAME], "the composer was seen empty before ours was staged"
        assert hands.marks[NAME]
    assert f"{NAME} ended, not used" in hands.acts


@pytest.mark.parametrize(
    ("job", "result", "reason"),
    [
        (Deliver(order=ORDER), Result.BOUNCED, Reason.PERSON_TYPING),
        (Deliver(order=ORDER, settles=True), Result.UNKNOWN, Reason.WORKER_LOST),
    ],
)
def test_nothing_begins_while_a_person_types_and_what_was_interrupted_is_looked_at_later(
    job: Deliver, result: Result, reason: Reason
) -> None:
    hands = Hands(why=[Reason.PERSON_TYPING])
    with at_work(hands.surface()) as talk:
        outcome = talk.outcome(job)
    assert (outcome.result, outcome.reason) == (result, reason)
    assert hands.world.acts == []
    assert outcome.draft_left is (result is Result.UNKNOWN)


@pytest.mark.parametrize("mode", [DeskMode.HELD, DeskMode.STOPPED])
def test_nothing_begins_and_nothing_is_touched_on_a_desk_that_is_held_or_stopped(mode: DeskMode) -> None:
    hands = Hands()
    with at_work(hands.surface(), mode) as talk:
        assert talk.outcome(Deliver(order=ORDER)).result is Result.STOPPED
        assert talk.outcome(Deliver(order=ORDER, settles=True)).result is Result.UNKNOWN
        why = f"the desk is {mode}"
        assert talk.answer(messages.ReadWindow(call=1, window=NAME)).refused == why
        assert talk.answer(messages.Arrange(call=2, windows=(NAME,))).refused == why
    assert hands.world.acts == []


def test_an_order_for_a_window_that_is_not_there_fails_and_the_worker_works_on() -> None:
    hands = Hands()
    with at_work(hands.surface(noun="pane")) as talk:
        stranger = order(window="agent-9")
        outcome = talk.outcome(Deliver(order=stranger))
        assert (outcome.result, outcome.note) == (Result.FAILED, "this desk has no pane called agent-9")
        assert talk.outcome(Deliver(order=stranger, settles=True)).result is Result.UNKNOWN
        assert talk.outcome(Deliver(order=ORDER)).result is Result.DELIVERED
    assert not [act for act in hands.acts if act.startswith("agent-9")], "nobody looks after what is not there"


def test_what_these_hands_cannot_do_is_refused_by_their_own_sentence() -> None:
    hands = Hands()
    with at_work(Unable(hands)) as talk:
        acted = talk.outcome(Deliver(order=ACT))
        assert (acted.result, acted.note) == (Result.FAILED, NEVER)
        assert talk.outcome(Deliver(order=ACT, settles=True)).result is Result.UNKNOWN
        questions: list[Question] = [
            messages.ReadWindow(call=1, window=NAME),
            messages.Arrange(call=2, windows=(NAME,)),
            messages.AskSurvey(call=3),
            messages.Measure(call=4, window=1),
        ]
        assert {talk.answer(question).refused for question in questions} == {NEVER}


def test_questions_are_answered_and_those_about_other_windows_are_refused() -> None:
    with at_work(Hands().surface()) as talk:
        assert talk.answer(messages.InspectWindows(call=1)).windows[0].unread == ""
        assert talk.answer(messages.InspectWindows(call=2, closely=True)).windows[0].unread == "closely"
        assert talk.answer(messages.AskShown(call=3, window=NAME)).shown == Shown(window=NAME, activity=Activity.IDLE)
        said = talk.answer(messages.ReadWindow(call=4, window=NAME)).transcript
        assert said is not None
        assert said.text == f"said in {NAME}"
        assert talk.answer(messages.Arrange(call=5, windows=(NAME,))).arranged == (Arranged(window=NAME),)
        assert talk.answer(messages.TakePicture(call=6, window=NAME)).refused == f"{Reason.CLOSED}: {NAME} is gone"
        assert talk.answer(messages.TakePicture(call=7, window="")).png
        assert talk.answer(messages.AskSurvey(call=8)).pointer is not None
        others: list[Question] = [
            messages.AskShown(call=9, window="agent-9"),
            messages.ReadWindow(call=10, window="agent-9"),
            messages.TakePicture(call=11, window="agent-9"),
            messages.Arrange(call=12, windows=(NAME, "agent-9")),
        ]
        assert {talk.answer(question).refused for question in others} == {loop.NO_SUCH_WINDOW}


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (TransientFailure(Reason.COVERED, "by another one"), f"{Reason.COVERED}: by another one"),
        (PermanentFailure(Reason.CLOSED), Reason.CLOSED),
        (Cancelled("the desk was stopped"), "the desk was stopped"),
    ],
)
def test_what_is_in_the_way_of_an_answer_is_the_answer(trouble: Exception, said: str) -> None:
    with at_work(Hands(trouble=trouble).surface()) as talk:
        assert talk.answer(messages.ReadWindow(call=1, window=NAME)).refused == said
        assert talk.answer(messages.Arrange(call=2, windows=(NAME,))).refused == said
        assert talk.answer(messages.AskShown(call=3, window=NAME)).shown is not None, "it works on"


def test_an_error_in_an_attempt_lets_go_of_the_keys_and_ends_in_an_outcome() -> None:
    hands = Hands(world=World(when={"focus": raises(KeyError("a text"))}))
    with at_work(hands.surface()) as talk:
        outcome = talk.outcome(Deliver(order=ORDER))
        assert "KeyError" in outcome.note
        assert hands.acts.count("let go") == 1
        assert talk.outcome(Deliver(order=ORDER)).result is Result.DELIVERED
