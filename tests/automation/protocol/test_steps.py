"""The steps of a delivery over a window that exists only here. Each rule is also shown to bite on a broken variant."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from automation.protocol import delivery
from automation.protocol.delivery import ASKS, GRANT_S, DeliveryRun
from automation.protocol.ports import Cancelled, ClearResult, PermanentFailure, TransientFailure
from automation.protocol.text import mark
from core.deliveries.model import Assurance, Evidence, Moment, Outcome, PictureArea, Reason, Result
from core.profiles.model import Confirm, Normalise, Profile, Readback
from tests.fakes.desk import SAYS, TERM, TK, make_order
from tests.fakes.world import World, raises

TEXT = "Do this\nthen that"


def deliver(world: World, profile: Profile = TK, text: str = TEXT) -> Outcome:
    return DeliveryRun(order=make_order("worker", text), profile=profile, window=world, journal=world, pace=world).run()


def test_each_state_is_committed_before_its_act_or_after_it_was_seen() -> None:
    world = World()
    outcome = deliver(world)
    assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.RECEIPT)
    assert [act for act in world.acts if act not in {"guard", "read"} and "remember" not in act] == [
        "look",
        "staging",
        "focus",
        "stage",
        "staged",
        "submitting",
        "submit",
        "give back",
    ]
    assert world.acts.index("read") < world.acts.index("staged")
    assert world.hashes == [hashlib.sha256(TEXT.encode()).hexdigest()]
    assert world.drafts == (mark(TEXT, Normalise.RAW), "window:1")
    assert not outcome.draft_left
    assert [(one.moment, one.part) for one in outcome.pictures] == [
        (Moment.STAGED, PictureArea.COMPOSER),
        (Moment.AFTERWARDS, PictureArea.COMPOSER),
    ]
    assert outcome.evidence == Evidence(
        readback="copy", normalise="raw", sha256=world.hashes[0], target=world.target_identity()
    )
    acts = [act for act in world.acts if act not in {"guard", "read"}]
    assert acts.index("remember staged") < acts.index("submitting")
    assert acts.index("submit") < acts.index("remember afterwards") < acts.index("give back")
    assert set(outcome.timings_ms) == {"preflight", "focus", "stage", "readback", "submit", "confirm"}


def test_focus_is_looked_at_between_the_grant_and_the_key() -> None:
    world = World()
    deliver(world)
    assert world.acts[world.acts.index("submitting") + 1 : world.acts.index("submit")] == ["guard"]


def test_a_grant_in_time_is_used_and_one_too_late_is_asked_for_again() -> None:
    in_time = World(grant_takes=[GRANT_S - 0.01])
    assert deliver(in_time).result is Result.DELIVERED
    assert in_time.acts.count("submitting") == 1

    late = World(grant_takes=[GRANT_S + 0.01, 1.0])
    assert deliver(late).result is Result.DELIVERED
    assert late.acts.count("submitting") == 3
    assert late.acts.count("submit") == 1
    first = late.acts.index("submitting")
    assert "read" in late.acts[first : late.acts.index("submitting", first + 1)], "looked again before asking again"


def test_a_person_who_got_their_hands_back_before_enter_is_held_again_and_the_text_read_again() -> None:
    world = World()

    def release_keys(_: int) -> None:
        world.held_until = world.now  # 400 ms were over when the text had been read

    def hold(_: int) -> None:
        world.held_until = world.now + 0.4

    world.when |= {"staged": release_keys, "focus": hold}
    assert deliver(world).result is Result.DELIVERED
    after = world.acts[world.acts.index("staged") :]
    assert after.index("focus") < after.index("read") < after.index("submitting") < after.index("submit")
    assert world.acts.count("submit") == 1


@pytest.mark.parametrize("act", ["guard", "submit"])
def test_hands_given_back_while_enter_was_asked_for_mean_no_key_and_another_hold(act: str) -> None:
    world = World()

    def too_slow(times: int) -> None:
        if times == (2 if act == "guard" else 1):
            world.held_until = world.now
            raise TransientFailure(Reason.TOO_SLOW)

    def hold(_: int) -> None:
        world.held_until = world.now + 0.4

    world.when |= {act: too_slow, "focus": hold}
    assert deliver(world).result is Result.DELIVERED
    asked = [place for place, done in enumerate(world.acts) if done == "submitting"]
    assert len(asked) == 2, "Enter is asked for anew"
    assert "read" in world.acts[asked[0] : asked[1]], "after the whole text was read again"
    assert world.said is None
    assert world.acts[-1] == "give back"


def test_a_long_text_is_read_back_in_several_holds() -> None:
    world = World()

    def too_slow(times: int) -> None:
        if times <= 2:
            raise TransientFailure(Reason.TOO_SLOW)

    world.when["read"] = too_slow
    assert deliver(world).result is Result.DELIVERED
    assert world.acts.count("focus") == 3


def test_a_go_ahead_that_gets_old_while_the_display_is_waited_for_is_not_used() -> None:
    world = World()

    def late(times: int) -> None:
        if times == 1:
            raise TransientFailure(Reason.LATE)

    world.when["submit"] = late
    assert deliver(world).result is Result.DELIVERED
    assert world.acts.count("submitting") == 2
    held = World(when={"submit": raises(TransientFailure(Reason.DISPLAY_HELD))})
    outcome = deliver(held)
    assert (outcome.result, outcome.reason, held.box) == (Result.NOT_ARRIVED, Reason.DISPLAY_HELD, "")


def test_a_grant_that_is_always_late_presses_nothing_and_says_so() -> None:
    world = World(grant_takes=[1.0] * (ASKS + 1))
    outcome = deliver(world)
    assert (outcome.result, outcome.reason) == (Result.NOT_ARRIVED, Reason.LATE)
    assert "submit" not in world.acts
    assert world.box == ""


def test_holds_that_are_always_over_press_nothing_and_say_that_the_machine_is_too_slow() -> None:
    def over(_: int) -> None:
        raise TransientFailure(Reason.TOO_SLOW, "our hold was over")

    world = World(when={"guard": over})
    outcome = deliver(world)
    assert (outcome.result, outcome.reason, outcome.note) == (Result.BOUNCED, Reason.TOO_SLOW, "our hold was over")
    assert "submit" not in world.acts
    assert world.box == ""


def slow(*grant_takes: float) -> World:
    """Return a world on a busy machine: the focus takes 100 ms, a look 150, and the user's devices are held for 400."""
    world = World(held_until=0.0, grant_takes=list(grant_takes))

    def focus(_: int) -> None:
        world.held_until = world.now + 0.4
        world.now += 0.1

    def read(_: int) -> None:
        world.now += 0.14

    def guard(_: int) -> None:
        if world.now >= world.held_until:
            raise TransientFailure(Reason.TOO_SLOW)

    world.when |= {"focus": focus, "read": read, "guard": guard}
    return world


def test_after_a_late_go_ahead_the_next_is_asked_for_while_the_composer_is_read_so_that_only_the_key_remains() -> None:
    world = slow(0.3, *[0.2] * ASKS)
    assert deliver(world).result is Result.DELIVERED
    assert world.acts.count("submitting") == 2
    after = [act for act in world.acts[world.acts.index("submitting") + 1 :] if "remember" not in act]
    assert after[:7] == ["guard", "focus", "ask ahead", "read", "guard", "submitting", "guard"]
    assert after[7] == "submit"


def test_a_go_ahead_that_was_asked_for_ahead_is_as_old_as_its_question() -> None:
    world = slow(0.3, GRANT_S + 0.01, 0.01)
    assert deliver(world).result is Result.DELIVERED
    assert (world.acts.count("submitting"), world.acts.count("submit")) == (3, 1)


def test_an_answer_that_comes_after_the_hold_is_taken_in_before_the_next_question() -> None:
    world = slow(0.3, 0.2, 0.2)
    read = world.when["read"]

    def once_slower(times: int) -> None:
        read(times)
        world.now += 0.3 if times == 2 else 0.0

    world.when["read"] = once_slower
    assert deliver(world).result is Result.DELIVERED
    asked = [act for act in world.acts if act in {"ask ahead", "submitting", "submit"}]
    assert asked == ["submitting", "ask ahead", "submitting", "ask ahead", "submitting", "submit"]


def test_the_late_grant_rule_bites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "GRANT_S", 99.0)
    world = World(grant_takes=[1.0])
    deliver(world)
    assert world.acts.count("submitting") == 1, "with the rule switched off the late grant is used"


@pytest.mark.parametrize("reason", [Reason.FOCUS_TAKEN, Reason.CLIPBOARD_TAKEN, Reason.KEYS_DOWN, Reason.COVERED])
def test_what_passes_by_itself_bounces_with_our_draft_cleared(reason: Reason) -> None:
    world = World(when={"read": raises(TransientFailure(reason, "seen so"))})
    outcome = deliver(world)
    assert (outcome.result, outcome.reason, outcome.note) == (Result.BOUNCED, reason, "seen so")
    assert world.box == ""
    assert "submitting" not in world.acts
    assert world.acts[-2:] == ["clear", "give back"]
    assert not outcome.draft_left


def test_trouble_before_the_paste_clears_nothing_that_is_not_ours() -> None:
    world = World(box="a person's draft", when={"look": raises(PermanentFailure(Reason.COMPOSER_NOT_EMPTY))})
    outcome = deliver(world)
    assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.COMPOSER_NOT_EMPTY)
    assert world.box == "a person's draft"
    assert "clear" not in world.acts
    assert "staging" not in world.acts


def test_a_draft_that_cannot_be_cleared_makes_a_bounce_a_refusal() -> None:
    world = World(when={"read": raises(TransientFailure(Reason.FOCUS_TAKEN))}, clears=ClearResult.FAILED)
    outcome = deliver(world)
    assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.FOCUS_TAKEN)
    assert "could not be cleared" in outcome.note
    assert outcome.draft_left


def test_a_draft_cleared_under_a_cover_may_be_tried_again_and_says_so() -> None:
    outcome = deliver(
        World(when={"read": raises(TransientFailure(Reason.COVERED, "by a dialog"))}, clears=ClearResult.UNSEEN)
    )
    assert (outcome.result, outcome.note) == (Result.BOUNCED, "by a dialog; our own draft was cleared unseen")
    assert outcome.draft_left, "nobody saw that it is gone"


def test_a_paste_that_never_lands_bounces() -> None:
    outcome = deliver(World(lands_after=99))
    assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.PASTE_NOT_READ)


def test_a_paste_that_lands_slowly_is_waited_for() -> None:
    assert deliver(World(lands_after=TK.paste_timeout_ms / 1000 - 0.1)).result is Result.DELIVERED


@pytest.mark.parametrize(
    "damage", [lambda text: text[:-1], lambda text: text.replace("t", ""), lambda text: text + text]
)
def test_a_draft_that_differs_by_anything_is_cleared_and_never_sent(damage: Callable[[str], str]) -> None:
    world = World(damages=damage)
    outcome = deliver(world)
    assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.READ_BACK_DIFFERS)
    assert "submit" not in world.acts
    assert world.box == ""


def test_the_whole_text_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "equal", lambda asked, read, _: read[:4] == asked[:4])
    world = World(damages=lambda text: text[:-1])
    assert deliver(world).result is Result.DELIVERED, "a comparison of the beginning only would have sent it"


def test_letters_typed_beside_our_draft_stay_where_they_are() -> None:
    world = World(damages=lambda text: "dear diary " + text)
    outcome = deliver(world)
    assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.COMPOSER_NOT_EMPTY)
    assert world.box == "dear diary " + TEXT
    assert "clear" not in world.acts
    assert outcome.draft_left


def test_pixels_need_the_texts_receipt_and_a_picture_that_stands_still() -> None:
    assert deliver(World(copies=False), TERM).result is Result.DELIVERED
    assert TERM.readback == (Readback.PIXELS,)
    moving = World(copies=False, pixels_still=False)
    assert deliver(moving, TERM).reason is Reason.PASTE_NOT_READ
    assert "submit" not in moving.acts


def test_focus_lost_after_the_grant_presses_nothing_and_is_known_not_to_have_arrived() -> None:
    world = World()
    world.when["guard"] = raises(TransientFailure(Reason.FOCUS_TAKEN), at=2)
    outcome = deliver(world)
    assert (outcome.result, outcome.reason) == (Result.NOT_ARRIVED, Reason.FOCUS_TAKEN)
    assert "submit" not in world.acts
    assert world.box == ""


@pytest.mark.parametrize("step", ["staging", "staged", "submitting"])
def test_a_delivery_that_was_taken_away_is_stopped_with_its_draft_cleared(step: str) -> None:
    world = World(when={step: raises(Cancelled("taken away", denied=True))})
    outcome = deliver(world)
    assert outcome.result is Result.STOPPED
    assert "submit" not in world.acts
    assert world.box == ""


def test_a_stop_while_the_grant_is_awaited_is_known_not_to_have_arrived() -> None:
    world = World(when={"submitting": raises(Cancelled("stopped", reason=Reason.DESK_STOPPED))})
    outcome = deliver(world)
    assert (outcome.result, outcome.reason) == (Result.NOT_ARRIVED, Reason.DESK_STOPPED)
    assert world.box == ""


def test_a_stop_acts_before_the_key_even_after_the_grant() -> None:
    world = World()

    def press(_: int) -> None:
        raise Cancelled("stopped", reason=Reason.DESK_STOPPED)

    world.when["submit"] = press
    steps = DeliveryRun(order=make_order("worker", TEXT), profile=TK, window=world, journal=world, pace=world)
    assert steps.run().result is Result.NOT_ARRIVED


def test_an_orphan_clears_its_draft_only_while_enter_was_not_asked_for() -> None:
    gone = Cancelled("the coordinator is gone", orphaned=True)
    before = World(when={"staged": raises(gone)})
    assert deliver(before).result is Result.STOPPED
    assert before.box == ""

    after = World(when={"submitting": raises(gone)})
    assert deliver(after).result is Result.UNKNOWN
    assert after.box == TEXT
    assert "clear" not in after.acts
    assert "submit" not in after.acts


@pytest.mark.parametrize(
    ("empties", "busy_after", "confirm", "note"),
    [
        (True, None, {Confirm.COMPOSER_EMPTY, Confirm.BUSY_SEEN}, "no busy sign"),
        (True, 0.0, {Confirm.COMPOSER_EMPTY}, "no busy sign"),
        (False, 0.0, {Confirm.COMPOSER_EMPTY, Confirm.BUSY_SEEN}, "not seen empty"),
        (False, None, {Confirm.COMPOSER_EMPTY, Confirm.BUSY_SEEN}, "our text is still in the composer"),
    ],
)
def test_less_than_both_signs_is_unknown_and_nothing_is_cleared(
    busy_after: float | None, confirm: set[Confirm], note: str, *, empties: bool
) -> None:
    world = World(empties=empties, busy_after=busy_after)
    start = world.now
    outcome = deliver(world, replace(TK, confirm=frozenset(confirm)))
    assert (outcome.result, outcome.reason, outcome.assurance) == (Result.UNKNOWN, Reason.NOT_SEEN, None)
    assert note in outcome.note
    assert outcome.draft_left is not empties
    assert [(one.moment, one.part) for one in outcome.pictures] == [
        (Moment.STAGED, PictureArea.COMPOSER),
        (Moment.LAST_SEEN, PictureArea.COMPOSER),
        (Moment.STAGED, PictureArea.WINDOW),
        (Moment.LAST_SEEN, PictureArea.WINDOW),
    ]
    assert "clear" not in world.acts
    assert world.acts.count("submit") == 1
    assert world.now - start >= TK.confirm_timeout_ms / 1000, "watched until the limit"


def test_without_a_receipt_both_signs_are_weak() -> None:
    assert deliver(World(receipt=False)).assurance is Assurance.WEAK


@pytest.mark.parametrize("text", ["", "bell\x07", "x" * (TK.max_chars + 1)])
def test_a_text_that_is_not_taken_touches_nothing_and_fails(text: str) -> None:
    world = World()
    outcome = deliver(world, text=text)
    assert outcome.result is Result.FAILED
    assert outcome.reason in {Reason.TEXT_REFUSED, Reason.TOO_LONG}
    assert world.acts == ["give back"]


def test_settling_is_a_rest_between_the_commit_and_the_asking() -> None:
    world = World()
    deliver(world, replace(TK, settle_ms=500))
    calm = World()
    deliver(calm)
    assert world.now - calm.now == pytest.approx(0.5)


def test_what_two_signs_did_not_prove_the_transcript_does() -> None:
    world = World(busy_after=None, said="hello\n", records=True)
    outcome = deliver(world, SAYS)
    assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.EXACT)
    assert not outcome.draft_left
    lacking = deliver(World(busy_after=None, said="hello\n"), SAYS)
    assert (lacking.result, lacking.reason) == (Result.UNKNOWN, Reason.NOT_SEEN)


def test_a_text_that_stands_in_the_transcript_from_before_proves_nothing_while_our_draft_is_there() -> None:
    world = World(empties=False, busy_after=None, said=f"me\n{TEXT}\n")
    assert deliver(world, SAYS).result is Result.UNKNOWN
    assert world.box == TEXT


def test_an_error_before_enter_clears_our_draft_and_one_after_it_leaves_everything() -> None:
    before = World(when={"staged": raises(RuntimeError("broken"))})
    steps = DeliveryRun(order=make_order("worker", TEXT), profile=TK, window=before, journal=before, pace=before)
    with pytest.raises(RuntimeError):
        steps.run()
    outcome = steps.failed("an error")
    assert (outcome.result, outcome.draft_left, before.box) == (Result.FAILED, False, "")

    after = World(when={"submit": raises(RuntimeError("broken"))})
    steps = DeliveryRun(order=make_order("worker", TEXT), profile=TK, window=after, journal=after, pace=after)
    with pytest.raises(RuntimeError):
        steps.run()
    outcome = steps.failed("an error")
    assert (outcome.result, outcome.draft_left, after.box) == (Result.UNKNOWN, True, TEXT)
    assert "clear" not in after.acts


def sends_each_line(world: World) -> Callable[[int], None]:
    """Make a program that sends at each newline of a paste: the last line stays in its composer."""

    def pasted(_: int) -> None:
        world.box, world.works = "then that", True

    return pasted


@pytest.mark.parametrize("copies", [True, False], ids=["copied back", "by pixels"])
def test_a_program_that_sends_what_is_pasted_by_itself_gets_no_enter_and_no_second_paste(*, copies: bool) -> None:
    world = World(copies=copies)
    world.when["read"] = sends_each_line(world)
    outcome = deliver(world, TK if copies else TERM)
    assert (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.NOT_SEEN)
    assert 'newline = "refuse"' in outcome.note
    assert outcome.draft_left
    assert world.acts.index("staged") < world.acts.index("submitting"), "as if Enter had been pressed"
    assert "submit" not in world.acts
    assert "clear" not in world.acts, "what stands there is the evidence"


@pytest.mark.parametrize("halt", [Cancelled("stopped", denied=True), Cancelled("nobody is left", orphaned=True)])
def test_who_stops_just_when_something_went_by_itself_is_not_told_that_nothing_arrived(halt: Cancelled) -> None:
    world = World()
    world.when = {"read": sends_each_line(world), "submitting": raises(halt)}
    outcome = deliver(world)
    assert outcome.result is (Result.UNKNOWN if halt.orphaned else Result.STOPPED)
    assert "may have sent a part of it" in outcome.note
    assert outcome.draft_left
    assert "clear" not in world.acts


def test_what_went_by_itself_and_stands_whole_in_the_transcript_is_delivered() -> None:
    world = World(said=f"you\n{TEXT}\n")
    world.when["read"] = sends_each_line(world)
    profile = replace(TK, transcript=SAYS)
    assert deliver(world, profile).result is Result.DELIVERED
    assert "submit" not in world.acts


def test_an_agent_that_goes_to_work_on_something_else_before_enter_gets_nothing() -> None:
    world = World()
    world.when["read"] = lambda _: setattr(world, "works", True)
    outcome = deliver(world)
    assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.BUSY)
    assert "clear" in world.acts
    assert "submit" not in world.acts


def rehearse(world: World, profile: Profile = TK) -> Outcome:
    order = replace(make_order("worker", TEXT), is_dry_run=True)
    return DeliveryRun(order=order, profile=profile, window=world, journal=world, pace=world).run()


def test_a_rehearsal_is_staged_read_back_and_cleared_and_never_asks_for_enter() -> None:
    world = World()
    outcome = rehearse(world)
    assert (outcome.result, outcome.reason, outcome.draft_left) == (Result.REHEARSED, None, False)
    assert [act for act in world.acts if act not in {"guard", "read"} and "remember" not in act] == [
        "look",
        "staging",
        "focus",
        "stage",
        "staged",
        "clear",
        "give back",
    ]
    assert world.box == ""
    assert outcome.evidence == Evidence(
        readback="copy", normalise="raw", sha256=world.hashes[0], target=world.target_identity()
    )
    assert outcome.pictures == ()
    assert set(outcome.timings_ms) == {"preflight", "focus", "stage", "readback", "clear"}


@pytest.mark.parametrize("clearing", [ClearResult.FAILED, ClearResult.UNSEEN])
def test_a_rehearsal_whose_draft_may_stand_there_still_is_none_that_went_well(clearing: ClearResult) -> None:
    outcome = rehearse(World(clears=clearing))
    assert (outcome.result, outcome.reason, outcome.draft_left) == (Result.REFUSED, Reason.NOT_CLEARED, True)


def test_a_rehearsal_is_refused_where_a_delivery_is() -> None:
    world = World(when={"look": raises(PermanentFailure(Reason.COMPOSER_NOT_EMPTY))})
    outcome = rehearse(world)
    assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.COMPOSER_NOT_EMPTY)
    assert world.acts == ["look", "give back"]
