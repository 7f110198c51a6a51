"""The worker's side of calibration: which windows there are, and what one shows around a point. Touches nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PIL import Image

from automation.desktop.calibration.composer_detection import anchors, blank_around, moving
from automation.desktop.calibration.terminals import is_terminal, reads_lines, text_area
from automation.desktop.observation.image_diff import is_caret
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.ports import WindowsPort
from automation.desktop.window_info import WindowInfo
from automation.protocol.ports import DeliveryClock
from core.calibration.model import TERMINAL, CalibrationFailed, FoundWindow, Measurement, Point, Survey
from core.profiles.model import Box, Composer, Readback
from core.reasons import Reason

FRAMES = 6
BETWEEN_S = 0.25  # over a second and a half every caret blinks
CARET_PX = Composer(box=Box(x=0, y=0, width=1, height=1), background="").caret_px
SMALLEST_WINDOW = (120, 80)  # a smaller window is not a chat
Probe = Callable[[WindowInfo, Point | None, Image.Image], Measurement | None]
"""Asks a window's program for its composer; None where it does not report one."""


class DisplaySurveyor:
    """Looks at one display. Belongs to the worker's thread."""

    def __init__(
        self, *, windows: WindowsPort, screen: ScreenCapture, pace: DeliveryClock, probe: Probe | None = None
    ) -> None:
        """Without a `probe` Octet finds composers in pictures alone."""
        self._windows = windows
        self._screen = screen
        self._probe = probe
        self._pace = pace

    def survey(self) -> Survey:
        """List every window that users see as one, the lowest first."""
        found = [self._found(seen) for seen in self._windows.all() if self._is_one(seen)]
        return Survey(screen=self._windows.screen(), monitors=self._screen.monitors(), windows=tuple(found))

    def measure(self, window: int, point: Point | None, avoid: Sequence[Box]) -> Measurement:
        """Measure this window around this place of the screen. Raises CalibrationFailed."""
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
                line = reads_lines(pid)
                return Measurement(
                    window=seen.id, composer=area, background=colour, anchors=(), by=TERMINAL, hint=True, by_line=line
                )
        try:
            measured = None if self._probe is None else self._probe(seen, point, frames[0])
        except CalibrationFailed:
            if point is None:
                raise
            found = self._in_picture(seen, frames, point, avoid)
            # Its program reports no composer there: what it reports elsewhere does not count from now on.
            return found if is_terminal(pid) else replace(found, quirks={"readback": [Readback.COPY.value]})
        return measured or self._in_picture(seen, frames, point or self._at_caret(seen, frames), avoid)

    @staticmethod
    def _in_picture(
        seen: WindowInfo, frames: Sequence[Image.Image], point: Point | None, avoid: Sequence[Box]
    ) -> Measurement:
        if point is None:
            raise CalibrationFailed(Reason.NO_COMPOSER)
        blank = blank_around(frames, (point[0] - seen.box.x, point[1] - seen.box.y))
        if blank is None:
            raise CalibrationFailed(Reason.WRONG_PLACE, "Octet sees text or an edge there, and no empty area around it")
        composer, colour = blank
        parts = anchors(frames, composer, avoid)
        return Measurement(window=seen.id, composer=composer, background=colour, anchors=parts, by="picture")

    @staticmethod
    def _at_caret(seen: WindowInfo, frames: Sequence[Image.Image]) -> Point | None:
        """Return the place on the screen of a caret that blinks in it, if nothing else moves there."""
        moved = moving(frames)
        caret = moved.getbbox()
        if caret is None or not is_caret(frames[0], moved, CARET_PX):
            return None
        return seen.box.x + caret[0], seen.box.y + (caret[1] + caret[3]) // 2

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
            tag=self._windows.name_tag(seen.id),
        )


def called(seen: WindowInfo) -> str:
    return f"“{seen.title}”" if seen.title else f"a window of {seen.kind or 'another program'}"
