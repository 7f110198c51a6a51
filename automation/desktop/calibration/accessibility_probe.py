"""Finds composers by what their programs report over the accessibility bus."""

from __future__ import annotations

import structlog
from PIL import Image, ImageColor

from automation.desktop.accessibility.bus import Unreadable
from automation.desktop.accessibility.reader import AccessibilityReader
from automation.desktop.accessibility.tree import Node, State
from automation.desktop.calibration.composer_detection import INSET, SMALLEST, beside_scrollbars, ground
from automation.desktop.calibration.surveyor import CARET_PX
from automation.desktop.observation.image_diff import is_blank
from automation.desktop.window_info import WindowInfo
from core.calibration.model import CalibrationFailed, Measurement, Point
from core.profiles.model import Box
from core.reasons import Reason

log = structlog.get_logger(__name__)

SHRINKS = 12  # at each side, so many pixels of a reported place may be its frame


class AccessibilityProbe:
    """Finds composers over the accessibility bus. Belongs to the worker's thread."""

    def __init__(self, reader: AccessibilityReader) -> None:
        self._reader = reader

    def find_composer(self, seen: WindowInfo, point: Point | None, picture: Image.Image) -> Measurement | None:
        """Measure the composer that its program reports; None where it reports none."""
        try:
            node, place = self._composer(seen, point)
            text = node.text()
        except Unreadable as trouble:
            log.debug("composer_not_on_bus", window=seen.title, why=str(trouble))
            return None
        box = place.shared(seen.box).in_window(seen.box)
        if box.width < SMALLEST[0] or box.height < SMALLEST[1]:
            return None
        colour = ground(picture.crop(box.edges))
        place = _inside_frame(picture, box, colour)
        return Measurement(
            window=seen.id,
            composer=beside_scrollbars(place),
            background=colour,
            anchors=(),
            by="accessibility",
            hint=bool(text.strip()) or not is_blank(picture.crop(place.edges), colour, CARET_PX),
        )

    def _composer(self, seen: WindowInfo, point: Point | None) -> tuple[Node, Box]:
        written = self._reader.frame(seen).find(State.EDITABLE, State.SHOWING)
        if point is not None and written:
            shown = [(node, place) for node in written if (place := node.extents()).holds(*point)]
            if not shown:
                raise CalibrationFailed(Reason.WRONG_PLACE)
            return min(shown, key=lambda one: one[1].width * one[1].height)
        several = [node for node in written if len(written) > 1 and node.has(State.MULTI_LINE)] or written
        if len(several) != 1:
            raise CalibrationFailed(Reason.SEVERAL_COMPOSERS if several else Reason.NO_COMPOSER)
        return several[0], several[0].extents()


def _inside_frame(picture: Image.Image, box: Box, colour: str) -> Box:
    """Find the place without the frame that may be drawn in it: all of its edge has the colour of its ground."""
    for less in range(SHRINKS):
        inner = box.grown(-less)
        if inner.width < SMALLEST[0] or inner.height < SMALLEST[1]:
            break
        edge = picture.crop(inner.edges)
        edge.paste(ImageColor.getrgb(colour), inner.in_window(inner).grown(-1).edges)
        if is_blank(edge, colour, 0):
            return inner
    return box.grown(-INSET)
