"""Drafts of ours that a killed worker left are cleared by the next one; a person's stay, letter for letter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from automation.desktop.observation.image_diff import is_blank
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.protocol.text import mark
from core.deliveries.model import Reason, Result
from core.desks.model import DeskState
from core.profiles.model import Activity, Box, Normalise, Profile
from tests.automation.desktop.scenes import STAYS_MS, TEXT, Scene, scene, soon
from tests.display import VirtualDisplay
from tests.fakes.desk import CELL_H, CELL_W, PASSES, TERM, TK, Leftovers, deliver

pytestmark = pytest.mark.display
OURS = {"agent-1": (mark(TEXT, Normalise.RAW),)}
BEFORE_ENTER = [
    "worker.staging-granted",
    "worker.clicked",
    "worker.pasted",
    "worker.read-back",
    "worker.staged-asked",
    "worker.staged-granted",
]


@pytest.mark.parametrize(
    ("profile", "point"),
    [*((TK, point) for point in BEFORE_ENTER), (TERM, "worker.staged-granted")],
    ids=lambda value: value.name if isinstance(value, Profile) else value,
)
async def test_our_draft_is_cleared_by_the_next_worker_wherever_the_last_was_killed(
    display: VirtualDisplay, tmp_path: Path, profile: Profile, point: str
) -> None:
    async with scene(display, tmp_path, profile=profile, busy_ms=STAYS_MS) as on:
        outcome = await on.killed_at(point)
        assert (outcome.result, outcome.reason, outcome.draft_left) == (Result.BOUNCED, Reason.WORKER_LOST, True)
        on.desk.news.usable.clear()
        await on.is_back()
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert not on.is_drafted
        assert (await on.deliver("again")).result is Result.DELIVERED
        assert on.agent.heard == ["again"]
        assert not display.is_anything_down()


async def test_a_worker_killed_before_it_began_leaves_nothing_to_be_told(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path) as on:
        outcome = await on.killed_at("worker.staging-asked")
        assert outcome.result is Result.BOUNCED
        assert not on.is_drafted


@pytest.mark.parametrize("profile", [TK, TERM], ids=lambda profile: profile.name)
async def test_after_enter_was_asked_for_the_draft_is_the_evidence_and_stays(
    display: VirtualDisplay, tmp_path: Path, profile: Profile
) -> None:
    async with scene(display, tmp_path, profile=profile) as on:
        outcome = await on.killed_at("worker.submitting-granted")
        on.leftovers.commits.clear()  # as core does: it tells no marks of what is `submitting`
        assert (outcome.result, outcome.draft_left) == (Result.UNKNOWN, True)
        await on.is_back()
        (status,) = await on.desk.hands.look()
        assert status.reason is Reason.COMPOSER_NOT_EMPTY
        assert on.is_drafted
        assert on.agent.heard == []


@pytest.mark.parametrize(
    "draft", [TEXT + " and mine", "mine: " + TEXT, f"a {TEXT} b", TEXT[:6], "i", TEXT.upper()], ids=repr
)
async def test_a_persons_draft_is_left_letter_for_letter(display: VirtualDisplay, tmp_path: Path, draft: str) -> None:
    async with scene(display, tmp_path, leftovers=Leftovers(marks=OURS), before=draft) as on:
        (status,) = await on.desk.hands.look()
        assert status.reason is Reason.COMPOSER_NOT_EMPTY
        assert on.desk.news.usable == [], "a window that was not seen empty is not told to be usable"
        outcome = await on.deliver("something else")
        assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.COMPOSER_NOT_EMPTY)
        assert on.person_sends() == [draft]


async def test_a_window_is_usable_again_after_a_person_sent_their_draft(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, leftovers=Leftovers(marks=OURS), before="i") as on:
        (status,) = await on.desk.hands.look()
        assert status.reason is Reason.COMPOSER_NOT_EMPTY
        assert on.person_sends() == ["i"]
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)


async def test_the_recognition_bites(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path, leftovers=Leftovers(marks=OURS), before=TEXT) as on:
        await on.desk.news.until(lambda: on.desk.news.usable == ["agent-1"])
        assert not on.is_drafted, "with the very text of the mark it is cleared: the text is what tells"


def caret_is_behind(on: Scene, words: str) -> bool:
    """Whether the terminal's caret stands where it does once all these words are drawn."""
    part, corner = TERM.composer.box, on.agent.seen.box
    at = Box(x=corner.x + part.x + CELL_W * len(words), y=corner.y + part.y, width=CELL_W, height=CELL_H)
    with ScreenCapture(on.display.name) as screen:
        return not is_blank(screen.take(at), TERM.composer.background, 0)


@pytest.mark.parametrize("letters", ["x", ".", " l"])
async def test_one_letter_more_makes_a_terminals_draft_a_persons(
    display: VirtualDisplay, tmp_path: Path, letters: str
) -> None:
    async with scene(display, tmp_path, profile=TERM) as on:
        on.leftovers.is_there = False
        await on.killed_at("worker.staged-granted")
        await on.desk.news.until(lambda: on.desk.news.states[-1].reason is Reason.DRAFTS_UNKNOWN)
        on.person_types(letters)
        await soon(lambda: caret_is_behind(on, TEXT + letters), "what they typed is drawn")
        on.leftovers.is_there = True
        await on.desk.hands.release()
        await on.is_back()
        (status,) = await on.desk.hands.look()
        assert status.reason is Reason.COMPOSER_NOT_EMPTY
        assert on.person_sends() == [TEXT + letters]


async def test_a_terminals_draft_from_before_its_picture_was_kept_is_left_to_a_person(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, profile=TERM) as on:
        await on.killed_at("worker.read-back")
        await on.is_back()
        (status,) = await on.desk.hands.look()
        assert status.reason is Reason.COMPOSER_NOT_EMPTY
        assert on.person_sends() == [TEXT]


async def test_a_held_desk_is_not_touched_until_it_is_released(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        await on.desk.hands.hold()
        on.leftovers.marks = OURS
        on.person_types(TEXT)
        await soon(lambda: on.is_drafted, "what they typed is drawn")
        on.desk.news.usable.clear()
        (on.faults / "worker.done-sent").write_text("kill")
        assert (await on.deliver("none")).result is Result.STOPPED
        await on.is_back()
        assert on.is_drafted
        assert on.desk.news.usable == []
        await on.desk.hands.release()
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert not on.is_drafted


async def test_a_covered_draft_is_cleared_when_the_cover_is_gone(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        on.leftovers.is_there = False
        await on.killed_at("worker.staged-granted")
        cover = display.lay_over(60, 60, 40, 40)
        on.desk.news.usable.clear()
        on.leftovers.is_there = True
        await on.is_back()
        assert on.is_drafted
        assert on.desk.news.usable == []
        display.take_away(cover)
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert not on.is_drafted
        assert on.agent.heard == []


async def test_a_busy_window_with_our_draft_is_told_to_be_usable_only_when_it_was_seen_empty(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, leftovers=Leftovers(marks=OURS), busy_ms=STAYS_MS) as on:
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert (await on.deliver("first")).result is Result.DELIVERED
        on.person_types(TEXT)
        await soon(lambda: on.is_drafted, "what they typed is drawn")
        on.desk.news.usable.clear()
        (on.faults / "worker.done-sent").write_text("kill")
        assert (await on.deliver("second", about=PASSES)).result is Result.BOUNCED
        await on.is_back()
        (status,) = await on.desk.hands.look()
        assert status.activity is Activity.BUSY
        assert on.is_drafted
        assert on.desk.news.usable == []
        on.agent.rests()
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert not on.is_drafted


async def test_the_next_order_brings_the_marks_of_its_own_interrupted_draft(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, busy_ms=STAYS_MS) as on:
        outcome = await on.killed_at("worker.submitting-granted")
        on.leftovers.commits.clear()
        assert outcome.result is Result.UNKNOWN
        await on.is_back()
        assert on.is_drafted
        # A person said: not arrived, send again.
        again = replace(on.order(fence=2), drafts=tuple(on.commits.drafts))
        assert (await deliver(on.desk.lane, again, on.commits)).result is Result.DELIVERED
        assert on.agent.heard == [TEXT]


async def test_without_the_store_no_worker_begins_and_the_desk_says_why(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path) as on:
        on.leftovers.is_there = False
        await on.killed_at("worker.staged-granted")
        await on.desk.news.until(lambda: on.desk.news.states[-1].reason is Reason.DRAFTS_UNKNOWN)
        assert on.desk.news.states[-1][0] is DeskState.UNAVAILABLE
        assert on.ready_times == 1
        on.leftovers.is_there = True
        await on.is_back()
        await soon(lambda: not on.is_drafted, "the draft is cleared")
