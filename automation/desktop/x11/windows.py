"""Windows as the display server tells of them: who they are, where they stand, what lies over them, who is active."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Any

from Xlib import X, Xatom, error
from Xlib.display import Display
from Xlib.ext import res, screensaver
from Xlib.protocol import event
from Xlib.xobject.drawable import Window as XWindow

from core.desks.model import Box

GONE = (error.BadWindow, error.BadDrawable, error.BadMatch)
"""What the server answers about a window that vanished meanwhile."""
EVERY_DESKTOP = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One window as it was when it was looked at."""

    id: int
    kind: str
    """The class part of WM_CLASS."""
    title: str
    box: Box
    """The window's own area on the screen, without its frame."""
    is_viewable: bool


class Windows:
    """Questions about windows, over one connection, which belongs to one thread."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._root: XWindow = display.screen().root
        self._client_bits = ~display.display.info.resource_id_mask & 0xFFFFFFFF
        # Nobody can grab for a window that is not shown. The server answers so, but says first if another one grabs:
        # a question without any effect.
        self._unseen: XWindow = self._root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)

    def screen(self) -> Box:
        """The whole screen."""
        size = self._root.get_geometry()
        return Box(x=0, y=0, width=int(size.width), height=int(size.height))

    def client_of(self, window: int) -> int:
        """The X client a window belongs to: equal for all windows of one program."""
        return window & self._client_bits

    def has_manager(self) -> bool:
        """Whether a window manager tells which windows there are."""
        return bool(self._numbers(self._root, "_NET_SUPPORTING_WM_CHECK"))

    def all(self) -> list[Seen]:
        """Every window that the window manager cares for."""
        found = (self.see(window) for window in self._numbers(self._root, "_NET_CLIENT_LIST"))
        return [seen for seen in found if seen is not None]

    def see(self, window: int) -> Seen | None:
        """One window now; None when it is gone."""
        resource = self._window(window)
        try:
            kind = resource.get_wm_class()
            size = resource.get_geometry()
            # python-xlib names the method the other way round: it translates a point of the argument into the caller's.
            corner = self._root.translate_coords(resource.id, 0, 0)
            attributes = resource.get_attributes()
            return Seen(
                id=window,
                kind=kind[1] if kind else "",
                title=self._title(resource),
                box=Box(x=int(corner.x), y=int(corner.y), width=int(size.width), height=int(size.height)),
                is_viewable=attributes.map_state == X.IsViewable,
            )
        except GONE:
            return None

    def find(self, kind: str, title: str) -> list[Seen]:
        """The windows whose class is `kind` as a whole and whose title holds `title`; both are regular expressions."""
        return [seen for seen in self.all() if re.fullmatch(kind, seen.kind) and re.search(title, seen.title)]

    def is_on_this_workspace(self, window: int) -> bool:
        """Whether the window belongs to the workspace that is shown now; windows on all of them do."""
        mine = self._numbers(self._window(window), "_NET_WM_DESKTOP")
        shown = self._numbers(self._root, "_NET_CURRENT_DESKTOP")
        return not mine or not shown or mine[0] in {EVERY_DESKTOP, shown[0]}

    def over(self, target: Seen) -> Seen | None:
        """A window that lies over any part of `target`, whoever made it; None when nothing does."""
        own = self._top_level(target.id)
        above = False
        for child in self._root.query_tree().children:
            if child.id == own:
                above = True
            elif above:
                other = self._as_cover(child)
                if other is not None and overlap(other.box, target.box):
                    return self._content_of(other)
        return None

    def chain_at(self, x: int, y: int) -> list[int]:
        """The windows under a point of the screen, from the outermost to the innermost."""
        chain: list[int] = []
        here = self._root
        while True:
            try:
                child = here.translate_coords(self._root.id, x, y).child
            except GONE:
                return chain
            if not child or isinstance(child, int):
                return chain
            chain.append(child.id)
            here = child

    def active(self) -> int:
        """The window that the manager calls active; 0 when none is."""
        numbers = self._numbers(self._root, "_NET_ACTIVE_WINDOW")
        return numbers[0] if numbers else 0

    def name_tag(self, window: int) -> str:
        """A word that we hang onto a window once, and that is gone with it. Its id is not: the server gives it again to
        the next program. Empty for a window that is gone."""
        resource, atom = self._window(window), self._display.intern_atom("OCTET_WINDOW")
        try:
            found = resource.get_full_property(atom, Xatom.STRING)
            if found is None:
                resource.change_property(atom, Xatom.STRING, 8, secrets.token_hex(8).encode())
                found = resource.get_full_property(atom, Xatom.STRING)
        except GONE:
            return ""
        return "" if found is None else bytes(found.value).decode("ascii", "replace")

    def idle_s(self) -> float | None:
        """How long nobody pressed, typed or moved anything, us included; None where the server does not tell."""
        if not self._display.has_extension(screensaver.extname):
            return None
        told: Any = screensaver.query_info(self._root)  # untyped
        return float(told.idle) / 1000

    def focused_client(self) -> int:
        """The X client that gets the keys now; 0 when none does."""
        focus = self._display.get_input_focus().focus
        return 0 if isinstance(focus, int) else self.client_of(focus.id)

    def pid_of(self, window: int) -> int:
        """The process whose X client made the window, as the server knows it, else as the window says; 0 if unknown."""
        if self._display.has_extension(res.extname):
            asked: Any = [{"client": window, "mask": res.LocalClientPIDMask}]
            told: Any = res.query_client_ids(self._display, asked)
            for found in told.ids:
                if found.spec.mask & res.LocalClientPIDMask and found.value:
                    return int(found.value[0])
        numbers = self._numbers(self._window(window), "_NET_WM_PID")
        return numbers[0] if numbers else 0

    def accessibility_address(self) -> str:
        """Where the accessibility bus of this display's programs is; empty when the display does not say."""
        found = self._root.get_full_property(self._display.intern_atom("AT_SPI_BUS"), Xatom.STRING)
        return "" if found is None else bytes(found.value).decode("ascii", "replace")

    def activate(self, window: int) -> None:
        """Ask the window manager to give this window the focus."""
        message = event.ClientMessage(
            window=self._window(window),
            client_type=self._display.intern_atom("_NET_ACTIVE_WINDOW"),
            data=(32, [2, X.CurrentTime, 0, 0, 0]),
        )
        self._root.send_event(message, event_mask=X.SubstructureRedirectMask | X.SubstructureNotifyMask)
        self._display.sync()

    def is_anything_down(self) -> bool:
        """Whether any key or button is held down, by whomever."""
        buttons = X.Button1Mask | X.Button2Mask | X.Button3Mask | X.Button4Mask | X.Button5Mask
        return any(self._display.query_keymap()) or bool(self._root.query_pointer().mask & buttons)

    def is_keyboard_taken(self) -> bool:
        """Whether a program takes all keys for itself: a lock screen, or a menu that is open."""
        status = self._unseen.grab_keyboard(False, X.GrabModeAsync, X.GrabModeAsync, X.CurrentTime)
        return status in {X.AlreadyGrabbed, X.GrabFrozen}

    def is_pointer_taken(self) -> bool:
        """The same for the pointer."""
        status = self._unseen.grab_pointer(False, 0, X.GrabModeAsync, X.GrabModeAsync, X.NONE, X.NONE, X.CurrentTime)
        return status in {X.AlreadyGrabbed, X.GrabFrozen}

    def _as_cover(self, child: XWindow) -> Seen | None:
        try:
            if child.get_attributes().map_state != X.IsViewable:
                return None
        except GONE:
            return None
        return self.see(child.id)

    def _content_of(self, frame: Seen) -> Seen:
        """The managed window that a frame holds, which has the name people know; else the frame itself."""
        return next((seen for seen in self.all() if self._top_level(seen.id) == frame.id), frame)

    def _top_level(self, window: int) -> int:
        """The child of the root that holds this window: usually its frame."""
        here = self._window(window)
        try:
            while True:
                parent = here.query_tree().parent
                if not parent or isinstance(parent, int) or parent.id == self._root.id:
                    return here.id
                here = parent
        except GONE:
            return window

    def _title(self, resource: XWindow) -> str:
        named = resource.get_full_property(self._display.intern_atom("_NET_WM_NAME"), X.AnyPropertyType)
        if named is None:
            named = resource.get_full_property(Xatom.WM_NAME, X.AnyPropertyType)
        if named is None:
            return ""
        value = named.value
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def _numbers(self, resource: XWindow, name: str) -> list[int]:
        try:
            found = resource.get_full_property(self._display.intern_atom(name), X.AnyPropertyType)
        except GONE:
            return []
        return [int(number) for number in found.value] if found is not None else []

    def _window(self, window: int) -> XWindow:
        return self._display.create_resource_object("window", window)


def overlap(one: Box, other: Box) -> bool:
    """Whether two rectangles share a pixel."""
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )
