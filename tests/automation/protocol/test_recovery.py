"""Finding out what became of an interrupted delivery, over a window that exists only here: each row of the rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automation.protocol.ports import Cancelled, PermanentFailure, TransientFailure
from automation.protocol.recovery import APART_S, PASSES_S, READS_APART_S, Recovery
from automation.protocol.text import mark
from core.deliveries.model import Assurance, Evidence, Moment, Outcome, PictureArea, Reason, Result
from core.profiles.model import Box, Normalise, Profile, Transcript
from tests.fakes.desk import SAYS, TERM, TK, make_order
from tests.fakes.world import World, raises

TEXT = "Do this\nthen that"
PARTLY = replace(TK, transcript=Transcript(box=Box(x=0, y=30, width=400, height=170)))
MARKS = (mark(TEXT, Normalise.RAW), "window:1")
KEYS = {"focus", "transcript", "is ours", "submit", "clear", "stage"}


def settle(world: World, profile: Profile = SAYS, drafts: tuple[str, ...] = MARKS) -> Outcome:
    order = replace(make_order("worker", TEXT), drafts=drafts)
    return Recovery(order=order, profile=profile, window=world, journal=world, pace=world).run()


def touched(world: World) -> list[str]:
    return [act for act in world.acts if act in {"submit", "submitting", "clear", "stage"}]


def test_a_transcript_with_the_exact_text_means_that_it_arrived() -> None:
    world = World(said=f"hello\nme\n{TEXT}\nworking on it\n")
    outcome = settle(world)
    assert (outcome.result, outcome.assurance, outcome.draft_left) == (Result.DELIVERED, Assurance.EXACT, False)
    assert outcome.note == "found in the window's transcript after an interruption"
    assert touched(world) == []
    assert world.acts[-1] == "give back"


def test_it_counts_also_while_the_agent_is_busy_and_when_a_person_writes_meanwhile() -> None:
    assert settle(World(said=f"{TEXT}\n", is_busy=True)).result is Result.DELIVERED
    beside = settle(World(said=f"{TEXT}\n", box="my own words"))
    assert (beside.result, beside.draft_left) == (Result.DELIVERED, True)


@pytest.mark.parametrize("said", [TEXT[:-1], TEXT + " and more", "say: " + TEXT, TEXT.replace("\n", "\n\n")])
def test_less_more_or_other_than_the_text_is_not_the_text(said: str) -> None:
    outcome = settle(World(said=said), PARTLY)
    assert outcome.result is Result.UNKNOWN
    assert "lacks our text" in outcome.note


def test_our_whole_draft_seen_twice_is_submitted_once_after_asking_again() -> None:
    world = World(box=TEXT, said="hello\n")
    start = world.now
    outcome = settle(world)
    assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.RECEIPT)
    assert touched(world) == ["submitting", "submit"]
    assert world.acts[world.acts.index("submitting") + 1 : world.acts.index("submit")] == ["guard"]
    assert world.now - start >= APART_S
    assert "our whole draft was there" in outcome.note


def test_of_a_window_that_cannot_be_read_the_picture_tells_whether_it_is_our_draft() -> None:
    world = World(box=TEXT, copies=False)
    ours = ("window:1", f"picture:{TEXT}")
    assert settle(world, TERM, ours).result is Result.DELIVERED
    assert touched(world) == ["submitting", "submit"]

    other = World(box=TEXT + "!", copies=False)
    assert settle(other, TERM, ours).result is Result.UNKNOWN
    assert touched(other) == []
    assert settle(World(box=TEXT, copies=False), TERM, MARKS).result is Result.UNKNOWN, "no picture was committed"


def test_a_draft_that_went_or_changed_between_the_looks_is_not_submitted() -> None:
    for becomes in ("", TEXT + " please"):
        world = World(box=TEXT, said="hello\n")

        def change(count: int, world: World = world, becomes: str = becomes) -> None:
            if count == 2:
                world.box = becomes

        world.when["transcript"] = change
        outcome = settle(world)
        assert outcome.result is Result.UNKNOWN, becomes
        assert touched(world) == []
        assert "1 s later" in outcome.note


def test_a_draft_that_changes_just_before_enter_is_not_submitted() -> None:
    world = World(box=TEXT, said="hello\n")
    world.when["focus"] = lambda _: setattr(world, "box", TEXT + " please")
    outcome = settle(world)
    assert outcome.result is Result.UNKNOWN
    assert touched(world) == []
    assert "no longer contains our draft" in outcome.note


def test_a_busy_window_with_our_draft_is_not_pressed_into() -> None:
    world = World(box=TEXT, said="hello\n", is_busy=True)
    assert settle(world).result is Result.UNKNOWN
    assert touched(world) == []


@pytest.mark.parametrize("draft", ["my own words", TEXT + " and mine", "mine and " + TEXT, TEXT[:10]])
def test_a_draft_that_is_not_exactly_ours_stays_letter_for_letter(draft: str) -> None:
    world = World(box=draft, said="hello\n")
    outcome = settle(world)
    assert outcome.result is Result.UNKNOWN
    assert "something else is in the composer" in outcome.note
    assert world.box == draft
    assert touched(world) == []


def test_a_complete_transcript_without_it_in_two_reads_means_that_it_did_not_arrive() -> None:
    world = World(said="hello\n")
    start = world.now
    outcome = settle(world)
    assert (outcome.result, outcome.draft_left) == (Result.NOT_ARRIVED, False)
    assert world.acts.count("transcript") == 2
    assert world.now - start >= READS_APART_S
    assert touched(world) == []


def test_a_window_opened_anew_between_the_two_reads_proves_nothing() -> None:
    world = World(said="hello\n")
    world.when["transcript"] = lambda count: setattr(world, "identity", "window:2") if count == 2 else None
    assert settle(world).result is Result.UNKNOWN


def test_a_text_that_comes_late_into_the_transcript_is_found_by_the_second_read() -> None:
    world = World(said="hello\n")
    world.when["transcript"] = lambda count: setattr(world, "said", f"hello\n{TEXT}\n") if count == 2 else None
    assert settle(world).result is Result.DELIVERED


@pytest.mark.parametrize(
    ("world", "profile", "drafts", "note"),
    [
        (World(said="hello\n"), PARTLY, MARKS, "the composer is empty, the transcript lacks our text"),
        (World(said="hello\n", is_busy=True), SAYS, MARKS, "the composer is empty, the agent is busy"),
        (World(), TK, MARKS, "the window has no transcript that can be read"),
        (World(said=None), SAYS, MARKS, "the window has no transcript that can be read"),
        (World(said="hello\n", identity="window:2"), SAYS, MARKS, "the window was reopened since"),
        (World(said="hello\n"), SAYS, (), "the window was reopened since"),
        (
            World(said=f"{TEXT}\n", box=TEXT),
            SAYS,
            MARKS,
            "our text is in the composer, the transcript has our text",
        ),
    ],
)
def test_everything_else_is_unknown_with_what_was_seen_and_a_picture(
    world: World, profile: Profile, drafts: tuple[str, ...], note: str
) -> None:
    outcome = settle(replace(world), profile, drafts)
    assert (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.NOT_SEEN)
    assert note in outcome.note
    assert outcome.draft_left is bool(world.box)
    assert {(one.moment, one.part) for one in outcome.pictures} == {(Moment.LAST_SEEN, part) for part in PictureArea}
    assert outcome.evidence == Evidence(target=world.target_identity()), "nothing was read before an Enter"


def test_a_window_covered_for_a_moment_is_looked_at_again_and_one_covered_for_long_is_unknown() -> None:
    world = World(said=f"{TEXT}\n")

    def uncover(count: int) -> None:
        if count < 5:
            raise TransientFailure(Reason.COVERED, "by a dialog")

    world.when["find"] = uncover
    assert settle(world).result is Result.DELIVERED

    covered = World(said=f"{TEXT}\n")

    def cover(_: int) -> None:
        raise TransientFailure(Reason.COVERED, "by a dialog")

    covered.when["find"] = cover
    start = covered.now
    outcome = settle(covered)
    assert (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.COVERED)
    assert "by a dialog" in outcome.note
    assert covered.now - start >= PASSES_S
    assert not set(covered.acts) & KEYS, "no key before it is sure that it is the window"


def test_a_window_that_is_gone_is_unknown_at_once_and_gets_no_key() -> None:
    world = World(said=f"{TEXT}\n", when={"find": raises(PermanentFailure(Reason.CLOSED, "no window has its title"))})
    outcome = settle(world)
    assert (outcome.result, outcome.reason, outcome.draft_left) == (Result.UNKNOWN, Reason.CLOSED, True)
    assert not set(world.acts) & KEYS


def test_focus_lost_after_the_second_grant_presses_nothing_and_stays_unknown() -> None:
    world = World(box=TEXT, said="hello\n")
    world.when["guard"] = raises(TransientFailure(Reason.FOCUS_TAKEN), at=2)
    outcome = settle(world)
    assert outcome.result is Result.UNKNOWN
    assert "submit" not in world.acts
    assert world.box == TEXT
    assert "clear" not in world.acts, "the box is the evidence"


def test_a_late_grant_is_not_used_and_the_draft_is_looked_at_before_asking_again() -> None:
    world = World(box=TEXT, said="hello\n", grant_takes=[1.0])
    assert settle(world).result is Result.DELIVERED
    first = world.acts.index("submitting")
    assert "is ours" in world.acts[first : world.acts.index("submitting", first + 1)]
    assert world.acts.count("submit") == 1


@pytest.mark.parametrize(
    "halt", [Cancelled("taken away", denied=True), Cancelled("the coordinator is gone", orphaned=True)]
)
def test_what_is_taken_away_while_looking_is_left_as_it_is(halt: Cancelled) -> None:
    world = World(box=TEXT, said="hello\n", when={"submitting": raises(halt)})
    assert settle(world).result is Result.UNKNOWN
    assert world.box == TEXT
    assert touched(world) == ["submitting"]


def test_a_stopped_desk_is_not_touched() -> None:
    world = World(box=TEXT, said="hello\n", halted=Cancelled("stopped", reason=Reason.DESK_STOPPED))
    outcome = settle(world)
    assert (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.DESK_STOPPED)
    assert not set(world.acts) & KEYS


def test_an_enter_that_shows_nothing_the_second_time_is_unknown_with_both_pictures() -> None:
    world = World(box=TEXT, said="hello\n", empties=False, busy_after=None)
    outcome = settle(world)
    assert (outcome.result, outcome.draft_left) == (Result.UNKNOWN, True)
    assert world.acts.count("submit") == 1
    assert [one.moment for one in outcome.pictures if one.part is PictureArea.WINDOW] == [
        Moment.STAGED,
        Moment.LAST_SEEN,
    ]
    assert outcome.evidence is not None
    assert outcome.evidence.readback == "recognised"
