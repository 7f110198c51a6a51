"""A delivery, step by step: stage, read back, press Enter once, prove it. A state is committed before its act."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from automation.protocol.ports import (
    Cancelled,
    ClearResult,
    CommitPort,
    DeliveryClock,
    DeliveryFailure,
    PermanentFailure,
    ReadbackResult,
    TransientFailure,
    WindowPort,
)
from automation.protocol.text import equal, has_block, has_head, has_more, is_blank, mark, prepare
from core.deliveries.model import Assurance, DeliveryRequest, Evidence, Moment, Outcome, Reason, Result
from core.kit import faults
from core.profiles.model import AnyReadback, Confirm, Driven, Normalise, PaneProfile, PaneReadback, Readback

ABOUT_TEXT = frozenset({Reason.TEXT_REFUSED, Reason.TOO_LONG})  # They speak of the text, not of the window
SENT_UNASKED = (
    "its program began to work on the pasted text before Enter: it may have sent a part of it. If it sends at each "
    'newline, write newline = "refuse" or "collapse" in its profile'
)
GRANT_S = 0.250  # a go-ahead for Enter is valid for so long, counted from the question on the worker's own clock
LOOK_S = 0.02
ASKS = 20  # how often Octet repeats the question for a go-ahead that came too late
COMPARED = frozenset({Readback.ACCESSIBILITY, Readback.COPY, PaneReadback.SCREEN})
"""By these ways Octet read the text itself, and compared it."""
BETTER_S = 0.3  # so long Octet waits for a better proof after a composer emptied under the guard
GAINED = "the composer emptied, and the window's other text gained the whole prompt, once"
EMPTIED = (
    "{held}; Octet pressed Enter once while it kept users from typing there, and saw the composer empty before they "
    "could type again. Nothing else shows that the text arrived"
)
FOUND = {
    Assurance.EXACT: "found in the window's transcript",
    Assurance.RECEIPT: "this prompt's first line and code were found in what its program shows as taken",
}
RECOGNISED = "recognised"  # Octet recognised its own draft by the marks committed before the interruption
_PASSED_ENTER = frozenset({Result.DELIVERED, Result.SENT, Result.UNKNOWN})


class _UnexpectedSubmit(Exception):
    """The program went to work on something while the composer did not hold our whole text."""


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What the looks after Enter have shown so far."""

    empty: bool = False
    busy: bool = False
    guarded: bool = False  # the composer emptied while the user's devices were still held
    gained: bool = False  # the composer emptied, and the document gained the whole text, once


class Attempt(ABC):
    """One attempt at one window. `asked` tells how far it came, error or not."""

    def __init__(self, *, profile: Driven, journal: CommitPort, pace: DeliveryClock) -> None:
        self._profile = profile
        self._journal = journal
        self._pace = pace
        self.asked = False  # Enter was asked for: the row may be `submitting` already
        self.outcome: Outcome | None = None

    @abstractmethod
    def failed(self, note: str) -> Outcome: ...

    @abstractmethod
    def restore_user_state(self) -> None:
        """Restore what is the user's at the window."""

    def _ask(self) -> None:
        before, self.asked = self.asked, True
        try:
            self._journal.submitting()
        except Cancelled as halt:
            self.asked = before or not halt.denied
            raise

    def _press_in_time(self, press: Callable[[], None]) -> bool:
        """Press; return False when it became too late, with nothing pressed."""
        try:
            press()
        except TransientFailure as why:
            if why.reason is not Reason.LATE:
                raise
            return False
        return True


class Submission(Attempt):
    """An attempt that may press Enter once for one text, and proves what it did."""

    def __init__(
        self, *, order: DeliveryRequest, profile: Driven, window: WindowPort, journal: CommitPort, pace: DeliveryClock
    ) -> None:
        super().__init__(profile=profile, journal=journal, pace=pace)
        self._window = window
        self._order = order
        self._text = order.text  # once prepared: as it is looked for in the transcript
        self._read = Evidence()  # how Octet saw the whole text in the composer before Enter
        self._read_by: AnyReadback | None = None
        self._was_busy = False  # the busy sign was shown before: it proves nothing afterwards
        self._asked_s: float | None = None  # when the question was asked whose answer is not awaited yet

    def run(self) -> Outcome:
        self.outcome = self._carry_out()
        self.restore_user_state()
        self.outcome = self._with_evidence(self.outcome)
        return self.outcome

    @abstractmethod
    def _carry_out(self) -> Outcome: ...

    def restore_user_state(self) -> None:
        self._window.restore_user_state()

    def _with_evidence(self, outcome: Outcome) -> Outcome:
        """Add to the outcome what its receipt needs; to a rehearsal how it was read; any other attempt before Enter
        stays as it is. The whole window is kept where its profile says so, and where a user has to decide by it."""
        has_passed = outcome.result in _PASSED_ENTER
        if not has_passed and outcome.result is not Result.REHEARSED:
            return outcome
        is_whole = self._profile.store_full_window or outcome.result is Result.UNKNOWN
        return replace(
            outcome,
            pictures=self._window.pictures(whole=is_whole) if has_passed else (),
            evidence=replace(self._read, target=self._window.target_identity()),
        )

    def _press_enter(self, look_when_due: Callable[[], object]) -> None:
        """Press Enter once, or raise with nothing pressed. `look_when_due` raises unless our draft is still there."""
        for left in reversed(range(ASKS)):
            if self._asked_s is not None:
                self._asked_since()  # its answer came after the hold
            if not self._window.is_held():
                # The hold blocks a user at most 400 ms: they have their devices back, and may have typed meanwhile.
                self._window.focus()
                if self.asked:  # it was too late before: the coordinator answers while the composer is read again
                    self._asked_s = self._pace.now_s()
                    self._journal.ask_ahead()
                look_when_due()
            try:
                if self._try():
                    return
            except TransientFailure as trouble:
                if trouble.reason is not Reason.TOO_SLOW or not left:
                    raise
                continue
            if self._window.is_held():  # else the loop looks, under another hold
                look_when_due()  # time has passed: look at the composer before asking again
        raise TransientFailure(Reason.LATE, f"asked {ASKS} times")

    def _try(self) -> bool:
        self._window.guard()
        self._pace.check()
        by_s = self._asked_since() + GRANT_S
        self._window.guard()
        return self._pace.now_s() < by_s and self._press_in_time(lambda: self._window.submit(by_s=by_s))

    def _asked_since(self) -> float:
        """Wait for the go-ahead, and return when it was asked for."""
        since = self._pace.now_s() if self._asked_s is None else self._asked_s
        self._asked_s = None
        self._ask()
        return since

    def _record_unexpected_submit(self, note: str) -> Outcome:
        """Record what was sent without Enter as if it had been pressed: known only if the window shows the text."""
        self._ask()
        outcome = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note=note, draft_left=True)
        if self._seen_in_transcript() is Assurance.EXACT:
            note = f"{note}; found whole in the window's transcript"
            outcome = delivered(note, draft_left=True)
        self._window.remember(Moment.LAST_SEEN if outcome.result is Result.UNKNOWN else Moment.AFTERWARDS)
        return outcome

    def _confirm_submit(self) -> Outcome:
        """Watch for proof that Enter had its effect. Nothing is cleared any more."""
        outcome = self._proven()
        self._window.remember(Moment.LAST_SEEN if outcome.result is Result.UNKNOWN else Moment.AFTERWARDS)
        return outcome

    def _proven(self) -> Outcome:
        seen, wanted = self._watch(), self._profile.confirm
        if seen.gained:
            return delivered(GAINED)
        is_free = isinstance(self._profile, PaneProfile)  # a screen is read without touching it
        if is_free and seen.empty and (seen.busy or seen.guarded) and (shown := self._seen_in_transcript()):
            return delivered(FOUND[shown], shown)
        if seen.empty and self._was_busy:
            note = "composer empty; the window was at work before, so its busy sign proves nothing"
            return delivered(note, Assurance.WEAK)
        if seen.empty and seen.busy:
            assurance = Assurance.RECEIPT if self._window.has_receipt() else Assurance.WEAK
            return delivered("composer empty, busy sign seen", assurance)
        if self._journal.is_answered():
            note = "an answer with this prompt's code came while Octet still watched the window"
            return delivered(note, Assurance.ANSWERED, draft_left=not seen.empty)
        if shown := self._seen_in_transcript():
            return delivered(FOUND[shown], shown, draft_left=not self._window.confirm().is_empty)
        if seen.guarded:
            is_compared = self._read_by in COMPARED
            held = "the composer held exactly this text" if is_compared else "an empty composer took this text once"
            return delivered(EMPTIED.format(held=held), Assurance.WEAK)
        if seen.empty:
            note = "the composer is empty, but no busy sign was seen"
        elif seen.busy:
            note = "the busy sign was seen, but the composer was not seen empty"
        elif Confirm.COMPOSER_EMPTY in wanted:
            note = "our text is still in the composer" if self._is_draft_there() else "the composer is not empty"
        else:
            note = "nothing was seen"
        return Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note=note, draft_left=not seen.empty)

    def _watch(self) -> _Seen:
        wanted, seen = self._profile.confirm, _Seen()
        until = self._pace.now_s() + self._profile.confirm_timeout_ms / 1000
        while True:
            sight = self._window.confirm()
            seen.empty = seen.empty or (sight.is_empty and Confirm.COMPOSER_EMPTY in wanted)
            seen.busy = seen.busy or (sight.is_busy and Confirm.BUSY_SEEN in wanted)
            seen.gained = seen.empty and bool(sight.has_gained) and not self._was_busy
            now = self._pace.now_s()
            if seen.empty and sight.is_guarded and self._may_be_weak and not seen.guarded:
                seen.guarded = True
                may_show_more = self._may_show_busy or sight.has_gained is not None
                until = min(until, now + (BETTER_S if may_show_more else 0))
            is_proven = seen.gained or (seen.empty and seen.busy)
            if is_proven or now >= until or self._journal.is_answered():
                return seen
            self._window.wait_for_redraw(LOOK_S)

    @property
    def _may_be_weak(self) -> bool:
        """Whether a composer that empties under the guard proves a weak delivery: our text was read back in it."""
        return self._profile.weak_by_emptying and self._read_by is not None

    @property
    def _may_show_busy(self) -> bool:
        return Confirm.BUSY_SEEN in self._profile.confirm and self._profile.has_busy_sign and not self._was_busy

    def _seen_in_transcript(self) -> Assurance | None:
        """Return what the window's transcript proves: it has the text, or this prompt's first line and code. None if
        neither, or if the draft is still there."""
        try:
            self._window.find()
            shown = self._shown(self._window.transcript() if self._profile.transcript is not None else None)
        except (DeliveryFailure, Cancelled):
            return None
        # The same text may be there from before: what is still in the composer was not sent.
        return None if shown is None or self._is_draft_there() is not False else shown

    def _is_draft_there(self) -> bool | None:
        """Return whether the composer still holds our text; None where it cannot be seen."""
        try:
            marks = (mark(self._text, self._profile.normalise),)
            return not self._window.confirm().is_empty and self._window.matches_draft(marks)
        except (DeliveryFailure, Cancelled):
            return None

    def _shown(self, transcript: str | None) -> Assurance | None:
        if transcript is None:
            return None
        if has_block(self._text, transcript, self._profile.normalise):
            return Assurance.EXACT
        is_screen = isinstance(self._profile, PaneProfile)
        return Assurance.RECEIPT if is_screen and has_head(self._text, transcript) else None


class DeliveryRun(Submission):
    """One delivery into one window; `staged` and `marks` tell how far it came. A rehearsal never asks for Enter."""

    def __init__(
        self, *, order: DeliveryRequest, profile: Driven, window: WindowPort, journal: CommitPort, pace: DeliveryClock
    ) -> None:
        super().__init__(order=order, profile=profile, window=window, journal=journal, pace=pace)
        self._while_busy = order.allow_busy and profile.accepts_input_while_busy
        self._timings_ms: dict[str, float] = {}
        self._is_ours = False
        self.staged = False
        self.marks: tuple[str, ...] = ()

    def failed(self, note: str) -> Outcome:
        """Return the outcome after an error: Octet clears its draft only before it asked for Enter."""
        if self.asked:
            return Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note=note, draft_left=True)
        return self._give_up(Result.FAILED, None, note)

    def _carry_out(self) -> Outcome:
        try:
            self._text = prepare(self._text, self._profile)
            try:
                self._stage()
                if self._order.is_dry_run:
                    return self._rehearsed()
                self._submit()
            except _UnexpectedSubmit:
                return self._sent_unasked()
        except TransientFailure as trouble:
            return self._give_up(Result.BOUNCED, trouble.reason, trouble.note)
        except PermanentFailure as trouble:
            result = Result.FAILED if trouble.reason in ABOUT_TEXT else Result.REFUSED
            if trouble.reason is Reason.COMPOSER_NOT_EMPTY:
                self._is_ours = False  # the text beside ours is a user's: not ours to clear
            return self._give_up(result, trouble.reason, trouble.note)
        except Cancelled as halt:
            return self._halt(halt)
        with self._timed("confirm"):
            outcome = self._confirm_submit()
        faults.point("worker.confirmed")
        return replace(outcome, timings_ms=dict(self._timings_ms))

    def _stage(self) -> None:
        with self._timed("preflight"):
            self._was_busy = self._window.look(may_be_busy=self._while_busy)
        self._pace.check()
        self.marks = (mark(self._text, self._profile.normalise),)
        if COMPARED.isdisjoint(self._profile.readback):  # all that such a window tells is what it shows
            self.marks += (mark(self._text, Normalise.BLANKS),)
        self._journal.staging(self.marks)
        with self._timed("focus"):
            self._window.focus()
        faults.point("worker.clicked")
        with self._timed("stage"):
            self.staged = self._is_ours = True
            self._window.stage(self._text)
        faults.point("worker.pasted")
        with self._timed("readback"):
            read = self._read_back()
        faults.point("worker.read-back")
        seen = self._window.marks()
        self.marks += seen
        self._window.remember(Moment.STAGED)
        normalise = self._profile.normalise.value if self._read_by in COMPARED else ""
        sha256 = hashlib.sha256(read.encode()).hexdigest()
        self._read = Evidence(readback=self._read_by or "", normalise=normalise, sha256=sha256)
        self._journal.staged(self._read.sha256, seen)

    def _submit(self) -> None:
        with self._timed("submit"):
            if self._profile.settle_ms:
                self._pace.rest(self._profile.settle_ms / 1000)
            self._press_enter(self._read_back)

    def _rehearsed(self) -> Outcome:
        with self._timed("clear"):
            outcome = self._give_up(Result.REHEARSED, None, "")
        if outcome.draft_left:
            outcome = replace(outcome, result=Result.REFUSED, reason=Reason.NOT_CLEARED)
        return replace(outcome, timings_ms=dict(self._timings_ms))

    def _read_back(self) -> str:
        until = self._pace.now_s() + self._profile.paste_timeout_ms / 1000
        while True:
            self._pace.check()
            reading = self._look()
            if reading.text is not None:
                is_whole = equal(self._text, reading.text, self._profile.normalise)
            else:
                is_whole = reading.taken and reading.landed
            if reading.taken and not self._was_busy and self._window.is_at_work():
                if is_whole and reading.text is not None:
                    raise TransientFailure(Reason.BUSY, "it began to work on something else before Enter")
                raise _UnexpectedSubmit
            if is_whole:
                self._read_by = reading.by
                return self._text if reading.text is None else reading.text
            if self._pace.now_s() >= until:
                raise self._not_landed(reading)
            self._window.wait_for_redraw(0.003)

    def _sent_unasked(self) -> Outcome:
        """Record what may have been sent: Octet never brings it a second time unless a user says so."""
        try:
            if not self._read.readback:
                self._journal.staged("", ())
            outcome = self._record_unexpected_submit(SENT_UNASKED)
        except Cancelled as halt:
            # Stopped just then. The composer keeps its content, as evidence.
            result = Result.UNKNOWN if self.asked else Result.STOPPED
            outcome = Outcome(result=result, reason=halt.reason, note=SENT_UNASKED, draft_left=True)
        return replace(outcome, timings_ms=dict(self._timings_ms))

    def _look(self) -> ReadbackResult:
        """Look once. A long text may take too long: then the next look, with the focus set again, reads it all."""
        try:
            return self._window.read()
        except TransientFailure as trouble:
            if trouble.reason is not Reason.TOO_SLOW:
                raise
        self._window.focus()
        return ReadbackResult(by=self._profile.readback[0])

    def _not_landed(self, reading: ReadbackResult) -> DeliveryFailure:
        if reading.text is None or is_blank(reading.text):
            seen = "the program took it, but the composer does not show it" if reading.taken else ""
            return TransientFailure(Reason.PASTE_NOT_READ, seen)
        if has_more(self._text, reading.text, self._profile.normalise):
            return PermanentFailure(Reason.COMPOSER_NOT_EMPTY, "other text is beside our draft; Octet left both there")
        return PermanentFailure(
            Reason.READ_BACK_DIFFERS, f"{len(reading.text)} characters are there, {len(self._text)} were staged"
        )

    def _halt(self, halt: Cancelled) -> Outcome:
        if halt.orphaned and self.asked:
            # The row may be `submitting` and no process hears of it: the composer keeps its content, as evidence.
            return self._outcome(Result.UNKNOWN, Reason.WORKER_LOST, halt.note, draft_left=True)
        return self._give_up(Result.STOPPED, halt.reason, halt.note)

    def _give_up(self, result: Result, reason: Reason | None, note: str) -> Outcome:
        """Clear our own draft, as nothing was pressed, and say why. An uncleared draft makes a bounce a refusal."""
        clearing = self._window.clear() if self._is_ours else ClearResult.SEEN
        match clearing:
            case ClearResult.SEEN:
                pass
            case ClearResult.UNSEEN:
                note = _join(note, "our own draft was cleared unseen")
            case ClearResult.FAILED:
                note = _join(note, "" if result is Result.REHEARSED else "our own draft could not be cleared")
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


def delivered(note: str, assurance: Assurance = Assurance.EXACT, *, draft_left: bool = False) -> Outcome:
    """Return the outcome of a text that arrived, as far as was seen."""
    return Outcome(result=Result.DELIVERED, note=note, assurance=assurance, draft_left=draft_left)


def _join(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
