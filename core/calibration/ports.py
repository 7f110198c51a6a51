"""What calibration needs from a display: a desk worker implements it."""

from __future__ import annotations

from typing import Protocol

from core.calibration.model import Answer, CalibrationStep, FoundPane, Measurement, Point, Survey, TrialResult
from core.desks.model import Window
from core.profiles.model import Box, Profile


class DisplayProbe(Protocol):
    """One display. A verb raises DeskUnavailable when no worker answers."""

    async def survey(self) -> Survey: ...  # See which windows there are now. Touches nothing.
    # See which panes of its tmux server no Octet uses. Touches nothing.
    async def panes(self) -> tuple[FoundPane, ...]: ...
    async def pointer(self) -> Point: ...  # where the pointer is now
    # A PNG of the whole display, masks of configured windows painted over. For its owner only.
    async def whole_picture(self) -> bytes: ...
    # What is seen of this window around this place of the screen; without one, around the one thing that can be written
    # into. Anchors keep out of `avoid`, boxes from its corner. Touches nothing. Raises CalibrationFailed.
    async def measure(self, window: int, point: Point | None, avoid: tuple[Box, ...] = ()) -> Measurement: ...
    # Stage a draft in this window, read it back and clear it. `known` is the window's number on the display, which one
    # needs that only its place identifies.
    async def trial(
        self, window: Window, profile: Profile, *, anchors: tuple[Box, ...], text: str, known: int = 0
    ) -> TrialResult: ...


class CalibrationDialog(Protocol):
    """A calibration as its interfaces see it."""

    async def step(self) -> CalibrationStep: ...  # report its state
    # Answer the question. Raises why it is not an answer; the question then stays.
    async def answer(self, answer: Answer) -> CalibrationStep: ...
    # Take a PNG for the question: the display with the windows' numbers, or a window with a grid.
    async def picture(self) -> bytes: ...
