"""Windows that may not be written into: each reason seen on a real display, nothing pressed, its end noticed."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from Xlib import X

from core.deliveries.model import Reason, Result
from core.desks.model import WindowNotSeen
from core.profiles.model import Activity, Box, Profile
from tests.automation.desktop.scenes import STAYS_MS, Scene, scene, soon
from tests.display import VirtualDisplay, until
from tests.fakes.desk import TERM, TK, open_tk
from tests.pace import patience

pytestmark = pytest.mark.display
Undo = Callable[[], object]


def cover(on: Scene) -> Undo:
    window = on.display.lay_over(400, 300, 120, 60, managed=True)
    return lambda: on.display.take_away(window)


def cover_past_the_manager(on: Scene) -> Undo:
    window = on.display.lay_over(100, 100, 40, 40)
    return lambda: on.display.take_away(window)


def move(on: Scene) -> Undo:
    box = on.agent.window.box
    on.display.place(on.agent.seen.id, box.x + 200, box.y)
    return lambda: on.display.place(on.agent.seen.id, box.x, box.y)


def resize(on: Scene) -> Undo:
    def to(width: int) -> None:
        on.display.connection.create_resource_object("window", on.agent.seen.id).configure(width=width)
        on.display.connection.sync()
        until(lambda: (seen := on.display.windows.see(on.agent.seen.id)) and seen.box.width == width, "it is resized")

    to(420)
    return lambda: to(on.agent.window.box.width)


def rename(on: Scene) -> Undo:
    title = on.agent.log.with_suffix(".title")
    title.write_text("another tab")
    until(lambda: on.display.windows.find("Octetchat", "another tab"), "it is renamed")
    return lambda: title.write_text("agent-1 again")


def iconify(on: Scene) -> Undo:
    window = on.agent.seen.id
    on.display.xdotool("windowminimize", str(window))
    until(lambda: (seen := on.display.windows.see(window)) and not seen.is_viewable, "it is iconified")
    return lambda: on.display.windows.activate(window)


def leave_its_workspace(on: Scene) -> Undo:
    on.display.xdotool("set_desktop", "1")
    until(lambda: not on.display.windows.is_on_this_workspace(on.agent.seen.id), "the other workspace is shown")
    return lambda: on.display.xdotool("set_desktop", "0")


def close(on: Scene) -> Undo:
    on.display.children[-1].terminate()
    on.display.children[-1].wait(patience(30))
    until(lambda: not on.display.windows.find("Octetchat", "^agent-1"), "it is gone")
    return lambda: open_tk(on.display, "agent-1", 50, 50)


TROUBLES = [
    (close, Result.REFUSED, Reason.CLOSED),
    (cover, Result.BOUNCED, Reason.COVERED),
    (cover_past_the_manager, Result.BOUNCED, Reason.COVERED),
    (move, Result.BOUNCED, Reason.MOVED),
    (resize, Result.REFUSED, Reason.RESIZED),
    (rename, Result.REFUSED, Reason.CLOSED),
    (iconify, Result.REFUSED, Reason.HIDDEN),
    (leave_its_workspace, Result.REFUSED, Reason.HIDDEN),
]


async def test_each_trouble_keeps_a_text_out_before_a_click_and_its_end_is_noticed(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path) as on:
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        for trouble, result, reason in TROUBLES:
            undo = trouble(on)
            on.commits.steps.clear()
            outcome = await on.deliver(about={reason})
            assert (outcome.result, outcome.reason, on.commits.steps) == (result, reason, []), (trouble, outcome)
            on.desk.news.usable.clear()
            undo()
            await on.desk.client.look()  # who asks for the status forgets no window that is waited for
            await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
            (found,) = display.windows.find("Octetchat", "^agent-1")
            on.agent.seen = found
            outcome = await on.deliver(trouble.__name__)
            assert outcome.result is Result.DELIVERED, (trouble, outcome)
        assert on.agent.heard == [trouble.__name__ for trouble, _, _ in TROUBLES]
        box = on.agent.seen.box
        display.lay_over(box.x + box.width, box.y, 50, 50)
        display.lay_over(box.x, box.y - 20, 50, 20)
        assert (await on.deliver()).result is Result.DELIVERED, "what lies beside it covers nothing"


async def test_a_menu_that_is_open_in_another_window_gets_no_click(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        other = open_tk(display, "person", 600, 50)
        until(lambda: display.windows.active() == other.seen.id, "the other window is active")
        root, at_once = display.connection.screen().root, X.GrabModeAsync
        assert root.grab_pointer(False, X.ButtonPressMask, at_once, at_once, 0, 0, X.CurrentTime) == X.GrabSuccess
        display.connection.sync()
        outcome = await on.deliver()
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.LOCKED)
        display.connection.ungrab_pointer(X.CurrentTime)
        display.connection.sync()
        assert on.agent.heard == other.heard == []


async def test_only_the_owner_hears_what_covers_a_window_and_a_picture_shows_the_window_alone(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path) as on:
        with Image.open(io.BytesIO(await on.desk.client.picture("agent-1"))) as picture:
            assert picture.size == (on.agent.seen.box.width, on.agent.seen.box.height)
        (seen,) = await on.desk.client.examine()
        assert (seen.usable, seen.unread) == (True, ""), "its profile does not ask for the accessibility bus"
        display.lay_over(400, 300, 120, 60, title="a dialog")
        assert (await on.deliver(about={Reason.COVERED})).note == "by another window"
        (status,) = await on.desk.client.look()
        assert (status.usable, status.reason, status.note) == (False, Reason.COVERED, "by “a dialog”")
        for name in ("agent-1", "agent-99"):
            with pytest.raises(WindowNotSeen):
                await on.desk.client.picture(name)


@pytest.mark.parametrize(("program", "is_used"), [(r"python3?(\.\d+)?", True), ("cursor", False)])
async def test_a_window_is_used_only_if_it_belongs_to_the_configured_program(
    display: VirtualDisplay, tmp_path: Path, program: str, *, is_used: bool
) -> None:
    async with scene(display, tmp_path, profile=replace(TK, match_program=program)) as on:
        outcome = await on.deliver()
        expected = (Result.DELIVERED, None) if is_used else (Result.REFUSED, Reason.CLOSED)
        assert (outcome.result, outcome.reason) == expected, outcome


async def test_a_busy_window_bounces_and_is_called_usable_when_it_is_idle(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, busy_ms=STAYS_MS) as on:
        assert (await on.deliver("first")).result is Result.DELIVERED
        on.desk.news.usable.clear()
        outcome = await on.deliver("second", about={Reason.BUSY})
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.BUSY)
        (status,) = await on.desk.client.look()
        assert (status.usable, status.activity) == (True, Activity.BUSY), (
            "an agent at work is nothing to complain about"
        )
        assert on.desk.news.usable == []
        on.agent.rests()
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert (await on.deliver("second")).result is Result.DELIVERED
        assert on.agent.heard == ["first", "second"]


async def test_a_persons_draft_stays_untouched_and_sending_it_frees_the_window(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path) as on:
        on.person_types("i type my own words")
        await soon(lambda: on.is_drafted, "it is drawn")
        outcome = await on.deliver()
        assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.COMPOSER_NOT_EMPTY), outcome
        assert (on.commits.steps, on.agent.heard) == ([], [])
        on.desk.news.usable.clear()
        assert on.person_sends() == ["i type my own words"]
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)


async def test_a_window_that_has_drawn_nothing_is_waited_for_and_no_anchor_is_cut_from_it(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    place, kept = Box(x=20, y=60, width=100, height=30), tmp_path / "anchors/desk/agent-1.png"
    async with scene(display, tmp_path, profile=replace(TK, anchor=place)) as on:  # nothing was said there yet
        outcome = await on.deliver(about={Reason.CHANGED})
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.CHANGED), outcome
        assert not kept.exists()
        window = display.connection.create_resource_object("window", on.agent.seen.id)
        window.create_window(30, 65, 40, 15, 0, X.CopyFromParent, background_pixel=0x336699).map()
        display.connection.sync()
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert (await on.deliver()).result is Result.DELIVERED
        with Image.open(kept) as picture:
            assert picture.size == (place.width, place.height)
        assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("profile", [TK, TERM], ids=lambda profile: profile.name)
async def test_a_cover_that_comes_while_staging_leaves_no_draft_behind(
    display: VirtualDisplay, tmp_path: Path, profile: Profile
) -> None:
    async with scene(display, tmp_path, profile=profile) as on:
        covers: list[int] = []

        async def lay_over() -> None:
            covers.append(display.lay_over(60, 60, 40, 40))

        on.commits.when["staged"] = lay_over
        outcome = await on.deliver(about={Reason.COVERED})
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.COVERED)
        on.commits.when.clear()
        on.desk.news.usable.clear()
        display.take_away(covers[0])
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert not on.is_drafted
        assert (await on.deliver("again")).result is Result.DELIVERED
        assert on.agent.heard == ["again"]


FOLLOWED = replace(TK, follow_moved_window=True)


async def test_a_moved_window_is_followed_with_all_that_is_measured_in_it_and_gets_no_enter_while_it_moves(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, profile=FOLLOWED) as on:
        for text, place in (("one", (50, 50)), ("two", (300, 200)), ("three", (120, 90))):
            display.place(on.agent.seen.id, *place)
            outcome = await on.deliver(text)
            assert outcome.result is Result.DELIVERED, outcome
            assert outcome.evidence is not None
            assert outcome.evidence.target is not None
            assert outcome.evidence.target.place[:2] == place

        async def move() -> None:
            display.place(on.agent.seen.id, 300, 200)

        on.commits.when["staged"] = move
        outcome = await on.deliver("four")
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.MOVED), outcome
        assert on.agent.heard == ["one", "two", "three"]
        on.commits.when.clear()
        assert (await on.deliver("four")).result is Result.DELIVERED
        assert on.agent.heard == ["one", "two", "three", "four"]


async def test_a_window_that_was_never_seen_at_its_place_or_is_covered_is_not_followed(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, profile=FOLLOWED, at=(200, 300)) as on:
        outcome = await on.deliver("one")
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.MOVED), outcome
        display.place(on.agent.seen.id, on.agent.seen.box.x, on.agent.seen.box.y)
        assert (await on.deliver("one")).result is Result.DELIVERED
        display.place(on.agent.seen.id, 200, 300)
        display.lay_over(200, 300, 100, 20, title="paint")
        outcome = await on.deliver("two")
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.COVERED), outcome
        assert on.agent.heard == ["one"]
