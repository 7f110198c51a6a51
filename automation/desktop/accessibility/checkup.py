"""Whether the windows of a desk tell their text over the accessibility bus, and what their programs lack for it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from automation.desktop.accessibility.bus import NoBus, NoBusReply, Vanished
from automation.desktop.accessibility.reader import AccessibilityReader, NotOnBus
from automation.desktop.x11.connection import open_display
from automation.desktop.x11.windows import X11Windows
from core.desks.model import Desk, Window
from core.profiles.model import Profile, Readback

FLAG = "--force-renderer-accessibility"
VARIABLE = "ACCESSIBILITY_ENABLED"
_CHROMIUM_FILES = ("chrome_100_percent.pak", "resources.pak")
"""Lie beside the program of every Chromium and Electron."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessibilityWindowCheck:
    """One window whose profile wants to read it so."""

    name: str
    is_open: bool
    is_read: bool
    why: str = ""
    """Why it cannot be read."""
    lacks: tuple[str, ...] = ()
    """What its program, a Chromium or Electron, was started without."""
    program: str = ""
    """The program's path, of a Chromium, Electron or Java."""
    has_other_way: bool = False
    """Its profile names another way to read it back too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessibilityCheck:
    """One desk."""

    no_bus: str = ""
    """Why there is no bus; empty when there is."""
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
    has_other_way = len(profile.readback) > 1
    found = windows.find(profile.match_class, window.title)
    seen = next((one for one in found if one.box == window.box), found[0] if found else None)
    if seen is None:
        return AccessibilityWindowCheck(name=window.name, is_open=False, is_read=False, has_other_way=has_other_way)
    told = AccessibilityWindowCheck(name=window.name, is_open=True, is_read=True, has_other_way=has_other_way)
    part = profile.composer.box
    box = part.on_screen(seen.box)
    try:
        reader.composer(seen, profile.composer, box).text()
    except (NotOnBus, NoBusReply, Vanished) as trouble:
        program, lacks = _started_without(windows.pid_of(seen.id))
        return replace(told, is_read=False, why=trouble.why, program=program, lacks=lacks)
    return told


def _started_without(pid: int) -> tuple[str, tuple[str, ...]]:
    """The path of a Chromium, Electron or Java, and what of what it needs it was started without; "" for others."""
    process = Path(f"/proc/{pid}")
    with suppress(OSError):
        program = process.joinpath("exe").resolve(strict=True)
        if program.name == "java":  # tells nothing over this bus, whatever it is started with
            return str(program), ()
        if not any(program.with_name(name).exists() for name in _CHROMIUM_FILES):
            return "", ()
        words = process.joinpath("cmdline").read_bytes().split(b"\0")
        environ = process.joinpath("environ").read_bytes().split(b"\0")
        lacks = [] if f"{VARIABLE}=1".encode() in environ else [f"{VARIABLE}=1"]
        if FLAG.encode() not in words:
            lacks.append(FLAG)
        return str(program), tuple(lacks)
    return "", ()
