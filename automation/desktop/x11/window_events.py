"""Asks the display server several questions at once, and hears what it reports about windows."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.error import BadAtom, BadDrawable, BadWindow
from Xlib.ext import damage
from Xlib.protocol import event, request, rq

from automation.desktop.x11.connection import GONE, DisplayThread
from core.profiles.model import Box

Property = bytes | Sequence[int]  # text as it lies there, or numbers
LONGEST = 65_536  # four-byte units of a property that are read: no title, class or list of windows is longer


class AsyncQueries:
    """Asks over one connection, which belongs to one thread. Call what is returned for the answer."""

    def __init__(self, display: Display) -> None:
        self._display: Any = display  # untyped where requests are made by hand
        self._atoms = {"WM_CLASS": Xatom.WM_CLASS, "WM_NAME": Xatom.WM_NAME}

    def atom(self, name: str) -> int:
        if name not in self._atoms:
            self._atoms[name] = int(self._display.intern_atom(name))
        return self._atoms[name]

    def property(self, window: int, name: str) -> Callable[[], Property | None]:
        """Ask for a property of a window. The answer is None where it has none, or is gone."""
        answer: Any = request.GetProperty(
            self._display.display,
            True,
            delete=0,
            window=window,
            property=self.atom(name),
            type=X.AnyPropertyType,
            long_offset=0,
            long_length=LONGEST,
        )

        def read() -> Property | None:
            try:
                answer.reply()
            except (BadWindow, BadAtom):
                return None
            if not answer.property_type:
                return None
            form, value = answer.value
            return bytes(value) if form == 8 else [int(number) for number in value]

        return read

    def place(self, window: int, root: int) -> Callable[[], tuple[Box, bool]]:
        """Ask where a window is on the screen, and whether it is shown. Raises one of GONE."""
        display = self._display.display
        size: Any = request.GetGeometry(display, True, drawable=window)
        corner: Any = request.TranslateCoords(display, True, src_wid=window, dst_wid=root, src_x=0, src_y=0)
        attributes: Any = request.GetWindowAttributes(display, True, window=window)

        def read() -> tuple[Box, bool]:
            for answer in (size, corner, attributes):
                answer.reply()
            box = Box(x=int(corner.x), y=int(corner.y), width=int(size.width), height=int(size.height))
            return box, attributes.map_state == X.IsViewable

        return read

    def shown(self, windows: Sequence[int]) -> list[int]:
        """Return those of the windows that are shown now, in their order."""
        asked: list[tuple[int, Any]] = [
            (window, request.GetWindowAttributes(self._display.display, True, window=window)) for window in windows
        ]
        found: list[int] = []
        for window, answer in asked:
            try:
                answer.reply()
            except (BadWindow, BadDrawable):
                continue
            if answer.map_state == X.IsViewable:
                found.append(window)
        return found

    def pointer(self, root: int) -> Callable[[], int]:
        """Ask which buttons and modifiers are down, as a mask."""
        answer = request.QueryPointer(self._display.display, True, window=root)
        return lambda: int(_replied(answer).mask)

    def keys(self) -> Callable[[], bool]:
        """Ask whether any key is down."""
        answer = request.QueryKeymap(self._display.display, True)
        return lambda: any(_replied(answer).map)

    def focus(self) -> Callable[[], int]:
        """Ask for the window that gets the keys; 0 and 1 mean none and the one under the pointer."""
        answer = request.GetInputFocus(self._display.display, True)

        def read() -> int:
            focus = _replied(answer).focus
            return int(focus if isinstance(focus, int) else focus.id)

        return read

    def keyboard(self, window: int) -> Callable[[], int]:
        """Ask the server for all keys for this window; the answer is its status."""
        answer = request.GrabKeyboard(
            self._display.display,
            True,
            owner_events=False,
            grab_window=window,
            time=X.CurrentTime,
            pointer_mode=X.GrabModeAsync,
            keyboard_mode=X.GrabModeAsync,
        )
        return lambda: int(_replied(answer).status)


def _replied(answer: Any) -> Any:
    answer.reply()
    return answer


def damage_code(display: Display) -> int:
    """Return the number of the events that report drawing; -1 where the server reports none."""
    if not display.has_extension("DAMAGE"):
        return -1
    display.damage_query_version()
    return int(display.extension_event.DamageNotify)


_ROOT = X.SubstructureNotifyMask | X.StructureNotifyMask | X.PropertyChangeMask
_WINDOW = X.StructureNotifyMask | X.PropertyChangeMask


class ChangeCounter:
    """Counts the news of one connection, which belongs to one thread. Nothing else may take events from it."""

    def __init__(self, display: Display) -> None:
        self._display = display
        atom = display.intern_atom
        self._active = atom("_NET_ACTIVE_WINDOW")
        self._telling = {atom("_NET_CLIENT_LIST"), atom("_NET_CURRENT_DESKTOP")}  # of the root
        self._named = {Xatom.WM_CLASS, Xatom.WM_NAME, atom("_NET_WM_NAME"), atom("_NET_WM_DESKTOP")}
        self._count = 0
        self._activations = 0
        self._followed: set[int] = set()
        self._is_news = False
        self._drawn: tuple[int, int] = (X.NONE, X.NONE)  # the watched window, and the server's name for that
        self._damage_code = damage_code(display)
        self._root = display.screen().root
        self._root.change_attributes(event_mask=_ROOT)

    def count(self) -> int:
        """Count how often a window came, went, moved, was restacked or named, as far as reported before the last
        answer. A window's name, and its place in another one, count only if it is followed."""
        self._take_in()
        return self._count

    def now(self) -> int:
        self._display.sync()
        return self.count()

    def activations(self) -> int:
        """Return how often the manager has called another window active, as far as reported before the last answer."""
        self._take_in()
        return self._activations

    def follow(self, windows: Iterable[int]) -> bool:
        new = set(windows) - self._followed - {self._root.id}
        for window in new:
            self._display.create_resource_object("window", window).change_attributes(event_mask=_WINDOW)
        self._followed |= new
        return not new

    @property
    def sees_drawing(self) -> bool:
        return self._damage_code >= 0

    def watch_drawing(self, window: int) -> None:
        """Have whatever is drawn in this window from now on end a `wait`. Call it again before each look."""
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
        """Wait so long, or until the server reports something about windows, or drawing in the watched one."""
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
        """Count everything that is not known to mean nothing."""
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


QUIET_S = 0.15  # so long news are collected: a window that returns brings many


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayChanges:
    """What happened on the display since the last question."""

    drawn: frozenset[int] = frozenset()
    has_changed: bool = False


class WindowEvents(DisplayThread):
    """Calls `changed` from its own thread when windows came, went, moved, were restacked or (if asked) drawn in."""

    def __init__(self, display: str, changed: Callable[[], None]) -> None:
        super().__init__(display)
        self._changed = changed
        self._damage_code = damage_code(self._display)
        self._wanted: tuple[frozenset[int], frozenset[int]] = (frozenset(), frozenset())
        self._drawn: dict[int, int] = {}
        self._has_come = threading.Lock()
        self._news_drawn: set[int] = set()
        self._news_changed = False
        self._root.change_attributes(event_mask=X.SubstructureNotifyMask | X.PropertyChangeMask)
        self._display.sync()
        self._start("watch")

    def follow(self, *, drawn: AbstractSet[int], named: AbstractSet[int]) -> None:
        """Also report, from now on, drawing in the windows `drawn` and changed titles of `named`."""
        wanted = (frozenset(drawn), frozenset(named))
        if wanted != self._wanted:
            self._wanted = wanted
            self._wake()

    def news(self) -> DisplayChanges:
        with self._has_come:
            news = DisplayChanges(drawn=frozenset(self._news_drawn), has_changed=self._news_changed)
            self._news_drawn, self._news_changed = set(), False
        return news

    def _lost_display(self) -> None:
        self._changed()  # the next look meets the closed display

    def _handle_pending(self) -> None:
        if self._drain():
            self._closing.wait(QUIET_S)
            self._drain()
            self._changed()

    def _drain(self) -> bool:
        drawn: set[int] = set()
        has_changed = False
        while self._display.pending_events():
            came = self._display.next_event()
            if came.type == self._damage_code:
                drawn.add(came.drawable.id)
            else:
                has_changed = True
        for window in drawn & self._drawn.keys():
            self._display.damage_subtract(self._drawn[window])
        self._display.flush()
        with self._has_come:
            self._news_drawn |= drawn
            self._news_changed = self._news_changed or has_changed
        return bool(drawn) or has_changed

    def _woken(self) -> None:
        """Ask the server for what is wanted now, without windows that have gone: that is news enough."""
        drawn, named = self._wanted
        for window in set(self._drawn) - drawn:
            self._display.damage_destroy(self._drawn.pop(window))
        for window in drawn | named:
            resource = self._display.create_resource_object("window", window)
            try:
                resource.get_geometry()
                resource.change_attributes(event_mask=X.PropertyChangeMask | X.StructureNotifyMask)
                if self._damage_code >= 0 and window in drawn - set(self._drawn):
                    self._drawn[window] = damage.damage_create(resource, damage.DamageReportNonEmpty)
            except GONE:
                continue
        self._display.flush()
