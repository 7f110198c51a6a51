"""Whatever goes wrong while windows are put back is said of the window, and ends neither that nor the worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from automation.desktop.window_info import DisplayHeld, WindowInfo
from automation.desktop.window_placement import WindowArranger
from automation.protocol.ports import PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.profiles.model import Box

BOX = Box(x=0, y=0, width=100, height=80)
SEEN = WindowInfo(id=7, kind="Agent", title="one", box=BOX, is_viewable=True)


@dataclass(slots=True)
class Desk:
    """Eyes, windows, places and pace in one: a covered window that is closed when it is looked for the second time."""

    is_held: bool = False
    looks: int = 0
    raised: list[int] = field(default_factory=list[int])

    @property
    def windows(self) -> Desk:
        return self

    def active(self) -> int:
        if self.is_held:
            raise DisplayHeld
        return 3

    def identify(self, name: str) -> WindowInfo:
        self.looks += 1
        if self.looks > 1:
            raise PermanentFailure(Reason.CLOSED, "no window has its class and title")
        return SEEN

    def place(self, name: str) -> WindowInfo:
        raise TransientFailure(Reason.COVERED, "by another program")

    def see(self, window: int) -> WindowInfo:
        return SEEN

    def is_on_this_workspace(self, window: int) -> bool:
        return True

    def check(self) -> None:
        """Nobody stops it."""

    def check_reachable(self, window: int) -> None:
        """It may be moved."""

    def fill_states(self, window: int) -> tuple[str, ...]:
        return ()

    def raise_above(self, window: int) -> None:
        self.raised.append(window)

    def now_s(self) -> float:
        return 0.0

    def configured_box(self, name: str) -> Box:
        return BOX


def arranging(desk: Desk) -> WindowArranger:
    there = cast("Any", desk)
    return WindowArranger(eyes=there, pace=there)


def test_a_window_that_is_closed_just_when_it_is_to_be_raised_is_said_to_be_closed() -> None:
    (one,) = arranging(desk := Desk()).run(["agent-1"])
    assert one.reason is Reason.CLOSED
    assert (one.done, desk.raised) == ((), [])


def test_a_display_that_answers_nobody_keeps_no_window_from_being_told_of() -> None:
    (one,) = arranging(Desk(is_held=True)).run(["agent-1"])
    assert one.reason
