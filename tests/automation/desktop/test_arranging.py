"""Windows are put back to their places, and it is said what was done. One contract over X11 (really) and Windows."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.observation.screen_signs import ProgramSigns
from automation.desktop.target.window_placement import WindowArranger
from automation.desktop.window_info import DisplayHeld, WindowInfo
from automation.desktop.x11.connection import open_display
from automation.desktop.x11.windows import FULL, X11Windows
from core.deliveries.model import Reason
from core.desks.model import Arranged, Desk
from core.profiles.model import Box
from tests.automation.desktop.pace import Pace
from tests.automation.desktop.win32.seen import eyes_of
from tests.display import VirtualDisplay, until
from tests.fakes.desk import PROFILES, open_tk
from tests.fakes.win32 import HIGH, PLACE, FakeDesktop, Made


class RealPace(Pace):
    def now_s(self) -> float:
        return time.monotonic()

    def rest(self, seconds: float) -> None:
        time.sleep(seconds)  # for the window manager, as the worker does between two looks


class Room(ABC):
    """One window at its place, and what a person does to it."""

    inspector: WindowInspector
    pace: Pace

    def arrange(self) -> Arranged:
        (one,) = WindowArranger(inspector=self.inspector, pace=self.pace).run(["agent-1"])
        return one

    def is_back(self) -> bool:
        seen = self.inspector.identify("agent-1")
        return seen.is_viewable and seen.box == self.inspector.configured_box("agent-1")

    @abstractmethod
    def put(self, box: Box) -> None: ...
    @abstractmethod
    def minimise(self) -> None: ...
    @abstractmethod
    def maximise(self) -> None: ...
    @abstractmethod
    def cover(self) -> int:
        """Lay another window, which gets the focus, over it."""

    @abstractmethod
    def front(self) -> int: ...
    @abstractmethod
    def disobey(self) -> None:
        """Make its program keep to another size."""

    @abstractmethod
    def close(self) -> None: ...


class X11Room(Room):
    def __init__(self, display: VirtualDisplay, folder: Path, screen: ScreenCapture) -> None:
        self.display, self.agent = display, open_tk(display, "agent-1", 100, 100)
        self.connection, self.pace = open_display(display.name), RealPace()
        self.inspector = WindowInspector(
            desk=Desk(name="desk", display=display.name, windows=(self.agent.window,)),
            profiles=dict(PROFILES),
            windows=X11Windows(self.connection),
            screen=screen,
            anchors=Anchors(folder),
            program_signs=ProgramSigns(""),
        )

    @property
    def resource(self) -> Any:
        return self.display.connection.create_resource_object("window", self.agent.seen.id)

    def put(self, box: Box) -> None:
        self.display.xdotool("windowsize", str(self.agent.seen.id), str(box.width), str(box.height))
        self.display.place(self.agent.seen.id, box.x, box.y)

    def minimise(self) -> None:
        self.display.xdotool("windowminimize", str(self.agent.seen.id))
        until(lambda: not self.is_back(), "it is minimised")

    def maximise(self) -> None:
        windows, atom = self.display.windows, self.display.connection.intern_atom
        for state in FULL[:2]:
            windows.ask_manager(self.agent.seen.id, "_NET_WM_STATE", 1, atom(state), 0, 2, 0)
        until(lambda: len(windows.fill_states(self.agent.seen.id)) == 2 and not self.is_back(), "it is maximised")

    def cover(self) -> int:
        other = open_tk(self.display, "other", 170, 170)
        until(lambda: self.display.windows.find_cover(self.agent.seen) is not None, "it is covered")
        return other.seen.id

    def front(self) -> int:
        return self.display.windows.active()

    def disobey(self) -> None:
        self.resource.set_wm_normal_hints(
            flags=1 << 4 | 1 << 5, min_width=480, min_height=360, max_width=480, max_height=360
        )
        self.resource.configure(width=480, height=360)
        self.display.connection.sync()
        until(lambda: not self.is_back(), "it has another size")

    def close(self) -> None:
        self.resource.destroy()
        self.display.connection.sync()
        until(lambda: self.agent.seen.id not in self.display.windows.managed(), "it is gone")


class WindowsRoom(Room):
    def __init__(self, folder: Path) -> None:
        self.desktop, self.pace = FakeDesktop(Made(id=1)), Pace()
        self.inspector = eyes_of(self.desktop, folder)

    @property
    def made(self) -> Made:
        return self.desktop.windows[-1]

    def put(self, box: Box) -> None:
        self.made.box = box

    def minimise(self) -> None:
        self.made.is_minimised = True

    def maximise(self) -> None:
        self.made.is_maximised, self.made.box = True, self.desktop.screen()

    def cover(self) -> int:
        self.desktop.windows.insert(0, Made(id=2, process=9, title="a note"))
        self.desktop.front = 2
        return 2

    def front(self) -> int:
        return self.desktop.front

    def disobey(self) -> None:
        self.made.box, self.made.obeys = replace(PLACE, width=480), False

    def close(self) -> None:
        self.desktop.windows.clear()


@pytest.fixture(params=[pytest.param("x11", marks=pytest.mark.display), "windows"])
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Room]:
    if request.param == "windows":
        yield WindowsRoom(tmp_path)
        return
    display: VirtualDisplay = request.getfixturevalue("display")
    with ScreenCapture(display.name) as screen:
        made = X11Room(display, tmp_path, screen)
        with closing(made.connection):
            yield made


def test_a_window_at_its_place_is_left_alone_and_a_moved_resized_minimised_or_maximised_one_comes_back(
    room: Room,
) -> None:
    assert room.arrange() == Arranged(window="agent-1")
    for disturb, done in (
        (room.minimise, "shown again"),
        (room.maximise, "restored from maximised or full screen"),
    ):
        disturb()
        one = room.arrange()
        assert (one.reason, room.is_back()) == (None, True), one
        assert done in one.done
    place = room.inspector.configured_box("agent-1")
    room.put(Box(x=600, y=300, width=500, height=350))
    one = room.arrange()
    moved = f"moved from 600,300 to {place.x},{place.y}"
    resized = f"resized from 500×350 to {place.width}×{place.height}"
    assert (one.reason, one.done, room.is_back()) == (None, (moved, resized), True)


def test_a_covered_window_is_raised_and_the_focus_stays(room: Room) -> None:
    other = room.cover()
    was = room.front()
    one = room.arrange()
    assert (one.reason, room.is_back(), room.front()) == (None, True, was)
    assert len(one.done) == 1
    assert room.inspector.windows.find_cover(room.inspector.identify("agent-1")) is None
    assert room.inspector.windows.see(other) is not None


def test_a_window_that_does_not_obey_or_is_gone_is_said_to(room: Room) -> None:
    room.disobey()
    one = room.arrange()
    assert one.reason is Reason.RESIZED
    assert one.done
    room.close()
    assert room.arrange().reason is Reason.CLOSED


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (Made(id=1, box=Box(x=600, y=400, width=300, height=200), rights=HIGH), Reason.OUT_OF_REACH),
        (Made(id=1, box=Box(x=600, y=400, width=300, height=200), is_hung=True), Reason.OUT_OF_REACH),
        (Made(id=1, is_cloaked=True), Reason.HIDDEN),
    ],
    ids=["more rights", "hung", "on another virtual desktop"],
)
def test_what_windows_does_not_let_octet_move_is_said_with_its_reason(
    tmp_path: Path, made: Made, reason: Reason
) -> None:
    room = WindowsRoom(tmp_path)
    room.desktop.windows = [made]
    assert room.arrange().reason is reason


def test_a_window_is_not_raised_above_what_lies_above_everything(tmp_path: Path) -> None:
    room = WindowsRoom(tmp_path)
    room.desktop.windows.insert(0, Made(id=2, process=9, title="a note", is_topmost=True))
    assert room.arrange().reason is Reason.COVERED


def test_a_window_that_is_closed_just_when_it_is_to_be_raised_is_said_to_be_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, looks = WindowsRoom(tmp_path), list[str]()
    room.cover()
    identify = room.inspector.identify

    def close_it(name: str) -> WindowInfo:
        looks.append(name)
        if len(looks) == 3:  # it was found, and seen to be covered
            room.close()
        return identify(name)

    monkeypatch.setattr(room.inspector, "identify", close_it)
    one = room.arrange()
    assert (one.reason, one.done, len(looks)) == (Reason.CLOSED, (), 3)


def test_a_display_that_answers_no_program_keeps_no_window_from_being_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held() -> int:
        raise DisplayHeld

    room = WindowsRoom(tmp_path)
    room.cover()
    monkeypatch.setattr(room.inspector.windows, "active", held)
    assert room.arrange().reason is None
