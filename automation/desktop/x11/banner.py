"""A small notice on the screen while we type: it takes no focus and no click, and lies over no window of the desk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.ext import shape
from Xlib.xobject.drawable import Window as XWindow

from automation.desktop.x11.connection import open_display
from core.profiles.model import Box

WIDTH, HEIGHT, MARGIN = 420, 26, 12
PAPER, INK = 0x20242C, 0xF5A524


class TypingBanner:
    """Belongs to one thread; its connection is its own, so that nothing of it waits in line with keys."""

    def __init__(self, display: str) -> None:
        self._display: Display = open_display(display)
        self._screen = self._display.screen()
        self._window: XWindow | None = None

    def show(self, text: str, boxes: Sequence[Box]) -> bool:
        """Show this line where it covers none of these places; False when there is no room beside them."""
        place = free_place(self._screen.width_in_pixels, self._screen.height_in_pixels, boxes)
        if place is None:
            return False
        if self._window is None:
            self._window = self._make(place)
        self._window.configure(x=place.x, y=place.y)
        said = text.encode("latin-1", "replace")[:60]
        paper: Any = self._window.create_pixmap(WIDTH, HEIGHT, self._screen.root_depth)
        font: Any = self._display.open_font("fixed")
        pen: Any = paper.create_gc(foreground=PAPER, background=PAPER, font=font)
        paper.fill_rectangle(pen, 0, 0, WIDTH, HEIGHT)
        pen.change(foreground=INK)
        paper.image_text(pen, MARGIN, HEIGHT // 2 + 4, said)
        self._window.change_attributes(background_pixmap=paper)  # the server paints it; nobody waits for its events
        self._window.change_property(Xatom.WM_NAME, Xatom.STRING, 8, said)
        self._window.map()
        self._window.configure(stack_mode=X.Above)
        self._window.clear_area()
        for resource in (pen, paper):
            resource.free()
        font.close()
        self._display.sync()
        return True

    def hide(self) -> None:
        """Show nothing."""
        if self._window is not None:
            self._window.unmap()
            self._display.sync()

    def close(self) -> None:
        """Take it off the screen for good."""
        self._display.close()

    def _make(self, place: Box) -> XWindow:
        window = self._screen.root.create_window(
            place.x, place.y, WIDTH, HEIGHT, 0, X.CopyFromParent, background_pixel=PAPER, override_redirect=True
        )
        window.set_wm_class("octet", "Octet")
        if self._display.has_extension(shape.extname):
            window.shape_rectangles(shape.SO.Set, shape.SK.Input, X.YXBanded, 0, 0, [])  # clicks go through
        return window


def free_place(width: int, height: int, boxes: Sequence[Box]) -> Box | None:
    """A place at an edge of the screen that touches none of the windows; None when there is none."""
    for y in (height - HEIGHT - MARGIN, MARGIN):
        for x in ((width - WIDTH) // 2, MARGIN, width - WIDTH - MARGIN):
            place = Box(x=x, y=y, width=WIDTH, height=HEIGHT)
            if x >= 0 and not any(place.overlaps(box) for box in boxes):
                return place
    return None
