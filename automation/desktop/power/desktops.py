"""Desktops of Linux: GNOME and those that took over its schemas, Xfce, KDE Plasma. Each reader is given how to ask."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from automation.desktop.power.habits import Ask, IdleAction, IdleEffect

MINUTE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Schemas:
    """Where a desktop of GNOME's kind keeps what in GSettings."""

    who: str
    saver: str
    session: str
    power: str
    unit_s: float = 1.0
    """Of `idle-delay` and `lock-delay`."""


GNOME = Schemas(
    who="GNOME",
    saver="org.gnome.desktop.screensaver",
    session="org.gnome.desktop.session",
    power="org.gnome.settings-daemon.plugins.power",
)
CINNAMON = Schemas(
    who="Cinnamon",
    saver="org.cinnamon.desktop.screensaver",
    session="org.cinnamon.desktop.session",
    power="org.cinnamon.settings-daemon.plugins.power",
)
MATE = Schemas(who="MATE", saver="org.mate.screensaver", session="org.mate.session", power="", unit_s=MINUTE)
_NOTHING = frozenset({"nothing", "blank", "logout", "interactive"})
"""What GNOME may do instead of sleeping."""


def gnome(ask: Ask, schemas: Schemas = GNOME) -> list[IdleAction]:
    """GSettings, by its own program: it knows defaults and what an administrator has fixed."""

    def get(schema: str, key: str) -> str:
        return (ask(("gsettings", "get", schema, key)) or "").strip().rpartition(" ")[2].strip("'")

    found: list[IdleAction] = []
    idle_s = _number(get(schemas.session, "idle-delay")) * schemas.unit_s
    if idle_s and get(schemas.saver, "lock-enabled") == "true":
        delay_s = _number(get(schemas.saver, "lock-delay")) * schemas.unit_s
        cure = f"gsettings set {schemas.saver} lock-enabled false"
        found.append(IdleAction(who=schemas.who, does=IdleEffect.LOCKS, after_s=idle_s + delay_s, cure=cure))
    elif idle_s:
        cure = f"gsettings set {schemas.session} idle-delay 0"
        found.append(IdleAction(who=schemas.who, does=IdleEffect.BLANKS, after_s=idle_s, cure=cure))
    for power, when in (("ac", ""), ("battery", "on battery")) if schemas.power else ():
        sleeps_s = _number(get(schemas.power, f"sleep-inactive-{power}-timeout"))
        act = get(schemas.power, f"sleep-inactive-{power}-type")
        if schemas.who == "Cinnamon" and not act:
            act = "suspend"  # Cinnamon keeps the time alone
        if sleeps_s > 0 and act and act not in _NOTHING:
            key = f"sleep-inactive-{power}-timeout" if schemas.who == "Cinnamon" else f"sleep-inactive-{power}-type"
            value = "0" if schemas.who == "Cinnamon" else "nothing"
            cure = f"gsettings set {schemas.power} {key} {value}"
            found.append(IdleAction(who=schemas.who, does=IdleEffect.SLEEPS, after_s=sleeps_s, when=when, cure=cure))
    return found


_XFCE_POWER = "/xfce4-power-manager/"
_NEVER_MIN = 14
"""What Xfce's power manager takes for "never"; its smallest real time is 15 minutes."""
_XFCE_SLEEPS = {"1": "suspend", "2": "hibernate"}


def xfce(ask: Ask, *, has_saver: bool = False) -> list[IdleAction]:
    """Xfce, by xfconf-query: its screen saver and its power manager. What is not set there has its default.

    `has_saver`: its screen saver runs, though perhaps nobody has set anything there."""
    found: list[IdleAction] = []
    saver = _xfconf(ask, "xfce4-screensaver")
    if saver is None and has_saver:
        saver = dict[str, str]()
    if saver is not None and _is_on(saver, "/saver/enabled") and _is_on(saver, "/saver/idle-activation/enabled"):
        idle_s = _number(saver.get("/saver/idle-activation/delay", "5")) * MINUTE
        if _is_on(saver, "/lock/enabled") and _is_on(saver, "/lock/saver-activation/enabled"):
            idle_s += _number(saver.get("/lock/saver-activation/delay", "0")) * MINUTE
            cure = "xfconf-query -c xfce4-screensaver -p /lock/saver-activation/enabled -n -t bool -s false"
            found.append(IdleAction(who="Xfce's screen saver", does=IdleEffect.LOCKS, after_s=idle_s, cure=cure))
        else:
            cure = "xfconf-query -c xfce4-screensaver -p /saver/idle-activation/enabled -n -t bool -s false"
            found.append(IdleAction(who="Xfce's screen saver", does=IdleEffect.BLANKS, after_s=idle_s, cure=cure))
    power = _xfconf(ask, "xfce4-power-manager") or {}
    for name, when in (("ac", ""), ("battery", "on battery")):
        key = f"{_XFCE_POWER}inactivity-on-{name}"
        minutes = _number(power.get(key, str(_NEVER_MIN)))
        act = power.get(f"{_XFCE_POWER}inactivity-sleep-mode-on-{name}", "1")
        if minutes > _NEVER_MIN and act in _XFCE_SLEEPS:
            cure = f"xfconf-query -c xfce4-power-manager -p {key} -n -t uint -s {_NEVER_MIN}"
            found.append(
                IdleAction(
                    who="Xfce's power manager", does=IdleEffect.SLEEPS, after_s=minutes * MINUTE, when=when, cure=cure
                )
            )
    return found


def kde(config: Path) -> list[IdleAction]:
    """KDE Plasma 5 and 6, by its files in `config`; what is not written there is as KDE ships it, and said to be so."""
    found: list[IdleAction] = []
    lock = _ini(config / "kscreenlockerrc").get("Daemon", {})
    if lock.get("Autolock", "true").lower() != "false":
        after_s = _number(lock.get("Timeout", "5")) * MINUTE
        cure = "kwriteconfig6 --file kscreenlockerrc --group Daemon --key Autolock false (5 in place of 6 for Plasma 5)"
        found.append(IdleAction(who="KDE Plasma", does=IdleEffect.LOCKS, after_s=after_s, cure=cure))
    six = _ini(config / "powerdevilrc")
    five = _ini(config / "powermanagementprofilesrc")
    # Plasma 5 writes its file at its first start; where 6 came after it, that file is no longer read.
    is_five = not six and any(name.startswith(tuple(_KDE_SLEEPS)) for name in five)
    for group in _KDE_SLEEPS:
        found += _of_five(five, group) if is_five else _of_six(six, group)
    return found


_KDE_SLEEPS = {"AC": (900, ""), "Battery": (600, "on battery")}
"""After so many seconds by default, on a machine that can sleep and is no virtual one (powerdevil's own defaults)."""
_KDE_DEFAULT = "by its default, as nothing is set; never on a virtual machine, nor on one that cannot sleep"


def _of_six(six: Mapping[str, Mapping[str, str]], group: str) -> list[IdleAction]:
    said = six.get(f"{group}][SuspendAndShutdown", {})
    default_s, when = _KDE_SLEEPS[group]
    act = said.get("AutoSuspendAction", "")
    if act == "0":
        return []
    where = f"--group {group} --group SuspendAndShutdown"
    return [
        IdleAction(
            who="KDE Plasma",
            does=IdleEffect.SLEEPS,
            after_s=_number(said.get("AutoSuspendIdleTimeoutSec", str(default_s))),
            when=", ".join(filter(None, (when, "" if act else _KDE_DEFAULT))),
            cure=f"kwriteconfig6 --file powerdevilrc {where} --key AutoSuspendAction 0",
        )
    ]


def _of_five(five: Mapping[str, Mapping[str, str]], group: str) -> list[IdleAction]:
    said = five.get(f"{group}][SuspendSession", {})
    if not _number(said.get("idleTime", "0")) or said.get("suspendType", "1") in {"0", "32", "64"}:
        return []
    cure = "System Settings, Power Management, Energy Saving: Suspend session off"
    after_s, when = _number(said["idleTime"]) / 1000, _KDE_SLEEPS[group][1]
    return [IdleAction(who="KDE Plasma", does=IdleEffect.SLEEPS, after_s=after_s, when=when, cure=cure)]


def _xfconf(ask: Ask, channel: str) -> Mapping[str, str] | None:
    """All that is set in a channel: a line for each, the name and then its value. None where there is no channel."""
    told = ask(("xfconf-query", "-c", channel, "-l", "-v"))
    if told is None:
        return None
    lines = (line.split(None, 1) for line in told.splitlines() if line.startswith("/"))
    return {parts[0]: parts[1].strip() for parts in lines if len(parts) == 2}


def _is_on(settings: Mapping[str, str], key: str) -> bool:
    return settings.get(key, "true") == "true"


def _ini(file: Path) -> Mapping[str, Mapping[str, str]]:
    """A file of KDE's: groups in groups are written `[AC][SuspendSession]`."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # pyright: ignore[reportAttributeAccessIssue] - its keys are told apart by case
    try:
        parser.read_string(file.read_text(encoding="utf-8", errors="replace"))
    except (OSError, configparser.Error):
        return {}
    return {group: dict(parser[group]) for group in parser.sections()}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
