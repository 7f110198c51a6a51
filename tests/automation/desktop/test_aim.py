"""A click that does something, on a desk that exists only here: it is made where its window was seen, and in time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from automation.desktop.own_input import Clicks
from automation.desktop.window_info import WindowInfo
from automation.desktop.x11.input import RoutingSnapshot
from automation.desktop.x11.target import X11Target
from automation.protocol.ports import TransientFailure
from core.deliveries.model import Reason
from core.profiles.model import Box

SEEN = WindowInfo(id=7, kind="Dialog", title="Permission", box=Box(x=100, y=50, width=200, height=90), is_viewable=True)


@dataclass(slots=True)
class Stage:
    """Eyes, windows, fingers, a server and a clock in one, with one window that may move."""

    there: WindowInfo | None = SEEN
    now: float = 10.0
    down_until_s: float = 0.0
    """Whose button it is, the server does not tell."""
    clicked: list[tuple[int, int]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Stage:
        if name in {"windows", "reach", "server"}:
            return self
        raise AttributeError(name)

    def see(self, _window: int) -> WindowInfo | None:
        return self.there

    def active(self) -> int:
        return 0

    def pointer(self) -> tuple[int, int]:
        return (0, 0)

    def is_pointer_taken(self) -> bool:
        return False

    def click_goes_to(self, target: int, _point: tuple[int, int]) -> bool:
        return target == SEEN.id

    def click(self, x: int, y: int) -> None:
        self.clicked.append((x, y))

    def ask(self) -> None:
        """Nothing is asked: all is still."""

    @contextmanager
    def asking(self, _ask: Callable[[], object]) -> Generator[RoutingSnapshot]:
        yield RoutingSnapshot(
            is_anything_down=time.monotonic() < self.down_until_s, is_keyboard_taken=False, focus=SEEN.id
        )

    def now_s(self) -> float:
        return self.now

    def check(self) -> None:
        """Nobody stops it."""

    def aim(self) -> X11Target:
        stage: Any = self
        aim = X11Target(name="agent-1", eyes=stage, fingers=stage, clicks=Clicks(self.now_s), pace=stage)
        aim.set_target(SEEN)
        return aim


BUTTON = Box(x=180, y=75, width=1, height=1)


def test_a_button_is_clicked_at_its_place_in_the_window_that_is_the_target() -> None:
    stage = Stage()
    stage.aim().click_once(BUTTON, by_s=11.0)
    assert stage.clicked == [(280, 125)]


@pytest.mark.parametrize("there", [None, replace(SEEN, box=replace(SEEN.box, x=101)), replace(SEEN, box=BUTTON)])
def test_a_window_that_moved_since_it_was_seen_is_not_clicked(there: WindowInfo | None) -> None:
    stage = Stage(there=there)
    with pytest.raises(TransientFailure) as trouble:
        stage.aim().click_once(BUTTON, by_s=11.0)
    assert (trouble.value.reason, stage.clicked) == (Reason.MOVED, [])


def test_a_composer_whose_window_moved_since_it_was_seen_is_not_clicked_into() -> None:
    stage = Stage(there=replace(SEEN, box=replace(SEEN.box, y=SEEN.box.y + 40)))
    with pytest.raises(TransientFailure) as trouble:
        stage.aim().click_into(Box(x=10, y=60, width=120, height=20))
    assert trouble.value.reason is Reason.MOVED
    assert stage.clicked == []


def test_a_click_that_comes_too_late_is_not_made() -> None:
    stage = Stage()
    with pytest.raises(TransientFailure) as trouble:
        stage.aim().click_once(BUTTON, by_s=10.0)
    assert (trouble.value.reason, stage.clicked) == (Reason.LATE, [])


def test_the_button_of_our_own_click_is_waited_for_while_the_manager_keeps_it_back_and_anothers_is_not() -> None:
    stage = Stage(down_until_s=math.inf)
    aim = stage.aim()
    with pytest.raises(TransientFailure) as trouble:
        aim.click_once(BUTTON, by_s=11.0)
    assert (trouble.value.reason, stage.clicked) == (Reason.KEYS_DOWN, [])
    stage.down_until_s = 0.0
    aim.click_once(BUTTON, by_s=11.0)
    stage.down_until_s = time.monotonic() + 0.2
    aim.click_once(BUTTON, by_s=11.0)
    assert len(stage.clicked) == 2
