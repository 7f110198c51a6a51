"""A control act: check that the window shows what the user was shown, ask, press once, and report. Never again."""

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

MATCH_S = 1.2  # the dialog may take so long to look exactly as it was shown: longer than its caret's blink
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
    # Whether the dialog of `mark` is gone, or replaced; a blinking caret does not count.
    def is_other_dialog(self, mark: str) -> bool: ...
    def view_mark(self) -> str: ...  # Identifies the whole of the last look, without its composer
    # Bring the window to the front for a chord; see that a button looks as it always did. Presses nothing.
    def prepare(self, act: Act, press: Press) -> None: ...
    # Press once, not later than `by_s`. Whatever it raises, nothing was pressed then.
    def press(self, press: Press, *, by_s: float) -> None: ...
    # The window as it is now, for users; nothing when it cannot be seen. Raises nothing.
    def pictures(self) -> tuple[Picture, ...]: ...
    def target_identity(self) -> Target | None: ...  # Which window it was
    def restore_user_state(self) -> None: ...  # Pointer and focus go back to where they were


class ActionRun(Attempt):
    """One act in one window. `run` or `settle` is called once."""

    def __init__(
        self, *, act: Act, expects: str, profile: Driven, window: ActionPort, journal: CommitPort, pace: DeliveryClock
    ) -> None:
        """Take as `expects` the mark of the dialog that the user was shown; empty for an interruption."""
        super().__init__(profile=profile, journal=journal, pace=pace)
        self._act = act
        self._expects = expects
        self._window = window
        self._looked = ""  # of a new conversation: the view's mark before it

    def run(self) -> Outcome:
        self.outcome = self._carry_out()
        self.restore_user_state()
        return self.outcome

    def settle(self) -> Outcome:
        """Say what is seen of an act that may have been pressed before an interruption. Press nothing."""
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
            note = f"a dialog is open, to which {self._act.value} is not an answer"
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
            state = self._window.look_at_dialog()
            obstacle = self._obstacle(state)
            if obstacle is None:
                return state
            if not self._expects or state.shows is None or self._pace.now_s() >= until:
                raise obstacle
            self._pace.rest(0.02)

    def _obstacle(self, state: DialogState) -> PermanentFailure | None:
        """Return why the act may not be pressed in this state; None if it may."""
        if self._act is Act.NEW_CHAT:
            return self._new_chat_obstacle(state)
        why = ""
        if self._act is Act.INTERRUPT:
            at_work = state.is_busy or state.shows is not None or not self._profile.has_busy_sign
            return None if at_work else PermanentFailure(Reason.NOT_AT_WORK)
        if state.shows is None:
            why = "the dialog is gone"
        elif not self._expects:
            why = "no user was shown this dialog"
        elif state.mark != self._expects:
            why = "the dialog has changed since a user saw it"
        elif self._act not in state.answers:
            why = f"{self._act.value} does not answer what the window shows"
        return PermanentFailure(Reason.CHANGED, why) if why else None

    def _new_chat_obstacle(self, state: DialogState) -> PermanentFailure | None:
        """Return why no new conversation may begin, which clears the window: its agent must rest, without a draft."""
        if state.shows is not None:
            return PermanentFailure(Reason.DIALOG, "a dialog is open")
        if state.is_busy:
            return PermanentFailure(Reason.BUSY, "its agent is at work")
        self._looked = self._window.view_mark()
        if not state.is_empty:
            return PermanentFailure(Reason.COMPOSER_NOT_EMPTY, "its composer is not empty")
        return None

    def _press(self, press: Press) -> None:
        for _ in range(ASKS):
            self._expected()
            by_s = self._pace.now_s() + GRANT_S
            self._ask()
            faults.point("worker.act-granted")
            is_as_expected = self._obstacle(self._window.look_at_dialog()) is None
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
                state = self._window.look_at_dialog()
                note = self._seen(state)
                if self._has_effect(before, state):
                    return self._shown(Result.DELIVERED, note, assurance=Assurance.WEAK)
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

    def _seen(self, state: DialogState) -> str:
        at_work = "its agent is at work" if state.is_busy else ""
        if state.shows is not None:
            is_same = bool(self._expects) and not self._window.is_other_dialog(self._expects)
            there = "the dialog is still open" if is_same else "a dialog is open"
            return f"{there}, {at_work}" if at_work else there
        if self._act is Act.NEW_CHAT:
            is_same = self._window.view_mark() == self._looked
            return "the window looks as it did before" if is_same else "the window shows something else than before"
        gone = "" if self._act is Act.INTERRUPT else "the dialog is gone"
        rests = "" if not self._profile.has_busy_sign else "its agent does not show that it is at work"
        return ", ".join(part for part in (gone, at_work or rests) if part) or "Octet saw nothing"

    def _unknown(self, note: str, reason: Reason = Reason.NOT_SEEN) -> Outcome:
        return self._shown(Result.UNKNOWN, note, reason=reason)

    def _shown(
        self, result: Result, note: str, *, reason: Reason | None = None, assurance: Assurance | None = None
    ) -> Outcome:
        return Outcome(
            result=result,
            reason=reason,
            note=note,
            assurance=assurance,
            pictures=self._window.pictures(),
            evidence=Evidence(target=self._window.target_identity()),
        )
