"""News from the display: a thread with its own connection says when something about the windows changed; no polling."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from Xlib import X
from Xlib.display import Display
from Xlib.error import ConnectionClosedError
from Xlib.ext import damage

from automation.desktop.x11.connection import open_display
from automation.desktop.x11.windows import GONE

QUIET_S = 0.15
"""After news, others are collected for this long before they are told: a window that comes back brings many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayChanges:
    """What happened on the display since this was asked last."""

    drawn: frozenset[int] = frozenset()
    """The windows in which something was drawn."""
    is_stirred: bool = False
    """A window came, went, moved, was restacked or renamed."""


class WindowEvents:
    """Calls `changed` from its own thread when windows came, went, moved, were restacked or (if asked) drawn in."""

    def __init__(self, display: str, changed: Callable[[], None]) -> None:
        self._display: Display = open_display(display)
        self._changed = changed
        self._root = self._display.screen().root
        self._sees_drawing = bool(self._display.has_extension("DAMAGE"))
        self._damage_code = -1
        if self._sees_drawing:
            self._display.damage_query_version()
            self._damage_code = int(self._display.extension_event.DamageNotify)
        self._wanted: tuple[frozenset[int], frozenset[int]] = (frozenset(), frozenset())
        self._drawn: dict[int, int] = {}
        self._has_come = threading.Lock()
        self._news_drawn: set[int] = set()
        self._news_stirred = False
        self._wake_out, self._wake_in = os.pipe()
        self._closing = threading.Event()
        self._root.change_attributes(event_mask=X.SubstructureNotifyMask | X.PropertyChangeMask)
        self._display.sync()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def follow(self, *, drawn: AbstractSet[int], named: AbstractSet[int]) -> None:
        """From now on also tell when something is drawn in the windows `drawn`, or the titles of `named` change."""
        wanted = (frozenset(drawn), frozenset(named))
        if wanted != self._wanted:
            self._wanted = wanted
            os.write(self._wake_in, b".")

    def news(self) -> DisplayChanges:
        """What happened since this was asked last."""
        with self._has_come:
            news = DisplayChanges(drawn=frozenset(self._news_drawn), is_stirred=self._news_stirred)
            self._news_drawn, self._news_stirred = set(), False
        return news

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        os.write(self._wake_in, b".")
        self._thread.join(2)

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                if self._drain():
                    self._closing.wait(QUIET_S)
                    self._drain()
                    self._changed()
                ready, _, _ = select.select([self._display.fileno(), self._wake_out], [], [])
                if self._wake_out in ready:
                    os.read(self._wake_out, 4096)
                    self._select()
            self._display.close()
        except ConnectionClosedError:
            self._changed()  # whoever looks now meets the closed display itself

    def _drain(self) -> bool:
        """Take all events that are there; whether there was any."""
        drawn: set[int] = set()
        is_stirred = False
        while self._display.pending_events():
            came = self._display.next_event()
            if came.type == self._damage_code:
                drawn.add(came.drawable.id)
            else:
                is_stirred = True
        for window in drawn & self._drawn.keys():
            self._display.damage_subtract(self._drawn[window])
        self._display.flush()
        with self._has_come:
            self._news_drawn |= drawn
            self._news_stirred = self._news_stirred or is_stirred
        return bool(drawn) or is_stirred

    def _select(self) -> None:
        """Ask the server for what is wanted now. A window that has gone meanwhile is left out: that is news enough."""
        drawn, named = self._wanted
        for window in set(self._drawn) - drawn:
            self._display.damage_destroy(self._drawn.pop(window))
        for window in drawn | named:
            resource = self._display.create_resource_object("window", window)
            try:
                resource.get_geometry()
                resource.change_attributes(event_mask=X.PropertyChangeMask | X.StructureNotifyMask)
                if self._sees_drawing and window in drawn - set(self._drawn):
                    self._drawn[window] = damage.damage_create(resource, damage.DamageReportNonEmpty)
            except GONE:
                continue
        self._display.flush()
