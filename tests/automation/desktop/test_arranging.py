"""Windows put back to their places by the window manager, and said how they stand then."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.desktop.x11.windows import FULL
from core.deliveries.model import Reason
from core.desks.model import Arranged, DeskUnavailable, InputSource, UserActivityPolicy
from core.remedies import sentence
from tests.automation.desktop.scenes import Scene, scene, soon
from tests.display import VirtualDisplay, until
from tests.fakes.desk import open_tk

pytestmark = pytest.mark.display


async def arranged(on: Scene) -> Arranged:
    (one,) = await on.desk.hands.arrange(["agent-1"])
    return one


def stands(on: Scene) -> bool:
    seen = on.display.windows.see(on.agent.seen.id)
    return seen is not None and seen.box == on.agent.window.box and seen.is_viewable


async def test_what_stands_at_its_place_is_left_alone(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        assert await arranged(on) == Arranged(window="agent-1")


async def test_a_window_that_was_moved_and_resized_comes_back(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        there = on.agent.window.box
        on.display.xdotool("windowsize", str(on.agent.seen.id), "500", "350")
        on.display.xdotool("windowmove", str(on.agent.seen.id), "600", "300")
        await soon(lambda: not stands(on), "it was moved")
        one = await arranged(on)
        assert (one.reason, stands(on)) == (None, True)
        assert one.done[0].startswith("moved from ")
        assert one.done[0].endswith(f" to {there.x},{there.y}")
        assert one.done[1] == f"resized from 500×350 to {there.width}×{there.height}"


async def test_a_minimised_and_a_maximised_window_come_back(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        on.display.xdotool("windowminimize", str(on.agent.seen.id))
        await soon(lambda: not stands(on), "it is minimised")
        one = await arranged(on)
        assert (one.done[:1], one.reason, stands(on)) == (("shown again",), None, True)
        places = display.windows
        for state in FULL[:2]:
            places.ask_manager(on.agent.seen.id, "_NET_WM_STATE", 1, display.connection.intern_atom(state), 0, 2, 0)
        await soon(lambda: len(places.fill_states(on.agent.seen.id)) == 2 and not stands(on), "it is maximised")
        one = await arranged(on)
        assert (one.reason, stands(on)) == (None, True)
        assert "restored from maximised or full screen" in one.done


async def test_a_covered_window_is_raised_and_an_uncovered_one_is_not(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        other = open_tk(display, "other", 120, 120)
        until(lambda: display.windows.find_cover(on.agent.seen) is not None, "it is covered")
        was = display.windows.active()
        one = await arranged(on)
        assert one.done == ("raised above what lay over it (by “other — workspace”)",)
        assert one.reason is None
        assert display.windows.find_cover(on.agent.seen) is None
        assert display.windows.active() == was, "the focus stays whose it was"
        assert display.windows.find_cover(other.seen) is not None


async def test_a_window_that_is_gone_is_said_to_be(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        display.connection.create_resource_object("window", on.agent.seen.id).destroy()
        display.connection.sync()
        until(lambda: on.agent.seen.id not in display.windows.managed(), "it is gone")
        assert (await arranged(on)).reason is Reason.CLOSED


async def test_a_manager_that_does_nothing_is_found_out(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        # A size that its program does not allow: the manager keeps to that, and the window is not as configured.
        window = display.connection.create_resource_object("window", on.agent.seen.id)
        window.set_wm_normal_hints(flags=1 << 4 | 1 << 5, min_width=480, min_height=360, max_width=480, max_height=360)
        window.configure(width=480, height=360)
        display.connection.sync()
        await soon(lambda: not stands(on), "it has another size")
        one = await arranged(on)
        assert one.reason is Reason.RESIZED
        assert one.done != ()


@pytest.mark.parametrize("verb", ["hold", "stop"])
async def test_nothing_moves_on_a_desk_that_is_held_or_stopped(
    display: VirtualDisplay, tmp_path: Path, verb: str
) -> None:
    async with scene(display, tmp_path) as on:
        on.display.xdotool("windowmove", str(on.agent.seen.id), "600", "300")
        await soon(lambda: not stands(on), "it was moved")
        await getattr(on.desk.hands, verb)()
        with pytest.raises(DeskUnavailable, match="the desk is"):
            await arranged(on)
        assert not stands(on)


async def test_nothing_moves_while_somebody_types(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(
        display, tmp_path, user_activity=UserActivityPolicy(idle_s=30.0, input_source=InputSource.OTHERS)
    ) as on:
        display.xdotool("key", "shift")
        await on.desk.news.until(lambda: on.desk.news.waits[-1:] == [Reason.PERSON_TYPING])
        with pytest.raises(DeskUnavailable, match=sentence(Reason.PERSON_TYPING)):
            await arranged(on)


async def test_a_closer_look_says_whether_a_window_can_be_read(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        (seen,) = await on.desk.hands.examine()
        assert (seen.usable, seen.unread) == (True, ""), "its profile does not ask for the accessibility bus"
