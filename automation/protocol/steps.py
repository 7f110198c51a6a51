"""A delivery, step by step. Typing can be undone, Enter cannot: a state is committed before its act, or when seen."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import contextmanager

from automation.protocol.ports import Bounced, Clearing, Halted, Journal, Pace, Reading, Refused, WindowPort
from automation.protocol.text import equal, has_more, prepare
from core.deliveries.model import Assurance, Outcome, Reason, Result
from core.desks.model import Confirm, Profile, Readback

GRANT_S = 0.250
"""How long a go-ahead for Enter is good, counted from the asking on the worker's own clock."""
ASKS = 20
"""How often a go-ahead that came too late is asked for again."""

ABOUT_TEXT = frozenset({Reason.TEXT_REFUSED, Reason.TOO_LONG})
"""These say something about the text, not about the window: waiting for the window would not help."""


class Steps:
    """One delivery into one window. `run` is called once; `asked` and `pressed` tell how far it came, error or not."""

    def __init__(self, *, text: str, profile: Profile, window: WindowPort, journal: Journal, pace: Pace) -> None:
        self._text = text
        self._profile = profile
        self._window = window
        self._journal = journal
        self._pace = pace
        self._timings_ms: dict[str, float] = {}
        self._drafted = False
        self.asked = False
        """Enter was asked for: the row may be `submitting` already."""
        self.pressed = False
        """Enter was pressed, or an error came while it was being pressed."""
        self.outcome: Outcome | None = None
        """What was seen, once it is certain."""

    def run(self) -> Outcome:
        """Carry the delivery out and say what was seen."""
        self.outcome = self._carry_out()
        self._window.give_back()
        return self.outcome

    def _carry_out(self) -> Outcome:
        try:
            self._before_enter()
        except Bounced as trouble:
            return self._give_up(Result.BOUNCED, trouble.reason, trouble.note)
        except Refused as trouble:
            result = Result.FAILED if trouble.reason in ABOUT_TEXT else Result.REFUSED
            return self._give_up(result, trouble.reason, trouble.note)
        except Halted as halt:
            return self._halt(halt)
        return self._after_enter()

    def _before_enter(self) -> None:
        text = prepare(self._text, self._profile)
        with self._timed("preflight"):
            self._window.look()
        self._pace.check()
        self._journal.staging()
        with self._timed("focus"):
            self._window.focus()
        with self._timed("stage"):
            self._drafted = True
            self._window.stage(text)
        with self._timed("readback"):
            read = self._read_back(text)
        self._journal.staged(hashlib.sha256(read.encode()).hexdigest())
        with self._timed("submit"):
            if self._profile.settle_ms:
                self._pace.rest(self._profile.settle_ms / 1000)
            self._submit(text)

    def _read_back(self, text: str) -> str:
        """Wait until the whole text stands in the composer; the text that was read, or taken by the target itself."""
        until = self._pace.now_s() + self._profile.landed_ms / 1000
        while True:
            self._pace.check()
            reading = self._window.read()
            if self._profile.readback is Readback.COPY:
                if reading.text is not None and equal(text, reading.text, self._profile.normalise):
                    return reading.text
            elif reading.taken and reading.still:
                return text
            if self._pace.now_s() >= until:
                raise self._not_landed(text, reading)
            self._pace.rest(0.01)

    def _not_landed(self, text: str, reading: Reading) -> Bounced | Refused:
        if reading.text is None:
            seen = "the program took it, but it does not stand in the composer" if reading.taken else ""
            return Bounced(Reason.PASTE_NOT_READ, seen)
        if has_more(text, reading.text, self._profile.normalise):
            self._drafted = False  # what stands beside it is somebody's: not ours to clear
            return Refused(Reason.COMPOSER_NOT_EMPTY, "somebody's letters stand beside our draft; both were left there")
        return Refused(Reason.READ_BACK_DIFFERS, f"{len(reading.text)} characters stand there, {len(text)} were staged")

    def _submit(self, text: str) -> None:
        """Press Enter once, on a fresh go-ahead and into the right window, or raise with nothing pressed."""
        for _ in range(ASKS):
            self._window.guard()
            self._pace.check()
            since = self._pace.now_s()
            self._ask()
            self._window.guard()
            if self._pace.now_s() - since < GRANT_S:
                self._press()
                return
            self._read_back(text)  # time has passed: what stands there is looked at again before asking again
        raise Bounced(Reason.LATE, f"asked {ASKS} times")

    def _ask(self) -> None:
        before, self.asked = self.asked, True
        try:
            self._journal.submitting()
        except Halted as halt:
            self.asked = before or not halt.denied
            raise

    def _press(self) -> None:
        self.pressed = True
        try:
            self._window.submit()
        except Halted:
            self.pressed = False
            raise

    def _after_enter(self) -> Outcome:
        """Watch for what proves that Enter had its effect. Nothing is cleared any more."""
        with self._timed("confirm"):
            empty, busy = self._watch()
        wanted = self._profile.confirm
        if empty and busy:
            assurance = Assurance.RECEIPT if self._window.has_receipt() else Assurance.WEAK
            return self._outcome(Result.DELIVERED, None, "composer empty, busy sign seen", assurance)
        if empty:
            note = "the composer is empty, but no busy sign was seen"
        elif busy:
            note = "the busy sign was seen, but the composer was not seen empty"
        else:
            note = "the composer is not empty" if Confirm.COMPOSER_EMPTY in wanted else "nothing was seen"
        return self._outcome(Result.UNKNOWN, Reason.NOT_SEEN, note)

    def _watch(self) -> tuple[bool, bool]:
        """Whether the composer was seen empty, and the busy sign seen, within the profile's limit."""
        wanted = self._profile.confirm
        empty = busy = False
        until = self._pace.now_s() + self._profile.confirm_ms / 1000
        while True:
            sight = self._window.confirm()
            empty = empty or (sight.is_empty and Confirm.COMPOSER_EMPTY in wanted)
            busy = busy or (sight.is_busy and Confirm.BUSY_SEEN in wanted)
            if (empty and busy) or self._pace.now_s() >= until:
                return empty, busy
            self._pace.rest(0.004)

    def _halt(self, halt: Halted) -> Outcome:
        if halt.orphaned and self.asked:
            # The row may be `submitting` and nobody is there to be told: the box is the evidence, it stays as it is.
            return self._outcome(Result.UNKNOWN, Reason.WORKER_LOST, halt.note)
        return self._give_up(Result.STOPPED, halt.reason, halt.note)

    def _give_up(self, result: Result, reason: Reason | None, note: str) -> Outcome:
        """Nothing was pressed: clear our own draft and say why. An uncleared draft makes a bounce a refusal."""
        match self._window.clear() if self._drafted else Clearing.SEEN:
            case Clearing.SEEN:
                pass
            case Clearing.UNSEEN:
                note = _join(note, "our own draft was cleared unseen")
            case Clearing.FAILED:
                note = _join(note, "our own draft could not be cleared")
                result = Result.REFUSED if result is Result.BOUNCED else result
        if self.asked:
            result = Result.NOT_ARRIVED
        return self._outcome(result, reason, note)

    def _outcome(self, result: Result, reason: Reason | None, note: str, assurance: Assurance | None = None) -> Outcome:
        return Outcome(result=result, reason=reason, note=note, assurance=assurance, timings_ms=dict(self._timings_ms))

    @contextmanager
    def _timed(self, stage: str) -> Generator[None]:
        start = self._pace.now_s()
        try:
            yield
        finally:
            self._timings_ms[stage] = round((self._pace.now_s() - start) * 1000, 2)


def _join(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
