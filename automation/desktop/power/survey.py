"""All that this machine does by itself while nobody touches it: whoever is there is asked, and nobody else."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from automation.desktop.power import desktops, systems
from automation.desktop.power.habits import Ask, IdleAction, ask
from automation.desktop.power.inhibitors import NotInhibited

_LIDS = Path("/proc/acpi/button/lid")
_SHELLS = {
    "gnome-shell": "GNOME",
    "cinnamon": "X-Cinnamon",
    "mate-session": "MATE",
    "xfce4-session": "XFCE",
    "plasmashell": "KDE",
}
"""By which program a desktop is known that the environment does not name, as in a service or over ssh."""
_OF_GNOME = {"GNOME", "Unity", "Budgie", "pop", "ubuntu"}


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleSources:
    """What is asked about; tests hand in their own."""

    variables: Mapping[str, str]
    """The environment of the session."""
    platform: str = sys.platform
    ask: Ask = ask
    programs: frozenset[str] = frozenset()
    """Names of this account's programs that run."""
    system_bus: str = ""
    has_lid: bool = False

    @property
    def home(self) -> Path:
        return Path(self.variables["HOME"]) if self.variables.get("HOME") else Path.home()

    @property
    def config(self) -> Path:
        given = self.variables.get("XDG_CONFIG_HOME", "")
        return Path(given) if given else self.home / ".config"

    @property
    def desktops(self) -> frozenset[str]:
        """The desktops of this session, as they call themselves."""
        named = [name for name in self.variables.get("XDG_CURRENT_DESKTOP", "").split(":") if name]
        return frozenset(named or [name for shell, name in _SHELLS.items() if shell in self.programs])


def this_machine(environ: Mapping[str, str]) -> IdleSources:
    """The machine that this runs on."""
    return IdleSources(variables=environ, programs=running_programs(), has_lid=_LIDS.is_dir())


def look(machine: IdleSources, displays: Iterable[str] = ()) -> list[IdleAction]:
    """Everything that is set up to happen; `displays` are the X displays that people use."""
    if machine.platform == "win32":
        return systems.windows(machine.ask)
    if machine.platform == "darwin":
        return systems.macos(machine.ask)
    found: list[IdleAction] = []
    for read in _readers(machine):
        found += read()
    for display in displays:
        found += _xserver(display)
    with suppress(NotInhibited):  # a machine without a login manager: nobody puts it to sleep so
        logind = importlib.import_module("automation.desktop.power.logind")
        found += systems.logind(asyncio.run(logind.properties(machine.system_bus)), has_lid=machine.has_lid)
    return found


def _readers(machine: IdleSources) -> list[Callable[[], list[IdleAction]]]:
    names, readers = machine.desktops, list[Callable[[], list[IdleAction]]]()
    if names & _OF_GNOME:
        readers.append(lambda: desktops.gnome(machine.ask))
    if "X-Cinnamon" in names:
        readers.append(lambda: desktops.gnome(machine.ask, desktops.CINNAMON))
    if "MATE" in names:
        readers.append(lambda: desktops.gnome(machine.ask, desktops.MATE))
    if "XFCE" in names:
        has_saver = any(name.startswith("xfce4-screensav") for name in machine.programs)  # the system cuts names short
        readers.append(lambda: desktops.xfce(machine.ask, has_saver=has_saver))
    if "KDE" in names:
        readers.append(lambda: desktops.kde(machine.config))
    if "xscreensaver" in machine.programs or "light-locker" in machine.programs:
        lockers = importlib.import_module("automation.desktop.power.lockers")
        if "xscreensaver" in machine.programs:
            readers.append(lambda: lockers.xscreensaver(machine.home))
        if "light-locker" in machine.programs:
            readers.append(lambda: lockers.light_locker(machine.ask))
    return readers


def _xserver(display: str) -> list[IdleAction]:
    from core.kit.errors import Unavailable

    try:
        connection = importlib.import_module("automation.desktop.x11.connection").open_display(display)
    except Unavailable:
        return []  # that it does not answer is said elsewhere
    try:
        lockers = importlib.import_module("automation.desktop.power.lockers")
        return list(lockers.xserver(connection))
    finally:
        connection.close()


def running_programs(proc: Path = Path("/proc")) -> frozenset[str]:
    """The names of this account's programs that run."""
    found: set[str] = set()
    uid = os.getuid() if hasattr(os, "getuid") else 0
    for process in proc.glob("[0-9]*"):
        with suppress(OSError):
            if process.stat().st_uid == uid:
                found.add(process.joinpath("comm").read_text(encoding="utf-8", errors="replace").strip())
    return frozenset(found)
