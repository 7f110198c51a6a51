"""Drafts of ours that a killed worker left are cleared by the next one, those of rehearsals too; a person's stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from automation.desktop.observation.image_diff import is_blank
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.protocol.text import mark
from core.deliveries.model import Reason, Result
from core.desks.model import DeskMode, DeskState
from core.profiles.model import Box, Normalise, Profile, Readback
from tests.automation.desktop.scenes import (
    STAYS_MS,
    TEXT,
    Scene,
    is_drafted,
    person_types,
    scene,
    soon,
    tickets,
)
from tests.display import VirtualDisplay
from tests.fakes.desk import (
    CELL_H,
    CELL_W,
    TERM,
    TK,
    Commits,
    Leftovers,
    News,
    deliver,
    make_order,
    running,
)
from tests.fakes.targets import WEBS, all_targets, hands_on

pytestmark = pytest.mark.display
OURS = {"agent-1": (mark(TEXT, Normalise.RAW),)}
BEFORE_ENTER = [
    f"worker.{act}" for act in ("staging-granted", "clicked", "pasted", "read-back", "staged-asked", "staged-granted")
]


@pytest.mark.parametrize(
    ("profile", "point"),
    [
        *((TK, point) for point in BEFORE_ENTER),
        *((TERM, point) for point in ("worker.read-back", "worker.staged-granted")),  # before, it may not show yet
    ],
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


@pytest.mark.parametrize("draft", [TEXT + " and mine", "mine: " + TEXT, TEXT[:6], "i", TEXT.upper()], ids=repr)
async def test_a_persons_draft_is_left_letter_for_letter_and_sending_it_frees_the_window(
    display: VirtualDisplay, tmp_path: Path, draft: str
) -> None:
    async with scene(display, tmp_path, leftovers=Leftovers(marks=OURS), before=draft) as on:
        (status,) = await on.desk.client.look()
        assert status.reason is Reason.COMPOSER_NOT_EMPTY
        assert on.desk.news.usable == [], "a window that was not seen empty is not told to be usable"
        outcome = await on.deliver("something else")
        assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.COMPOSER_NOT_EMPTY)
        assert on.person_sends() == [draft]
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)


async def test_a_draft_with_the_very_text_of_the_mark_is_cleared(display: VirtualDisplay, tmp_path: Path) -> None:
    """The positive control of the test above: the text is what tells."""
    async with scene(display, tmp_path, leftovers=Leftovers(marks=OURS), before=TEXT) as on:
        await on.desk.news.until(lambda: on.desk.news.usable == ["agent-1"])
        assert not on.is_drafted


def caret_is_behind(on: Scene, words: str) -> bool:
    """Whether the terminal's caret is where it is once all these words are drawn."""
    part, corner = TERM.composer.box, on.agent.seen.box
    at = Box(x=corner.x + part.x + CELL_W * len(words), y=corner.y + part.y, width=CELL_W, height=CELL_H)
    with ScreenCapture(on.display.name) as screen:
        return not is_blank(screen.take(at), TERM.composer.background, 0)


@pytest.mark.parametrize("letters", ["x", ".", " l"])
async def test_one_letter_more_makes_a_terminals_draft_a_persons_and_no_worker_begins_without_the_store(
    display: VirtualDisplay, tmp_path: Path, letters: str
) -> None:
    async with scene(display, tmp_path, profile=TERM) as on:
        on.leftovers.is_there = False
        await on.killed_at("worker.staged-granted")
        await on.desk.news.until(lambda: on.desk.news.states[-1].reason is Reason.DRAFTS_UNKNOWN)
        assert (on.desk.news.states[-1][0], on.ready_times) == (DeskState.UNAVAILABLE, 1)
        on.person_types(letters)
        await soon(lambda: caret_is_behind(on, TEXT + letters), "what they typed is drawn")
        on.leftovers.is_there = True
        await on.desk.client.set_mode(DeskMode.OPEN)
        await on.is_back()
        (status,) = await on.desk.client.look()
        assert status.reason is Reason.COMPOSER_NOT_EMPTY
        assert on.person_sends() == [TEXT + letters]


@pytest.mark.parametrize("draft", [TEXT, "Do\nthis, " * 4 + "please, " * 20], ids=["a line", "several rows"])
async def test_a_terminals_draft_whose_picture_was_not_kept_is_known_by_the_text_that_shows(
    display: VirtualDisplay, tmp_path: Path, draft: str
) -> None:
    async with scene(display, tmp_path, profile=TERM) as on:
        await on.killed_at("worker.read-back", draft)
        on.desk.news.usable.clear()
        await on.is_back()
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert not on.is_drafted
        assert on.agent.heard == []


@pytest.mark.parametrize("draft", [TEXT + "x", "mine: " + TEXT, TEXT[:6], TEXT.upper()], ids=repr)
async def test_a_persons_draft_in_a_terminal_is_left_letter_for_letter(
    display: VirtualDisplay, tmp_path: Path, draft: str
) -> None:
    marks = {"agent-1": (mark(TEXT, Normalise.BLANKS),)}
    async with scene(display, tmp_path, profile=TERM, leftovers=Leftovers(marks=marks), before=draft) as on:
        (status,) = await on.desk.client.look()
        assert status.reason is Reason.COMPOSER_NOT_EMPTY
        assert on.person_sends() == [draft]


SLATE = "Look at this:\n\n\n  - end."


@pytest.mark.browser
@pytest.mark.parametrize("more", ["", "x"], ids=["ours", "a letter more"])
@pytest.mark.parametrize("way", [Readback.ACCESSIBILITY, Readback.COPY])
async def test_a_draft_in_an_editor_like_slate_is_known_by_what_its_readback_took_for_equal(
    tmp_path: Path, way: Readback, more: str
) -> None:
    news, known, commits = News(), Leftovers(), Commits()
    profile = replace(WEBS["rich"], name="slate", readback=(way,))
    with all_targets(tmp_path / "targets", ("slate",)) as targets, tickets(tmp_path / "tickets") as places:
        agent, display = targets.agents["slate"], targets.display
        async with running(hands_on(display, tmp_path, [agent], news, profile, leftovers=known), news) as desk:
            known.commits[agent.name], known.is_there = commits, False
            (places / "worker.staged-granted").write_text("kill")
            outcome = await deliver(desk.lane, make_order(agent.name, SLATE), commits)
            assert outcome.reason is Reason.WORKER_LOST
            if more:
                person_types(display, agent, profile, more)
            news.usable.clear()
            known.is_there = True
            await news.until(lambda: [one.state for one in news.states].count(DeskState.READY) == 2)
            if more:
                (status,) = await desk.client.look()
                assert status.reason is Reason.COMPOSER_NOT_EMPTY
                display.xdotool("key", "Return")
                await soon(lambda: agent.heard == [SLATE + more], "it is as its writer left it")
            else:
                await news.until(lambda: agent.name in news.usable)
                assert not is_drafted(display, agent, profile)


async def test_a_held_desk_is_not_touched_until_it_is_released(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        await on.desk.client.set_mode(DeskMode.HELD)
        on.leftovers.marks = OURS
        on.person_types(TEXT)
        await soon(lambda: on.is_drafted, "what they typed is drawn")
        on.desk.news.usable.clear()
        (on.faults / "worker.done-sent").write_text("kill")
        assert (await on.deliver("none")).result is Result.STOPPED
        await on.is_back()
        assert (on.is_drafted, on.desk.news.usable) == (True, [])
        await on.desk.client.set_mode(DeskMode.OPEN)
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
        assert (on.is_drafted, on.desk.news.usable) == (True, [])
        display.take_away(cover)
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert (on.is_drafted, on.agent.heard) == (False, [])


async def test_the_next_order_brings_the_marks_of_its_own_interrupted_draft(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, busy_ms=STAYS_MS) as on:
        await on.killed_at("worker.submitting-granted")
        on.leftovers.commits.clear()
        await on.is_back()
        assert on.is_drafted
        # A person said: not arrived, send again.
        again = replace(on.order(fence=2), drafts=tuple(on.commits.drafts))
        assert (await deliver(on.desk.lane, again, on.commits)).result is Result.DELIVERED
        assert on.agent.heard == [TEXT]


async def rehearse(on: Scene) -> tuple[Result, Reason | None, str]:
    outcome = await deliver(on.desk.lane, replace(on.order("A line, word abc."), is_dry_run=True), on.commits)
    return outcome.result, outcome.reason, outcome.evidence.readback if outcome.evidence else ""


async def test_a_rehearsal_leaves_a_persons_draft(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path, before="mine") as on:
        assert await rehearse(on) == (Result.REFUSED, Reason.COMPOSER_NOT_EMPTY, "")
        assert on.person_sends() == ["mine"]


@pytest.mark.parametrize(
    ("profile", "point", "by"),
    [(TK, "worker.pasted", "copy"), (TK, "worker.staged-granted", "copy"), (TERM, "worker.staged-granted", "pixels")],
)
async def test_what_a_killed_worker_left_of_a_rehearsal_is_cleared_by_the_next(
    display: VirtualDisplay, tmp_path: Path, profile: Profile, point: str, by: str
) -> None:
    async with scene(display, tmp_path, profile=profile) as on:
        on.leftovers.commits[on.agent.name] = on.commits
        (on.faults / point).write_text("kill")
        assert await rehearse(on) == (Result.BOUNCED, Reason.WORKER_LOST, "")
        on.desk.news.usable.clear()
        await on.is_back()
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert not on.is_drafted
        assert await rehearse(on) == (Result.REHEARSED, None, by)
        assert on.agent.heard == []
