"""Windows that may not be written into: each reason seen on a real display, nothing pressed, the way back noticed."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PIL import Image
from Xlib import X

from core.deliveries.model import Outcome, Reason, Result
from core.desks.model import WindowNotSeen
from core.profiles.model import Activity, Box, Confirm, Profile, StateSigns
from tests.display import VirtualDisplay, until
from tests.fakes.desk import (
    TK,
    Agent,
    Commits,
    News,
    RunningDesk,
    deliver,
    make_hands,
    make_order,
    open_term,
    open_tk,
    running,
)

pytestmark = pytest.mark.display


@dataclass(slots=True)
class Scene:
    """One Tk window on a running desk, which stays at work with the first text that it gets."""

    display: VirtualDisplay
    agent: Agent
    desk: RunningDesk
    process: subprocess.Popen[bytes]
    folder: Path

    async def deliver(
        self, text: str = "Hello", commits: Commits | None = None, *, about: Collection[Reason] = ()
    ) -> Outcome:
        """As dispatch would; a bounce for one of the reasons that the test is `about` is an outcome."""
        return await deliver(self.desk.lane, make_order(self.agent.name, text), commits, about=about)

    async def is_refused(self, reason: Reason, result: Result = Result.REFUSED) -> Outcome:
        """The delivery ends for this reason before the first click."""
        commits = Commits()
        outcome = await self.deliver(commits=commits, about={reason})
        assert (outcome.result, outcome.reason) == (result, reason), outcome
        assert commits.steps == []
        assert self.agent.heard == []
        return outcome

    async def is_seen_unusable(self) -> None:
        """What was typed is painted."""
        async with asyncio.timeout(60):
            while (await self.desk.hands.look())[0].usable:  # noqa: ASYNC110 each round asks the display anew
                await asyncio.sleep(0.02)

    async def says_without_a_delivery(self, reason: Reason | None) -> None:
        """The worker tells by itself whether the window can be used."""
        await self.desk.news.until(lambda: self.desk.news.seen[-1].reason is reason)

    async def is_usable_again(self) -> None:
        """The worker notices by itself, and then a delivery arrives."""
        await self.desk.news.until(lambda: self.agent.name in self.desk.news.usable)
        outcome = await self.deliver("at last")
        assert outcome.result is Result.DELIVERED, outcome
        assert self.agent.heard == ["at last"]


@asynccontextmanager
async def scene(
    display: VirtualDisplay, folder: Path, profile: Profile = TK, *, is_usable: bool = True
) -> AsyncIterator[Scene]:
    agent = open_tk(display, "agent-1", 50, 50, busy_ms=600_000)
    news = News()
    hands = make_hands(display.name, folder, (agent.window,), news, tk=profile)
    async with running(hands, news) as desk:
        if is_usable:
            await news.until(lambda: "agent-1" in news.usable)
        news.usable.clear()
        yield Scene(display=display, agent=agent, desk=desk, process=display.children[-1], folder=folder)


@pytest.mark.parametrize("managed", [True, False], ids=["by a window", "past the window manager"])
async def test_a_covered_window_bounces_and_says_by_what(
    display: VirtualDisplay, tmp_path: Path, *, managed: bool
) -> None:
    async with scene(display, tmp_path) as on:
        cover = display.lay_over(400, 300, 120, 60, title="a dialog", managed=managed)
        outcome = await on.is_refused(Reason.COVERED, Result.BOUNCED)
        assert outcome.note == "by another window", "its title is for nobody who only follows a task"
        (status,) = await on.desk.hands.look()
        assert not status.usable
        assert (status.reason, status.note) == (Reason.COVERED, "by “a dialog”")
        with pytest.raises(WindowNotSeen):
            await on.desk.hands.picture("agent-1")
        display.take_away(cover)
        await on.is_usable_again()


async def test_a_window_of_the_configured_program_is_written_into(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path, replace(TK, match_program=r"python3?(\.\d+)?")) as on:
        assert (await on.deliver()).result is Result.DELIVERED


async def test_a_window_of_another_program_is_refused_though_its_class_and_title_fit(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, replace(TK, match_program="cursor"), is_usable=False) as on:
        outcome = await on.is_refused(Reason.CLOSED, Result.REFUSED)
        assert outcome.note == "the window that has its class and title belongs to another program"


async def test_a_window_beside_covers_nothing(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        box = on.agent.seen.box
        display.lay_over(box.x + box.width, box.y, 50, 50)
        display.lay_over(box.x, box.y - 20, 50, 20)
        assert (await on.deliver()).result is Result.DELIVERED


async def test_a_moved_window_bounces_until_it_is_back(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        box = on.agent.seen.box
        display.place(on.agent.seen.id, box.x + 200, box.y)
        outcome = await on.is_refused(Reason.MOVED, Result.BOUNCED)
        assert f"{box.x + 200},{box.y}" in outcome.note
        display.place(on.agent.seen.id, box.x, box.y)
        await on.is_usable_again()


async def test_a_resized_window_is_refused(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        window = display.connection.create_resource_object("window", on.agent.seen.id)
        window.configure(width=420)
        display.connection.sync()
        until(lambda: (seen := display.windows.see(on.agent.seen.id)) and seen.box.width == 420, "it is wider")
        await on.says_without_a_delivery(Reason.RESIZED)
        await on.is_refused(Reason.RESIZED)


async def test_a_closed_window_is_refused_until_it_is_opened_again(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        on.process.terminate()
        on.process.wait(30)
        until(lambda: not display.windows.find("Octetchat", ""), "it is gone")
        await on.says_without_a_delivery(Reason.CLOSED)
        await on.is_refused(Reason.CLOSED)
        open_tk(display, "agent-1", 50, 50)
        await on.is_usable_again()
        await on.says_without_a_delivery(None)


async def test_another_window_of_the_same_class_in_its_place_is_not_it(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        on.process.terminate()
        on.process.wait(30)
        stranger = open_tk(display, "stranger", 50, 50)
        assert stranger.seen.box == on.agent.seen.box
        await on.is_refused(Reason.CLOSED)
        assert stranger.heard == []


async def test_a_window_that_is_called_otherwise_for_a_while_is_followed_by_its_title(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path) as on:
        title = on.agent.log.with_suffix(".title")
        title.write_text("another tab")
        until(lambda: display.windows.find("Octetchat", "another tab"), "it is renamed")
        await on.is_refused(Reason.CLOSED)
        title.write_text("agent-1 again")
        await on.is_usable_again()


async def test_looking_at_a_desk_forgets_no_window_that_is_waited_for(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        cover = display.lay_over(100, 100, 40, 40)
        await on.is_refused(Reason.COVERED, Result.BOUNCED)
        display.take_away(cover)
        assert (await on.desk.hands.look())[0].usable
        await on.is_usable_again()


async def test_a_busy_window_that_bounced_is_called_usable_when_it_is_idle(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path) as on:
        assert (await on.deliver("first")).result is Result.DELIVERED
        on.desk.news.usable.clear()
        assert (await on.deliver("second", about={Reason.BUSY})).reason is Reason.BUSY
        assert on.desk.news.usable == []
        on.agent.rests()
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert (await on.deliver("second")).result is Result.DELIVERED


async def test_an_iconified_window_is_refused_until_it_is_shown(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        display.xdotool("windowminimize", str(on.agent.seen.id))
        until(lambda: (seen := display.windows.see(on.agent.seen.id)) and not seen.is_viewable, "it is iconified")
        await on.is_refused(Reason.HIDDEN)
        display.windows.activate(on.agent.seen.id)
        await on.is_usable_again()


async def test_a_window_on_another_workspace_is_refused(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        display.xdotool("set_desktop", "1")
        until(lambda: not display.windows.is_on_this_workspace(on.agent.seen.id), "the other workspace is shown")
        await on.is_refused(Reason.HIDDEN)


async def test_of_two_that_match_the_one_at_the_place_is_it(display: VirtualDisplay, tmp_path: Path) -> None:
    open_tk(display, "twin", 500, 400, title="agent-1 twin")
    agent = open_tk(display, "agent-1", 50, 50, title="agent-1 real")
    agent = replace(agent, seen=display.window("agent-1 real"))
    agent.window = replace(agent.window, box=agent.seen.box)
    news = News()
    async with running(make_hands(display.name, tmp_path, (agent.window,), news), news) as desk:
        assert (await deliver(desk.lane, make_order("agent-1", "Hello"))).result is Result.DELIVERED
    assert agent.heard == ["Hello"]


async def test_of_two_that_match_and_neither_at_the_place_none_is_it(display: VirtualDisplay, tmp_path: Path) -> None:
    open_tk(display, "twin", 500, 400, title="agent-1 twin")
    agent = open_tk(display, "agent-1", 50, 50, title="agent-1 real")
    display.window("agent-1 real")  # both are there: the worker would know a single one from then on
    agent.window = replace(agent.window, box=Box(x=5, y=5, width=400, height=300))
    news = News()
    async with running(make_hands(display.name, tmp_path, (agent.window,), news), news) as desk:
        outcome = await deliver(desk.lane, make_order("agent-1", "Hello"))
    assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.AMBIGUOUS)


async def test_a_persons_draft_stays_untouched_and_sending_it_frees_the_window(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path) as on:
        display.windows.activate(on.agent.seen.id)
        until(lambda: display.windows.active() == on.agent.seen.id, "it is active")
        display.xdotool("type", "--delay", "1", "my own words")
        await on.is_seen_unusable()
        await on.is_refused(Reason.COMPOSER_NOT_EMPTY)
        display.xdotool("key", "Return")
        until(lambda: on.agent.heard, "they sent it")
        on.agent.rests()
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert on.agent.heard == ["my own words"], "it was there whole until its person sent it"


async def test_one_thin_letter_is_a_persons_draft_too(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        display.windows.activate(on.agent.seen.id)
        until(lambda: display.windows.active() == on.agent.seen.id, "it is active")
        display.xdotool("type", "i")
        await on.is_seen_unusable()
        await on.is_refused(Reason.COMPOSER_NOT_EMPTY)


async def test_a_window_that_has_drawn_nothing_is_waited_for_and_no_anchor_is_cut_from_it(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    undrawn = replace(TK, anchor=Box(x=20, y=60, width=100, height=30))  # an empty place of the transcript
    async with scene(display, tmp_path, undrawn, is_usable=False) as on:
        outcome = await on.is_refused(Reason.CHANGED, Result.BOUNCED)
        assert outcome.note == "it has drawn nothing yet where its anchor is"
        assert not (tmp_path / "anchors/desk/agent-1.png").exists()
        window = display.connection.create_resource_object("window", on.agent.seen.id)
        window.create_window(30, 65, 40, 15, 0, X.CopyFromParent, background_pixel=0x336699).map()
        display.connection.sync()
        await on.is_usable_again()


async def test_a_changed_anchor_is_refused_with_the_command_that_helps(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        kept = tmp_path / "anchors/desk/agent-1.png"
        with Image.open(kept) as picture:
            assert TK.anchor is not None
            assert picture.size == (TK.anchor.width, TK.anchor.height)
        assert kept.stat().st_mode & 0o777 == 0o600
        on.process.terminate()
        on.process.wait(30)
        open_tk(display, "agent-1", 50, 50, title="agent-1 — elsewhere")
        outcome = await on.is_refused(Reason.CHANGED)
        assert "octet calibrate" in outcome.note
        assert str(kept) not in outcome.note


async def test_a_key_held_down_bounces(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        display.xdotool("keydown", "shift")
        await on.is_refused(Reason.KEYS_DOWN, Result.BOUNCED)
        display.xdotool("keyup", "shift")
        assert (await on.deliver()).result is Result.DELIVERED


async def test_a_busy_window_bounces(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        assert (await on.deliver("first")).result is Result.DELIVERED
        outcome = await on.deliver("second", about={Reason.BUSY})
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.BUSY)
        assert on.agent.heard == ["first"]
        (status,) = await on.desk.hands.look()
        assert status.usable, "an agent at work is nothing to complain about"
        assert status.activity is Activity.BUSY


async def test_a_window_is_seen_idle_only_where_a_busy_sign_would_be_seen(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path) as on:
        assert (await on.desk.hands.look())[0].activity is Activity.IDLE
        display.windows.activate(on.agent.seen.id)
        until(lambda: display.windows.active() == on.agent.seen.id, "it is active")
        display.xdotool("type", "i")
        await on.is_seen_unusable()
        assert (await on.desk.hands.look())[0].activity is Activity.UNKNOWN, "somebody's draft stands there"


async def test_without_a_busy_sign_nobody_can_say_that_a_window_is_idle(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    signless = replace(TK, busy=StateSigns(), confirm=frozenset({Confirm.COMPOSER_EMPTY}))
    async with scene(display, tmp_path, signless) as on:
        (status,) = await on.desk.hands.look()
        assert (status.usable, status.activity) == (True, Activity.UNKNOWN)


async def test_an_open_menu_that_holds_the_pointer_bounces(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        # Another window is active, and a person's open menu holds the pointer: our click would go there.
        other = open_tk(display, "person", 600, 50)
        until(lambda: display.windows.active() == other.seen.id, "the other window is active")
        root = display.connection.screen().root
        grabbed = root.grab_pointer(False, X.ButtonPressMask, X.GrabModeAsync, X.GrabModeAsync, 0, 0, X.CurrentTime)
        assert grabbed == X.GrabSuccess
        display.connection.sync()
        outcome = await on.deliver()
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.LOCKED)
        display.connection.ungrab_pointer(X.CurrentTime)
        display.connection.sync()
        assert on.agent.heard == other.heard == []


@pytest.mark.parametrize("kind", ["tk", "term"])
async def test_a_cover_that_comes_while_staging_leaves_no_draft_behind(
    display: VirtualDisplay, tmp_path: Path, kind: str
) -> None:
    agent = open_tk(display, "agent-1", 50, 50) if kind == "tk" else open_term(display, "agent-1", 50, 50)
    news, covers = News(), list[int]()
    commits = Commits()

    async def cover() -> None:
        covers.append(display.lay_over(60, 60, 40, 40))

    commits.when["staged"] = cover
    async with running(make_hands(display.name, tmp_path, (agent.window,), news), news) as desk:
        outcome = await deliver(desk.lane, make_order("agent-1", "Hello"), commits)
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.COVERED)
        assert "cleared unseen" in outcome.note
        news.usable.clear()
        display.take_away(covers[0])
        await news.until(lambda: "agent-1" in news.usable)
        assert agent.heard == []
        assert (await deliver(desk.lane, make_order("agent-1", "again"))).result is Result.DELIVERED
        assert agent.heard == ["again"]


async def test_a_picture_is_of_the_window_only(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        png = await on.desk.hands.picture("agent-1")
        (tmp_path / "picture.png").write_bytes(png)
        with Image.open(tmp_path / "picture.png") as picture:
            assert picture.size == (on.agent.seen.box.width, on.agent.seen.box.height)
        with pytest.raises(WindowNotSeen):
            await on.desk.hands.picture("agent-99")
