"""A control act: seen to be what the person was shown, granted, pressed once, and then what was seen. Never again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from automation.protocol.delivery import ASKS, GRANT_S, Attempt
from automation.protocol.ports import (
    Cancelled,
    CommitPort,
    DeliveryClock,
    DeliveryFailure,
    PermanentFailure,
    TransientFailure,
)
from core.deliveries.model import Assurance, Evidence, Outcome, Picture, Reason, Result, Target
from core.kit import faults
from core.profiles.model import Act, Activity, Driven, Press
from core.remedies import sentence

MATCH_S = 1.2  # how long the dialog may take to look exactly as it was shown: longer than a caret in it is away
EFFECT_S = 2.5  # the longest wait for an act to show, unless the profile's `confirm_timeout_ms` is longer


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogState:
    """What one look at the window gave for an act."""

    shows: Activity | None = None
    answers: tuple[Act, ...] = ()
    mark: str = ""
    is_busy: bool = False
    is_empty: bool = True
    presses: Mapping[Act, Press] = field(default_factory=dict[Act, Press])


class ActionPort(Protocol):
    """One window, ready for one act. A verb raises TransientFailure or PermanentFailure with what it saw."""

    # See that it is the window, at its place, uncovered, unlocked, whatever it shows. Touches nothing.
    def find(self) -> None: ...
    def look_at_dialog(self) -> DialogState: ...  # Look once at what it shows
    # Whether the dialog of `mark` is gone, or another one is there; a caret that blinks makes no other one.
    def is_other_dialog(self, mark: str) -> bool: ...
    def view_mark(self) -> str: ...  # By what the whole of the last look is known, its composer aside
    # Bring the window to the front for a chord; see that a button looks as it always did. Presses nothing.
    def prepare(self, act: Act, press: Press) -> None: ...
    # Press once, not later than `by_s`. Whatever it raises, nothing was pressed then.
    def press(self, press: Press, *, by_s: float) -> None: ...
    # The window as it is now, for people; nothing when it cannot be seen. Raises nothing.
    def pictures(self) -> tuple[Picture, ...]: ...
    def target_identity(self) -> Target | None: ...  # Which window it was
    def restore_user_state(self) -> None: ...  # Pointer and focus go back to where they were


class ActionRun(Attempt):
    """One act in one window. `run` or `settle` is called once."""

    def __init__(
        self, *, act: Act, expects: str, profile: Driven, window: ActionPort, journal: CommitPort, pace: DeliveryClock
    ) -> None:
        """`expects` is the mark of the dialog that the person was shown; empty for an interruption."""
        super().__init__(profile=profile, journal=journal, pace=pace)
        self._act = act
        self._expects = expects
        self._window = window
        self._looked = ""  # of a new conversation: by what the window was known before

    def run(self) -> Outcome:
        self.outcome = self._carry_out()
        self.restore_user_state()
        return self.outcome

    def settle(self) -> Outcome:
        """Say what is seen of an act that may have been pressed before an interruption. Presses nothing, ever."""
        try:
            self._window.find()
            seen = self._seen(self._window.look_at_dialog())
        except DeliveryFailure as trouble:
            seen = f"the window could not be looked at: {sentence(trouble.reason)}"
        except Cancelled as halt:
            seen = halt.note
        self.outcome = self._unknown(f"interrupted when it may have been pressed; now {seen}", Reason.RESTARTED)
        return self.outcome

    def restore_user_state(self) -> None:
        self._window.restore_user_state()

    def failed(self, note: str) -> Outcome:
        if self.asked:
            return Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note=note)
        return Outcome(result=Result.FAILED, note=note)

    def _carry_out(self) -> Outcome:
        try:
            self._window.find()
            before = self._expected()
            press = before.presses.get(self._act)
            if press is None:
                return self._cannot(before)
            self._window.prepare(self._act, press)
            self._press(press)
        except DeliveryFailure as trouble:
            passes = isinstance(trouble, TransientFailure)
            result = Result.NOT_ARRIVED if self.asked else Result.BOUNCED if passes else Result.REFUSED
            return Outcome(result=result, reason=trouble.reason, note=trouble.note)
        except Cancelled as halt:
            return self._halted(halt)
        outcome = self._afterwards(before)
        faults.point("worker.act-seen")
        return outcome

    def _cannot(self, before: DialogState) -> Outcome:
        if self._act in self._profile.acts and before.shows is not None:
            note = f"a dialog stands in the way, to which {self._act.value} is no answer"
            return Outcome(result=Result.REFUSED, reason=Reason.DIALOG, note=note)
        what = "has no entry in [acts] that says how to " + self._act.value
        if self._act is Act.NEW_CHAT:
            what = "names no chord that begins a new conversation (`new_chat`)"
        note = f"the profile {self._profile.name} {what}"
        return Outcome(result=Result.FAILED, note=note)

    def _expected(self) -> DialogState:
        until = self._pace.now_s() + MATCH_S
        while True:
            self._pace.check()
            stand = self._window.look_at_dialog()
            why = self._why_not(stand)
            if not why:
                return stand
            if not self._expects or stand.shows is None or self._pace.now_s() >= until:
                raise PermanentFailure(self._reason(stand), why)
            self._pace.rest(0.02)

    def _why_not(self, stand: DialogState) -> str:
        if self._act is Act.NEW_CHAT:
            return self._why_not_anew(stand)
        if self._act is Act.INTERRUPT:
            at_work = stand.is_busy or stand.shows is not None or not self._profile.has_busy_sign
            return "" if at_work else "its agent is not at work"
        if stand.shows is None:
            return "the dialog is gone"
        if not self._expects:
            return "nobody was shown what would be answered"
        if stand.mark != self._expects:
            return "the dialog does not look any more as it was shown"
        return "" if self._act in stand.answers else f"{self._act.value} is no answer to what the window shows"

    def _why_not_anew(self, stand: DialogState) -> str:
        """A new conversation takes away whatever stands in the window: only from an agent at rest, and no draft."""
        if stand.shows is not None:
            return "a dialog stands there"
        if stand.is_busy:
            return "its agent is at work"
        self._looked = self._window.view_mark()
        return "" if stand.is_empty else "something stands in its composer"

    def _reason(self, stand: DialogState) -> Reason:
        if self._act is not Act.NEW_CHAT:
            return Reason.CHANGED
        if stand.shows is not None:
            return Reason.DIALOG
        return Reason.BUSY if stand.is_busy else Reason.COMPOSER_NOT_EMPTY

    def _press(self, press: Press) -> None:
        for _ in range(ASKS):
            self._expected()
            by_s = self._pace.now_s() + GRANT_S
            self._ask()
            faults.point("worker.act-granted")
            is_as_expected = not self._why_not(self._window.look_at_dialog())
            if is_as_expected and self._press_in_time(lambda by_s=by_s: self._window.press(press, by_s=by_s)):
                faults.point("worker.act-pressed")
                return
        raise TransientFailure(Reason.LATE, f"asked {ASKS} times")

    def _halted(self, halt: Cancelled) -> Outcome:
        if halt.orphaned and self.asked:
            return Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST, note=halt.note)
        result = Result.NOT_ARRIVED if self.asked else Result.STOPPED
        return Outcome(result=result, reason=halt.reason, note=halt.note)

    def _afterwards(self, before: DialogState) -> Outcome:
        until = self._pace.now_s() + max(EFFECT_S, self._profile.confirm_timeout_ms / 1000)
        note = ""
        while True:
            try:
                stand = self._window.look_at_dialog()
                note = self._seen(stand)
                if self._has_effect(before, stand):
                    return Outcome(
                        result=Result.DELIVERED,
                        assurance=Assurance.WEAK,
                        note=note,
                        pictures=self._window.pictures(),
                        evidence=self._evidence(),
                    )
            except DeliveryFailure as trouble:
                note = f"the window could not be seen afterwards: {sentence(trouble.reason)}"
            if self._pace.now_s() >= until:
                return self._unknown(f"pressed once; {note}")
            self._pace.rest(0.02)

    def _has_effect(self, before: DialogState, now: DialogState) -> bool:
        if self._act is Act.NEW_CHAT:
            return now.shows is None and self._window.view_mark() != self._looked
        if before.shows is not None:
            return now.shows is None or self._window.is_other_dialog(before.mark)
        return before.is_busy and not now.is_busy

    def _seen(self, stand: DialogState) -> str:
        at_work = "its agent is at work" if stand.is_busy else ""
        if stand.shows is not None:
            is_same = bool(self._expects) and not self._window.is_other_dialog(self._expects)
            there = "the dialog still stands there" if is_same else "a dialog stands there"
            return f"{there}, {at_work}" if at_work else there
        if self._act is Act.NEW_CHAT:
            is_same = self._window.view_mark() == self._looked
            return "the window looks as it did before" if is_same else "the window shows something else than before"
        gone = "" if self._act is Act.INTERRUPT else "the dialog is gone"
        rests = "" if not self._profile.has_busy_sign else "its agent does not show that it is at work"
        return ", ".join(part for part in (gone, at_work or rests) if part) or "nothing was to be seen"

    def _unknown(self, note: str, reason: Reason = Reason.NOT_SEEN) -> Outcome:
        return Outcome(
            result=Result.UNKNOWN,
            reason=reason,
            note=note,
            pictures=self._window.pictures(),
            evidence=self._evidence(),
        )

    def _evidence(self) -> Evidence:
        return Evidence(target=self._window.target_identity())
