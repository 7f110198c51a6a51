"""Enter, once: on a fresh go-ahead and into the right window; then what was seen of its effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from automation.protocol.ports import (
    Cancelled,
    CommitPort,
    DeliveryClock,
    PermanentFailure,
    TransientFailure,
    WindowPort,
)
from automation.protocol.text import has_block, mark
from core.deliveries.model import Assurance, Moment, Outcome, Reason, Result
from core.profiles.model import Confirm, Readback
from core.profiles.panes import AnyReadback, Driven, PaneReadback

GRANT_S = 0.250
"""How long a go-ahead for Enter is good, counted from the asking on the worker's own clock."""
LOOK_S = 0.02
"""Between two looks for what Enter did, if nothing is drawn."""
ASKS = 20
"""How often a go-ahead that came too late is asked for again."""


READ_BY: dict[AnyReadback, str] = {
    Readback.ACCESSIBILITY: "read back over the accessibility bus",
    Readback.COPY: "read back by copying",
    Readback.PIXELS: "read back by pixels only",
    PaneReadback.SCREEN: "read back from the pane's screen",
    PaneReadback.PLACEHOLDER: "a sign stood there in place of the text, and counted right; the text was not seen",
}
"""How the text was seen to be whole, for people."""
COMPARED = frozenset({Readback.ACCESSIBILITY, Readback.COPY, PaneReadback.SCREEN})
"""By these the text itself was read, and compared."""


BETTER_S = 0.3
"""How long Octet watches for a better proof after a composer emptied under the guard, where a window may show one."""
GAINED = "over the accessibility bus, the composer emptied and the window's document gained the whole text, once"
EMPTIED = (
    "{held}; Octet pressed Enter once while it held the user's keyboard and mouse, and saw the composer empty before "
    "it released them. Nothing else shows that the text arrived"
)


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What the looks after Enter have shown so far."""

    empty: bool = False
    busy: bool = False
    guarded: bool = False
    """The composer emptied while the user's devices were still held."""
    gained: bool = False
    """The composer emptied, and the document gained the whole text, once."""


class Submission:
    """One Enter into one window. `asked` and `pressed` tell how far it came, error or not."""

    def __init__(
        self, *, text: str, profile: Driven, window: WindowPort, journal: CommitPort, pace: DeliveryClock
    ) -> None:
        """`text` is the prepared one: it is what is looked for in the transcript."""
        self._text = text
        self._profile = profile
        self._window = window
        self._journal = journal
        self._pace = pace
        self.read_by: AnyReadback | None = None
        """How the whole text was read back before; None after an interruption."""
        self.was_busy = False
        """The busy sign stood there before: it proves nothing afterwards."""
        self.asked = False
        """Enter was asked for: the row may be `submitting` already."""
        self.pressed = False
        """Enter was pressed, or an error came while it was being pressed."""

    def press(self, look_when_due: Callable[[], object]) -> None:
        """Press Enter once, or raise with nothing pressed. `look_when_due` raises unless our draft still stands
        there."""
        for _ in range(ASKS):
            if not self._window.is_held():
                # A person waits for their hands at most 400 ms: they have them back, and may have been here meanwhile.
                self._window.focus()
                look_when_due()
            try:
                if self._try():
                    return
            except TransientFailure as trouble:
                if trouble.reason is not Reason.TOO_SLOW:
                    raise
                continue
            look_when_due()  # time has passed: what stands there is looked at before asking again
        raise TransientFailure(Reason.LATE, f"asked {ASKS} times")

    def _try(self) -> bool:
        """Ask once and press if the answer came in time; False, with nothing pressed, if it did not."""
        self._window.guard()
        self._pace.check()
        since = self._pace.now_s()
        self._ask()
        self._window.guard()
        return self._pace.now_s() - since < GRANT_S and self._press(since + GRANT_S)

    def record_unexpected_submit(self, note: str) -> Outcome:
        """The window sent something without Enter: that is written down as if it had been pressed, and is known only if
        the window says itself that it has the whole text."""
        self._ask()
        self.pressed = True
        outcome = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note=note, draft_left=True)
        if self._stands_in_transcript():
            note = f"{note}; found whole in the window's transcript"
            outcome = Outcome(result=Result.DELIVERED, note=note, assurance=Assurance.EXACT, draft_left=True)
        self._window.remember(Moment.LAST_SEEN if outcome.result is Result.UNKNOWN else Moment.AFTERWARDS)
        return outcome

    def confirm(self) -> Outcome:
        """Watch for what proves that Enter had its effect. Nothing is cleared any more."""
        outcome = self._judged(self._confirm())
        self._window.remember(Moment.LAST_SEEN if outcome.result is Result.UNKNOWN else Moment.AFTERWARDS)
        return outcome

    def _judged(self, outcome: Outcome) -> Outcome:
        """What was seen after Enter, in the light of how the text was read before it."""
        if self.read_by is None:
            return outcome
        if self.read_by is Readback.NONE:
            return _unproven(outcome)
        return replace(outcome, note=f"{outcome.note}; {READ_BY[self.read_by]}")

    def _confirm(self) -> Outcome:
        seen, wanted = self._watch(), self._profile.confirm
        if seen.gained:
            return Outcome(result=Result.DELIVERED, note=GAINED, assurance=Assurance.EXACT)
        if seen.empty and self.was_busy:
            note = "composer empty; the window was at work before, so its busy sign proves nothing"
            return Outcome(result=Result.DELIVERED, note=note, assurance=Assurance.WEAK)
        if seen.empty and seen.busy:
            assurance = Assurance.RECEIPT if self._window.has_receipt() else Assurance.WEAK
            note = "composer empty, busy sign seen"
            return Outcome(result=Result.DELIVERED, note=note, assurance=assurance)
        if self._journal.is_answered():
            note = "an answer with this prompt's code came while Octet still watched the window"
            left = not seen.empty
            return Outcome(result=Result.DELIVERED, note=note, assurance=Assurance.ANSWERED, draft_left=left)
        if self._stands_in_transcript():
            note = "found in the window's transcript"
            left = not self._window.confirm().is_empty
            return Outcome(result=Result.DELIVERED, note=note, assurance=Assurance.EXACT, draft_left=left)
        if seen.guarded:
            is_compared = self.read_by in COMPARED
            held = "the composer held exactly this text" if is_compared else "an empty composer took this text once"
            note = EMPTIED.format(held=held)
            return Outcome(result=Result.DELIVERED, note=note, assurance=Assurance.WEAK)
        if seen.empty:
            note = "the composer is empty, but no busy sign was seen"
        elif seen.busy:
            note = "the busy sign was seen, but the composer was not seen empty"
        else:
            note = "the composer is not empty" if Confirm.COMPOSER_EMPTY in wanted else "nothing was seen"
        return Outcome(
            result=Result.UNKNOWN,
            reason=Reason.NOT_SEEN,
            note=note,
            draft_left=not seen.empty,
        )

    def _ask(self) -> None:
        before, self.asked = self.asked, True
        try:
            self._journal.submitting()
        except Cancelled as halt:
            self.asked = before or not halt.denied
            raise

    def _press(self, by_s: float) -> bool:
        """Press Enter; False when it became too late for that, with nothing pressed."""
        self.pressed = True
        try:
            self._window.submit(by_s=by_s)
        except (TransientFailure, Cancelled) as why:
            self.pressed = False
            if isinstance(why, TransientFailure) and why.reason is Reason.LATE:
                return False
            raise
        return True

    def _watch(self) -> _Seen:
        """What shows within the profile's limit; sooner, as soon as a proof is complete or an answer has come."""
        wanted, seen = self._profile.confirm, _Seen()
        until = self._pace.now_s() + self._profile.confirm_timeout_ms / 1000
        while True:
            sight = self._window.confirm()
            seen.empty = seen.empty or (sight.is_empty and Confirm.COMPOSER_EMPTY in wanted)
            seen.busy = seen.busy or (sight.is_busy and Confirm.BUSY_SEEN in wanted)
            seen.gained = seen.empty and bool(sight.has_gained) and not self.was_busy
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
        """Whether a composer that empties under the input guard proves a weak delivery: it held our text, read back
        just before, and the profile does not forbid it."""
        return self._profile.weak_by_emptying and self.read_by not in {None, Readback.NONE}

    @property
    def _may_show_busy(self) -> bool:
        """Whether the window may show its busy sign soon."""
        return Confirm.BUSY_SEEN in self._profile.confirm and self._profile.has_busy_sign and not self.was_busy

    def _stands_in_transcript(self) -> bool:
        """Whether the window says itself that it has our text; False when it cannot be asked, or the draft is there."""
        level = self._profile.normalise
        if self._profile.transcript is None:
            return False
        try:
            self._window.find()
            said = self._window.transcript()
            if said is None or not has_block(self._text, said, level):
                return False
            # The same text may stand there from before: what is still in the composer was not sent.
            return self._window.confirm().is_empty or not self._window.matches_draft((mark(self._text, level),))
        except (TransientFailure, PermanentFailure, Cancelled):
            return False


def _unproven(outcome: Outcome) -> Outcome:
    """Of a text that nobody read back it may be said at most that it was sent; a draft that stands there was not."""
    if outcome.result is Result.UNKNOWN and outcome.draft_left:
        return outcome
    note = f"nobody read back what was sent, as its profile allows; {outcome.note}"
    return Outcome(result=Result.SENT, note=note)
