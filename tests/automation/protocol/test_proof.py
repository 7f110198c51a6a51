"""What proves a delivery after Enter, and when the watch for it ends, over a window that exists only here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automation.protocol.delivery import BETTER_S, DeliveryRun
from core.deliveries.model import Assurance, Outcome, Reason, Result
from core.profiles.model import Confirm, Profile, Readback, StateSigns
from tests.fakes.desk import SAYS, TERM, TK, make_order
from tests.fakes.world import World

TEXT = "Do this\nthen that"
GUARD_S = 0.4
QUIET = replace(TK, busy=StateSigns())
"""A profile that knows no busy sign."""


def guarded(**more: object) -> World:
    """Make a window whose input guard holds the user's devices before the delivery; it shows no busy sign."""
    world = World(busy_after=None)
    for name, value in more.items():
        setattr(world, name, value)
    world.guarded_until = world.now + GUARD_S
    return world


def deliver(world: World, profile: Profile = TK) -> Outcome:
    return DeliveryRun(order=make_order("worker", TEXT), profile=profile, window=world, journal=world, pace=world).run()


def seconds_of_watching(outcome: Outcome) -> float:
    return outcome.timings_ms["confirm"] / 1000


def test_a_composer_that_empties_under_the_guard_is_weak_and_the_note_says_what_was_seen() -> None:
    outcome = deliver(guarded(), QUIET)
    assert (outcome.result, outcome.assurance, outcome.reason) == (Result.DELIVERED, Assurance.WEAK, None)
    assert not outcome.draft_left
    assert "the composer held exactly this text" in outcome.note
    assert "saw the composer empty before they could type again" in outcome.note
    assert outcome.evidence is not None
    assert outcome.evidence.readback == "copy"
    assert seconds_of_watching(outcome) <= 0.02, "the watch ends with the proof"


def test_a_text_that_was_not_compared_is_not_said_to_have_been() -> None:
    outcome = deliver(guarded(copies=False, by=Readback.PIXELS), replace(TERM, busy=StateSigns()))
    assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.WEAK)
    assert "exactly" not in outcome.note
    assert outcome.evidence is not None
    assert outcome.evidence.readback == "pixels"


@pytest.mark.parametrize(
    ("change", "profile"),
    [
        ({"guarded_until": 0.0}, QUIET),  # portable, Windows, a pane, a desk whose user is never held
        ({"empties_after": 0.5}, QUIET),  # the guard holds the user's devices for 400 ms at most
        ({"empties": False}, QUIET),
        ({}, replace(QUIET, weak_by_emptying=False)),
        ({}, replace(QUIET, confirm=frozenset({Confirm.BUSY_SEEN}))),
    ],
    ids=["no guard", "too late", "never emptied", "the profile forbids it", "emptying is no sign"],
)
def test_what_octet_did_not_see_under_the_guard_stays_unknown(change: dict[str, float], profile: Profile) -> None:
    world = guarded()
    for name, value in change.items():
        setattr(world, name, value)
    outcome = deliver(world, profile)
    assert (outcome.result, outcome.reason, outcome.assurance) == (Result.UNKNOWN, Reason.NOT_SEEN, None)
    assert seconds_of_watching(outcome) >= profile.confirm_timeout_ms / 1000, "watched until the limit"


def test_a_better_proof_is_waited_for_a_moment_where_the_window_may_show_one() -> None:
    soon = deliver(guarded(busy_after=BETTER_S / 2))
    assert (soon.result, soon.assurance) == (Result.DELIVERED, Assurance.RECEIPT)
    late = deliver(guarded(busy_after=2 * BETTER_S))
    assert (late.result, late.assurance) == (Result.DELIVERED, Assurance.WEAK)
    assert seconds_of_watching(late) <= BETTER_S + 0.05, "not until the limit"


def test_the_transcript_is_a_better_proof_than_an_emptied_composer() -> None:
    world = guarded(said="hello\n", records=True)
    assert deliver(world, SAYS).assurance is Assurance.EXACT
    assert deliver(guarded(said="hello\n"), SAYS).assurance is Assurance.WEAK


@pytest.mark.parametrize("empties", [True, False])
def test_the_watch_ends_with_the_answer(*, empties: bool) -> None:
    world = World(busy_after=None, empties=empties, answered_after=0.3, said="hello\n")
    outcome = deliver(world, SAYS)
    assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.ANSWERED)
    assert outcome.draft_left is not empties, "what was not seen to be gone may stand there"
    assert 0.3 <= seconds_of_watching(outcome) <= 0.35
    assert "transcript" not in world.acts, "no click into a window whose delivery is proven"


def test_a_proof_that_is_complete_is_told_though_an_answer_came_too() -> None:
    assert deliver(World(answered_after=0.0)).assurance is Assurance.RECEIPT


@pytest.mark.parametrize("guard_s", [GUARD_S, 0.0], ids=["guarded", "no guard"])
def test_a_document_that_gained_the_text_is_exact_without_a_busy_sign(guard_s: float) -> None:
    world = World(busy_after=None, gains_after=BETTER_S / 2)
    world.guarded_until = world.now + guard_s
    outcome = deliver(world, QUIET)
    assert (outcome.result, outcome.assurance, outcome.draft_left) == (Result.DELIVERED, Assurance.EXACT, False)
    assert seconds_of_watching(outcome) < BETTER_S, "the watch ends with the proof"


def test_a_document_that_shows_the_text_late_or_shortened_leaves_the_next_proof() -> None:
    assert deliver(guarded(gains_after=60.0), QUIET).assurance is Assurance.WEAK
    assert deliver(World(busy_after=None, gains_after=60.0), QUIET).result is Result.UNKNOWN


def test_a_document_that_gained_the_text_proves_nothing_while_the_draft_stands_there_or_of_a_window_at_work() -> None:
    assert deliver(guarded(gains_after=0.0, empties=False), QUIET).result is Result.UNKNOWN
    at_work = World(works=True, is_busy=True, gains_after=0.0)
    queues = replace(TK, accepts_input_while_busy=True)
    order = replace(make_order("worker", TEXT), allow_busy=True)
    outcome = DeliveryRun(order=order, profile=queues, window=at_work, journal=at_work, pace=at_work).run()
    assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.WEAK)
