"""Whole systems: the login manager of Linux, Windows by powercfg and its screen saver, macOS by pmset."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Mapping

from automation.desktop.power.habits import Ask, IdleAction, IdleEffect

_RESTS = frozenset({"suspend", "hibernate", "hybrid-sleep", "suspend-then-hibernate", "sleep", "poweroff", "halt"})
_LOGIND_CURE = "in /etc/systemd/logind.conf.d/octet.conf: [Login], {key}=ignore; then systemctl restart systemd-logind"
_HEX = re.compile(r"0x([0-9a-fA-F]{8})\b")
_MINUTE = 60.0

SPI_GETSCREENSAVETIMEOUT, SPI_GETSCREENSAVEACTIVE, SPI_GETSCREENSAVESECURE = 0x000E, 0x0010, 0x0076
"""SystemParametersInfo (winuser.h)."""


def logind(properties: Mapping[str, object], *, has_lid: bool) -> list[IdleAction]:
    """What the login manager does about idle time and the lid, by its properties."""
    found: list[IdleAction] = []
    action = str(properties.get("IdleAction", "ignore"))
    idle_s = float(str(properties.get("IdleActionUSec", 0))) / 1_000_000
    if action in _RESTS or action == "lock":
        does = IdleEffect.LOCKS if action == "lock" else IdleEffect.SLEEPS
        cure = _LOGIND_CURE.format(key="IdleAction")
        found.append(IdleAction(who="the login manager", does=does, after_s=idle_s, cure=cure))
    lid = str(properties.get("HandleLidSwitchExternalPower") or properties.get("HandleLidSwitch") or "ignore")
    if has_lid and lid in _RESTS:
        cure = _LOGIND_CURE.format(key="HandleLidSwitch")
        when = "when the lid is closed"
        found.append(IdleAction(who="the login manager", does=IdleEffect.SLEEPS, after_s=None, when=when, cure=cure))
    return found


def windows(ask: Ask, parameter: Callable[[int], int] | None = None) -> list[IdleAction]:
    """Windows: sleep and lid by powercfg, the lock by the screen saver's parameters.

    powercfg writes in the language of the system: only the last two numbers of a setting are read, AC and DC.
    """
    found: list[IdleAction] = []
    sleeps = _powercfg(ask, "SUB_SLEEP", "STANDBYIDLE")
    for seconds, when, name in zip(sleeps, ("", "on battery"), ("ac", "dc"), strict=False):
        if seconds:
            cure = f"powercfg /change standby-timeout-{name} 0"
            found.append(
                IdleAction(who="Windows", does=IdleEffect.SLEEPS, after_s=float(seconds), when=when, cure=cure)
            )
    lid = _powercfg(ask, "SUB_BUTTONS", "LIDACTION")
    if lid and lid[0]:
        cure = (
            "powercfg /setacvalueindex SCHEME_CURRENT SUB_BUTTONS LIDACTION 0, then powercfg /setactive SCHEME_CURRENT"
        )
        when = "when the lid is closed"
        found.append(IdleAction(who="Windows", does=IdleEffect.SLEEPS, after_s=None, when=when, cure=cure))
    get = parameter or _system_parameter
    if get(SPI_GETSCREENSAVEACTIVE):
        after_s = float(get(SPI_GETSCREENSAVETIMEOUT))
        does = IdleEffect.LOCKS if get(SPI_GETSCREENSAVESECURE) else IdleEffect.BLANKS
        cure = "Settings, Personalisation, Lock screen, Screen saver: (None)"
        found.append(IdleAction(who="Windows' screen saver", does=does, after_s=after_s, cure=cure))
    return found


def macos(ask: Ask) -> list[IdleAction]:
    """macOS: sleep by pmset, the lock by sysadminctl, which says after how long it asks for a password."""
    found: list[IdleAction] = []
    power = _pmset(ask(("pmset", "-g")) or "")
    if power.get("sleep"):
        after_s = power["sleep"] * _MINUTE
        found.append(IdleAction(who="macOS", does=IdleEffect.SLEEPS, after_s=after_s, cure="sudo pmset -a sleep 0"))
    if dark := power.get("displaysleep"):
        lock_s = _screen_lock(ask(("sysadminctl", "-screenLock", "status")) or "")
        does = IdleEffect.BLANKS if lock_s is None else IdleEffect.LOCKS
        cure = "sudo pmset -a displaysleep 0; System Settings, Lock Screen"
        found.append(IdleAction(who="macOS", does=does, after_s=dark * _MINUTE + (lock_s or 0.0), cure=cure))
    return found


def _powercfg(ask: Ask, group: str, setting: str) -> list[int]:
    told = ask(("powercfg", "/query", "SCHEME_CURRENT", group, setting)) or ""
    return [int(number, 16) for number in _HEX.findall(told)[-2:]]


def _pmset(told: str) -> dict[str, float]:
    """` sleep                1 (sleep prevented by caffeinate)`: a name, a number, perhaps a remark."""
    found: dict[str, float] = {}
    for line in told.splitlines():
        parts = line.split()
        if len(parts) >= 2 and parts[1].isdigit():
            found.setdefault(parts[0], float(parts[1]))
    return found


def _screen_lock(told: str) -> float | None:
    """The delay in seconds; None where no lock is said."""
    if "immediate" in told:
        return 0.0
    found = re.search(r"delay is (\d+)", told)
    return float(found[1]) if found else None


def _system_parameter(which: int) -> int:
    value = ctypes.c_int(0)
    user32 = ctypes.WinDLL("user32", use_last_error=True)  # pyright: ignore[reportAttributeAccessIssue,reportUnknownVariableType,reportUnknownMemberType] - Windows only
    is_told = user32.SystemParametersInfoW(which, 0, ctypes.byref(value), 0)  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType] - as above
    return value.value if is_told else 0
