"""Finds what locks this machine or puts it to sleep while no user touches it: it reads logind and GNOME.

Of other desktops and systems Octet only says that it does not read their settings, and where the user finds them."""

from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from automation.desktop.power.inhibitors import NotInhibited

ASKED_S = 5
GUIDE = "check it yourself: docs/away.md, Sleep, screen savers and locks"
_LIDS = Path("/proc/acpi/button/lid")
_GNOME = frozenset({"GNOME", "Unity", "Budgie", "pop", "ubuntu"})
_OTHERS = {"X-Cinnamon": "Cinnamon", "MATE": "MATE", "XFCE": "Xfce", "KDE": "KDE Plasma"}
# The program that identifies the desktop where the environment does not name it, as in a service or over ssh.
_SHELLS = {"gnome-shell": "GNOME", "cinnamon": "X-Cinnamon", "mate-session": "MATE", "xfce4-session": "XFCE"} | {
    "plasmashell": "KDE"
}
_LOCKERS = ("xscreensaver", "light-locker")
_RESTS = frozenset({"suspend", "hibernate", "hybrid-sleep", "suspend-then-hibernate", "sleep", "poweroff", "halt"})
_GNOME_STAYS_AWAKE = frozenset({"nothing", "blank", "logout", "interactive"})


class IdleEffect(StrEnum):
    """What happens, worst first."""

    SLEEPS = "this machine falls asleep"
    LOCKS = "the screen is locked"
    UNREAD = "Octet does not read its settings; it may lock the screen or put this machine to sleep"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleAction:
    """One thing that is set up to happen."""

    who: str
    does: IdleEffect
    after_s: float | None = None  # without a key or a move; None: not because of that (the lid)
    when: str = ""
    cure: str = ""

    def __str__(self) -> str:
        after = "" if self.after_s is None else f" after {span(self.after_s)} without a touch"
        when = f"{',' if after else ''} {self.when}" if self.when else ""
        return f"{self.who}: {self.does.value}{after}{when}"


Ask = Callable[[Sequence[str]], str | None]
"""Asks a program without a shell; None where it is not there, refuses, or does not answer."""


def ask(command: Sequence[str]) -> str | None:
    try:
        ran = subprocess.run(
            list(command), capture_output=True, text=True, errors="replace", timeout=ASKED_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ran.stdout if ran.returncode == 0 else None


def span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleSources:
    """What Octet asks; tests pass their own."""

    variables: Mapping[str, str]
    platform: str = sys.platform
    ask: Ask = ask
    programs: frozenset[str] = frozenset()
    system_bus: str = ""
    has_lid: bool = False

    @property
    def desktops(self) -> frozenset[str]:
        named = [name for name in self.variables.get("XDG_CURRENT_DESKTOP", "").split(":") if name]
        return frozenset(named or [name for shell, name in _SHELLS.items() if shell in self.programs])


def this_machine(environ: Mapping[str, str]) -> IdleSources:
    return IdleSources(variables=environ, programs=_running_programs(), has_lid=_LIDS.is_dir())


def find_idle_actions(machine: IdleSources) -> list[IdleAction]:
    """Return everything that is set up to happen. A screen that only goes dark takes typed text all the same."""
    if system := {"win32": "Windows", "darwin": "macOS"}.get(machine.platform):
        return [_unread(system)]
    found = read_gnome(machine.ask) if machine.desktops & _GNOME else []
    found += [_unread(name) for desktop, name in _OTHERS.items() if desktop in machine.desktops]
    found += [_unread(name) for name in _LOCKERS if name in machine.programs]
    with suppress(NotInhibited):  # a machine without a login manager
        logind = importlib.import_module("automation.desktop.power.logind")
        found += read_logind(asyncio.run(logind.properties(machine.system_bus)), has_lid=machine.has_lid)
    return found


def read_gnome(ask: Ask) -> list[IdleAction]:
    """Read GNOME by `gsettings`, which knows defaults and what an administrator has fixed."""

    def get(schema: str, key: str) -> str:
        return (ask(("gsettings", "get", schema, key)) or "").strip().rpartition(" ")[2].strip("'")

    saver, session = "org.gnome.desktop.screensaver", "org.gnome.desktop.session"
    power = "org.gnome.settings-daemon.plugins.power"
    found: list[IdleAction] = []
    idle_s = _number(get(session, "idle-delay"))
    if idle_s and get(saver, "lock-enabled") == "true":
        after_s = idle_s + _number(get(saver, "lock-delay"))
        cure = f"gsettings set {saver} lock-enabled false"
        found.append(IdleAction(who="GNOME", does=IdleEffect.LOCKS, after_s=after_s, cure=cure))
    for source, when in (("ac", ""), ("battery", "on battery")):
        sleeps_s = _number(get(power, f"sleep-inactive-{source}-timeout"))
        action = get(power, f"sleep-inactive-{source}-type")
        if sleeps_s > 0 and action and action not in _GNOME_STAYS_AWAKE:
            cure = f"gsettings set {power} sleep-inactive-{source}-type nothing"
            found.append(IdleAction(who="GNOME", does=IdleEffect.SLEEPS, after_s=sleeps_s, when=when, cure=cure))
    return found


def read_logind(properties: Mapping[str, object], *, has_lid: bool) -> list[IdleAction]:
    who, found = "the login manager", list[IdleAction]()
    cure = "in /etc/systemd/logind.conf.d/octet.conf: [Login], {}=ignore; then systemctl restart systemd-logind"
    action = str(properties.get("IdleAction", "ignore"))
    if action in _RESTS or action == "lock":
        does = IdleEffect.LOCKS if action == "lock" else IdleEffect.SLEEPS
        idle_s = float(str(properties.get("IdleActionUSec", 0))) / 1_000_000
        found.append(IdleAction(who=who, does=does, after_s=idle_s, cure=cure.format("IdleAction")))
    lid = str(properties.get("HandleLidSwitchExternalPower") or properties.get("HandleLidSwitch") or "ignore")
    if has_lid and lid in _RESTS:
        when, cure = "when the lid is closed", cure.format("HandleLidSwitch")
        found.append(IdleAction(who=who, does=IdleEffect.SLEEPS, when=when, cure=cure))
    return found


def _unread(who: str) -> IdleAction:
    return IdleAction(who=who, does=IdleEffect.UNREAD, cure=GUIDE)


def _running_programs() -> frozenset[str]:
    found: set[str] = set()
    uid = os.getuid() if hasattr(os, "getuid") else 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if process.stat().st_uid == uid:
                found.add(process.joinpath("comm").read_text(encoding="utf-8", errors="replace").strip())
    return frozenset(found)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
