"""Looks at a display for `octet doctor`: its clipboard, its windows, and whether programs report their text."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.protocol import event

from automation.desktop.accessibility.bus import NoBus, NoBusReply, Vanished
from automation.desktop.accessibility.reader import AccessibilityReader, NotOnBus
from automation.desktop.x11.connection import open_display
from automation.desktop.x11.selection import SelectionReader
from automation.desktop.x11.selection_server import SelectionServer
from automation.desktop.x11.windows import X11Windows
from core.desks.model import Desk, Window
from core.profiles.model import Box, Profile, Readback

ROUND_TRIP_S = 2.0
_OURS = "OCTET_CHECKUP"  # our own selection: what the user has copied stays untouched
_TEXT = b"from one program to another"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipboardCheck:
    """How selections work on a display."""

    works: bool  # A text went from one connection to another by a selection
    manager: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCheck:
    """One configured window."""

    name: str
    matches: int
    box: Box | None
    at_its_place: int


def clipboard(display: str) -> ClipboardCheck:
    """Send a text between two connections, and name the clipboard manager. Raises NoDisplay."""
    giver, taker = open_display(display), open_display(display)
    try:
        return ClipboardCheck(works=_goes_round(giver, taker), manager=_manager(taker))
    finally:
        giver.close()
        taker.close()


def windows(desk: Desk, profiles: Mapping[str, Profile]) -> list[WindowCheck]:
    """Look for each window of the desk. Raises NoDisplay."""
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
    server = SelectionServer(giver)

    def pump(holds: Callable[[], bool], seconds: float) -> bool:
        end_s = time.monotonic() + seconds
        taker.flush()
        while not holds() and (left_s := end_s - time.monotonic()) > 0:
            select.select([giver.fileno(), taker.fileno()], [], [], left_s)
            while giver.pending_events():
                if isinstance(asked := giver.next_event(), event.SelectionRequest):
                    server.answer(asked, {utf8: (utf8, 8, _TEXT)})
            while taker.pending_events():
                if isinstance(answer := taker.next_event(), event.SelectionNotify):
                    reader.note_answer(answer)
        return holds()

    reader = SelectionReader(taker, asker, pump)
    return reader.text(selection, ROUND_TRIP_S) == _TEXT


def _manager(display: Display) -> str:
    holder = display.get_selection_owner(display.intern_atom("CLIPBOARD_MANAGER"))
    if not holder:
        return ""
    owner = display.create_resource_object("window", int(getattr(holder, "id", holder)))
    for atom in (Xatom.WM_CLASS, Xatom.WM_NAME):
        value = owner.get_full_property(atom, X.AnyPropertyType)
        if value is not None and value.value:
            words = bytes(value.value).split(b"\0") if isinstance(value.value, bytes) else []
            name = next((word for word in reversed(words) if word), b"")
            if name:
                return name.decode("latin-1")
    return "a program without a name"


FLAG = "--force-renderer-accessibility"
VARIABLE = "ACCESSIBILITY_ENABLED"
_CHROMIUM_FILES = ("chrome_100_percent.pak", "resources.pak")  # lie beside the program of every Chromium and Electron


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessibilityWindowCheck:
    """One window whose profile wants to read it so."""

    name: str
    is_open: bool
    is_read: bool
    why: str = ""
    lacks: tuple[str, ...] = ()  # what its program, a Chromium or Electron, was started without
    program: str = ""
    has_other_way: bool = False  # its profile names another way to read it back too


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessibilityCheck:
    """One desk."""

    no_bus: str = ""
    windows: tuple[AccessibilityWindowCheck, ...] = ()


def check(desk: Desk, profiles: Mapping[str, Profile]) -> AccessibilityCheck:
    """Look at all windows of the desk whose profile reads by accessibility. Raises NoDisplay or WrongXlib."""
    wanting = [one for one in desk.windows if Readback.ACCESSIBILITY in profiles[one.profile].readback]
    if not wanting:
        return AccessibilityCheck()
    display = open_display(desk.display)
    windows = X11Windows(display)
    reader = AccessibilityReader(windows)
    try:
        reader.connect()
        return AccessibilityCheck(windows=tuple(_check(one, profiles[one.profile], windows, reader) for one in wanting))
    except NoBus as trouble:
        return AccessibilityCheck(no_bus=trouble.why)
    finally:
        reader.close()
        display.close()


def _check(
    window: Window, profile: Profile, windows: X11Windows, reader: AccessibilityReader
) -> AccessibilityWindowCheck:
    found = windows.find(profile.match_class, window.title)
    seen = next((one for one in found if one.box == window.box), found[0] if found else None)
    check = AccessibilityWindowCheck(
        name=window.name, is_open=seen is not None, is_read=False, has_other_way=len(profile.readback) > 1
    )
    if seen is None:
        return check
    place = profile.composer.box
    try:
        reader.composer(seen, profile.composer, place.on_screen(seen.box)).text()
    except (NotOnBus, NoBusReply, Vanished) as trouble:
        program, lacks = _started_without(windows.pid_of(seen.id))
        return replace(check, why=trouble.why, program=program, lacks=lacks)
    return replace(check, is_read=True)


def _started_without(pid: int) -> tuple[str, tuple[str, ...]]:
    process = Path(f"/proc/{pid}")
    with suppress(OSError):
        program = process.joinpath("exe").resolve(strict=True)
        if program.name == "java":  # reports nothing over this bus, whatever its options
            return str(program), ()
        if not any(program.with_name(name).exists() for name in _CHROMIUM_FILES):
            return "", ()
        arguments = process.joinpath("cmdline").read_bytes().split(b"\0")
        environ = process.joinpath("environ").read_bytes().split(b"\0")
        lacks = [] if f"{VARIABLE}=1".encode() in environ else [f"{VARIABLE}=1"]
        if FLAG.encode() not in arguments:
            lacks.append(FLAG)
        return str(program), tuple(lacks)
    return "", ()
