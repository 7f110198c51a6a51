"""A worker killed after Enter was asked for: the next one finds out by looking what became of it, in real windows."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from automation.protocol import recovery
from core.deliveries.model import Assurance, Moment, Outcome, PictureArea, Reason, Result
from core.profiles.model import Profile
from tests.automation.desktop.scenes import STAYS_MS, TEXT, Scene, scene, soon
from tests.display import VirtualDisplay, until
from tests.fakes.desk import SAYS, TERM, TK, Commits, deliver, open_tk

pytestmark = pytest.mark.display


@pytest.fixture(autouse=True)
def _looks_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers are forked with shorter waits between two looks."""
    monkeypatch.setattr(recovery, "APART_S", 0.3)
    monkeypatch.setattr(recovery, "READS_APART_S", 0.5)


async def interrupted(on: Scene, point: str, text: str = TEXT) -> None:
    """A delivery whose worker was killed there after Enter had been asked for; the next worker is ready."""
    outcome = await on.killed_at(point, text)
    on.leftovers.commits.clear()  # as core does: it tells no marks of what is `submitting`
    assert (outcome.result, outcome.reason, outcome.draft_left) == (Result.UNKNOWN, Reason.WORKER_LOST, True)
    await on.is_back()


async def settle(on: Scene, text: str = TEXT) -> Outcome:
    order = replace(on.order(text, fence=2), drafts=tuple(on.commits.drafts))
    return await on.desk.lane.settle(order, on.commits)


@pytest.mark.parametrize("profile", [TK, SAYS, TERM], ids=["tk", "tk with transcript", "term"])
@pytest.mark.parametrize("point", ["worker.submitting-asked", "worker.submitting-granted"])
async def test_a_draft_that_was_not_submitted_is_submitted_once(
    display: VirtualDisplay, tmp_path: Path, profile: Profile, point: str
) -> None:
    async with scene(display, tmp_path, profile=profile, busy_ms=STAYS_MS) as on:
        await interrupted(on, point)
        outcome = await settle(on)
        assert (outcome.result, outcome.draft_left) == (Result.DELIVERED, False), outcome
        assert "our whole draft was there" in outcome.note
        assert on.agent.heard == [TEXT]
        assert on.commits.steps[-1] == "submitting"
        assert (await on.desk.lane.deliver(on.order("next"), Commits())).result in {Result.DELIVERED, Result.BOUNCED}


@pytest.mark.parametrize("point", ["worker.key-down", "worker.key-pressed", "worker.confirmed"])
async def test_what_stands_in_the_transcript_arrived(display: VirtualDisplay, tmp_path: Path, point: str) -> None:
    async with scene(display, tmp_path, profile=SAYS, busy_ms=STAYS_MS) as on:
        await interrupted(on, point, f"{TEXT}\nand that: déjà vu ✅ 漢字")
        outcome = await settle(on, f"{TEXT}\nand that: déjà vu ✅ 漢字")
        assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.EXACT), outcome
        assert outcome.note == "found in the window's transcript after an interruption"
        assert on.agent.heard[0] == f"{TEXT}\nand that: déjà vu ✅ 漢字"
        assert not any(on.agent.heard[1:]), "a key held down until the next worker came sent nothing but emptiness"
        assert not display.is_anything_down()


@pytest.mark.parametrize("profile", [TK, TERM], ids=lambda profile: profile.name)
async def test_without_a_transcript_what_was_pressed_is_unknown_with_a_picture_of_the_window(
    display: VirtualDisplay, tmp_path: Path, profile: Profile
) -> None:
    async with scene(display, tmp_path, profile=profile, busy_ms=STAYS_MS) as on:
        await interrupted(on, "worker.key-pressed")
        outcome = await settle(on)
        assert (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.NOT_SEEN)
        assert "the composer is empty" in outcome.note
        assert not outcome.draft_left
        assert {one.moment for one in outcome.pictures} == {Moment.LAST_SEEN}
        (picture,) = (one for one in outcome.pictures if one.part is PictureArea.WINDOW)
        box = on.agent.seen.box
        with Image.open(io.BytesIO(picture.png)) as shown:
            assert shown.size == (box.width, box.height)
        assert on.agent.heard == [TEXT], "nothing was pressed once more"


async def test_a_text_that_somebody_took_away_did_not_arrive(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path, profile=SAYS, busy_ms=STAYS_MS) as on:
        await interrupted(on, "worker.submitting-granted")
        on.person_types("!")
        display.xdotool("key", "ctrl+a", "BackSpace")
        until(lambda: not on.is_drafted, "the composer is empty")
        outcome = await settle(on)
        assert (outcome.result, outcome.draft_left) == (Result.NOT_ARRIVED, False), outcome
        assert on.agent.heard == []
        assert (await deliver(on.desk.lane, on.order("again", fence=3))).result is Result.DELIVERED


@pytest.mark.parametrize("profile", [SAYS, TERM], ids=["tk", "term"])
async def test_a_draft_that_a_person_went_on_writing_is_not_sent(
    display: VirtualDisplay, tmp_path: Path, profile: Profile
) -> None:
    async with scene(display, tmp_path, profile=profile, busy_ms=STAYS_MS) as on:
        await interrupted(on, "worker.submitting-granted")
        on.person_types(" and mine")
        outcome = await settle(on)
        assert outcome.result is Result.UNKNOWN
        assert "something else is in the composer" in outcome.note
        assert on.agent.heard == []
        assert on.person_sends() == [TEXT + " and mine"]


async def test_a_window_opened_anew_since_does_not_prove_that_it_did_not_arrive(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, profile=SAYS, busy_ms=STAYS_MS) as on:
        process = display.children[-1]
        await interrupted(on, "worker.key-pressed")
        process.terminate()
        process.wait(30)
        open_tk(display, "agent-1", 50, 50)
        await soon(lambda: display.windows.find("Octetchat", "agent-1"), "it is open again")
        outcome = await settle(on)
        assert outcome.result is Result.UNKNOWN
        # One that is still drawing itself cannot be read yet, which proves as little.
        assert "reopened" in outcome.note or "no transcript that can be read" in outcome.note


async def test_a_covered_window_is_unknown_after_a_while_and_gets_no_key(
    display: VirtualDisplay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "PASSES_S", 1.5)
    async with scene(display, tmp_path, profile=SAYS, busy_ms=STAYS_MS) as on:
        await interrupted(on, "worker.submitting-granted")
        cover = display.lay_over(60, 60, 40, 40, title="my bank")
        outcome = await settle(on)
        assert (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.COVERED)
        assert "my bank" not in outcome.note
        assert outcome.pictures == (), "what lies over it is not shown to anybody"
        display.take_away(cover)
        assert on.is_drafted
        assert (await settle(on)).result is Result.DELIVERED
        assert on.agent.heard == [TEXT]


async def test_a_worker_lost_while_it_looks_leaves_all_to_the_next(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path, busy_ms=STAYS_MS) as on:
        await interrupted(on, "worker.submitting-granted")
        (on.faults / "worker.submitting-asked").write_text("kill")
        lost = await settle(on)
        assert (lost.result, lost.reason) == (Result.UNKNOWN, Reason.WORKER_LOST)
        await on.is_back(3)
        assert (await settle(on)).result is Result.DELIVERED
        assert on.agent.heard == [TEXT]


async def test_on_a_held_desk_nobody_looks(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path, busy_ms=STAYS_MS) as on:
        await interrupted(on, "worker.submitting-granted")
        await on.desk.hands.hold()
        outcome = await settle(on)
        assert (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.DESK_STOPPED)
        assert on.is_drafted
