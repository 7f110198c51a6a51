"""A control act in a window that exists only here: what it is refused for, that it is pressed once, what is claimed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import pytest

from automation.protocol.dialog_action import EFFECT_S, ActionRun, DialogState
from automation.protocol.ports import Cancelled, PermanentFailure, TransientFailure
from core.deliveries.model import Assurance, Moment, Outcome, Picture, PictureArea, Reason, Result, Target
from core.profiles.model import Accessible, Act, Activity, Press, Profile, StateSigns
from tests.fakes.desk import TK

PROFILE = replace(TK, acts={act: Press(chord="x") for act in Act})
ASKS = DialogState(shows=Activity.NEEDS_INPUT, answers=(Act.APPROVE, Act.DENY), mark="m")
WORKS = DialogState(is_busy=True)


@dataclass(slots=True)
class Stage:
    """A window, a journal and a clock in one; what happens is put into `steps`."""

    shows: DialogState = ASKS
    then: DialogState = WORKS
    """After the press."""
    steps: list[str] = field(default_factory=list)
    when: dict[str, Callable[[int], None]] = field(default_factory=dict)
    now: float = 0.0
    grant_takes: list[float] = field(default_factory=list)
    presses: Mapping[Act, Press] = field(default_factory=lambda: dict(PROFILE.acts))
    picture: str = "before"
    """What the window looks like."""
    is_anew: bool = True
    """A press changes that."""
    _seen: DialogState = ASKS

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if name in self.when:
            self.when[name](self.steps.count(name))

    def find(self) -> None:
        self._step("find")

    def look_at_dialog(self) -> DialogState:
        self._step("stand")
        self._seen = replace(self.shows, presses=self.presses)
        return self._seen

    def is_other_dialog(self, mark: str) -> bool:
        return self._seen.mark != mark

    def view_mark(self) -> str:
        return self.picture

    def prepare(self, act: Act, press: Press) -> None:
        self._step("prepare")

    def press(self, press: Press, *, by_s: float) -> None:
        if self.now >= by_s:
            raise TransientFailure(Reason.LATE)
        self._step("press")
        self.shows = self.then
        self.picture = "after" if self.is_anew else self.picture

    def pictures(self) -> tuple[Picture, ...]:
        return (Picture(moment=Moment.AFTERWARDS, part=PictureArea.WINDOW, png=b"png"),)

    def target_identity(self) -> Target | None:
        return None

    def restore_user_state(self) -> None:
        self._step("restore_user_state")

    def staging(self, drafts: tuple[str, ...]) -> None:
        raise AssertionError("an act has no draft")

    def staged(self, sha256: str, drafts: tuple[str, ...]) -> None:
        raise AssertionError("an act has no draft")

    def submitting(self) -> None:
        self.now += self.grant_takes.pop(0) if self.grant_takes else 0.0
        self._step("submitting")

    def ask_ahead(self) -> None:
        raise AssertionError("an act looks before each question")

    def is_answered(self) -> bool:
        raise AssertionError("nobody answers an act")

    def now_s(self) -> float:
        return self.now

    def rest(self, seconds: float) -> None:
        self.now += seconds

    def check(self) -> None:
        self._step("check")

    def do(self, act: Act = Act.APPROVE, expects: str = "m", profile: Profile = PROFILE) -> Outcome:
        return ActionRun(act=act, expects=expects, profile=profile, window=self, journal=self, pace=self).run()

    def raises(self, trouble: Exception, at: str, time: int = 1) -> Stage:
        def strike(count: int) -> None:
            if count == time:
                raise trouble

        self.when[at] = strike
        return self


def test_an_answer_is_granted_pressed_once_and_its_effect_said() -> None:
    stage = Stage()
    outcome = stage.do()
    assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.WEAK)
    assert outcome.note == "the dialog is gone, its agent is at work"
    assert [one.moment for one in outcome.pictures] == [Moment.AFTERWARDS]
    assert [step for step in stage.steps if step in {"submitting", "press"}] == ["submitting", "press"]
    assert stage.steps[-1] == "restore_user_state"


@pytest.mark.parametrize(
    ("act", "expects", "shows", "why"),
    [
        (Act.APPROVE, "m", DialogState(), "the dialog is gone"),
        (Act.APPROVE, "m", WORKS, "the dialog is gone"),
        (Act.APPROVE, "other", ASKS, "the dialog has changed since a user saw it"),
        (Act.APPROVE, "", ASKS, "no user was shown this dialog"),
        (Act.CONTINUE, "m", ASKS, "continue does not answer what the window shows"),
    ],
)
def test_what_was_not_shown_is_not_answered(act: Act, expects: str, shows: DialogState, why: str) -> None:
    stage = Stage(shows=shows)
    outcome = stage.do(act, expects)
    assert (outcome.result, outcome.reason, outcome.note) == (Result.REFUSED, Reason.CHANGED, why)
    assert not {"submitting", "press"} & set(stage.steps)


def test_a_new_conversation_is_begun_once_and_said_by_what_was_seen() -> None:
    stage = Stage(shows=DialogState(), then=DialogState())
    outcome = stage.do(Act.NEW_CHAT, "")
    assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.WEAK)
    assert outcome.note == "the window shows something else than before"
    assert [step for step in stage.steps if step in {"submitting", "press"}] == ["submitting", "press"]


def test_a_new_conversation_that_shows_nowhere_is_unknown_and_not_begun_again() -> None:
    stage = Stage(shows=DialogState(), then=DialogState(), is_anew=False)
    outcome = stage.do(Act.NEW_CHAT, "")
    assert (outcome.result, outcome.note) == (Result.UNKNOWN, "pressed once; the window looks as it did before")
    assert stage.steps.count("press") == 1


@pytest.mark.parametrize(
    ("shows", "reason", "why"),
    [
        (WORKS, Reason.BUSY, "its agent is at work"),
        (ASKS, Reason.DIALOG, "a dialog is open"),
        (DialogState(is_empty=False), Reason.COMPOSER_NOT_EMPTY, "its composer is not empty"),
    ],
)
def test_a_new_conversation_takes_away_no_work_no_question_and_no_draft(
    shows: DialogState, reason: Reason, why: str
) -> None:
    stage = Stage(shows=shows)
    outcome = stage.do(Act.NEW_CHAT, "")
    assert (outcome.result, outcome.reason, outcome.note) == (Result.REFUSED, reason, why)
    assert not {"submitting", "press"} & set(stage.steps)


def test_work_that_begins_while_the_go_ahead_is_fetched_keeps_its_conversation() -> None:
    stage = Stage(shows=DialogState())
    stage.when["submitting"] = lambda _: setattr(stage, "shows", WORKS)
    outcome = stage.do(Act.NEW_CHAT, "")
    assert (outcome.result, outcome.reason) == (Result.NOT_ARRIVED, Reason.BUSY)
    assert "press" not in stage.steps


def test_an_agent_that_rests_is_not_interrupted() -> None:
    stage = Stage(shows=DialogState())
    outcome = stage.do(Act.INTERRUPT, "")
    assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.NOT_AT_WORK)
    assert not {"submitting", "press"} & set(stage.steps)


def test_an_agent_that_rests_is_not_interrupted_either_where_a_program_tells_that_it_is_at_work() -> None:
    tells = replace(PROFILE, busy=StateSigns(accessible=Accessible(role="push button", name="Stop")))
    stage = Stage(shows=DialogState())
    assert stage.do(Act.INTERRUPT, "", tells).reason is Reason.NOT_AT_WORK
    assert "press" not in stage.steps


def test_a_dialog_that_changes_while_the_go_ahead_is_fetched_is_not_answered() -> None:
    stage = Stage()
    stage.when["submitting"] = lambda _: setattr(stage, "shows", replace(ASKS, mark="another"))
    outcome = stage.do()
    assert (outcome.result, outcome.reason) == (Result.NOT_ARRIVED, Reason.CHANGED)
    assert "press" not in stage.steps


def test_a_go_ahead_that_comes_late_is_asked_for_again_and_nothing_is_pressed_on_it() -> None:
    stage = Stage(grant_takes=[0.3, 0.26, 0.01])
    assert stage.do().result is Result.DELIVERED
    assert stage.steps.count("submitting") == 3
    assert stage.steps.count("press") == 1


def test_a_caret_that_is_away_for_a_moment_is_waited_for() -> None:
    stage = Stage(shows=replace(ASKS, mark="without its caret"))
    stage.when["stand"] = lambda count: setattr(stage, "shows", ASKS) if count == 5 else None
    assert stage.do().result is Result.DELIVERED


@pytest.mark.parametrize(
    ("trouble", "result"),
    [
        (TransientFailure(Reason.COVERED), Result.BOUNCED),
        (PermanentFailure(Reason.CLOSED), Result.REFUSED),
        (Cancelled("stop", reason=Reason.DESK_STOPPED), Result.STOPPED),
    ],
)
@pytest.mark.parametrize("at", ["find", "prepare", "stand"])
def test_what_is_in_the_way_before_is_said_and_nothing_is_asked_for(
    trouble: Exception, result: Result, at: str
) -> None:
    stage = Stage().raises(trouble, at)
    assert stage.do().result is result
    assert not {"submitting", "press"} & set(stage.steps)


@pytest.mark.parametrize(
    ("trouble", "result"),
    [
        (TransientFailure(Reason.FOCUS_TAKEN), Result.NOT_ARRIVED),
        (PermanentFailure(Reason.CLOSED), Result.NOT_ARRIVED),
        (Cancelled("stop"), Result.NOT_ARRIVED),
        (Cancelled("the coordinator is gone", orphaned=True), Result.UNKNOWN),
    ],
)
def test_what_is_in_the_way_after_the_go_ahead_is_said_and_nothing_pressed(trouble: Exception, result: Result) -> None:
    stage = Stage().raises(trouble, "press")
    outcome = stage.do()
    assert outcome.result is result
    assert stage.steps.count("press") == 1


def test_a_journal_that_refuses_leaves_everything_as_it_was() -> None:
    stage = Stage().raises(Cancelled("it was cancelled", denied=True), "submitting")
    assert stage.do().result is Result.STOPPED
    assert "press" not in stage.steps


@pytest.mark.parametrize(
    ("act", "shows", "then", "note"),
    [
        (Act.APPROVE, ASKS, ASKS, "pressed once; the dialog is still open"),
        (Act.INTERRUPT, WORKS, WORKS, "pressed once; its agent is at work"),
    ],
)
def test_a_press_without_an_effect_is_unknown_and_not_pressed_again(
    act: Act, shows: DialogState, then: DialogState, note: str
) -> None:
    stage = Stage(shows=shows, then=then)
    outcome = stage.do(act, "m" if act is Act.APPROVE else "")
    assert (outcome.result, outcome.reason, outcome.note) == (Result.UNKNOWN, Reason.NOT_SEEN, note)
    assert stage.now >= EFFECT_S
    assert stage.steps.count("press") == 1


def test_an_act_that_the_profile_does_not_know_fails_with_the_name_of_the_table() -> None:
    stage = Stage(presses={})
    outcome = ActionRun(act=Act.DENY, expects="m", profile=TK, window=stage, journal=stage, pace=stage).run()
    assert outcome.result is Result.FAILED
    assert "[acts]" in outcome.note
    assert "press" not in stage.steps


def test_an_interruption_goes_into_no_dialog_that_does_not_take_it() -> None:
    stage = Stage(presses={Act.DENY: Press(chord="esc")})
    outcome = stage.do(Act.INTERRUPT, "")
    assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.DIALOG), outcome
    assert "press" not in stage.steps


@pytest.mark.parametrize("shows", [ASKS, WORKS, DialogState()])
def test_after_an_interruption_it_is_looked_at_and_never_pressed(shows: DialogState) -> None:
    stage = Stage(shows=shows)
    control = ActionRun(act=Act.APPROVE, expects="m", profile=PROFILE, window=stage, journal=stage, pace=stage)
    outcome = control.settle()
    assert outcome.result is Result.UNKNOWN
    assert outcome.pictures
    assert ("the dialog is still open" in outcome.note) is (shows is ASKS)
    assert not {"submitting", "press"} & set(stage.steps)
