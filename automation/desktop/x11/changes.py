"""Whether anything about the windows changed: the server tells it on the very connection that asks, before its answer.

So what was asked once need not be asked again: one answer of the server with no news before it says the same, as of
the same instant. What it does not tell by itself (what lies under a point, which key is down) is asked each time.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterable

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.ext import damage
from Xlib.protocol import event, rq

_ROOT = X.SubstructureNotifyMask | X.StructureNotifyMask | X.PropertyChangeMask
_WINDOW = X.StructureNotifyMask | X.PropertyChangeMask


class ChangeCounter:
    """News of one connection, which belongs to one thread. Nothing else may take events from it."""

    def __init__(self, display: Display) -> None:
        self._display = display
        atom = display.intern_atom
        self._active = atom("_NET_ACTIVE_WINDOW")
        self._telling = {atom("_NET_CLIENT_LIST"), atom("_NET_CURRENT_DESKTOP")}
        """Properties of the root that say something about windows."""
        self._named = {Xatom.WM_CLASS, Xatom.WM_NAME, atom("_NET_WM_NAME"), atom("_NET_WM_DESKTOP")}
        self._count = 0
        self._activations = 0
        self._followed: set[int] = set()
        self._is_news = False
        self._drawn: tuple[int, int] = (X.NONE, X.NONE)
        """The one window whose drawing is told, and the server's name for that."""
        self._damage_code = -1
        if display.has_extension("DAMAGE"):
            display.damage_query_version()
            self._damage_code = int(display.extension_event.DamageNotify)
        self._root = display.screen().root
        self._root.change_attributes(event_mask=_ROOT)

    def count(self) -> int:
        """How often a window came, went, moved, was restacked or named, as far as told before the last answer. The
        name of a window counts, and its place in another one, if it is followed."""
        self._take_in()
        return self._count

    def now(self) -> int:
        """The same as of now."""
        self._display.sync()
        return self.count()

    def activations(self) -> int:
        """How often the manager has called another window active, as far as told before the last answer."""
        self._take_in()
        return self._activations

    def follow(self, windows: Iterable[int]) -> bool:
        """Hear of these windows too. Whether each was followed before: what was asked since then is covered."""
        new = set(windows) - self._followed - {self._root.id}
        for window in new:
            self._display.create_resource_object("window", window).change_attributes(event_mask=_WINDOW)
        self._followed |= new
        return not new

    @property
    def sees_drawing(self) -> bool:
        """Whether the server tells of drawing."""
        return self._damage_code >= 0

    def watch_drawing(self, window: int) -> None:
        """From here on whatever is drawn in this window ends a `wait`. Called anew before each look at it."""
        if not self.sees_drawing:
            return
        watched, name = self._drawn
        if watched != window:
            if name:
                self._display.damage_destroy(name)
            resource = self._display.create_resource_object("window", window)
            name = damage.damage_create(resource, damage.DamageReportNonEmpty)
            self._drawn = (window, name)
        self._display.damage_subtract(name)
        self._take_in()
        self._is_news = False

    def wait(self, seconds: float) -> None:
        """Let that much time pass, less when something is told: about windows, or drawn in the one that is watched."""
        end = time.monotonic() + seconds
        self._display.flush()
        while True:
            self._take_in()
            if self._is_news:
                self._is_news = False
                return
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._display.fileno()], [], [], left)[0]:
                return

    def _take_in(self) -> None:
        while self._display.pending_events():
            self._heard(self._display.next_event())

    def _heard(self, happened: rq.Event) -> None:
        """Everything counts that is not known to mean nothing."""
        self._is_news = True
        match happened:
            case event.PropertyNotify():
                window, atom = int(happened.window.id), int(happened.atom)
                if window != self._root.id:
                    self._count += atom in self._named
                elif atom == self._active:
                    self._activations += 1
                else:
                    self._count += atom in self._telling
            case event.CreateNotify():
                pass  # it is not shown yet
            case event.DestroyNotify():
                gone = int(happened.window.id)
                self._followed.discard(gone)  # its number may be given to another one
                if gone == self._drawn[0]:
                    self._drawn = (X.NONE, X.NONE)
                self._count += 1
            case _:
                self._count += happened.type != self._damage_code
