"""This machine: Python and its libraries, the clock's zones; and, without a user, what locks the screen or puts the
machine to sleep, what prevents that, the start at log-in, the ping."""

from __future__ import annotations

import asyncio
import importlib
import platform
import re
import sys
import zoneinfo
from collections.abc import Iterable, Iterator
from importlib import metadata

from automation.bubblewrap.sandbox import Bubblewrap
from automation.desktop.power.idle_settings import IdleAction, IdleEffect, find_idle_actions, this_machine
from automation.desktop.power.inhibitors import NotInhibited, SleepInhibitor
from automation.desktop.power.keep_awake import find_inhibitor
from automation.heartbeat.ping import where
from bot.cli.autostart import NoAutostart, unit_of
from bot.cli.doctor.model import Finding, dotted, ok, problem, warning
from core.config.loader import Config
from core.config.settings import environment
from core.desks.model import Desk
from core.home import Home
from core.kit.errors import Unavailable
from core.settings.model import Settings
from core.store.errors import SqliteTooOld
from core.store.schema import check_library

OLDEST_PYAUTOGUI = (0, 9, 54)
_NUMBERS = re.compile(r"(\d+(?:\.\d+)+)")


def python() -> Finding:
    return ok(f"Python {platform.python_version()}")


def sqlite(version: tuple[int, int, int]) -> Finding:
    try:
        check_library(version)
    except SqliteTooOld as old:
        return problem(old.message)
    return ok(f"SQLite {dotted(version)}")


def xlib() -> Finding:
    """Tell whether the right one of the two packages called Xlib is installed."""
    if sys.platform == "win32":
        return warning(
            "only your own machine can test desks on Windows: docs/windows.md says what Octet promises",
            "octet desk selftest",
        )
    if sys.platform == "darwin":
        return warning(
            "desks on a Mac use the portable path, which only your own machine can test",
            "In System Settings, Privacy & Security, allow the program that starts Octet (your terminal) both "
            "Accessibility, to type, and Screen Recording, to look; then: octet desk selftest",
        )

    try:
        importlib.import_module("automation.desktop.x11.connection").check_xlib()
    except Unavailable as wrong:
        return problem(wrong.message)
    except ImportError as missing:
        cure = f"{sys.executable} -m pip install --force-reinstall --no-deps 'python-xlib>=0.33'"
        return problem(f"Xlib cannot be imported ({missing})", cure)
    return ok("python-xlib is installed")


def pyautogui() -> Finding:
    """Check PyAutoGUI without importing it, which would open a display."""
    try:
        version = metadata.version("pyautogui")
    except metadata.PackageNotFoundError:
        version = "(none)"
    if _numbers(version) < OLDEST_PYAUTOGUI:
        oldest = dotted(OLDEST_PYAUTOGUI)
        return problem(
            f"PyAutoGUI {version} is installed; without {oldest} or newer Octet cannot type",
            f"{sys.executable} -m pip install --force-reinstall 'pyautogui>={oldest}'",
        )
    return ok(f"PyAutoGUI {version}")


def tkinter() -> Finding:
    try:
        importlib.import_module("tkinter")
    except ImportError:
        what = "Python has no tkinter: desks work, the windows of `octet demo` do not"
        return warning(what, "sudo apt-get install python3-tk")
    return ok("tkinter")


def _numbers(version: str) -> tuple[int, ...]:
    found = _NUMBERS.search(version)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def zones(available: frozenset[str] | None = None) -> Finding:
    """Check the time zone data, without which Octet knows only this machine's own hours."""
    known = zoneinfo.available_timezones() if available is None else available
    if not known:
        what = "there are no data about time zones, so Octet uses this machine's time zone only"
        return warning(what, f"sudo apt-get install tzdata, or {sys.executable} -m pip install tzdata")
    return ok(f"time zone data: {len(known)} zones")


def sandbox(place: Home) -> Finding:
    """Try whether the commands of checks can be confined here."""
    if found := asyncio.run(Bubblewrap(place.checks).refusal()):
        return warning(f"checks cannot run commands: {found.what}", found.cure)
    return ok("checks can run commands, confined by bubblewrap")


def survey(config: Config) -> Iterator[Finding]:
    """Report what this machine does while no user touches it, where that matters to the desks."""
    if desks := config.used_desks():
        yield from judge_idle_actions(find_idle_actions(this_machine(environment())), desks)


def judge_idle_actions(found: Iterable[IdleAction], desks: Iterable[Desk]) -> Iterator[Finding]:
    """Judge each action by the desks: only screens that users see can be locked, but every machine can sleep."""
    has_screen = any(desk.kind.has_users for desk in desks)
    awake = [desk.name for desk in desks if desk.user_activity.stay_awake]
    is_quiet = True
    for action in found:
        if action.does is IdleEffect.UNREAD:
            is_quiet = False
            yield warning(str(action), action.cure)
        elif action.does is IdleEffect.LOCKS:
            is_quiet = is_quiet and not has_screen
            if has_screen:
                yield warning(f"{action}; Octet cannot type on a locked screen", action.cure)
            else:
                yield ok(f"{action}; no agent works on a lockable screen")
        elif awake and action.after_s is not None:
            yield ok(f"{action}, but not while work waits at desk {', '.join(awake)} (stay_awake)")
        else:
            is_quiet = False
            or_else = "" if action.after_s is None else "; or stay_awake = true in [user_activity] of the desk's file"
            yield warning(f"{action}, and all work then stops", f"{action.cure}{or_else}")
    if is_quiet:
        yield ok("Octet found nothing that locks a desk's screen or puts this machine to sleep")


def inhibitor(config: Config, hold: SleepInhibitor | None = None) -> Iterator[Finding]:
    """Try for a moment whether this machine can be kept awake, where a desk asks for it."""
    names = [desk.name for desk in config.used_desks() if desk.user_activity.stay_awake]
    if not names:
        return
    what = f"desk {', '.join(names)}: stay_awake"
    tried = hold or find_inhibitor()
    if tried is None:
        how = (
            "start Octet with `caffeinate -i octet run`"
            if sys.platform == "darwin"
            else "turn sleep off in its settings"
        )
        yield warning(f"{what}: Octet keeps only Linux awake", how)
        return

    async def try_it() -> None:
        await tried.take()
        await tried.give()

    try:
        asyncio.run(try_it())
    except NotInhibited as refused:
        yield warning(f"{what}: {refused.why}", "Or turn sleep off in this machine's settings.")
    else:
        yield ok(f"{what}: Octet can keep this machine awake while work waits")


def at_login(home: Home) -> Finding:
    try:
        unit = unit_of(home)
    except NoAutostart as none:
        return ok(none.message)
    if unit.is_installed():
        return ok(f"Octet starts at log-in: {unit.description}")
    return ok("Octet does not start at log-in; `octet autostart install` sets that up")


def ping(settings: Settings) -> Finding:
    if settings.alarm.ping_url is None:
        return ok("outage alerts are off; OCTET_ALARM__PING_URL in .env turns them on")
    return ok(f"while everything works, {where(settings.alarm.ping_url.get_secret_value())} is pinged every minute")
