"""A delivery, step by step. Typing can be undone, Enter cannot: a state is committed before its act, or when seen."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from automation.protocol.enter import Submission
from automation.protocol.ports import (
    Cancelled,
    ClearResult,
    CommitPort,
    DeliveryClock,
    PermanentFailure,
    ReadbackResult,
    TransientFailure,
    WindowPort,
)
from automation.protocol.text import equal, has_more, mark, prepare
from automation.protocol.witness import ReadbackProof, with_evidence
from core.deliveries.model import Moment, Outcome, Reason, Result
from core.kit import faults
from core.profiles.model import Readback
from core.profiles.panes import Driven

ABOUT_TEXT = frozenset({Reason.TEXT_REFUSED, Reason.TOO_LONG})
"""These say something about the text, not about the window: waiting for the window would not help."""


SENT_UNASKED = (
    "its program went to work with what was pasted, before Enter: it may have sent a part of it. If it sends at each "
    'newline, write newline = "refuse" or "collapse" in its profile'
)


class _UnexpectedSubmit(Exception):
    """The program went to work on something while our text did not stand in the composer whole."""


class DeliveryRun:
    """One delivery into one window. `run` is called once; `asked`, `staged` and `marks` tell how far it came."""

    def __init__(
        self,
        *,
        text: str,
        profile: Driven,
        window: WindowPort,
        journal: CommitPort,
        pace: DeliveryClock,
        while_busy: bool = False,
        rehearses: bool = False,
    ) -> None:
        """`while_busy`: this text may also be given to a window at work, if its profile says that it keeps input.
        `rehearses`: it is staged, read back and cleared; Enter is not asked for."""
        self._rehearses = rehearses
        self._while_busy = while_busy and profile.accepts_input_while_busy
        self._text = text
        self._profile = profile
        self._window = window
        self._journal = journal
        self._pace = pace
        self._timings_ms: dict[str, float] = {}
        self._enter: Submission | None = None
        self._read: ReadbackProof | None = None
        self._is_ours = False
        """What stands in the composer is our draft alone, to be cleared when this is given up."""
        self.staged = False
        """Something of ours was put into the composer, or may have been."""
        self.marks: tuple[str, ...] = ()
        """By what our draft can be recognised."""
        self.outcome: Outcome | None = None
        """What was seen, once it is certain."""

    @property
    def asked(self) -> bool:
        """Enter was asked for: the row may be `submitting` already."""
        return self._enter is not None and self._enter.asked

    @property
    def pressed(self) -> bool:
        """Enter was pressed, or an error came while it was being pressed."""
        return self._enter is not None and self._enter.pressed

    def run(self) -> Outcome:
        """Carry the delivery out and say what was seen."""
        self.outcome = self._carry_out()
        self.give_back()
        self.outcome = with_evidence(self.outcome, self._window, self._profile, self._read)
        return self.outcome

    def give_back(self) -> None:
        """What is a person's at the window is theirs again."""
        self._window.give_back()

    def failed(self, note: str) -> Outcome:
        """The outcome after an error: before Enter was asked for our own draft is cleared, after it all stays."""
        if self.asked:
            return Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note=note, draft_left=True)
        return self._give_up(Result.FAILED, None, note)

    def _carry_out(self) -> Outcome:
        try:
            text = prepare(self._text, self._profile)
            enter = self._enter = Submission(
                text=text, profile=self._profile, window=self._window, journal=self._journal, pace=self._pace
            )
            try:
                self._stage(text, enter)
                if self._rehearses:
                    return self._rehearsed()
                self._submit(text, enter)
            except _UnexpectedSubmit:
                return self._sent_unasked(enter)
        except TransientFailure as trouble:
            return self._give_up(Result.BOUNCED, trouble.reason, trouble.note)
        except PermanentFailure as trouble:
            result = Result.FAILED if trouble.reason in ABOUT_TEXT else Result.REFUSED
            if trouble.reason is Reason.COMPOSER_NOT_EMPTY:
                self._is_ours = False  # what stands beside ours is somebody's: not ours to clear
            return self._give_up(result, trouble.reason, trouble.note)
        except Cancelled as halt:
            return self._halt(halt)
        with self._timed("confirm"):
            outcome = enter.confirm()
        faults.point("worker.confirmed")
        return replace(outcome, timings_ms=dict(self._timings_ms))

    def _stage(self, text: str, enter: Submission) -> None:
        with self._timed("preflight"):
            enter.was_busy = self._window.look(may_be_busy=self._while_busy)
        self._pace.check()
        self.marks = (mark(text, self._profile.normalise),)
        self._journal.staging(self.marks)
        with self._timed("focus"):
            self._window.focus()
        faults.point("worker.clicked")
        with self._timed("stage"):
            self.staged = self._is_ours = True
            self._window.stage(text)
        faults.point("worker.pasted")
        with self._timed("readback"):
            read = self._read_back(text, enter)
        faults.point("worker.read-back")
        seen = self._window.marks()
        self.marks += seen
        self._window.remember(Moment.STAGED)
        self._read = ReadbackProof(by=enter.read_by or Readback.NONE, sha256=hashlib.sha256(read.encode()).hexdigest())
        self._journal.staged(self._read.sha256, seen)

    def _submit(self, text: str, enter: Submission) -> None:
        with self._timed("submit"):
            if self._profile.settle_ms:
                self._pace.rest(self._profile.settle_ms / 1000)
            enter.press(lambda: self._read_back(text, enter))

    def _rehearsed(self) -> Outcome:
        """The whole text stood there: clear it, and say whether that could be seen."""
        with self._timed("clear"):
            outcome = self._give_up(Result.REHEARSED, None, "")
        if outcome.draft_left:
            outcome = replace(outcome, result=Result.REFUSED, reason=Reason.NOT_CLEARED)
        return replace(outcome, timings_ms=dict(self._timings_ms))

    def _read_back(self, text: str, enter: Submission) -> str:
        """Wait until the whole text stands in the composer; the text that was read, or taken by the target itself."""
        until = self._pace.now_s() + self._profile.paste_timeout_ms / 1000
        while True:
            self._pace.check()
            reading = self._look()
            if reading.text is not None:
                is_whole = equal(text, reading.text, self._profile.normalise)
            else:
                is_whole = reading.taken and reading.landed
            if reading.taken and not enter.was_busy and self._window.is_at_work():
                if is_whole and reading.text is not None:
                    raise TransientFailure(Reason.BUSY, "it went to work on something else before Enter")
                raise _UnexpectedSubmit
            if is_whole:
                enter.read_by = reading.by
                return text if reading.text is None else reading.text
            if self._pace.now_s() >= until:
                raise self._not_landed(text, reading)
            self._window.wait_for_redraw(0.003)

    def _sent_unasked(self, enter: Submission) -> Outcome:
        """What may have been sent is never brought a second time unless a person says so."""
        try:
            if self._read is None:
                self._journal.staged("", ())
            outcome = enter.record_unexpected_submit(SENT_UNASKED)
        except Cancelled as halt:
            # Stopped just then. What stands there stays, as the evidence that it is.
            result = Result.UNKNOWN if enter.asked else Result.STOPPED
            outcome = Outcome(result=result, reason=halt.reason, note=SENT_UNASKED, draft_left=True)
        return replace(outcome, timings_ms=dict(self._timings_ms))

    def _look(self) -> ReadbackResult:
        """One look, which for a long text may take longer than a person may be kept waiting: then the focus is taken
        anew, and the next look reads the whole again."""
        try:
            return self._window.read()
        except TransientFailure as trouble:
            if trouble.reason is not Reason.TOO_SLOW:
                raise
        self._window.focus()
        return ReadbackResult(by=self._profile.readback[0])

    def _not_landed(self, text: str, reading: ReadbackResult) -> TransientFailure | PermanentFailure:
        if reading.text is None or not reading.text.strip():
            seen = "the program took it, but it does not stand in the composer" if reading.taken else ""
            return TransientFailure(Reason.PASTE_NOT_READ, seen)
        if has_more(text, reading.text, self._profile.normalise):
            return PermanentFailure(
                Reason.COMPOSER_NOT_EMPTY, "somebody's letters stand beside our draft; both were left there"
            )
        return PermanentFailure(
            Reason.READ_BACK_DIFFERS, f"{len(reading.text)} characters stand there, {len(text)} were staged"
        )

    def _halt(self, halt: Cancelled) -> Outcome:
        if halt.orphaned and self.asked:
            # The row may be `submitting` and nobody is there to be told: the box is the evidence, it stays as it is.
            return self._outcome(Result.UNKNOWN, Reason.WORKER_LOST, halt.note, draft_left=True)
        return self._give_up(Result.STOPPED, halt.reason, halt.note)

    def _give_up(self, result: Result, reason: Reason | None, note: str) -> Outcome:
        """Nothing was pressed: clear our own draft and say why. An uncleared draft makes a bounce a refusal."""
        clearing = self._window.clear() if self._is_ours else ClearResult.SEEN
        match clearing:
            case ClearResult.SEEN:
                pass
            case ClearResult.UNSEEN:
                note = _join(note, "our own draft was cleared unseen")
            case ClearResult.FAILED:
                note = _join(note, "our own draft could not be cleared")
                result = Result.REFUSED if result is Result.BOUNCED else result
        left = self.staged and not (self._is_ours and clearing is ClearResult.SEEN)
        return self._outcome(Result.NOT_ARRIVED if self.asked else result, reason, note, draft_left=left)

    def _outcome(self, result: Result, reason: Reason | None, note: str, *, draft_left: bool) -> Outcome:
        timings_ms = dict(self._timings_ms)
        return Outcome(result=result, reason=reason, note=note, draft_left=draft_left, timings_ms=timings_ms)

    @contextmanager
    def _timed(self, stage: str) -> Generator[None]:
        start = self._pace.now_s()
        try:
            yield
        finally:
            self._timings_ms[stage] = round((self._pace.now_s() - start) * 1000, 2)


def _join(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
