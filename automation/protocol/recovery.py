"""Finds out what became of a delivery that was interrupted after Octet asked for Enter: looked up, never guessed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from automation.protocol.delivery import FOUND, RECOGNISED, Submission, delivered
from automation.protocol.ports import Cancelled, DeliveryFailure, PermanentFailure, TransientFailure
from automation.protocol.text import mark, prepare
from core.deliveries.model import Assurance, Evidence, Moment, Outcome, Reason, Result
from core.remedies import explain

T = TypeVar("T")
AFTER = "after an interruption"
APART_S = 1.0  # between the two looks that must both find our draft
READS_APART_S = 5.0  # between the two reads of a complete transcript that must both lack our text
PASSES_S = 5.0  # what passes (covered, moved, a key held down) is waited for this long
RETRY_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """One look: whether the transcript has our text (None: it was not read) and what it proves, and what is in the
    composer."""

    has_text: bool | None
    proves: Assurance | None
    is_empty: bool
    is_ours: bool
    is_busy: bool

    @property
    def summary(self) -> str:
        if self.is_empty:
            composer = "the composer is empty"
        else:
            composer = "our text is in the composer" if self.is_ours else "something else is in the composer"
        busy = ", the agent is busy" if self.is_busy else ""
        if self.has_text is None:
            return f"{composer}{busy}, the window has no transcript that can be read"
        return f"{composer}{busy}, the transcript {'has' if self.has_text else 'lacks'} our text"


class Recovery(Submission):
    """Settles one delivery: clears nothing, and presses Enter only for our own whole draft. The `drafts` of its order
    are the marks that were committed before the interruption."""

    def failed(self, note: str) -> Outcome:
        return self._unknown(note)

    def _carry_out(self) -> Outcome:
        try:
            outcome = self._find_out()
        except DeliveryFailure as trouble:
            note = f"Octet could not look into the window ({explain(trouble.reason, trouble.note)})"
            outcome = self._unknown(note, trouble.reason)
        except Cancelled as halt:
            outcome = self._unknown(f"stopped while looking: {halt.note}", halt.reason)
        if outcome.result is Result.UNKNOWN:
            self._window.remember(Moment.LAST_SEEN)
        elif outcome.result is Result.DELIVERED:
            self._window.remember(Moment.AFTERWARDS)
        return outcome

    def _unknown(self, note: str, reason: Reason | None = None, *, draft_left: bool = True) -> Outcome:
        reason = reason or Reason.NOT_SEEN
        return Outcome(result=Result.UNKNOWN, reason=reason, note=note, draft_left=draft_left)

    def _find_out(self) -> Outcome:
        self._text = prepare(self._text, self._profile)
        marks = (mark(self._text, self._profile.normalise), *self._order.drafts)
        first = self._patiently(lambda: self._look(marks))
        if first.has_text and not first.is_ours:
            return _found(first)
        if first.is_ours and not first.has_text and not first.is_busy:
            return self._again(marks)
        complete = self._profile.transcript is not None and self._profile.transcript.complete
        if complete and first.has_text is False and first.is_empty and not first.is_busy:
            if not self._window.is_same_window(self._order.drafts):
                return self._unknown(f"{first.summary}, but the window was reopened since", draft_left=False)
            return self._not_there(marks)
        return self._unknown(first.summary, draft_left=not first.is_empty)

    def _again(self, marks: tuple[str, ...]) -> Outcome:
        """Look again at our draft: if it is still there after a while, Enter was not pressed, and is pressed now."""
        self._rest(APART_S)
        second = self._patiently(lambda: self._look(marks))
        if not second.is_ours or second.has_text or second.is_busy:
            return self._unknown(f"our text was in the composer; {APART_S:g} s later {second.summary}")

        def still_ours() -> None:
            if not self._window.matches_draft(marks):
                raise PermanentFailure(Reason.CHANGED, "the composer no longer contains our draft")

        try:
            self._window.focus()
            still_ours()
            self._window.remember(Moment.STAGED)
            self._read = Evidence(readback=RECOGNISED, sha256=hashlib.sha256(self._text.encode()).hexdigest())
            self._press_enter(still_ours)
        except DeliveryFailure as trouble:
            return self._unknown(f"our text is in the composer; Enter could not be pressed ({trouble.message})")
        outcome = self._confirm_submit()
        return replace(outcome, note=f"Enter was pressed {AFTER}: our whole draft was there; {outcome.note}")

    def _not_there(self, marks: tuple[str, ...]) -> Outcome:
        """Read a complete transcript without our text again after a while: if still without it, it did not arrive."""
        self._rest(READS_APART_S)
        second = self._patiently(lambda: self._look(marks))
        is_same = self._window.is_same_window(self._order.drafts)
        if second.has_text is False and second.is_empty and not second.is_busy and is_same:
            note = "the composer is empty and the complete transcript lacks it, seen twice"
            return Outcome(result=Result.NOT_ARRIVED, reason=Reason.NOT_SEEN, note=note)
        if second.has_text and not second.is_ours:
            return _found(second)
        return self._unknown(f"at first nothing was seen; {READS_APART_S:g} s later {second.summary}")

    def _look(self, marks: tuple[str, ...]) -> _Seen:
        """See everything at once; press keys only once it certainly is the window."""
        self._window.find()
        transcript = self._window.transcript() if self._profile.transcript is not None else None
        proves = self._shown(transcript)
        has_text = None if transcript is None else proves is not None
        sight = self._window.confirm()
        is_ours = not sight.is_empty and bool(marks) and self._window.matches_draft(marks)
        self._window.find()  # nothing came over it meanwhile: it shows what was seen
        return _Seen(has_text=has_text, proves=proves, is_empty=sight.is_empty, is_ours=is_ours, is_busy=sight.is_busy)

    def _patiently(self, look: Callable[[], T]) -> T:
        until = self._pace.now_s() + PASSES_S
        while True:
            self._pace.check()
            try:
                return look()
            except TransientFailure:
                if self._pace.now_s() >= until:
                    raise
            self._rest(RETRY_S)

    def _rest(self, seconds: float) -> None:
        self._pace.check()
        self._pace.rest(seconds)
        self._pace.check()


def _found(seen: _Seen) -> Outcome:
    assert seen.proves is not None
    return delivered(f"{FOUND[seen.proves]} {AFTER}", seen.proves, draft_left=not seen.is_empty)
