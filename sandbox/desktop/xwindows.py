"""The windows on the display as X11 knows them: find, place, look at, cover. Blocking: used from one thread."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import cast

from Xlib import X, Xatom, display, error
from Xlib.protocol import event
from Xlib.xobject.drawable import Window

from sandbox.desktop.cast import WindowArea

_STATIC_GRAVITY = 10
_ALL_FOUR = 0b1111 << 8
_FROM_A_PAGER = 2 << 12
_HEADER_PX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedWindow:
    """A managed window as it is now."""

    window: int
    name: str  # of its role: the instance part of its WM_CLASS; of a page the file that it shows
    class_name: str
    title: str
    box: WindowArea


class XWindows:
    """One connection to the display."""

    def __init__(self, name: str) -> None:
        self._display = display.Display(name)
        self._root = self._display.screen().root
        self._atoms: dict[str, int] = {}

    def close(self) -> None:
        try:
            self._display.close()
        except error.ConnectionClosedError:
            pass  # the display was faster

    def paint_background(self, colour: int) -> None:
        self._root.change_attributes(background_pixel=colour)
        self._root.clear_area()
        self._display.sync()

    def manager_is_up(self) -> bool:
        return self._root.get_full_property(self._atom("_NET_SUPPORTING_WM_CHECK"), Xatom.WINDOW) is not None

    def find(self, name: str) -> ManagedWindow | None:
        clients = self._root.get_full_property(self._atom("_NET_CLIENT_LIST"), Xatom.WINDOW)
        numbers = [] if clients is None else [int(number) for number in cast("array[int]", clients.value)]
        for number in numbers:
            seen = self.see(number)  # None when it closed between the list and this look
            if seen is not None and seen.name == name:
                return seen
        return None

    def place(self, window: int, box: WindowArea) -> None:
        """Ask the window manager to put the window's own area exactly there, and on top."""
        flags = _STATIC_GRAVITY | _ALL_FOUR | _FROM_A_PAGER
        self._ask(window, "_NET_MOVERESIZE_WINDOW", [flags, *box.as_list()])
        self._display.create_resource_object("window", window).configure(stack_mode=X.Above)
        self._display.sync()

    def is_painted(self, box: WindowArea) -> bool:
        """Tell whether the header at the top of this place has more than one colour."""
        width = min(box.width, self._display.screen().width_in_pixels - box.x)  # the rest is beside the screen
        shot = self._root.get_image(box.x, box.y, width, _HEADER_PX, X.ZPixmap, 0xFFFFFF)
        data = bytes(shot.data)
        return len({data[at : at + 4] for at in range(0, len(data), 4)}) > 1

    def cover(self, box: WindowArea, *, title: str) -> int:
        """Open a plain managed window of this size; return its number, for `place` and `uncover`."""
        depth = self._display.screen().root_depth
        window: Window = self._root.create_window(
            0, 0, box.width, box.height, 0, depth, X.InputOutput, X.CopyFromParent, background_pixel=0x6B7280
        )
        window.set_wm_class("cover", "OctetCover")
        window.set_wm_name("cover")
        window.change_property(self._atom("_NET_WM_NAME"), self._atom("UTF8_STRING"), 8, title.encode())
        window.map()
        self._display.sync()
        return int(window.id)

    def see(self, window: int) -> ManagedWindow | None:
        """Return the window with this number if it is mapped; None when it is gone."""
        try:
            return self._see(window)
        except (error.BadWindow, error.BadDrawable):
            return None

    def uncover(self, window: int) -> None:
        self._display.create_resource_object("window", window).destroy()
        self._display.sync()

    def _see(self, number: int) -> ManagedWindow | None:
        window = self._display.create_resource_object("window", number)
        names = window.get_wm_class()
        if names is None or window.get_attributes().map_state != X.IsViewable:
            return None
        title = window.get_full_property(self._atom("_NET_WM_NAME"), self._atom("UTF8_STRING"))
        size = window.get_geometry()
        corner = self._root.translate_coords(window, 0, 0)
        return ManagedWindow(
            window=number,
            name=names[0].removesuffix(".html").rpartition("_")[2],
            class_name=names[1],
            title="" if title is None else bytes(title.value).decode("utf-8", "replace"),
            box=WindowArea(x=corner.x, y=corner.y, width=size.width, height=size.height),
        )

    def _ask(self, window: int, what: str, values: list[int]) -> None:
        message = event.ClientMessage(
            window=self._display.create_resource_object("window", window),
            client_type=self._atom(what),
            data=(32, [value & 0xFFFFFFFF for value in values]),
        )
        self._root.send_event(message, event_mask=X.SubstructureRedirectMask | X.SubstructureNotifyMask)
        self._display.flush()

    def _atom(self, name: str) -> int:
        if name not in self._atoms:
            self._atoms[name] = self._display.intern_atom(name)
        return self._atoms[name]
