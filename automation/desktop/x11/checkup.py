"""Looks at a display for `octet doctor`: its clipboard, by a round trip of its own, and the windows of a desk."""

from __future__ import annotations

import select
import time
from collections.abc import Mapping
from dataclasses import dataclass

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.protocol import event

from automation.desktop.x11.connection import open_display
from automation.desktop.x11.windows import X11Windows
from core.desks.model import Desk
from core.profiles.model import Box, Profile

ROUND_TRIP_S = 2.0
_OURS = "OCTET_CHECKUP"
"""A selection of our own: whatever somebody has copied stays untouched."""
_TEXT = b"from one program to another"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipboardCheck:
    """How selections do on a display."""

    works: bool
    """A text went from one connection to another by a selection."""
    manager: str = ""
    """The clipboard manager, by its window's class or name; empty where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCheck:
    """One configured window."""

    name: str
    matches: int
    """How many windows have its class and title."""
    box: Box | None
    """Where the first of them stands."""
    at_its_place: int
    """How many of them stand just where it is configured."""


def clipboard(display: str) -> ClipboardCheck:
    """A round trip between two connections, and who manages the clipboard. Raises NoDisplay."""
    giver, taker = open_display(display), open_display(display)
    try:
        return ClipboardCheck(works=_goes_round(giver, taker), manager=_manager(taker))
    finally:
        giver.close()
        taker.close()


def windows(desk: Desk, profiles: Mapping[str, Profile]) -> list[WindowCheck]:
    """What is found for each window of the desk. Raises NoDisplay."""
    connection = open_display(desk.display)
    try:
        there = X11Windows(connection)
        found: list[WindowCheck] = []
        for window in desk.windows:
            seen = there.find(profiles[window.profile].match_class, window.title)
            found.append(
                WindowCheck(
                    name=window.name,
                    matches=len(seen),
                    box=seen[0].box if seen else None,
                    at_its_place=sum(one.box == window.box for one in seen),
                )
            )
        return found
    finally:
        connection.close()


def _goes_round(giver: Display, taker: Display) -> bool:
    owner = giver.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
    asker = taker.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
    selection, utf8 = giver.intern_atom(_OURS), giver.intern_atom("UTF8_STRING")
    owner.set_selection_owner(selection, X.CurrentTime)
    giver.sync()
    asker.convert_selection(selection, utf8, selection, X.CurrentTime)
    taker.sync()
    until_s = time.monotonic() + ROUND_TRIP_S
    while (left_s := until_s - time.monotonic()) > 0:
        while giver.pending_events():
            happened = giver.next_event()
            if isinstance(happened, event.SelectionRequest):
                _serve(giver, happened, utf8)
        while taker.pending_events():
            happened = taker.next_event()
            if happened.type == X.SelectionNotify:
                got = asker.get_full_property(selection, X.AnyPropertyType)
                return got is not None and bytes(got.value) == _TEXT
        select.select([giver.fileno(), taker.fileno()], [], [], left_s)
    return False


def _serve(giver: Display, asked: event.SelectionRequest, utf8: int) -> None:
    asked.requestor.change_property(asked.property, utf8, 8, _TEXT)
    told = event.SelectionNotify(
        time=asked.time,
        requestor=asked.requestor,
        selection=asked.selection,
        target=asked.target,
        property=asked.property,
    )
    asked.requestor.send_event(told)
    giver.flush()


def _manager(display: Display) -> str:
    """Whoever owns CLIPBOARD_MANAGER, as the convention for clipboard managers has it."""
    holder = display.get_selection_owner(display.intern_atom("CLIPBOARD_MANAGER"))
    if not holder:
        return ""
    owner = display.create_resource_object("window", int(getattr(holder, "id", holder)))
    for atom in (Xatom.WM_CLASS, Xatom.WM_NAME):
        told = owner.get_full_property(atom, X.AnyPropertyType)
        if told is not None and told.value:
            words = bytes(told.value).split(b"\0") if isinstance(told.value, bytes) else []
            name = next((word for word in reversed(words) if word), b"")
            if name:
                return name.decode("latin-1")
    return "a program without a name"
