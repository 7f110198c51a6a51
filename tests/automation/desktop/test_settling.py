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
from tests.automation.desktop.scenes import STAYS_MS, TEXT, Scene, scene
from tests.display import VirtualDisplay
from tests.fakes.desk import SAYS, TERM, TK, Commits

pytestmark = pytest.mark.display
WORDS = f"{TEXT}\nand that: déjà vu ✅ 漢字"


@pytest.fixture(autouse=True)
def _looks_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork the workers with shorter waits between two looks."""
    monkeypatch.setattr(recovery, "APART_S", 0.3)
    monkeypatch.setattr(recovery, "READS_APART_S", 0.5)


async def interrupted(on: Scene, point: str, text: str = TEXT) -> None:
    """Kill a delivery's worker there, after Enter had been asked for; the next worker is ready."""
    outcome = await on.killed_at(point, text)
    on.leftovers.commits.clear()  # as core does: it tells no marks of what is `submitting`
    assert (outcome.result, outcome.reason, outcome.draft_left) == (Result.UNKNOWN, Reason.WORKER_LOST, True)
    await on.is_back()


async def settle(on: Scene, text: str = TEXT) -> Outcome:
    order = replace(on.order(text, fence=2), drafts=tuple(on.commits.drafts))
    return await on.desk.lane.settle(order, on.commits)


@pytest.mark.parametrize("profile", [TK, SAYS, TERM], ids=["tk", "tk with transcript", "term"])
@pytest.mark.parametrize("point", ["worker.submitting-asked", "worker.submitting-granted"])
async def test_a_draft_that_was_not_submitted_stays_as_evidence_and_is_submitted_once(
    display: VirtualDisplay, tmp_path: Path, profile: Profile, point: str
) -> None:
    async with scene(display, tmp_path, profile=profile, busy_ms=STAYS_MS) as on:
        await interrupted(on, point)
        (status,) = await on.desk.client.look()
        assert (status.reason, on.is_drafted, on.agent.heard) == (Reason.COMPOSER_NOT_EMPTY, True, [])
        outcome = await settle(on)
        assert (outcome.result, outcome.draft_left) == (Result.DELIVERED, False), outcome
        assert on.agent.heard == [TEXT]
        assert on.commits.steps[-1] == "submitting"
        assert (await on.desk.lane.deliver(on.order("next"), Commits())).result in {Result.DELIVERED, Result.BOUNCED}


@pytest.mark.parametrize("point", ["worker.key-down", "worker.key-pressed", "worker.confirmed"])
async def test_a_text_in_the_transcript_arrived(display: VirtualDisplay, tmp_path: Path, point: str) -> None:
    async with scene(display, tmp_path, profile=SAYS, busy_ms=STAYS_MS) as on:
        await interrupted(on, point, WORDS)
        outcome = await settle(on, WORDS)
        assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.EXACT), outcome
        assert on.agent.heard[0] == WORDS
        assert not any(on.agent.heard[1:]), "a key held down until the next worker came sent nothing but emptiness"
        assert not display.is_anything_down()


@pytest.mark.parametrize("profile", [TK, TERM], ids=lambda profile: profile.name)
async def test_without_a_transcript_what_was_pressed_is_unknown_with_a_picture_of_the_window(
    display: VirtualDisplay, tmp_path: Path, profile: Profile
) -> None:
    async with scene(display, tmp_path, profile=profile, busy_ms=STAYS_MS) as on:
        await interrupted(on, "worker.key-pressed")
        outcome = await settle(on)
        assert (outcome.result, outcome.reason, outcome.draft_left) == (Result.UNKNOWN, Reason.NOT_SEEN, False)
        assert {one.moment for one in outcome.pictures} == {Moment.LAST_SEEN}
        (picture,) = (one for one in outcome.pictures if one.part is PictureArea.WINDOW)
        with Image.open(io.BytesIO(picture.png)) as shown:
            assert shown.size == (on.agent.seen.box.width, on.agent.seen.box.height)
        assert on.agent.heard == [TEXT], "nothing was pressed once more"


@pytest.mark.parametrize("profile", [SAYS, TERM], ids=["tk", "term"])
async def test_a_draft_that_a_person_went_on_writing_is_not_sent(
    display: VirtualDisplay, tmp_path: Path, profile: Profile
) -> None:
    async with scene(display, tmp_path, profile=profile, busy_ms=STAYS_MS) as on:
        await interrupted(on, "worker.submitting-granted")
        on.person_types(" and mine")
        assert (await settle(on)).result is Result.UNKNOWN
        assert on.agent.heard == []
        assert on.person_sends() == [TEXT + " and mine"]
