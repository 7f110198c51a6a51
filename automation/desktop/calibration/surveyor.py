"""The worker's side of calibration: which windows there are, what is seen of one around a point. Touches nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from PIL import Image

from automation.desktop.calibration.composer_detection import anchors, blank_around, moving
from automation.desktop.calibration.terminals import is_terminal, reads_lines, text_area
from automation.desktop.observation.image_diff import is_caret
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.window_info import WindowInfo, WindowsPort
from automation.protocol.ports import DeliveryClock
from core.calibration.model import TERMINAL, CalibrationFailed, FoundWindow, Measurement, Point, Survey
from core.profiles.model import Box, Composer
from core.reasons import Reason

FRAMES = 6
BETWEEN_S = 0.25  # over a second and a half every caret blinks
CARET_PX = Composer(box=Box(x=0, y=0, width=1, height=1), background="").caret_px
SMALLEST_WINDOW = (120, 80)  # what is smaller is no chat


class SurveyedWindows(WindowsPort, Protocol):
    """Windows as they are listed for people."""

    # Whether it is a part of the desktop and no program's window: a panel, the wallpaper, a notice.
    def is_furniture(self, window: int) -> bool: ...
    def pid_of(self, window: int) -> int: ...  # the process whose window it is; 0 if unknown
    def pointer(self) -> Point: ...  # tell where the pointer is


Probe = Callable[[WindowInfo, Point | None, Image.Image], Measurement | None]
"""Asks the program of a window that looks like this for its composer; None where it does not tell."""


class DisplaySurveyor:
    """Looks at one display. Belongs to the worker's thread."""

    def __init__(
        self, *, windows: SurveyedWindows, screen: ScreenCapture, pace: DeliveryClock, probe: Probe | None = None
    ) -> None:
        """Without a `probe` composers are found in pictures alone."""
        self._windows = windows
        self._screen = screen
        self._probe = probe
        self._pace = pace

    def survey(self) -> Survey:
        """Every window that people see as one, the lowest first."""
        found = [self._found(seen) for seen in self._windows.all() if self._is_one(seen)]
        return Survey(screen=self._windows.screen(), monitors=self._screen.monitors(), windows=tuple(found))

    def measure(self, window: int, point: Point | None, avoid: Sequence[Box]) -> Measurement:
        """What is seen of this window around this place of the screen. Raises CalibrationFailed."""
        seen = self._windows.see(window)
        if seen is None:
            raise CalibrationFailed(Reason.CLOSED)
        self._check_seen(seen)
        frames: list[Image.Image] = []
        for number in range(FRAMES):
            if number:
                self._pace.rest(BETWEEN_S)
            frames.append(self._screen.take(seen.box))
        self._check_same(seen)
        if is_terminal(pid := self._windows.pid_of(window)):
            area, colour = text_area(frames[0])
            if point is not None and not area.on_screen(seen.box).holds(*point):
                raise CalibrationFailed(Reason.MARGIN)
            if point is None:  # a draft shows where its prompt is
                found = Measurement(
                    window=seen.id, composer=area, background=colour, anchors=(), by=TERMINAL, hint=True
                )
                return replace(found, by_line=reads_lines(pid))
        told = None if self._probe is None else self._probe(seen, point, frames[0])
        if told is not None:
            return told  # it is identified by what its program tells
        point = point or self._at_caret(seen, frames)
        if point is None:
            raise CalibrationFailed(Reason.NO_COMPOSER)
        measured = self._from_picture(seen, point, frames)
        return replace(measured, anchors=anchors(frames, measured.composer, avoid))

    @staticmethod
    def _at_caret(seen: WindowInfo, frames: Sequence[Image.Image]) -> Point | None:
        """The place on the screen of the caret that blinks in it, if that is all that moves there."""
        moved = moving(frames)
        caret = moved.getbbox()
        if caret is None or not is_caret(frames[0], moved, CARET_PX):
            return None
        return seen.box.x + caret[0], seen.box.y + (caret[1] + caret[3]) // 2

    def _from_picture(self, seen: WindowInfo, point: Point, frames: Sequence[Image.Image]) -> Measurement:
        found = blank_around(frames, (point[0] - seen.box.x, point[1] - seen.box.y))
        if found is None:
            raise CalibrationFailed(Reason.WRONG_PLACE, "no empty area lies around that place")
        return Measurement(window=seen.id, composer=found[0], background=found[1], anchors=(), by="picture")

    def _check_seen(self, seen: WindowInfo) -> None:
        if not seen.is_viewable or not self._windows.is_on_this_workspace(seen.id):
            raise CalibrationFailed(Reason.HIDDEN)
        if not seen.box.fits_into(self._windows.screen()):
            raise CalibrationFailed(Reason.OFF_SCREEN)
        cover = self._windows.find_cover(seen)
        if cover is not None:
            raise CalibrationFailed(Reason.COVERED, f"by {called(cover)}")

    def _check_same(self, before: WindowInfo) -> None:
        now = self._windows.see(before.id)
        if now is None or now.box != before.box:
            raise CalibrationFailed(Reason.MOVED, "or closed, while Octet looked at it")
        self._check_seen(now)

    def _is_one(self, seen: WindowInfo) -> bool:
        return (
            seen.box.width >= SMALLEST_WINDOW[0]
            and seen.box.height >= SMALLEST_WINDOW[1]
            and not self._windows.is_furniture(seen.id)
        )

    def _found(self, seen: WindowInfo) -> FoundWindow:
        is_shown = seen.is_viewable and self._windows.is_on_this_workspace(seen.id)
        cover = self._windows.find_cover(seen) if is_shown else None
        return FoundWindow(
            id=seen.id,
            kind=seen.kind,
            title=seen.title,
            program=self._windows.program_of(seen.id),
            box=seen.box,
            is_shown=is_shown,
            is_terminal=is_terminal(self._windows.pid_of(seen.id)),
            cover="" if cover is None else called(cover),
        )


def called(seen: WindowInfo) -> str:
    """As people call it."""
    return f"“{seen.title}”" if seen.title else f"a window of {seen.kind or 'another program'}"
