"""Keys and clicks into one window, on desks that exist only here: each goes to the window that was seen, in time, or
nowhere. One contract over the targets of X11 and of Windows."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from automation.desktop.target.input_target import InputTarget
from automation.desktop.target.own_input import Clicks
from automation.desktop.window_info import WindowInfo
from automation.desktop.x11.input import RoutingSnapshot
from automation.desktop.x11.readback import SELECTED_S
from automation.desktop.x11.target import X11Target
from automation.protocol.ports import PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.profiles.model import Box
from tests.automation.desktop.pace import Pace
from tests.automation.desktop.win32.seen import Hands, target_of
from tests.fakes.win32 import HIGH, PLACE, FakeDesktop, Made

BUTTON = Box(x=60, y=20, width=1, height=1)
SEEN = WindowInfo(id=1, kind="Dialog", title="Permission", box=PLACE, is_viewable=True)


class Stage(ABC):
    """A desk with one window, the target, and what is done there."""

    did: list[str]
    target: InputTarget[Any]

    @abstractmethod
    def move(self, box: Box | None) -> None:
        """Put the window there; None: close it."""

    @abstractmethod
    def hold_a_key(self) -> None: ...
    @abstractmethod
    def open_a_menu(self) -> None: ...
    @abstractmethod
    def take_the_focus(self) -> None: ...


class X11Stage(Stage):
    """Inspector, windows, keys, mouse and server in one."""

    def __init__(self) -> None:
        self.did = []
        self.there: WindowInfo | None = SEEN
        self.down_until_s = 0.0
        self.has_menu = False
        self.focus = SEEN.id
        self.windows = self.reach = self.server = self
        stage: Any = self
        self.target = X11Target(
            name="agent-1", inspector=stage, x11_input=stage, clicks=Clicks(lambda: 10.0), pace=Pace()
        )
        self.target.set_window(SEEN)

    def move(self, box: Box | None) -> None:
        self.there = None if box is None else replace(SEEN, box=box)

    def hold_a_key(self) -> None:
        self.down_until_s = math.inf

    def open_a_menu(self) -> None:
        self.has_menu = True

    def take_the_focus(self) -> None:
        self.focus = 9

    def see(self, _window: int) -> WindowInfo | None:
        return self.there

    def active(self) -> int:
        return 0

    def pointer(self) -> tuple[int, int]:
        return (0, 0)

    def is_pointer_taken(self) -> bool:
        return self.has_menu

    def keys_go_to(self, target: int, *, focus: int | None) -> bool:
        return target == focus

    def click_goes_to(self, target: int, _point: tuple[int, int]) -> bool:
        return target == SEEN.id

    def press(self, chord: str, **_: object) -> None:
        self.did.append(chord)

    def click(self, x: int, y: int, *, to: tuple[int, int] | None = None) -> None:
        assert to is None
        self.did.append(f"click {x},{y}")

    def ask(self) -> None:
        """Nothing is asked: all is still."""

    @contextmanager
    def asking(self, _ask: Callable[[], object]) -> Generator[RoutingSnapshot]:
        is_down = time.monotonic() < self.down_until_s
        yield RoutingSnapshot(is_anything_down=is_down, is_keyboard_taken=self.has_menu, focus=self.focus)


class WindowsStage(Stage):
    def __init__(self, folder: Path) -> None:
        hands = Hands()
        self.desktop, self.did = FakeDesktop(Made(id=1)), hands.did
        self.desktop.front = 1
        self.target = target_of(self.desktop, hands, folder)
        self.target.window()

    def move(self, box: Box | None) -> None:
        if box is None:
            self.desktop.windows.clear()
        else:
            self.desktop.windows[0].box = box

    def hold_a_key(self) -> None:
        self.desktop.held = [0x41]

    def open_a_menu(self) -> None:
        self.desktop.menu = True

    def take_the_focus(self) -> None:
        self.desktop.front = 2


@pytest.fixture(params=["x11", "windows"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    return X11Stage() if request.param == "x11" else WindowsStage(tmp_path)


def press(stage: Stage, by_s: float = math.inf) -> None:
    stage.target.press_chord("esc", by_s=by_s)


def click(stage: Stage, by_s: float = math.inf) -> None:
    stage.target.click_once(BUTTON, by_s=by_s)


def refused(act: Callable[[], None]) -> Reason:
    with pytest.raises((TransientFailure, PermanentFailure)) as trouble:
        act()
    return trouble.value.reason


def test_a_chord_and_a_click_go_once_into_the_window_that_is_the_target(stage: Stage) -> None:
    press(stage)
    click(stage)
    assert stage.did == ["esc", "click 160,120"]


@pytest.mark.parametrize(
    ("change", "act", "reason"),
    [
        (lambda stage: stage.take_the_focus(), press, Reason.FOCUS_TAKEN),
        (lambda stage: stage.open_a_menu(), press, Reason.LOCKED),
        (lambda stage: stage.open_a_menu(), click, Reason.LOCKED),
        (lambda stage: stage.hold_a_key(), press, Reason.KEYS_DOWN),
        (lambda stage: stage.hold_a_key(), click, Reason.KEYS_DOWN),
        (lambda stage: stage.move(replace(PLACE, x=101)), click, Reason.MOVED),
        (lambda stage: stage.move(replace(PLACE, width=50)), click, Reason.MOVED),
    ],
    ids=["focus", "menu", "menu, click", "key down", "key down, click", "moved", "resized"],
)
def test_nothing_is_pressed_that_would_go_elsewhere(
    stage: Stage, change: Callable[[Stage], None], act: Callable[[Stage], None], reason: Reason
) -> None:
    change(stage)
    assert refused(lambda: act(stage)) is reason
    assert stage.did == []


def test_nothing_is_clicked_in_a_window_that_was_closed(stage: Stage) -> None:
    stage.move(None)
    refused(lambda: click(stage))
    assert stage.did == []


@pytest.mark.parametrize("act", [press, click])
def test_an_act_whose_go_ahead_is_over_is_not_done(stage: Stage, act: Callable[[Stage, float], None]) -> None:
    assert refused(lambda: act(stage, 0.0)) is Reason.LATE
    assert stage.did == []


def test_a_composer_whose_window_moved_since_it_was_seen_is_not_clicked_into(stage: Stage) -> None:
    stage.move(replace(PLACE, y=PLACE.y + 40))
    assert refused(lambda: stage.target.click_into(Box(x=10, y=60, width=120, height=20))) is Reason.MOVED
    assert stage.did == []


def test_the_button_of_our_own_click_is_waited_for_while_the_manager_keeps_it_back() -> None:
    stage = X11Stage()
    click(stage)
    stage.down_until_s = time.monotonic() + 0.2
    click(stage)
    assert len(stage.did) == 2


def test_nothing_is_pressed_in_a_program_with_more_rights(tmp_path: Path) -> None:
    stage = WindowsStage(tmp_path)
    stage.desktop.windows[0].rights = HIGH
    for act in (press, click):
        assert refused(lambda act=act: act(stage)) is Reason.OUT_OF_REACH
    assert stage.did == []


def test_windows_hears_that_we_made_the_last_input_before_it_is_asked_for_the_foreground(tmp_path: Path) -> None:
    stage = WindowsStage(tmp_path)
    stage.desktop.front = 0
    assert stage.target.bring_forward()
    assert (stage.did, stage.desktop.front) == (["stir"], 1)
    stage.desktop.front, stage.desktop.grants = 0, False
    assert not stage.target.bring_forward()


class SlateLike:
    """An editor that learns 0.1 s later what is selected, as Slate does."""

    def __init__(self, text: str) -> None:
        self.text, self.now_s, self.selected_s = text, 0.0, math.inf

    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    def press(self, chord: str, **_: object) -> None:
        if chord == "ctrl+a":
            self.selected_s = self.now_s + 0.1
        elif chord == "backspace":
            self.text = "" if self.now_s >= self.selected_s else self.text[:-1]


def test_an_editor_that_learns_of_its_selection_later_is_cleared_by_chords_with_a_rest_between_them() -> None:
    stage: Any = X11Stage()
    editor = SlateLike("our draft")
    stage.keys_go_to = lambda _, **__: True
    stage.identify, stage.press, stage.target.wait = (lambda _: SEEN), editor.press, editor.wait
    stage.target.press_to_clear(("ctrl+a", "backspace"))
    assert editor.text == "our draf", "the same chords in one grab come too early"
    stage.target.press_to_clear(("ctrl+a", "backspace"), rest_s=SELECTED_S)
    assert editor.text == ""
