"""The worker's side of calibration: which windows there are, what is seen of one around a point. Touches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import structlog
from PIL import Image

from automation.desktop.accessibility.reader import Reader
from automation.desktop.accessibility.tree import Node, State
from automation.desktop.calibration.composers import INSET, SMALLEST, beside_scrollbars, blank_around, ground
from automation.desktop.calibration.standing import anchors
from automation.desktop.readbacks import UNREADABLE
from automation.desktop.seen import Seen
from automation.desktop.sight.pictures import is_blank
from automation.desktop.sight.screen import Screen
from automation.desktop.x11.windows import Windows
from automation.protocol.ports import Pace
from core.calibration.model import FoundWindow, Measured, NotMeasured, Point, Pointer, Survey
from core.profiles.model import Box, Composer

log = structlog.get_logger(__name__)

FRAMES = 6
BETWEEN_S = 0.25
"""Over a second and a half every caret blinks."""
SMALLEST_WINDOW = (120, 80)
"""What is smaller is no chat."""
CARET_PX = Composer(box=Box(x=0, y=0, width=1, height=1), background="").caret_px
SHRINKS = 12
"""So many pixels of a place that a program tells may be its frame, at each side."""


class Surveyor:
    """Looks at one display. Belongs to the worker's thread."""

    def __init__(self, *, windows: Windows, screen: Screen, reader: Reader, pace: Pace) -> None:
        self._windows = windows
        self._screen = screen
        self._reader = reader
        self._pace = pace

    def survey(self) -> Survey:
        """Every window that people see as one, the lowest first."""
        found = [self._found(seen) for seen in self._windows.all() if self._is_one(seen)]
        return Survey(screen=self._windows.screen(), monitors=self._screen.monitors(), windows=tuple(found))

    def pointer(self) -> Pointer:
        """Where the pointer is, and whether Ctrl alone is held."""
        x, y, ctrl = self._windows.pointer()
        return Pointer(at=(x, y), ctrl=ctrl)

    def measure(self, window: int, point: Point | None, avoid: Sequence[Box]) -> Measured:
        """What is seen of this window around this place of the screen. Raises NotMeasured."""
        seen = self._windows.see(window)
        if seen is None:
            raise NotMeasured(why="the window is gone; look again which there are")
        self._check_seen(seen)
        frames: list[Image.Image] = []
        for number in range(FRAMES):
            if number:
                self._pace.rest(BETWEEN_S)
            frames.append(self._screen.take(seen.box))
        self._check_same(seen)
        told = self._told(seen, point, frames[0])
        if told is None and point is None:
            why = "its program does not tell where one writes; show the place (point at it, or composer=x,y)"
            raise _not(seen, why)
        measured = told or self._from_picture(seen, point or (0, 0), frames)
        outside = [*avoid, _grown(measured.composer, 12)]
        found = anchors(frames, outside)
        if not found:
            why = "no part of it stands still and shows enough to know it by; give it a header, or a larger window"
            raise _not(seen, why)
        return replace(measured, anchors=found)

    def _told(self, seen: Seen, point: Point | None, picture: Image.Image) -> Measured | None:
        """The composer as its program tells it; None where it does not."""
        try:
            node, place = self._composer(seen, point)
            role, label = node.role(), node.label()
            text = node.text()
        except UNREADABLE as trouble:
            log.debug("composer_not_told", window=seen.title, why=str(trouble))
            return None
        if text.strip() and text.strip() != label.strip():
            raise _not(seen, "something stands in its composer; send or delete it, then calibrate again")
        box = Box(x=place.x - seen.box.x, y=place.y - seen.box.y, width=place.width, height=place.height)
        box = _within(box, seen.box)
        if box.width < SMALLEST[0] or box.height < SMALLEST[1]:
            return None
        blank = _blank_inside(picture, box)
        place, colour = blank or (_grown(box, -INSET), ground(_cut(picture, box)))
        return Measured(
            window=seen.id,
            composer=beside_scrollbars(place),
            background=colour,
            anchors=(),
            by="accessibility",
            hint=blank is None,
            role=role,
            label=label,
        )

    def _composer(self, seen: Seen, point: Point | None) -> tuple[Node, Box]:
        if point is not None:
            spot = Box(x=point[0], y=point[1], width=1, height=1)
            node = self._reader.composer(seen, Composer(box=spot, background=""), spot)
            return node, node.extents()
        written = self._reader.frame(seen).find(State.EDITABLE, State.SHOWING)
        several = [node for node in written if len(written) > 1 and node.has(State.MULTI_LINE)] or written
        if len(several) != 1:
            why = "several things can be written into there" if several else "nothing can be written into there"
            raise _not(seen, f"{why}, as its program tells; show which place is meant (point at it, or composer=x,y)")
        return several[0], several[0].extents()

    def _from_picture(self, seen: Seen, point: Point, frames: Sequence[Image.Image]) -> Measured:
        found = blank_around(frames, (point[0] - seen.box.x, point[1] - seen.box.y))
        if found is None:
            why = (
                "no empty area lies around the place that was shown; show the middle of the empty composer, and send "
                "or delete what stands in it"
            )
            raise _not(seen, why)
        return Measured(window=seen.id, composer=found[0], background=found[1], anchors=(), by="picture")

    def _check_seen(self, seen: Seen) -> None:
        if not seen.is_viewable or not self._windows.is_on_this_workspace(seen.id):
            raise _not(seen, "it is iconified or on another workspace; bring it to the screen")
        if not seen.box.fits_into(self._windows.screen()):
            raise _not(seen, "it is not wholly on the screen; move it there")
        cover = self._windows.over(seen)
        if cover is not None:
            raise _not(seen, f"{_called(cover)} lies over it; move one of them, agents' windows must stay uncovered")

    def _check_same(self, before: Seen) -> None:
        now = self._windows.see(before.id)
        if now is None or now.box != before.box:
            raise _not(before, "it was moved or closed while it was looked at; try again")
        self._check_seen(now)

    def _is_one(self, seen: Seen) -> bool:
        return (
            seen.box.width >= SMALLEST_WINDOW[0]
            and seen.box.height >= SMALLEST_WINDOW[1]
            and not self._windows.is_furniture(seen.id)
        )

    def _found(self, seen: Seen) -> FoundWindow:
        is_shown = seen.is_viewable and self._windows.is_on_this_workspace(seen.id)
        cover = self._windows.over(seen) if is_shown else None
        return FoundWindow(
            id=seen.id,
            kind=seen.kind,
            title=seen.title,
            program=self._windows.program_of(seen.id),
            box=seen.box,
            is_shown=is_shown,
            cover="" if cover is None else _called(cover),
        )


def _blank_inside(picture: Image.Image, box: Box) -> tuple[Box, str] | None:
    """The place without the frame that may be drawn in it, if it is blank, and its colour."""
    colour = ground(_cut(picture, box))
    for less in range(SHRINKS):
        inner = _grown(box, -less)
        if inner.width < SMALLEST[0] or inner.height < SMALLEST[1]:
            return None
        if is_blank(_cut(picture, inner), colour, CARET_PX):
            return inner, colour
    return None


def _cut(picture: Image.Image, box: Box) -> Image.Image:
    return picture.crop((box.x, box.y, box.x + box.width, box.y + box.height))


def _grown(box: Box, by: int) -> Box:
    return Box(x=box.x - by, y=box.y - by, width=box.width + 2 * by, height=box.height + 2 * by)


def _within(box: Box, window: Box) -> Box:
    """The part of a place that lies in its window."""
    left, top = max(0, box.x), max(0, box.y)
    right, bottom = min(window.width, box.x + box.width), min(window.height, box.y + box.height)
    return Box(x=left, y=top, width=max(0, right - left), height=max(0, bottom - top))


def _called(seen: Seen) -> str:
    return f"“{seen.title}”" if seen.title else f"a window of {seen.kind or 'another program'}"


def _not(seen: Seen, why: str) -> NotMeasured:
    return NotMeasured(why=f"{_called(seen)}: {why}")
