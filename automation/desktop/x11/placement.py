"""Asking the window manager to put windows where they belong. It may refuse: whoever asks looks afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from Xlib import X
from Xlib.display import Display
from Xlib.protocol import event
from Xlib.xobject.drawable import Window as XWindow

from automation.desktop.x11.window_events import AsyncQueries
from automation.desktop.x11.windows import numbers
from core.profiles.model import Box

FROM_A_TOOL = 2  # who asks, as the manager is told: not the window's own program
STATIC = 10  # the gravity by which a place is that of the window's own area, whatever is drawn around it
X_Y_WIDTH_HEIGHT = 0b1111 << 8
REMOVE = 0
ABOVE = 0
FULL = ("_NET_WM_STATE_MAXIMIZED_VERT", "_NET_WM_STATE_MAXIMIZED_HORZ", "_NET_WM_STATE_FULLSCREEN")
SHADED = "_NET_WM_STATE_SHADED"


class X11Placement:
    """Requests over one connection, which belongs to one thread."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._questions = AsyncQueries(display)
        self._root: XWindow = display.screen().root

    def check(self, window: int) -> None:
        """Any window may be asked for."""

    def hides(self, filled: Sequence[str]) -> bool:
        return SHADED in filled

    def filled(self, window: int) -> tuple[str, ...]:
        states = self._numbers(window, "_NET_WM_STATE")
        return tuple(name for name in (*FULL, SHADED) if self._questions.atom(name) in states)

    def unfill(self, window: int, filled: Sequence[str]) -> None:
        for name in filled:
            self._ask(window, "_NET_WM_STATE", REMOVE, self._questions.atom(name), 0, FROM_A_TOOL, 0)

    def show(self, window: int) -> None:
        self._display.create_resource_object("window", window).map()
        self._display.sync()

    def bring_here(self, window: int) -> None:
        here = self._numbers(self._root.id, "_NET_CURRENT_DESKTOP")
        if here:
            self._ask(window, "_NET_WM_DESKTOP", here[0], FROM_A_TOOL, 0, 0, 0)

    def put(self, window: int, box: Box) -> None:
        if self._supports("_NET_MOVERESIZE_WINDOW"):
            flags = STATIC | X_Y_WIDTH_HEIGHT | FROM_A_TOOL << 12
            self._ask(window, "_NET_MOVERESIZE_WINDOW", flags, *(_card32(n) for n in (box.x, box.y)), *_size(box))
            return
        resource = self._display.create_resource_object("window", window)
        resource.configure(x=box.x, y=box.y, width=box.width, height=box.height)
        self._display.sync()

    def raise_above(self, window: int) -> None:
        if self._supports("_NET_RESTACK_WINDOW"):
            self._ask(window, "_NET_RESTACK_WINDOW", FROM_A_TOOL, X.NONE, ABOVE, 0, 0)
            return
        self._display.create_resource_object("window", window).configure(stack_mode=X.Above)
        self._display.sync()

    def _supports(self, name: str) -> bool:
        return self._questions.atom(name) in self._numbers(self._root.id, "_NET_SUPPORTED")

    def _ask(self, window: int, what: str, *data: int) -> None:
        message = event.ClientMessage(
            window=self._display.create_resource_object("window", window),
            client_type=self._questions.atom(what),
            data=(32, list(data)),
        )
        self._root.send_event(message, event_mask=X.SubstructureRedirectMask | X.SubstructureNotifyMask)
        self._display.sync()

    def _numbers(self, window: int, name: str) -> list[int]:
        return numbers(self._questions.property(window, name)())


def _size(box: Box) -> tuple[int, int]:
    return box.width, box.height


def _card32(number: int) -> int:
    """As the protocol carries it: places to the left of the first monitor are negative."""
    return number & 0xFFFFFFFF
